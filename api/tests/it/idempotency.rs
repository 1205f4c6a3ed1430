//! The header `Idempotency-Key`.

use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};

use crate::app::App;
use crate::client::Answer;

async fn post(app: &App, path: &str, key: &str, body: &Value) -> Answer {
    let headers = [("idempotency-key", key)];
    app.admin
        .send(Method::POST, path, Some(body.to_string()), &headers)
        .await
}

#[tokio::test]
async fn a_retry_gets_the_first_answer() {
    let app = App::start().await;
    let body = json!({"key": "k", "variants": [{"key": "a"}, {"key": "b"}]});
    let first = post(&app, "/v1/experiments", "once", &body)
        .await
        .expect_status(201);
    let again = post(&app, "/v1/experiments", "once", &body)
        .await
        .expect_status(201);
    assert_eq!(again.text, first.text);
    assert_eq!(again.header("idempotency-replayed"), "true");
    assert_eq!(again.header("content-type"), "application/json");
    assert_eq!(app.count("SELECT count(*) FROM experiments").await, 1);
    let other = json!({"key": "other"});
    let answer = post(&app, "/v1/experiments", "once", &other).await;
    answer.expect_problem(
        422,
        "invalid",
        "Idempotency-Key: was used for another request",
    );
    post(&app, "/v1/experiments", "twice", &body)
        .await
        .expect_problem(409, "conflict", "exists");
    app.stop().await;
}

#[tokio::test]
async fn a_refused_request_may_be_tried_again_with_its_key() {
    let app = App::start().await;
    let body = json!({"experiment_id": 1, "user_id": "u"});
    post(&app, "/v1/assignments", "k", &body)
        .await
        .expect_status(404);
    app.demo("u").await;
    post(&app, "/v1/assignments", "k", &body)
        .await
        .expect_status(201);
    app.stop().await;
}

#[tokio::test]
async fn an_event_without_an_id_is_written_once_however_often_it_is_sent() {
    let app = App::start().await;
    app.demo("u").await;
    app.assign("u", 1).await;
    let body = json!({"experiment_id": 1, "user_id": "u", "event_type": "click"});
    let answers = join_all((0..10).map(|_| post(&app, "/v1/events", "k", &body))).await;
    for answer in &answers {
        assert!(matches!(answer.status, 201 | 409), "{}", answer.text);
    }
    let first = post(&app, "/v1/events", "k", &body)
        .await
        .expect_status(201)
        .json();
    assert_eq!(app.count("SELECT count(*) FROM events").await, 1);
    // As after a crash between the work and the keeping of the answer: the claim has run out.
    let crash = "UPDATE idempotency_keys SET status = NULL, body = NULL, claimed_at = now() - interval '1 hour'";
    app.sql.batch_execute(crash).await.expect("update");
    let after = post(&app, "/v1/events", "k", &body)
        .await
        .expect_status(200)
        .json();
    assert_eq!(after["id"], first["id"]);
    let batch = json!({"events": [body, body]});
    for _ in 0..2 {
        post(&app, "/v1/events/batch", "b", &batch)
            .await
            .expect_status(200);
        app.sql.batch_execute(crash).await.expect("update");
    }
    assert_eq!(app.count("SELECT count(*) FROM events").await, 3);
    assert_eq!(
        app.count("SELECT count(*) FROM outbox_events WHERE aggregate_type = 'event'")
            .await,
        3
    );
    app.stop().await;
}

#[tokio::test]
async fn keys_have_a_form() {
    let app = App::start().await;
    let body = json!({"id": "u"});
    let answer = post(&app, "/v1/users", &"x".repeat(256), &body).await;
    answer.expect_problem(422, "invalid", "Idempotency-Key: must have 1 to 255");
    post(&app, "/v1/users", "", &body).await.expect_status(422);
    app.stop().await;
}
