//! A process, a server or a producer dies between any two steps; every table has every row once.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use rdkafka::producer::{FutureProducer, FutureRecord, Producer};
use walcast_lab::Lab;
use walcast_sink::hook::{NoHook, Step};

use crate::support::case::client;
use crate::support::proxy::Proxy;
use crate::support::sink::free_address;
use crate::support::{Case, Counts, CrashAt, Running, assignment, clickhouse_url, event, until};

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_at_any_step_loses_and_doubles_nothing() {
    join_all(Step::ALL.map(crash_at)).await;
}

async fn crash_at(step: Step) {
    let case = Case::new(&format!("crash_{step}").to_lowercase(), 1).await;
    case.produce(0, (0..60).map(event)).await;
    case.produce(0, (60..65).map(assignment)).await;
    let crashed = case.start_with(CrashAt::new(step)).await.ended().await;
    assert_eq!(
        crashed.unwrap_err().to_string(),
        format!("crashed at {step}")
    );
    let pending = case
        .committed(0)
        .is_some_and(|(_, metadata)| metadata.contains("pending"));
    let expected = matches!(
        step,
        Step::PendingCommitted | Step::DeadLettersAcked | Step::Inserted
    );
    assert_eq!(pending, expected, "after {step}");

    case.produce(0, (65..100).map(event)).await;
    let sink = case.start().await;
    case.expect(&[(0, 100)], Counts::of(95, 5)).await;
    sink.stop().await.unwrap();
    case.drop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_range_sent_again_lands_once() {
    let case = Case::new("again", 1).await;
    case.produce(0, (0..40).map(event).chain((40..50).map(assignment)))
        .await;
    let sink = case.start_with(CrashAt::new(Step::Inserted)).await;
    sink.ended().await.unwrap_err();
    let (first, pending) = case.committed(0).unwrap();
    assert_eq!(
        (first, pending.as_str()),
        (0, r#"{"v":1,"pending":[0,49]}"#)
    );
    for _ in 0..3 {
        let sink = case.start().await;
        case.expect(&[(0, 50)], Counts::of(40, 10)).await;
        sink.stop().await.unwrap();
        case.set_committed(0, first, &pending);
    }
    case.drop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn clickhouse_knows_a_batch_by_its_range_and_not_by_its_content() {
    let case = Case::new("token", 1).await;
    case.produce(0, (0..10).map(event)).await;
    let sink = case.start_with(CrashAt::new(Step::Inserted)).await;
    sink.ended().await.unwrap_err();
    let by_hand = |token: &str| {
        format!(
            "INSERT INTO outbox_events (id, created_at) SETTINGS insert_deduplication_token = \
             '{token}' VALUES (77, '2026-01-15 12:00:00')"
        )
    };
    case.query(&by_hand(&format!("{}:0:0-9", case.name)))
        .await
        .unwrap();
    assert_eq!(case.number("SELECT count() FROM outbox_events").await, 10);
    case.query(&by_hand(&format!("{}:0:0-8", case.name)))
        .await
        .unwrap();
    assert_eq!(case.number("SELECT count() FROM outbox_events").await, 11);
    case.drop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn aborted_transactions_are_gaps_in_a_range_and_nothing_else() {
    let case = Case::new("aborted", 1).await;
    let producer: FutureProducer = client()
        .set("transactional.id", &case.name)
        .create()
        .unwrap();
    producer.init_transactions(Duration::from_secs(30)).unwrap();
    for round in 0..10_u64 {
        producer.begin_transaction().unwrap();
        for id in round * 10..(round + 1) * 10 {
            let value = event(id);
            let record = FutureRecord::<str, _>::to(&case.name)
                .partition(0)
                .payload(&value);
            producer
                .send(record, Duration::from_secs(10))
                .await
                .unwrap();
        }
        match round % 3 {
            1 => producer.abort_transaction(Duration::from_secs(30)).unwrap(),
            _ => producer
                .commit_transaction(Duration::from_secs(30))
                .unwrap(),
        }
    }
    let sink = case.start_with(CrashAt::new(Step::Inserted)).await;
    sink.ended().await.unwrap_err();
    let sink = case.start().await;
    // Ten rounds of ten records and a marker each; the last marker is no record.
    case.expect(&[(0, 109)], Counts::of(70, 0)).await;
    let distinct = case.number("SELECT uniqExact(id) FROM events").await;
    assert_eq!(distinct, 70);
    sink.status_with(r#""lag":0"#).await;
    sink.stop().await.unwrap();
    case.drop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_insert_whose_answer_was_lost_is_sent_again_and_lands_once() {
    let case = Case::new("answer_lost", 1).await;
    let address = free_address();
    let _proxy = Proxy::start(address, clickhouse_url(), 3).await;
    let mut args = case.sink_args();
    args.clickhouse_url = Some(format!("http://{address}"));
    case.produce(0, (0..30).map(event).chain((30..35).map(assignment)))
        .await;
    let sink = Running::start(args, Arc::new(NoHook)).await;
    case.expect(&[(0, 35)], Counts::of(30, 5)).await;
    let (_, metrics) = sink.get("/metrics").await.unwrap();
    let line = format!(
        "walcast_sink_retries_total{{topic=\"{}\",partition=\"0\",cause=\"unreachable\"}} 3",
        case.name
    );
    assert!(metrics.contains(&line), "{line} is not in\n{metrics}");
    sink.stop().await.unwrap();
    case.drop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn clickhouse_killed_under_load_loses_and_doubles_nothing() {
    let lab = Lab::builder("sink-restart").clickhouse().start().unwrap();
    let case = Case::on("killed", 2, &lab.clickhouse().url).await;
    let sink = case.start().await;
    let load = async {
        for round in 0..40_u64 {
            let ids = round * 50..(round + 1) * 50;
            case.produce(i32::try_from(round % 2).unwrap(), ids.map(event))
                .await;
        }
    };
    let kills = async {
        for round in 1..=3_u64 {
            until("some rows have landed", || async {
                case.counts()
                    .await
                    .is_some_and(|counts| counts.landed >= round * 100)
            })
            .await;
            lab.clickhouse().kill9().unwrap();
            sink.status_with(r#""state":"retrying""#).await;
            assert_eq!(sink.get("/readyz").await.unwrap().0, 503);
            lab.clickhouse().start().unwrap();
            case.produce(0, (round * 10_000..round * 10_000 + 200).map(event))
                .await;
        }
    };
    tokio::join!(load, kills);
    case.expect(&[(0, 1_600), (1, 1_000)], Counts::of(2_600, 0))
        .await;
    sink.stop().await.unwrap();
}
