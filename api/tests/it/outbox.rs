//! Pruning of the outbox.

use serde_json::json;
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::app::{App, connect};

const ROWS: &str = "SELECT count(*) FROM outbox_events";

async fn pruning(slot: &str) -> App {
    let settings =
        format!("outbox_slot = '{slot}'\noutbox_retention_s = 0\nhousekeeping_interval_ms = 20");
    let app = App::with(&settings).await;
    let create = format!("SELECT pg_create_logical_replication_slot('{slot}', 'pgoutput')");
    app.sql.execute(&create, &[]).await.expect("slot");
    app.demo("u").await;
    app.assign("u", 1).await;
    app
}

async fn record(app: &App, id: &str) {
    let event = json!({"id": id, "experiment_id": 1, "user_id": "u", "event_type": "click"});
    app.write
        .post("/v1/events", &event)
        .await
        .expect_status(201);
}

async fn confirm(app: &App, slot: &str) {
    let advance =
        format!("SELECT pg_replication_slot_advance('{slot}', pg_current_wal_insert_lsn())");
    app.sql.execute(&advance, &[]).await.expect("advance");
}

/// Confirms again and again, as a consumer does, until no row is left. Once need not be enough: a
/// transaction of any database on the server holds the horizon back while it runs.
async fn confirm_until_empty(app: &App, slot: &str) {
    let wait = async {
        while app.count(ROWS).await > 0 {
            confirm(app, slot).await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(30), wait)
        .await
        .expect("all are pruned");
}

/// Waits for several rounds of pruning, each seen by a watermark newer than the one before.
async fn rounds(app: &App) {
    for _ in 0..3 {
        let newer = "SELECT count(*) FROM outbox_watermarks WHERE lsn >= ";
        let row = app
            .sql
            .query_one("SELECT pg_current_wal_insert_lsn()::text", &[])
            .await
            .expect("LSN");
        let lsn: String = row.get(0);
        let wait = async { while app.count(&format!("{newer} '{lsn}'")).await == 0 {} };
        tokio::time::timeout(std::time::Duration::from_secs(20), wait)
            .await
            .expect("a round");
    }
}

async fn drop_slot(app: &App, slot: &str) {
    app.sql
        .execute(&format!("SELECT pg_drop_replication_slot('{slot}')"), &[])
        .await
        .expect("drop");
}

#[tokio::test]
async fn rows_go_only_when_the_slot_has_passed_them() {
    let slot = format!("api_{}", Uuid::now_v7().simple());
    let app = pruning(&slot).await;
    record(&app, "e1").await;
    record(&app, "e2").await;
    rounds(&app).await;
    assert_eq!(app.count(ROWS).await, 3, "nothing is confirmed yet");
    confirm_until_empty(&app, &slot).await;
    record(&app, "e3").await;
    rounds(&app).await;
    assert_eq!(app.count(ROWS).await, 1);
    assert_eq!(
        app.count("SELECT count(*) FROM events").await,
        3,
        "the events themselves stay"
    );
    drop_slot(&app, &slot).await;
    app.stop().await;
}

#[tokio::test]
async fn a_row_that_commits_late_is_not_taken_for_a_passed_one() {
    let slot = format!("api_{}", Uuid::now_v7().simple());
    let app = pruning(&slot).await;
    let mut tasks = JoinSet::new();
    let late = connect(&app.database_url, &mut tasks).await;
    late.batch_execute(
        "BEGIN; INSERT INTO outbox_events (aggregate_type, aggregate_id, event_type, payload) \
         VALUES ('event', 'late', 'EVENT_CREATED', '{}')",
    )
    .await
    .expect("insert");
    record(&app, "after").await;
    confirm(&app, &slot).await;
    rounds(&app).await;
    late.batch_execute("COMMIT").await.expect("commit");
    rounds(&app).await;
    let late_rows = "SELECT count(*) FROM outbox_events WHERE aggregate_id = 'late'";
    assert_eq!(
        app.count(late_rows).await,
        1,
        "its commit lies after what is confirmed"
    );
    confirm_until_empty(&app, &slot).await;
    drop_slot(&app, &slot).await;
    app.stop().await;
}

#[tokio::test]
async fn without_the_slot_nothing_is_pruned() {
    let slot = format!("api_{}", Uuid::now_v7().simple());
    let app = pruning(&slot).await;
    drop_slot(&app, &slot).await;
    record(&app, "e").await;
    rounds(&app).await;
    assert_eq!(app.count(ROWS).await, 2);
    let metrics = app.nobody().get("/metrics").await.expect_status(200).text;
    assert!(
        metrics.contains("walcast_api_outbox_prune_possible"),
        "{metrics}"
    );
    app.stop().await;
}
