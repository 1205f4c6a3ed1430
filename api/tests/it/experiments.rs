//! Experiments and their variants.

use reqwest::Method;
use serde_json::{Value, json};

use crate::app::App;

fn two_variants() -> Value {
    json!({"key": "demo", "name": "Demo", "traffic_allocation": 0.5, "variants": [
        {"key": "treatment", "weight": 3, "config": {"colour": "red"}},
        {"key": "control", "weight": 1, "is_control": true},
    ]})
}

#[tokio::test]
async fn an_experiment_lives_from_draft_to_completed() {
    let app = App::start().await;
    let made = app
        .admin
        .post("/v1/experiments", &two_variants())
        .await
        .expect_status(201)
        .json();
    assert_eq!(
        (&made["id"], &made["key"], &made["status"]),
        (&json!(1), &json!("demo"), &json!("draft"))
    );
    assert_eq!(made["variants"][0]["id"], 1);
    assert_eq!(made["variants"][0]["key"], "treatment");
    assert_eq!(made["variants"][0]["config"], json!({"colour": "red"}));
    assert_eq!(made["variants"][1]["is_control"], true);
    let step = async |name: &str| {
        app.admin
            .post(&format!("/v1/experiments/demo/{name}"), &json!({}))
            .await
    };
    step("pause").await.expect_problem(
        409,
        "not-running",
        "cannot pause an experiment that is draft",
    );
    step("complete")
        .await
        .expect_problem(409, "not-running", "cannot complete");
    for (name, status) in [
        ("start", "running"),
        ("start", "running"),
        ("pause", "paused"),
        ("start", "running"),
        ("pause", "paused"),
        ("complete", "completed"),
        ("complete", "completed"),
    ] {
        assert_eq!(
            step(name).await.expect_status(200).json()["status"],
            status,
            "{name}"
        );
    }
    step("start").await.expect_problem(
        409,
        "not-running",
        "cannot start an experiment that is completed",
    );
    let read = app
        .read
        .get("/v1/experiments/1")
        .await
        .expect_status(200)
        .json();
    assert!(read["started_at"].is_string() && read["completed_at"].is_string());
    assert_eq!(app.count("SELECT count(*) FROM outbox_events").await, 0);
    assert_eq!(
        app.count("SELECT count(*) FROM audit_log WHERE actor = 'test'")
            .await,
        6
    );
    app.stop().await;
}

#[tokio::test]
async fn a_taken_key_is_409_and_uses_up_no_id() {
    let app = App::start().await;
    app.admin
        .post("/v1/experiments", &two_variants())
        .await
        .expect_status(201);
    for _ in 0..3 {
        let answer = app.admin.post("/v1/experiments", &two_variants()).await;
        answer.expect_problem(409, "conflict", "key \"demo\" exists");
    }
    let next = app
        .admin
        .post("/v1/experiments", &json!({"key": "b"}))
        .await
        .expect_status(201)
        .json();
    assert_eq!(next["id"], 2);
    app.stop().await;
}

#[tokio::test]
async fn starting_needs_what_the_check_list_says() {
    let app = App::start().await;
    app.admin
        .post("/v1/experiments", &json!({"key": "k"}))
        .await
        .expect_status(201);
    let start = async || app.admin.post("/v1/experiments/k/start", &json!({})).await;
    let refused = start()
        .await
        .expect_problem(409, "not-ready", "at least two")
        .json();
    assert_eq!(refused["errors"].as_array().map(Vec::len), Some(2));
    let add = async |body: Value| app.admin.post("/v1/experiments/k/variants", &body).await;
    add(json!({"key": "a"})).await.expect_status(201);
    start()
        .await
        .expect_problem(409, "not-ready", "at least two");
    let both = add(json!({"key": "b", "weight": 2}))
        .await
        .expect_status(201)
        .json();
    assert_eq!(
        both["variants"][0]["is_control"], true,
        "the first one is the control"
    );
    add(json!({"key": "b"}))
        .await
        .expect_problem(409, "conflict", "has a variant \"b\"");
    add(json!({"key": "c", "is_control": true}))
        .await
        .expect_problem(409, "conflict", "is_control");
    start().await.expect_status(200);
    add(json!({"key": "c"}))
        .await
        .expect_problem(409, "not-running", "frozen");
    app.stop().await;
}

