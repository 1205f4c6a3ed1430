//! Assignments.

use futures_util::future::join_all;
use serde_json::{Value, json};
use walcast_api::bucketing::{Rules, assign};

use crate::app::App;
use crate::servers::servers;

const OUTBOX: &str = "SELECT count(*) FROM outbox_events WHERE event_type = 'ASSIGNMENT_CREATED'";

fn body(user: &str) -> Value {
    json!({"experiment_id": 1, "user_id": user})
}

#[tokio::test]
async fn a_user_is_assigned_once_by_the_published_hash() {
    let app = App::start().await;
    app.demo("u").await;
    let salt = app.read.get("/v1/experiments/1").await.json()["salt"]
        .as_str()
        .expect("salt")
        .to_owned();
    let rules = Rules {
        salt: &salt,
        traffic_allocation: 1.0,
        weights: &[1.0, 1.0],
    };
    let index = assign(rules, "u").expect("all take part");
    let made = app
        .write
        .post("/v1/assignments", &body("u"))
        .await
        .expect_status(201)
        .json();
    assert_eq!(made["variant_key"], ["treatment", "control"][index]);
    assert_eq!(made["variant_id"], [1, 2][index]);
    let assigned_at = made["assigned_at"].as_str().expect("a time");
    assert!(assigned_at.len() == "2026-01-01T00:00:00.000000Z".len() && assigned_at.ends_with('Z'));
    assert_eq!(
        app.write
            .post("/v1/assignments", &body("u"))
            .await
            .expect_status(200)
            .json(),
        made
    );
    for path in [
        "/v1/experiments/1/assignments/u",
        "/v1/experiments/demo/assignments/u",
    ] {
        assert_eq!(app.write.get(path).await.expect_status(200).json(), made);
    }
    assert_eq!(app.count(OUTBOX).await, 1);
    let row = app.sql.query_one(
        "SELECT aggregate_type, aggregate_id, payload::text FROM outbox_events",
        &[],
    );
    let row = row.await.expect("one row");
    assert_eq!(
        (row.get(0), row.get(1)),
        ("assignment", made["id"].to_string().as_str())
    );
    assert_eq!(
        serde_json::from_str::<Value>(row.get(2)).expect("JSON"),
        made
    );
    app.stop().await;
}

#[tokio::test]
async fn a_caller_may_choose_the_variant_once() {
    let app = App::start().await;
    app.demo("u").await;
    let choose = |variant: i64| json!({"experiment_id": 1, "user_id": "u", "variant_id": variant});
    let post = async |variant: i64| app.write.post("/v1/assignments", &choose(variant)).await;
    post(3)
        .await
        .expect_problem(404, "not-found", "variant 3 in experiment 1");
    let made = post(2).await.expect_status(201).json();
    assert_eq!(
        (&made["variant_id"], &made["variant_key"]),
        (&json!(2), &json!("control"))
    );
    post(2).await.expect_status(200);
    post(1)
        .await
        .expect_problem(409, "conflict", "assignments never change");
    assert_eq!(
        app.write
            .post("/v1/assignments", &body("u"))
            .await
            .expect_status(200)
            .json(),
        made
    );
    assert_eq!(app.count(OUTBOX).await, 1);
    app.stop().await;
}

#[tokio::test]
async fn the_gate_keeps_users_out_and_stores_nothing() {
    let app = App::start().await;
    app.demo("u").await;
    app.admin
        .patch("/v1/experiments/1", &json!({"traffic_allocation": 0}))
        .await
        .expect_status(200);
    for _ in 0..2 {
        let out = app
            .write
            .post("/v1/assignments", &body("u"))
            .await
            .expect_status(200)
            .json();
        assert_eq!(
            (&out["variant_key"], &out["variant_id"], &out["id"]),
            (&Value::Null, &Value::Null, &Value::Null)
        );
        assert_eq!(out["user_id"], "u");
    }
    assert_eq!(app.count("SELECT count(*) FROM assignments").await, 0);
    assert_eq!(app.count(OUTBOX).await, 0);
    // At once, though the experiment was just read: a stale copy must not decide.
    app.admin
        .patch("/v1/experiments/1", &json!({"traffic_allocation": 1}))
        .await
        .expect_status(200);
    app.write
        .post("/v1/assignments", &body("u"))
        .await
        .expect_status(201);
    app.stop().await;
}

