//! Users.

use serde_json::json;

use crate::app::App;

#[tokio::test]
async fn a_user_is_made_once_and_found_again() {
    let app = App::start().await;
    let body = json!({"id": "u/1 ü", "attributes": {"plan": "pro", "n": 1.5}});
    let made = app
        .write
        .post("/v1/users", &body)
        .await
        .expect_status(201)
        .json();
    assert_eq!(
        (&made["id"], &made["attributes"]),
        (&body["id"], &body["attributes"])
    );
    let again = json!({"id": "u/1 ü", "attributes": {"other": true}});
    let again = app
        .write
        .post("/v1/users", &again)
        .await
        .expect_status(200)
        .json();
    assert_eq!(again, made, "what is there already stays as it is");
    let path = "/v1/users/u%2F1%20%C3%BC";
    assert_eq!(app.read.get(path).await.expect_status(200).json(), made);
    let change = json!({"attributes": {"plan": "free"}});
    let changed = app
        .write
        .patch(path, &change)
        .await
        .expect_status(200)
        .json();
    assert_eq!(changed["attributes"], change["attributes"]);
    app.read
        .get("/v1/users/nobody")
        .await
        .expect_problem(404, "not-found", "user \"nobody\"");
    app.write
        .patch("/v1/users/nobody", &change)
        .await
        .expect_problem(404, "not-found", "nobody");
    assert_eq!(app.count("SELECT count(*) FROM outbox_events").await, 0);
    let audited = app
        .sql
        .query("SELECT action FROM audit_log ORDER BY id", &[])
        .await
        .expect("rows");
    let actions: Vec<String> = audited.iter().map(|row| row.get(0)).collect();
    assert_eq!(actions, ["create", "change"]);
    app.stop().await;
}

#[tokio::test]
async fn lists_go_on_at_their_cursor() {
    let app = App::start().await;
    for n in 0..5 {
        app.user(&format!("u{n}")).await;
    }
    let mut seen = Vec::new();
    let mut path = "/v1/users?limit=2".to_owned();
    loop {
        let page = app.read.get(&path).await.expect_status(200).json();
        let items = page["items"].as_array().expect("items");
        seen.extend(
            items
                .iter()
                .map(|user| user["id"].as_str().expect("id").to_owned()),
        );
        let Some(cursor) = page["next_cursor"].as_str() else {
            break;
        };
        path = format!("/v1/users?limit=2&cursor={cursor}");
    }
    assert_eq!(seen, ["u0", "u1", "u2", "u3", "u4"]);
    app.stop().await;
}
