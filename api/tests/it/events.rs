//! Single events.

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::app::App;

const OUTBOX: &str = "SELECT count(*) FROM outbox_events WHERE event_type = 'EVENT_CREATED'";

fn event(id: &str) -> Value {
    json!({
        "id": id, "experiment_id": 1, "user_id": "u", "event_type": "conversion",
        "properties": {"value": 39.99, "currency": "USD", "score": 88},
        "session_id": "s1", "occurred_at": "2026-01-02T03:04:05.678901Z",
    })
}

async fn assigned() -> App {
    let app = App::start().await;
    app.demo("u").await;
    app.assign("u", 2).await;
    app
}

#[tokio::test]
async fn an_event_and_its_outbox_row_are_one_transaction() {
    let app = assigned().await;
    let made = app
        .write
        .post("/v1/events", &event("e"))
        .await
        .expect_status(201)
        .json();
    let mut expected = event("e");
    expected["variant_id"] = json!(2);
    expected["variant_key"] = json!("control");
    assert_eq!(made, expected);
    let sql = "SELECT o.aggregate_type, o.aggregate_id, o.event_type, o.payload::text, o.xmin::text = e.xmin::text \
               FROM outbox_events o JOIN events e ON e.id = o.aggregate_id";
    let row = app.sql.query_one(sql, &[]).await.expect("one row");
    assert_eq!(
        (row.get(0), row.get(1), row.get(2)),
        ("event", "e", "EVENT_CREATED")
    );
    assert!(row.get::<_, bool>(4), "written by one transaction");
    let mut payload: Value = serde_json::from_str(row.get(3)).expect("JSON");
    let properties = payload["properties"]
        .as_str()
        .expect("JSON text in a string");
    payload["properties"] = serde_json::from_str(properties).expect("JSON");
    assert_eq!(payload, expected);
    assert_eq!(
        app.read.get("/v1/events/e").await.expect_status(200).json(),
        expected
    );
    app.stop().await;
}

#[tokio::test]
async fn a_retry_is_200_and_another_content_409() {
    let app = assigned().await;
    app.user("other").await;
    app.assign("other", 1).await;
    let made = app
        .write
        .post("/v1/events", &event("e"))
        .await
        .expect_status(201)
        .json();
    let same_in_other_words = json!({
        "occurred_at": "2026-01-02T05:04:05.6789012+02:00", "session_id": "s1", "id": "e",
        "properties": {"score": 88.0, "currency": "USD", "value": 39.990}, "event_type": "conversion",
        "experiment_id": 1, "user_id": "u",
    });
    for retry in [event("e"), same_in_other_words] {
        let answer = app
            .write
            .post("/v1/events", &retry)
            .await
            .expect_status(200)
            .json();
        assert_eq!(
            (&answer["occurred_at"], &answer["id"]),
            (&made["occurred_at"], &made["id"])
        );
    }
    let mut timeless = event("e");
    timeless
        .as_object_mut()
        .expect("object")
        .remove("occurred_at");
    app.write
        .post("/v1/events", &timeless)
        .await
        .expect_status(200);
    for (field, value) in [
        ("event_type", json!("click")),
        ("properties", json!({})),
        ("session_id", Value::Null),
        ("occurred_at", json!("2026-01-02T03:04:05.678902Z")),
        ("user_id", json!("other")),
    ] {
        let mut changed = event("e");
        changed[field] = value;
        let answer = app.write.post("/v1/events", &changed).await;
        answer.expect_problem(409, "conflict", "id: another event with id \"e\"");
    }
    assert_eq!(app.count("SELECT count(*) FROM events").await, 1);
    assert_eq!(app.count(OUTBOX).await, 1);
    app.stop().await;
}

#[tokio::test]
async fn what_is_left_out_is_made() {
    let app = assigned().await;
    let minimal = json!({"experiment_id": 1, "user_id": "u", "event_type": "click"});
    let first = app
        .write
        .post("/v1/events", &minimal)
        .await
        .expect_status(201)
        .json();
    let second = app
        .write
        .post("/v1/events", &minimal)
        .await
        .expect_status(201)
        .json();
    assert_ne!(first["id"], second["id"]);
    let id = uuid::Uuid::parse_str(first["id"].as_str().expect("id")).expect("a UUID");
    assert_eq!(id.get_version_num(), 7);
    assert_eq!(
        (&first["session_id"], &first["properties"]),
        (&Value::Null, &json!({}))
    );
    let recent = "SELECT count(*) FROM events WHERE now() - occurred_at < interval '1 minute'";
    assert_eq!(app.count(recent).await, 2);
    app.stop().await;
}

#[tokio::test]
async fn twenty_at_once_write_one_row() {
    let app = assigned().await;
    let mine = event("same");
    let answers = join_all((0..20).map(|_| app.write.post("/v1/events", &mine))).await;
    let mut statuses: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
    statuses.sort_unstable();
    assert_eq!((statuses[19], &statuses[..19]), (201, [200; 19].as_slice()));
    assert_eq!(app.count("SELECT count(*) FROM events").await, 1);
    assert_eq!(app.count(OUTBOX).await, 1);
    app.stop().await;
}

#[tokio::test]
async fn an_event_needs_an_assignment_and_a_live_experiment() {
    let app = assigned().await;
    app.user("unassigned").await;
    let of = |field: &str, value: Value| {
        let mut event = event("e");
        event[field] = value;
        event
    };
    let post = async |event: &Value| app.write.post("/v1/events", event).await;
    post(&of("user_id", json!("unassigned")))
        .await
        .expect_problem(409, "not-assigned", "POST /v1/assignments");
    post(&of("user_id", json!("ghost")))
        .await
        .expect_problem(404, "not-found", "user \"ghost\"");
    post(&of("experiment_id", json!(7)))
        .await
        .expect_problem(404, "not-found", "experiment 7");
    app.read
        .get("/v1/events/e")
        .await
        .expect_problem(404, "not-found", "event \"e\"");
    app.admin
        .post("/v1/experiments/1/pause", &json!({}))
        .await
        .expect_status(200);
    post(&event("while-paused")).await.expect_status(201);
    app.admin
        .post("/v1/experiments/1/complete", &json!({}))
        .await
        .expect_status(200);
    post(&event("too-late"))
        .await
        .expect_problem(409, "not-running", "is completed");
    post(&event("while-paused")).await.expect_status(200);
    assert_eq!(app.count(OUTBOX).await, 1);
    app.stop().await;
}

#[tokio::test]
async fn without_its_outbox_row_an_event_is_not_there_either() {
    let app = assigned().await;
    let refuse = "ALTER TABLE outbox_events ADD CONSTRAINT full_disk CHECK (id < 0) NOT VALID";
    app.sql.batch_execute(refuse).await.expect("constraint");
    let answer = app
        .write
        .post("/v1/events", &event("e"))
        .await
        .expect_problem(500, "internal", "logged");
    assert!(!answer.text.contains("full_disk"), "no internals are shown");
    assert_eq!(app.count("SELECT count(*) FROM events").await, 0);
    app.user("v").await;
    let assignment = json!({"experiment_id": 1, "user_id": "v"});
    app.write
        .post("/v1/assignments", &assignment)
        .await
        .expect_status(500);
    assert_eq!(app.count("SELECT count(*) FROM assignments").await, 1);
    let allow = "ALTER TABLE outbox_events DROP CONSTRAINT full_disk";
    app.sql.batch_execute(allow).await.expect("constraint");
    app.write
        .post("/v1/events", &event("e"))
        .await
        .expect_status(201);
    assert_eq!(app.count(OUTBOX).await, 1);
    app.stop().await;
}