#[tokio::test]
async fn only_a_running_experiment_takes_new_users() {
    let app = App::start().await;
    app.demo("old").await;
    app.user("new").await;
    app.assign("old", 1).await;
    let draft = json!({"key": "draft", "variants": [{"key": "a"}, {"key": "b"}]});
    app.admin
        .post("/v1/experiments", &draft)
        .await
        .expect_status(201);
    let answer = app.write.get("/v1/experiments/draft/assignments/new").await;
    answer.expect_problem(409, "not-running", "experiment 2 is draft");
    for (step, status) in [("pause", "paused"), ("complete", "completed")] {
        app.admin
            .post(&format!("/v1/experiments/1/{step}"), &json!({}))
            .await
            .expect_status(200);
        let answer = app.write.post("/v1/assignments", &body("new")).await;
        answer.expect_problem(409, "not-running", &format!("experiment 1 is {status}"));
        app.write
            .post("/v1/assignments", &body("old"))
            .await
            .expect_status(200);
    }
    app.stop().await;
}

#[tokio::test]
async fn unknown_users_and_experiments_are_404() {
    let app = App::start().await;
    app.demo("u").await;
    app.write
        .post("/v1/assignments", &body("x"))
        .await
        .expect_problem(404, "not-found", "user \"x\"");
    let other = json!({"experiment_id": 9, "user_id": "u"});
    app.write
        .post("/v1/assignments", &other)
        .await
        .expect_problem(404, "not-found", "experiment 9");
    for path in [
        "/v1/experiments/no/assignments/u",
        "/v1/experiments/99999999999999999999/assignments/u",
    ] {
        app.write
            .get(path)
            .await
            .expect_problem(404, "not-found", "experiment");
    }
    app.stop().await;
}

#[tokio::test]
async fn twenty_at_once_make_one_assignment() {
    let app = App::start().await;
    app.demo("u").await;
    let mine = body("u");
    let answers = join_all((0..20).map(|_| app.write.post("/v1/assignments", &mine))).await;
    let mut statuses: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
    statuses.sort_unstable();
    assert_eq!((statuses[19], &statuses[..19]), (201, [200; 19].as_slice()));
    assert!(
        answers
            .iter()
            .all(|answer| answer.json() == answers[0].json())
    );
    assert_eq!(app.count("SELECT count(*) FROM assignments").await, 1);
    assert_eq!(app.count(OUTBOX).await, 1);
    app.stop().await;
}

#[tokio::test]
async fn redis_keeps_a_copy_of_what_is_stored() {
    let redis = format!(
        "redis_url = '{}'\nredis_timeout_ms = 1000",
        servers().await.redis
    );
    let app = App::with(&redis).await;
    app.demo("u").await;
    let made = app
        .write
        .post("/v1/assignments", &body("u"))
        .await
        .expect_status(201)
        .json();
    // A row that only Redis still knows shows that the answer came from there.
    app.sql
        .batch_execute("DELETE FROM assignments")
        .await
        .expect("delete");
    assert_eq!(
        app.write
            .post("/v1/assignments", &body("u"))
            .await
            .expect_status(200)
            .json(),
        made
    );
    let metrics = app.nobody().get("/metrics").await.expect_status(200).text;
    assert!(
        metrics.contains("walcast_api_cache_reads_total{result=\"hit\"}"),
        "{metrics}"
    );
    app.stop().await;
}

#[tokio::test]
async fn many_are_assigned_in_one_transaction() {
    let app = App::start().await;
    app.demo("u0").await;
    app.assign("u0", 2).await;
    for n in 1..50 {
        app.user(&format!("u{n}")).await;
    }
    let mut users: Vec<String> = (0..50).map(|n| format!("u{n}")).collect();
    users.push("ghost".into());
    let bulk = json!({"experiment_id": 1, "user_ids": users});
    let results = app
        .write
        .post("/v1/assignments/bulk", &bulk)
        .await
        .expect_status(200)
        .json();
    let results = results["results"].as_array().expect("results").clone();
    assert_eq!((results.len(), &results[0]["status"]), (51, &json!(200)));
    assert_eq!(results[0]["assignment"]["variant_id"], 2);
    assert!(results[1..50].iter().all(|result| result["status"] == 201));
    assert_eq!(
        (&results[50]["status"], &results[50]["error"]["code"]),
        (&json!(404), &json!("not-found"))
    );
    assert_eq!(app.count(OUTBOX).await, 50);
    let transactions = "SELECT count(DISTINCT xmin::text) FROM assignments WHERE user_id <> 'u0'";
    assert_eq!(app.count(transactions).await, 1);
    let page = app
        .read
        .get("/v1/experiments/demo/assignments?limit=500")
        .await
        .json();
    assert_eq!(page["items"].as_array().map(Vec::len), Some(50));
    app.stop().await;
}
