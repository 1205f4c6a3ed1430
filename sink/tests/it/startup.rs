//! What the sink needs before it reads the first record.

use std::sync::Arc;

use walcast_sink::hook::NoHook;
use walcast_wire::usage::UsageError;

use crate::support::proxy::Proxy;
use crate::support::sink::free_address;
use crate::support::{Case, Counts, Running, clickhouse_url, event, until};

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_table_or_database_is_one_line_with_the_cure() {
    let case = Case::new("missing", 1).await;
    case.query("DROP TABLE outbox_events").await.unwrap();
    let error = case.start().await.ended().await.unwrap_err();
    let text = error
        .downcast_ref::<UsageError>()
        .expect("a usage error")
        .to_string();
    assert!(
        text.contains("no table") && text.contains("walcast migrate clickhouse"),
        "{text}"
    );
    assert!(!text.contains('\n'));

    case.query(&format!("DROP DATABASE {}", case.name))
        .await
        .unwrap();
    let error = case.start().await.ended().await.unwrap_err();
    let text = error
        .downcast_ref::<UsageError>()
        .expect("a usage error")
        .to_string();
    assert!(
        text.contains("no database") && text.contains("walcast migrate clickhouse"),
        "{text}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_forgets_tokens_is_refused_with_the_statement_that_cures_it() {
    let case = Case::new("window", 1).await;
    for sql in [
        "CREATE TABLE `a b` (id String) ENGINE = MergeTree ORDER BY id",
        "CREATE MATERIALIZED VIEW second TO `a b` AS SELECT id FROM events",
    ] {
        case.query(sql).await.unwrap();
    }
    let text = case.start().await.ended().await.unwrap_err().to_string();
    let (_, cure) = text.split_once("run: ").expect("a statement to run");
    case.query(cure).await.unwrap();

    // The same behind a view that keeps its rows itself, two views away.
    case.query(
        "CREATE MATERIALIZED VIEW third ENGINE = MergeTree ORDER BY id AS SELECT id FROM `a b`",
    )
    .await
    .unwrap();
    let text = case.start().await.ended().await.unwrap_err().to_string();
    let (_, cure) = text.split_once("run: ").expect("a statement to run");
    case.query(cure).await.unwrap();

    case.produce(0, (0..10).map(event)).await;
    let sink = case.start().await;
    case.expect(&[(0, 10)], Counts::of(10, 0)).await;
    assert_eq!(case.number("SELECT count() FROM third").await, 10);
    sink.stop().await.unwrap();
    case.drop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unreachable_clickhouse_is_waited_for() {
    let case = Case::new("unreachable", 1).await;
    case.produce(0, (0..10).map(event)).await;
    let address = free_address();
    let mut args = case.sink_args();
    args.clickhouse_url = Some(format!("http://{address}"));
    let sink = Running::start(args, Arc::new(NoHook)).await;
    until("not ready, and says why", || async {
        let page = sink.get("/readyz").await;
        page.is_some_and(|(status, body)| status == 503 && body.contains("cannot be used yet"))
    })
    .await;
    assert_eq!(sink.get("/healthz").await.unwrap().0, 200);
    let _proxy = Proxy::start(address, clickhouse_url(), 0).await;
    case.expect(&[(0, 10)], Counts::of(10, 0)).await;
    sink.stop().await.unwrap();
    case.drop().await;
}
