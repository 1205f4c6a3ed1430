//! The state in Connect's topics: written as Connect writes it, read back by the next worker.

use serde_json::{Value, json};

use crate::world::{World, props};

const WORKER: &str = r#""worker_id":"127.0.0.1:"#;

#[tokio::test(flavor = "multi_thread")]
async fn what_a_worker_leaves_the_next_one_goes_on_with() {
    let mut world = World::start().await;
    for name in ["runs", "paused", "stopped", "gone"] {
        world.create(name, json!({})).await;
    }
    world.put("/connectors/paused/pause").await;
    world.put("/connectors/stopped/stop").await;
    world.ask("DELETE", "/connectors/gone", Value::Null).await;
    world.until_state("paused", "PAUSED", &["PAUSED"]).await;
    world.until_state("stopped", "STOPPED", &[]).await;
    world.until_state("runs", "RUNNING", &["RUNNING"]).await;
    let starts =
        |world: &World| ["runs", "paused", "stopped", "gone"].map(|n| world.fake.starts(n));
    let before = starts(&world);
    world.stop_worker().await;
    assert!(!world.fake.runs("runs"));
    let last = world
        .records("status")
        .await
        .into_iter()
        .rfind(|(k, _)| k == "status-connector-runs");
    let value = last.and_then(|(_, value)| value).unwrap();
    assert!(
        value.starts_with(r#"{"state":"UNASSIGNED","trace":null,"worker_id":""#),
        "{value}"
    );

    world.start_worker().await;
    world.until_state("runs", "RUNNING", &["RUNNING"]).await;
    world.until_state("paused", "PAUSED", &["PAUSED"]).await;
    world.until_state("stopped", "STOPPED", &[]).await;
    assert_eq!(
        world.get("/connectors").await.body,
        json!(["paused", "runs", "stopped"])
    );
    let after = starts(&world);
    assert_eq!(after, [before[0] + 1, before[1], before[2], before[3]]);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_config_topic_holds_connects_records_in_connects_order() {
    let world = World::start().await;
    world.create("c", json!({})).await;
    world.until_state("c", "RUNNING", &["RUNNING"]).await;
    world.put("/connectors/c/pause").await;
    world.put("/connectors/c/stop").await;
    world.until_state("c", "STOPPED", &[]).await;
    world
        .ask(
            "POST",
            "/connectors/c/restart?includeTasks=true",
            Value::Null,
        )
        .await;
    world.ask("DELETE", "/connectors/c", Value::Null).await;
    let records = world.records("config").await;
    let expected = [
        (
            "connector-c",
            Some(
                r#"{"properties":{"connector.class":"io.debezium.connector.postgresql.PostgresConnector","tasks.max":"1","database.hostname":"db","database.user":"u","database.dbname":"d","topic.prefix":"p","name":"c"}}"#,
            ),
        ),
        (
            "task-c-0",
            Some(
                r#"{"properties":{"connector.class":"io.debezium.connector.postgresql.PostgresConnector","database.dbname":"d","database.user":"u","topic.prefix":"p","tasks.max":"1","task.class":"io.debezium.connector.postgresql.PostgresConnectorTask","database.hostname":"db","name":"c"}}"#,
            ),
        ),
        ("commit-c", Some(r#"{"tasks":1}"#)),
        (
            "target-state-c",
            Some(r#"{"state":"PAUSED","state.v2":"PAUSED"}"#),
        ),
        ("commit-c", Some(r#"{"tasks":0}"#)),
        (
            "target-state-c",
            Some(r#"{"state":"PAUSED","state.v2":"STOPPED"}"#),
        ),
        (
            "restart-connector-c",
            Some(r#"{"include-tasks":true,"only-failed":false}"#),
        ),
        ("connector-c", None),
        ("target-state-c", None),
    ];
    let keys = |records: &[(String, Option<String>)]| {
        records.iter().map(|(k, _)| k.clone()).collect::<Vec<_>>()
    };
    assert_eq!(keys(&records), expected.map(|(k, _)| k.to_owned()));
    for ((key, value), (_, expected)) in records.iter().zip(expected) {
        let parse = |text: &str| serde_json::from_str::<Value>(text).unwrap();
        assert_eq!(value.as_deref().map(parse), expected.map(parse), "{key}");
    }
    assert_eq!(records[0].1.as_deref(), expected[0].1);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn statuses_are_connects_and_end_with_the_connector() {
    let world = World::start().await;
    world.create("c", json!({"fake.topics": "t"})).await;
    world
        .until("/connectors/c/topics", |a| {
            a.body["c"]["topics"] == json!(["t"])
        })
        .await;
    world.until_state("c", "RUNNING", &["RUNNING"]).await;
    world.ask("DELETE", "/connectors/c", Value::Null).await;
    world
        .until("/connectors/c/status", |answer| answer.status == 404)
        .await;
    let topic = world.topic("status");
    let mut world = world;
    world.stop_worker().await;
    let records = world.records("status").await;
    let of = |key: &str| -> Vec<Option<String>> {
        records
            .iter()
            .filter(|(k, _)| k == key)
            .map(|(_, v)| v.clone())
            .collect()
    };
    for key in ["status-connector-c", "status-task-c-0"] {
        let values = of(key);
        let first = values[0].as_deref().unwrap();
        assert!(
            first.starts_with(r#"{"state":"RUNNING","trace":null,"#) && first.contains(WORKER),
            "{first}"
        );
        assert!(
            first.ends_with(r#""generation":1,"version":"9.9.9"}"#),
            "{first}"
        );
        assert_eq!(values.last(), Some(&None), "{topic} {key}");
    }
    let seen =
        r#"{"topic":{"name":"t","connector":"c","task":0,"discoverTimestamp":1700000000000}}"#;
    assert_eq!(
        of("status-topic-t:connector-c"),
        [Some(seen.to_owned()), None]
    );
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn connectors_that_kafka_connect_has_left_are_taken_over() {
    let mut world = World::new();
    world.make_topic("config", 1, "compact").await;
    let config = props(json!({"name": "c", "database.password": "${env:NOT_ASKED_FOR}"}));
    for (key, value) in [
        (
            "session-key",
            json!({"key": "k4Hv=", "algorithm": "HmacSHA256", "creation-timestamp": 1}),
        ),
        ("connector-c", json!({"properties": config})),
        ("task-c-0", json!({"properties": config})),
        ("commit-c", json!({"tasks": 1})),
        (
            "target-state-c",
            json!({"state": "STARTED", "state.v2": "STARTED"}),
        ),
        (
            "connector-p",
            json!({"properties": props(json!({"name": "p"}))}),
        ),
        ("target-state-p", json!({"state": "PAUSED"})),
    ] {
        world.write("config", key, Some(&value.to_string())).await;
    }
    world.start_worker().await;
    world.until_state("c", "RUNNING", &["RUNNING"]).await;
    world.until_state("p", "PAUSED", &[]).await;
    let password = world.fake.seen.lock().unwrap().props["c"]["database.password"].clone();
    assert_eq!(password, "${env:NOT_ASKED_FOR}");
    world.end().await;
}
