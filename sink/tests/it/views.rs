//! What lies behind the landing table gets every batch once, however the batch looks.

use std::sync::Arc;

use walcast_sink::hook::{NoHook, Step};

use crate::support::{Case, Counts, CrashAt, Running, event, event_at};

#[tokio::test(flavor = "multi_thread")]
async fn a_view_that_throws_stops_the_partition_until_it_is_mended() {
    let case = Case::new("throws", 1).await;
    for sql in [
        "CREATE TABLE mended (yes UInt8) ENGINE = MergeTree ORDER BY yes",
        "CREATE TABLE copies (id String) ENGINE = MergeTree ORDER BY id \
         SETTINGS non_replicated_deduplication_window = 100",
        "CREATE MATERIALIZED VIEW copies_from_events TO copies AS \
         SELECT if(throwIf((SELECT count() FROM mended) = 0, 'not yet') = 0, id, '') AS id FROM events",
    ] {
        case.query(sql).await.unwrap();
    }
    case.produce(0, (0..30).map(event)).await;
    let sink = case.start().await;
    let status = sink.status_with(r#""state":"stopped""#).await;
    assert!(
        status.contains("not yet") && status.contains("a view"),
        "{status}"
    );
    assert_eq!(sink.get("/readyz").await.unwrap().0, 503);
    assert_eq!(sink.get("/healthz").await.unwrap().0, 503);
    sink.stop().await.unwrap();

    case.query("INSERT INTO mended VALUES (1)").await.unwrap();
    case.produce(0, (30..40).map(event)).await;
    let sink = case.start().await;
    case.expect(&[(0, 40)], Counts::of(40, 0)).await;
    assert_eq!(
        case.query("SELECT count(), uniqExact(id) FROM copies")
            .await
            .unwrap(),
        "40\t40"
    );
    sink.stop().await.unwrap();
    case.drop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_column_of_another_type_stops_the_partition_and_stores_nothing() {
    let case = Case::new("types", 1).await;
    case.query("ALTER TABLE outbox_events MODIFY COLUMN tx_id Int64")
        .await
        .unwrap();
    case.produce(0, (0..30).map(event)).await;
    let sink = case.start().await;
    let status = sink.status_with(r#""state":"stopped""#).await;
    assert!(
        status.contains("tx_id") && status.contains("a changed table"),
        "{status}"
    );
    sink.stop().await.unwrap();

    case.query("ALTER TABLE outbox_events MODIFY COLUMN tx_id UInt64")
        .await
        .unwrap();
    let sink = case.start().await;
    case.expect(&[(0, 30)], Counts::of(30, 0)).await;
    sink.stop().await.unwrap();
    case.drop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_that_spans_two_months_lands_once_when_sent_twice() {
    let case = Case::new("months", 1).await;
    let ends = ["2026-01-31T23:59:59.999999Z", "2026-02-01T00:00:00.000000Z"];
    case.produce(
        0,
        (0..50).map(|id| event_at(id, ends[usize::try_from(id % 2).unwrap()])),
    )
    .await;
    case.start_with(CrashAt::new(Step::Inserted))
        .await
        .ended()
        .await
        .unwrap_err();
    let sink = case.start().await;
    case.expect(&[(0, 50)], Counts::of(50, 0)).await;
    let months = "SELECT toYYYYMM(occurred_at) AS month, count() FROM events GROUP BY 1 ORDER BY 1";
    assert_eq!(case.query(months).await.unwrap(), "202601\t25\n202602\t25");
    sink.stop().await.unwrap();
    case.drop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_of_a_hundred_and_fifty_months_is_no_error() {
    let case = Case::new("years", 1).await;
    let at = |id: u64| format!("{}-{:02}-01T00:00:00Z", 1990 + id / 12, id % 12 + 1);
    case.produce(0, (0..150).map(|id| event_at(id, &at(id))))
        .await;
    let mut args = case.sink_args();
    args.batch_rows_max = Some(150);
    args.batch_age_ms_max = Some(5_000);
    let sink = Running::start(args, Arc::new(NoHook)).await;
    case.expect(&[(0, 150)], Counts::of(150, 0)).await;
    sink.stop().await.unwrap();
    case.drop().await;
}
