//! Starts that would lose or double rows are refused, visibly and with the cure.

use walcast_sink::hook::Step;

use crate::support::{Case, Counts, CrashAt, event};

#[tokio::test(flavor = "multi_thread")]
async fn offsets_that_were_reset_do_not_land_rows_twice() {
    let case = Case::new("reset", 1).await;
    case.produce(0, (0..20).map(event)).await;
    let sink = case.start().await;
    case.expect(&[(0, 20)], Counts::of(20, 0)).await;
    sink.stop().await.unwrap();

    case.set_committed(0, 5, "");
    let sink = case.start().await;
    let status = sink.status_with(r#""state":"stopped""#).await;
    assert!(status.contains("--to-offset 20"), "{status}");
    sink.stop().await.unwrap();

    // The cure that it names.
    case.set_committed(0, 20, "");
    case.produce(0, (20..30).map(event)).await;
    let sink = case.start().await;
    case.expect(&[(0, 30)], Counts::of(30, 0)).await;
    sink.stop().await.unwrap();
    case.drop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pending_range_that_kafka_dropped_stops_the_partition() {
    let case = Case::new("range_gone", 1).await;
    case.produce(0, (0..20).map(event)).await;
    case.start_with(CrashAt::new(Step::PendingCommitted))
        .await
        .ended()
        .await
        .unwrap_err();
    case.produce(0, (20..40).map(event)).await;
    case.delete_records(0, 10).await;
    let sink = case.start().await;
    let status = sink.status_with(r#""state":"stopped""#).await;
    assert!(status.contains("not in Kafka"), "{status}");
    assert_eq!(case.counts().await, Some(Counts::of(0, 0)));
    sink.stop().await.unwrap();
    case.drop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn records_deleted_before_they_were_read_stop_the_partition() {
    let case = Case::new("gone", 1).await;
    case.produce(0, (0..20).map(event)).await;
    let sink = case.start().await;
    case.expect(&[(0, 20)], Counts::of(20, 0)).await;
    sink.stop().await.unwrap();
    case.produce(0, (20..40).map(event)).await;
    case.delete_records(0, 30).await;
    let sink = case.start().await;
    let status = sink.status_with(r#""state":"stopped""#).await;
    assert!(status.contains("retention.ms"), "{status}");
    assert_eq!(case.counts().await, Some(Counts::of(20, 0)));
    sink.stop().await.unwrap();
    case.drop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_range_whose_token_may_be_forgotten_is_not_sent_again() {
    let case = Case::new("forgotten", 1).await;
    for table in ["outbox_events", "events"] {
        let window = "non_replicated_deduplication_window = 8";
        case.query(&format!("ALTER TABLE {table} MODIFY SETTING {window}"))
            .await
            .unwrap();
    }
    case.produce(0, (0..10).map(event)).await;
    case.start_with(CrashAt::new(Step::Inserted))
        .await
        .ended()
        .await
        .unwrap_err();
    for block in 0..3_u64 {
        let row = format!("(kafka_topic, kafka_offset) VALUES ('another', {block})");
        case.query(&format!("INSERT INTO outbox_events {row}"))
            .await
            .unwrap();
    }
    let sink = case.start().await;
    let status = sink.status_with(r#""state":"stopped""#).await;
    assert!(status.contains("forgotten its token"), "{status}");
    sink.stop().await.unwrap();
    case.drop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_program_s_commit_is_not_gone_on_from() {
    let case = Case::new("foreign", 1).await;
    case.produce(0, (0..5).map(event)).await;
    case.set_committed(0, 0, r#"{"v":2,"ranges":[[0,4]]}"#);
    let sink = case.start().await;
    let status = sink.status_with(r#""state":"stopped""#).await;
    assert!(status.contains("another version"), "{status}");
    sink.stop().await.unwrap();
    assert_eq!(case.committed(0).unwrap().1, r#"{"v":2,"ranges":[[0,4]]}"#);
    case.drop().await;
}
