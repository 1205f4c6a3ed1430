//! Records to rows, when nothing goes wrong.

use std::sync::Arc;

use walcast_sink::hook::NoHook;

use crate::support::{Case, Counts, Running, assignment, event, outbox};

#[tokio::test(flavor = "multi_thread")]
async fn events_and_assignments_of_two_partitions_land_in_every_table() {
    let case = Case::new("landing", 2).await;
    case.produce(0, (0..90).map(event)).await;
    case.produce(1, (0..10).map(assignment)).await;
    let sink = case.start().await;
    case.expect(&[(0, 90), (1, 10)], Counts::of(90, 10)).await;

    // Live, after the backlog; and what is neither event nor assignment lands all the same.
    case.produce(
        1,
        [outbox(
            500,
            "invoice",
            "INVOICE_SENT",
            "2026-01-15T12:00:00Z",
            "{}",
        )],
    )
    .await;
    let expected = Counts {
        landed: 101,
        ..Counts::of(90, 10)
    };
    case.expect(&[(1, 11)], expected).await;

    let row = case.query("SELECT id, user_id, page, value, score, is_exposure, is_click, is_conversion, occurred_at, commit_ts FROM events WHERE id = 'e-8'").await.unwrap();
    assert_eq!(
        row,
        "e-8\tu-1\t/p\t1.5\t\\N\t0\t0\t1\t2026-01-15 12:00:00.000001\t2026-01-01 00:00:00.000000"
    );
    let rollup =
        "SELECT sumIfMerge(revenue), countIfMerge(exposures), uniqExact(user_id) FROM user_totals";
    assert_eq!(case.query(rollup).await.unwrap(), "45\t30\t7");

    let (ready, _) = sink.get("/readyz").await.unwrap();
    let (healthy, _) = sink.get("/healthz").await.unwrap();
    assert_eq!((ready, healthy), (200, 200));
    sink.stop().await.unwrap();
    case.drop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pruning_of_the_outbox_is_ignored_and_counted() {
    let case = Case::new("pruning", 1).await;
    let deleted = event(0).replace(r#""op":"c""#, r#""op":"d""#);
    case.produce(0, [event(0), deleted]).await;
    case.produce_tombstone(0).await;
    let sink = case.start().await;
    case.expect(&[(0, 3)], Counts::of(1, 0)).await;
    // A batch of nothing but pruning moves the position without an insert.
    case.produce_tombstone(0).await;
    case.expect(&[(0, 4)], Counts::of(1, 0)).await;
    let (_, metrics) = sink.get("/metrics").await.unwrap();
    for (reason, count) in [("tombstone", 2), ("delete", 1)] {
        let line = format!(
            "walcast_sink_ignored_total{{topic=\"{}\",partition=\"0\",reason=\"{reason}\"}} {count}",
            case.name
        );
        assert!(metrics.contains(&line), "{line} is not in\n{metrics}");
    }
    sink.stop().await.unwrap();
    case.drop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_batch_is_one_block() {
    let case = Case::new("block", 1).await;
    for table in ["outbox_events", "events"] {
        case.query(&format!("SYSTEM STOP MERGES {}.{table}", case.name))
            .await
            .unwrap();
    }
    case.produce(0, (0..20_000).map(event)).await;
    let mut args = case.sink_args();
    args.batch_age_ms_max = Some(5_000);
    args.batch_rows_max = Some(20_000);
    args.batch_bytes_max = Some(1 << 28);
    let sink = Running::start(args, Arc::new(NoHook)).await;
    case.expect(&[(0, 20_000)], Counts::of(20_000, 0)).await;
    for table in ["outbox_events", "events"] {
        let parts = format!(
            "SELECT count() FROM system.parts WHERE database = '{}' AND table = '{table}' AND active",
            case.name
        );
        assert_eq!(case.number(&parts).await, 1, "{table}");
    }
    sink.stop().await.unwrap();
    case.drop().await;
}
