//! Connectors that fail, and a worker that cannot start.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::world::{World, props};

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_task_shows_its_trace_and_touches_no_other() {
    let world = World::start().await;
    world.create("good", json!({})).await;
    world
        .create("bad", json!({"fake.fail": "it broke\nCaused by: us"}))
        .await;
    let status = world.until_state("bad", "RUNNING", &["FAILED"]).await;
    assert_eq!(status["tasks"][0]["trace"], "it broke\nCaused by: us");
    world.until_state("good", "RUNNING", &["RUNNING"]).await;
    assert_eq!(world.fake.starts("good"), 1);
    world.put("/connectors/bad/pause").await;
    world.until_state("bad", "PAUSED", &["FAILED"]).await;
    world.put("/connectors/bad/resume").await;
    world.until_state("bad", "RUNNING", &["FAILED"]).await;
    assert_eq!(world.fake.starts("bad"), 1);
    let path = "/connectors/bad/restart?includeTasks=true&onlyFailed=true";
    let restart = world.ask("POST", path, Value::Null).await;
    assert_eq!(restart.body["connector"]["state"], "RUNNING");
    assert_eq!(restart.body["tasks"][0]["state"], "RESTARTING");
    while world.fake.starts("bad") < 2 {
        world.get("/").await;
    }
    let cured = props(json!({"name": "bad"}));
    assert_eq!(
        world
            .ask("PUT", "/connectors/bad/config", cured)
            .await
            .status,
        200
    );
    world.until_state("bad", "RUNNING", &["RUNNING"]).await;
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_task_is_started_again_where_its_policy_says_so() {
    let world = World::start().await;
    let extra = json!({"fake.fail": "it broke", "fake.restarts": "2"});
    world.create("c", extra).await;
    let status = world
        .until("/connectors/c/status", |answer| {
            let task = &answer.body["tasks"][0];
            task["state"] == "FAILED" && task["trace"] == "it broke"
        })
        .await;
    assert_eq!(world.fake.starts("c"), 3);
    assert_eq!(status.body["tasks"][0]["walcast_restarts"], 2);
    // Somebody looks after it: the count begins anew.
    let path = "/connectors/c/restart?includeTasks=true&onlyFailed=true";
    assert_eq!(world.ask("POST", path, Value::Null).await.status, 202);
    while world.fake.starts("c") < 6 {
        world.get("/").await;
    }
    world.put("/connectors/c/pause").await;
    world.until_state("c", "PAUSED", &["FAILED"]).await;
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_stop_delays_no_other_connector() {
    let world = World::start().await;
    world
        .create("slow", json!({"fake.slow.stop": "true"}))
        .await;
    world.until_state("slow", "RUNNING", &["RUNNING"]).await;
    assert_eq!(world.put("/connectors/slow/stop").await.status, 204);
    world.create("other", json!({})).await;
    world.until_state("other", "RUNNING", &["RUNNING"]).await;
    assert!(world.fake.runs("slow"));
    let offsets = world
        .ask("DELETE", "/connectors/slow/offsets", Value::Null)
        .await;
    assert_eq!(offsets.status, 409, "{offsets:?}");
    world.fake.let_go();
    world.until_state("slow", "STOPPED", &[]).await;
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_configuration_that_became_invalid_fails_the_connector_alone() {
    let mut world = World::new();
    world.make_topic("config", 1, "compact").await;
    let bad = props(json!({"name": "bad", "fake.problem": "slot.name:is taken; choose another"}));
    world
        .write(
            "config",
            "connector-bad",
            Some(&json!({"properties": bad}).to_string()),
        )
        .await;
    let good = props(json!({"name": "good"}));
    world
        .write(
            "config",
            "connector-good",
            Some(&json!({"properties": good}).to_string()),
        )
        .await;
    world.start_worker().await;
    world.until_state("good", "RUNNING", &["RUNNING"]).await;
    let status = world.until_state("bad", "FAILED", &[]).await;
    let trace = status["connector"]["trace"].as_str().unwrap();
    assert!(
        trace.contains("slot.name: is taken; choose another"),
        "{trace}"
    );
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_without_kafka_gives_up_in_time_and_says_what_to_check() {
    let mut world = World::new();
    world
        .props
        .insert("bootstrap.servers".into(), "127.0.0.1:1".into());
    world
        .props
        .insert("walcast.kafka.start.timeout.ms".into(), "1000".into());
    let begun = Instant::now();
    let error = world.try_start_worker().await.unwrap_err().to_string();
    assert!(
        error.contains("Kafka at 127.0.0.1:1") && error.contains("bootstrap.servers"),
        "{error}"
    );
    assert!(begun.elapsed() < Duration::from_secs(20));
}

#[tokio::test(flavor = "multi_thread")]
async fn topics_that_would_lose_the_state_are_refused() {
    for (kind, partitions, policy, named) in [
        ("config", 1, "delete", "cleanup.policy=compact"),
        ("config", 3, "compact", "single partition"),
        ("status", 1, "delete", "status.storage.topic"),
    ] {
        let mut world = World::new();
        world.make_topic(kind, partitions, policy).await;
        let error = world.try_start_worker().await.unwrap_err().to_string();
        assert!(
            error.contains(named) && error.contains(&world.topic(kind)),
            "{error}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_taken_port_is_said_with_its_cure() {
    let first = World::start().await;
    let mut second = World::new();
    second.props.insert("listeners".into(), first.url(""));
    let error = second.try_start_worker().await.unwrap_err().to_string();
    assert!(
        error.contains("cannot listen on") && error.contains("listeners"),
        "{error}"
    );
    first.end().await;
}
