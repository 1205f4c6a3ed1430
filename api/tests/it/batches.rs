//! Batches of events.

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::app::App;

fn event(id: &str) -> Value {
    json!({"id": id, "experiment_id": 1, "user_id": "u", "event_type": "click", "properties": {"n": id}})
}

async fn assigned() -> App {
    let app = App::start().await;
    app.demo("u").await;
    app.assign("u", 1).await;
    app
}

async fn post(app: &App, events: &[Value]) -> Vec<Value> {
    let answer = app
        .write
        .post("/v1/events/batch", &json!({"events": events}))
        .await;
    answer.expect_status(200).json()["results"]
        .as_array()
        .expect("results")
        .clone()
}

fn statuses(results: &[Value]) -> Vec<u64> {
    results
        .iter()
        .map(|result| result["status"].as_u64().expect("status"))
        .collect()
}

const EVENTS: &str = "SELECT count(*) FROM events";
const OUTBOX: &str = "SELECT count(*) FROM outbox_events WHERE event_type = 'EVENT_CREATED'";

#[tokio::test]
async fn a_thousand_events_are_one_transaction_and_a_retry_writes_none() {
    let app = assigned().await;
    let events: Vec<Value> = (0..1_000).map(|n| event(&format!("e{n:04}"))).collect();
    let results = post(&app, &events).await;
    assert_eq!(statuses(&results), [201; 1_000]);
    assert_eq!(results[7], json!({"id": "e0007", "status": 201}));
    let written = "SELECT count(DISTINCT xmin::text) FROM (SELECT xmin FROM events UNION ALL \
                   SELECT xmin FROM outbox_events WHERE event_type = 'EVENT_CREATED') t";
    assert_eq!(app.count(written).await, 1);
    assert_eq!(statuses(&post(&app, &events).await), [200; 1_000]);
    assert_eq!(
        (app.count(EVENTS).await, app.count(OUTBOX).await),
        (1_000, 1_000)
    );
    app.stop().await;
}

#[tokio::test]
async fn one_events_failure_does_not_touch_the_others() {
    let app = assigned().await;
    app.user("unassigned").await;
    let with = |id: &str, field: &str, value: Value| {
        let mut event = event(id);
        event[field] = value;
        event
    };
    let events = [
        event("a"),
        with("b", "user_id", json!("unassigned")),
        with("c", "user_id", json!(7)),
        event("a"),
        with("a", "event_type", json!("view")),
        with("d", "experiment_id", json!(9)),
        with("e", "properties", json!({"text": "\u{0}"})),
        json!("no event"),
        json!({"experiment_id": 1, "user_id": "u", "event_type": "click"}),
    ];
    let results = post(&app, &events).await;
    assert_eq!(
        statuses(&results),
        [201, 409, 422, 200, 409, 404, 422, 422, 201]
    );
    assert_eq!(results[1]["error"]["code"], "not-assigned");
    assert_eq!(results[2]["id"], Value::Null);
    assert_eq!(
        results[2]["error"]["errors"][0]["field"],
        "events[2].user_id"
    );
    assert_eq!(results[4]["error"]["code"], "conflict");
    assert_eq!(
        results[6]["error"]["errors"][0]["field"],
        "events[6].properties"
    );
    assert!(results[8]["id"].as_str().is_some_and(|id| id.len() == 36));
    assert_eq!((app.count(EVENTS).await, app.count(OUTBOX).await), (2, 2));
    app.stop().await;
}

#[tokio::test]
async fn overlapping_batches_at_once_write_each_event_once() {
    let app = assigned().await;
    let forwards: Vec<Value> = (0..300).map(|n| event(&format!("e{n}"))).collect();
    let backwards: Vec<Value> = forwards.iter().rev().cloned().collect();
    let posts = (0..8).map(|n| post(&app, if n % 2 == 0 { &forwards } else { &backwards }));
    let results = join_all(posts).await;
    let recorded = results
        .iter()
        .flatten()
        .filter(|result| result["status"] == 201)
        .count();
    let known = results
        .iter()
        .flatten()
        .filter(|result| result["status"] == 200)
        .count();
    assert_eq!((recorded, known), (300, 2_100));
    assert_eq!(
        (app.count(EVENTS).await, app.count(OUTBOX).await),
        (300, 300)
    );
    app.stop().await;
}

#[tokio::test]
async fn outbox_rows_are_in_the_order_of_time() {
    let app = assigned().await;
    let at = |id: &str, second: u32| {
        let mut event = event(id);
        event["occurred_at"] = json!(format!("2026-01-01T00:00:{second:02}Z"));
        event
    };
    post(&app, &[at("z", 1), at("a", 3), at("m", 2)]).await;
    let sql =
        "SELECT aggregate_id FROM outbox_events WHERE event_type = 'EVENT_CREATED' ORDER BY id";
    let rows = app.sql.query(sql, &[]).await.expect("rows");
    let order: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
    assert_eq!(order, ["z", "m", "a"]);
    app.stop().await;
}

#[tokio::test]
async fn a_batch_has_bounds() {
    let app = assigned().await;
    let send = async |body: Value| app.write.post("/v1/events/batch", &body).await;
    send(json!({"events": []}))
        .await
        .expect_problem(422, "invalid", "events: must have 1 to 1000");
    let many: Vec<Value> = (0..1_001).map(|n| event(&format!("e{n}"))).collect();
    send(json!({"events": many}))
        .await
        .expect_problem(413, "too-large", "at most 1000");
    send(json!({}))
        .await
        .expect_problem(422, "invalid", "events: missing field");
    send(json!({"events": 3}))
        .await
        .expect_problem(422, "invalid", "events: invalid type");
    let unreadable = json!({"events": [{"id": 1}, {"user_id": 2, "experiment_id": 1}]});
    let refused = send(unreadable)
        .await
        .expect_problem(422, "invalid", "events[0].id")
        .json();
    assert_eq!(refused["errors"][1]["field"], "events[1].user_id");
    // More than a single request may have, and less than a batch may.
    let long: Vec<Value> = (0..30)
        .map(|n| {
            let mut event = event(&format!("e{n}"));
            event["properties"] = json!({"text": "x".repeat(100_000)});
            event
        })
        .collect();
    assert_eq!(statuses(&post(&app, &long).await), [201; 30]);
    app.stop().await;
}
