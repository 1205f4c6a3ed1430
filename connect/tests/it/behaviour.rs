//! What connectors do when they are paused, stopped, restarted, deleted.

use serde_json::{Value, json};

use crate::world::{World, props};

#[tokio::test(flavor = "multi_thread")]
async fn a_connector_is_paused_resumed_and_stopped() {
    let world = World::start().await;
    world.create("c", json!({})).await;
    world.until_state("c", "RUNNING", &["RUNNING"]).await;
    for _ in 0..2 {
        assert_eq!(world.put("/connectors/c/pause").await.status, 202);
    }
    world.until_state("c", "PAUSED", &["PAUSED"]).await;
    assert!(!world.fake.runs("c"));
    for _ in 0..2 {
        assert_eq!(world.put("/connectors/c/resume").await.status, 202);
    }
    world.until_state("c", "RUNNING", &["RUNNING"]).await;
    // Connect's pause does not end the task, so its records go on with the run's id.
    assert_eq!(world.fake.run_of("c"), "run of start 1");
    assert_eq!(world.put("/connectors/c/stop").await.status, 204);
    assert_eq!(world.get("/connectors/c/tasks").await.body, json!([]));
    world.until_state("c", "STOPPED", &[]).await;
    assert_eq!(world.fake.starts("c"), 2);
    let restart = world
        .ask("POST", "/connectors/c/tasks/0/restart", Value::Null)
        .await;
    assert_eq!(restart.status, 409);
    world.put("/connectors/c/resume").await;
    world.until_state("c", "RUNNING", &["RUNNING"]).await;
    assert_eq!(world.fake.run_of("c"), "run of start 3");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn restarts_renew_what_they_are_asked_to() {
    let world = World::start().await;
    world.create("c", json!({})).await;
    world.until_state("c", "RUNNING", &["RUNNING"]).await;
    let restart = async |query: &str| {
        world
            .ask(
                "POST",
                &format!("/connectors/c/restart{query}"),
                Value::Null,
            )
            .await
    };
    assert_eq!(restart("").await.status, 204);
    assert_eq!(restart("?includeTasks=bogus").await.status, 204);
    let failed = restart("?includeTasks=true&onlyFailed=true").await;
    assert_eq!(
        (failed.status, &failed.body["connector"]["state"]),
        (202, &json!("RUNNING"))
    );
    assert_eq!(world.fake.starts("c"), 1);
    let all = restart("?includeTasks=true").await;
    assert_eq!(all.status, 202);
    assert_eq!(all.body["connector"]["state"], "RESTARTING");
    assert_eq!(all.body["tasks"][0]["state"], "RESTARTING");
    world.until_state("c", "RUNNING", &["RUNNING"]).await;
    assert_eq!(world.fake.starts("c"), 2);
    let task = world
        .ask("POST", "/connectors/c/tasks/0/restart", Value::Null)
        .await;
    assert_eq!(task.status, 204);
    world.until_state("c", "RUNNING", &["RUNNING"]).await;
    assert_eq!(world.fake.starts("c"), 3);
    let unknown = world
        .ask("POST", "/connectors/c/tasks/9/restart", Value::Null)
        .await;
    assert_eq!(
        (unknown.status, &unknown.body["message"]),
        (404, &json!("Unknown task: c-9"))
    );
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_configuration_restarts_the_task_and_the_same_does_not() {
    let world = World::start().await;
    world.create("c", json!({})).await;
    world.until_state("c", "RUNNING", &["RUNNING"]).await;
    let same = props(json!({"name": "c"}));
    assert_eq!(
        world.ask("PUT", "/connectors/c/config", same).await.status,
        200
    );
    let other = props(json!({"name": "c", "poll.interval.ms": "9"}));
    assert_eq!(
        world.ask("PUT", "/connectors/c/config", other).await.status,
        200
    );
    world
        .until("/connectors/c/tasks", |a| {
            a.body[0]["config"]["poll.interval.ms"] == "9"
        })
        .await;
    world.until_state("c", "RUNNING", &["RUNNING"]).await;
    while world.fake.starts("c") < 2 {
        world.get("/").await;
    }
    assert_eq!(
        world.fake.seen.lock().unwrap().props["c"]["poll.interval.ms"],
        "9"
    );
    assert_eq!(world.fake.starts("c"), 2);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_initial_state_is_kept_until_resumed() {
    let world = World::start().await;
    for (name, given, state, tasks) in [
        ("s", "stopped", "STOPPED", &[][..]),
        // As in Connect, it gets its task when it is resumed.
        ("p", "PAUSED", "PAUSED", &[][..]),
    ] {
        let body = json!({"name": name, "config": props(json!({})), "initial_state": given});
        assert_eq!(world.ask("POST", "/connectors", body).await.status, 201);
        world.until_state(name, state, tasks).await;
        assert_eq!(world.fake.starts(name), 0);
        world.put(&format!("/connectors/{name}/resume")).await;
        world.until_state(name, "RUNNING", &["RUNNING"]).await;
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_creations_at_once_one_succeeds() {
    let world = World::start().await;
    let body = json!({"name": "c", "config": props(json!({}))});
    let asks = (0..8).map(|_| world.ask("POST", "/connectors", body.clone()));
    let answers = futures_util::future::join_all(asks).await;
    let mut statuses: Vec<_> = answers.iter().map(|a| a.status).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 409, 409, 409, 409, 409, 409, 409]);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connector_deleted_and_made_again_starts_when_the_former_has_ended() {
    let world = World::start().await;
    world.create("c", json!({"fake.slow.stop": "true"})).await;
    world.until_state("c", "RUNNING", &["RUNNING"]).await;
    world.ask("DELETE", "/connectors/c", Value::Null).await;
    let body = json!({"name": "c", "config": props(json!({}))});
    assert_eq!(world.ask("POST", "/connectors", body).await.status, 201);
    assert_eq!(world.fake.starts("c"), 1);
    world.fake.let_go();
    while world.fake.starts("c") < 2 {
        world.get("/").await;
    }
    world.until_state("c", "RUNNING", &["RUNNING"]).await;
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn topics_in_use_are_kept_until_reset() {
    let world = World::start().await;
    world.create("c", json!({"fake.topics": "t.b,t.a"})).await;
    let topics = json!({"c": {"topics": ["t.a", "t.b"]}});
    world
        .until("/connectors/c/topics", |answer| answer.body == topics)
        .await;
    assert_eq!(world.put("/connectors/c/topics/reset").await.status, 202);
    assert_eq!(
        world.get("/connectors/c/topics").await.body,
        json!({"c": {"topics": []}})
    );
    world.end().await;
}
