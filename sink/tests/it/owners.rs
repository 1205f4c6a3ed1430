//! Partitions pass from one process to another, willingly or not.

use std::time::Duration;

use futures_util::future::join_all;
use rdkafka::consumer::{BaseConsumer, Consumer};
use walcast_sink::hook::Step;

use crate::child::ChildSink;
use crate::support::case::client;
use crate::support::{Case, Counts, event, until};

#[tokio::test(flavor = "multi_thread")]
async fn an_owner_that_is_stopped_at_any_step_and_wakes_up_doubles_nothing() {
    join_all(Step::ALL.map(stopped_at)).await;
}

async fn stopped_at(step: Step) {
    let case = Case::new(&format!("stopped_{step}").to_lowercase(), 1).await;
    case.produce(0, (0..50).map(event)).await;
    let owner = ChildSink::start(&case, step);
    until("the owner is stopped", || async { owner.is_stopped() }).await;

    let successor = case.start().await;
    case.expect(&[(0, 50)], Counts::of(50, 0)).await;
    case.produce(0, (50..100).map(event)).await;
    case.expect(&[(0, 100)], Counts::of(100, 0)).await;

    owner.resume();
    until("the owner is back in the group", || async {
        members(&case) == 2
    })
    .await;
    case.produce(0, (100..150).map(event)).await;
    case.expect(&[(0, 150)], Counts::of(150, 0)).await;

    successor.stop().await.unwrap();
    case.produce(0, (150..200).map(event)).await;
    case.expect(&[(0, 200)], Counts::of(200, 0)).await;
    drop(owner);
    case.drop().await;
}

/// Members of the case's group, when it is not being balanced.
fn members(case: &Case) -> usize {
    let consumer: BaseConsumer = client().create().unwrap();
    let groups = consumer
        .fetch_group_list(Some(&case.name), Duration::from_secs(10))
        .unwrap();
    let group = groups
        .groups()
        .iter()
        .find(|group| group.name() == case.name);
    group
        .filter(|group| group.state() == "Stable")
        .map_or(0, |group| group.members().len())
}

#[tokio::test(flavor = "multi_thread")]
async fn sinks_that_come_and_go_under_load_share_partitions_without_loss() {
    const ROUNDS: u64 = 60;
    let case = Case::new("sharing", 4).await;
    let load = async {
        for round in 0..ROUNDS {
            let partition = i32::try_from(round % 4).unwrap();
            case.produce(partition, (round * 100..(round + 1) * 100).map(event))
                .await;
        }
    };
    let sinks = async {
        let first = case.start().await;
        first.status_with(r#""rows":"#).await;
        let second = case.start().await;
        until("two members", || async { members(&case) == 2 }).await;
        let third = case.start().await;
        until("three members", || async { members(&case) == 3 }).await;
        first.stop().await.unwrap();
        until("two members again", || async { members(&case) == 2 }).await;
        second.stop().await.unwrap();
        third
    };
    let (_, last) = tokio::join!(load, sinks);
    let each = i64::try_from(ROUNDS * 100 / 4).unwrap();
    let positions = [(0, each), (1, each), (2, each), (3, each)];
    case.expect(&positions, Counts::of(ROUNDS * 100, 0)).await;
    last.stop().await.unwrap();
    case.drop().await;
}