#[tokio::test]
async fn variants_change_in_a_draft_only() {
    let app = App::start().await;
    app.admin
        .post("/v1/experiments", &two_variants())
        .await
        .expect_status(201);
    let path = "/v1/experiments/demo/variants/1";
    let body = json!({"weight": 7, "config": {"colour": "blue"}});
    let changed = app.admin.patch(path, &body).await.expect_status(200).json();
    assert_eq!(changed["variants"][0]["weight"], 7.0);
    assert_eq!(changed["variants"][0]["config"], body["config"]);
    let missing = app
        .admin
        .patch("/v1/experiments/demo/variants/99", &body)
        .await;
    missing.expect_problem(404, "not-found", "variant 99");
    app.admin
        .post("/v1/experiments/demo/start", &json!({}))
        .await
        .expect_status(200);
    app.admin
        .patch(path, &body)
        .await
        .expect_problem(409, "not-running", "frozen");
    app.admin
        .send(Method::DELETE, path, None, &[])
        .await
        .expect_problem(409, "not-running", "frozen");
    let listed = app
        .read
        .get("/v1/experiments/1/variants")
        .await
        .expect_status(200)
        .json();
    assert_eq!(listed.as_array().map(Vec::len), Some(2));
    let second = json!({"key": "other", "variants": [{"key": "a"}, {"key": "b"}]});
    app.admin
        .post("/v1/experiments", &second)
        .await
        .expect_status(201);
    let removed = app
        .admin
        .send(
            Method::DELETE,
            "/v1/experiments/other/variants/4",
            None,
            &[],
        )
        .await;
    assert_eq!(
        removed.expect_status(200).json()["variants"]
            .as_array()
            .map(Vec::len),
        Some(1)
    );
    app.stop().await;
}

#[tokio::test]
async fn etags_save_readers_a_body_and_writers_a_lost_update() {
    let app = App::start().await;
    let tag = app
        .admin
        .post("/v1/experiments", &two_variants())
        .await
        .header("etag");
    let read = |tag: String| {
        let reader = app.read.clone();
        async move {
            reader
                .send(
                    Method::GET,
                    "/v1/experiments/demo",
                    None,
                    &[("if-none-match", &tag)],
                )
                .await
        }
    };
    let unchanged = read(tag.clone()).await.expect_status(304);
    assert_eq!(
        (unchanged.text.as_str(), unchanged.header("etag")),
        ("", tag.clone())
    );
    let body = Some(json!({"traffic_allocation": 1}).to_string());
    let change = async |tag: &str| {
        let headers = [("if-match", tag)];
        app.admin
            .send(
                Method::PATCH,
                "/v1/experiments/demo",
                body.clone(),
                &headers,
            )
            .await
    };
    let newer = change(&tag).await.expect_status(200);
    assert_ne!(newer.header("etag"), tag);
    assert_eq!(newer.json()["traffic_allocation"], 1.0);
    change(&tag)
        .await
        .expect_problem(412, "stale", "read it again");
    read(tag).await.expect_status(200);
    change("*").await.expect_status(200);
    app.stop().await;
}

#[tokio::test]
async fn lists_can_be_of_one_status() {
    let app = App::start().await;
    for key in ["a", "b", "c"] {
        let body = json!({"key": key, "variants": [{"key": "x"}, {"key": "y"}]});
        app.admin
            .post("/v1/experiments", &body)
            .await
            .expect_status(201);
    }
    app.admin
        .post("/v1/experiments/b/start", &json!({}))
        .await
        .expect_status(200);
    let keys = async |path: &str| {
        let page = app.read.get(path).await.expect_status(200).json();
        let items = page["items"].as_array().expect("items").clone();
        items
            .iter()
            .map(|each| each["key"].as_str().expect("key").to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(keys("/v1/experiments").await, ["a", "b", "c"]);
    assert_eq!(keys("/v1/experiments?status=running").await, ["b"]);
    assert_eq!(keys("/v1/experiments?status=draft&limit=1").await, ["a"]);
    app.stop().await;
}
