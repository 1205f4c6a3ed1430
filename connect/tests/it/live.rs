//! Signals and tables over REST: what the paths that are Walcast's own answer.

use serde_json::{Value, json};

use crate::world::World;

const SIGNALS: &str = "/connectors/c/signals";
const TABLES: &str = "/connectors/c/tables";

#[tokio::test(flavor = "multi_thread")]
async fn a_signal_is_handed_to_the_running_task() {
    let world = World::start().await;
    world.create("c", json!({})).await;
    world.until_state("c", "RUNNING", &["RUNNING"]).await;
    let with_object = json!({"id": "1", "type": "log", "data": {"message": "hi"}});
    // As Debezium Server takes it.
    let with_text = json!({"type": "log", "data": "{\"message\":\"hi\"}", "additionalData": {}});
    for (body, id) in [(with_object, "1"), (with_text, "made")] {
        let answer = world.ask("POST", SIGNALS, body).await;
        assert_eq!((answer.status, answer.body), (202, json!({"id": id})));
    }
    let signals = world.fake.seen.lock().unwrap().signals.clone();
    for signal in &signals {
        assert_eq!(signal.kind, "log");
        assert_eq!(signal.data.as_deref(), Some(r#"{"message":"hi"}"#));
    }
    assert_eq!(signals.len(), 2);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_says_how_far_it_is() {
    let world = World::start().await;
    let path = "/connectors/c/snapshot";
    assert_eq!(world.ask("GET", path, Value::Null).await.status, 404);
    world.create("c", json!({})).await;
    world.until_state("c", "RUNNING", &["RUNNING"]).await;
    let answer = world.ask("GET", path, Value::Null).await;
    assert_eq!(answer.status, 200);
    let expected = json!({
        "state": "RUNNING", "resumed": false, "streams_reopened": 0, "tables": 0,
        "tables_left": 0, "rows": 7, "percent": 0, "seconds": 0,
    });
    assert_eq!(answer.body, expected);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_asked_is_refused_in_connects_form() {
    let world = World::start().await;
    let signal = || json!({"type": "log"});
    let table = || json!({"table": "public.t"});
    for (path, body) in [(SIGNALS, signal()), (TABLES, table())] {
        let unknown = world.ask("POST", path, body).await;
        let text = json!({"error_code": 404, "message": "Connector c not found"});
        assert_eq!((unknown.status, unknown.body), (404, text));
    }
    world.create("c", json!({})).await;
    world.until_state("c", "RUNNING", &["RUNNING"]).await;
    for (path, body) in [
        (SIGNALS, json!({"data": {}})),
        (SIGNALS, json!({"type": " "})),
        (SIGNALS, json!({"type": "log", "data": [1]})),
        (SIGNALS, json!({"type": "log", "bogus": 1})),
        (TABLES, json!({"table": "t"})),
        (TABLES, json!({"table": "public.t", "backfill": "no"})),
        (TABLES, Value::Null),
    ] {
        let answer = world.ask("POST", path, body.clone()).await;
        assert_eq!(answer.status, 400, "{body}");
        assert_eq!(answer.body["error_code"], 400, "{body}");
    }
    world.put("/connectors/c/pause").await;
    world.until_state("c", "PAUSED", &["PAUSED"]).await;
    for (path, body) in [(SIGNALS, signal()), (TABLES, table())] {
        let paused = world.ask("POST", path, body).await;
        assert_eq!(paused.status, 409);
        let message = paused.body["message"].as_str().unwrap();
        assert!(message.contains("it is PAUSED"), "{message}");
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_task_refuses_comes_with_its_cure() {
    let world = World::start().await;
    let cure = "ALTER PUBLICATION \"p\" ADD TABLE \"public\".\"t\";";
    let extra = json!({"fake.refuse": "422:the login may not", "fake.sql": cure});
    world.create("c", extra).await;
    world.until_state("c", "RUNNING", &["RUNNING"]).await;
    let refused = world
        .ask("POST", TABLES, json!({"table": "public.t"}))
        .await;
    let body = json!({"error_code": 422, "message": "the login may not", "sql": cure});
    assert_eq!((refused.status, refused.body), (422, body));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_is_added_and_named_in_the_list_that_lacks_it() {
    let world = World::start().await;
    world
        .create("c", json!({"table.include.list": "public.a"}))
        .await;
    world.until_state("c", "RUNNING", &["RUNNING"]).await;
    let body = json!({"table": "public.b", "additional-condition": "id > 1"});
    let added = world.ask("POST", TABLES, body.clone()).await;
    let expected = json!({
        "table": "public.b",
        "publication": "added",
        "backfill": {"signal": "s"},
        "notes": [],
        "config": {"table.include.list": "public.a,public.b"},
    });
    assert_eq!((added.status, added.body), (202, expected));
    assert_eq!(world.fake.starts("c"), 2);
    let config = world.get("/connectors/c/config").await.body;
    assert_eq!(config["table.include.list"], "public.a,public.b");

    let again = world.ask("POST", TABLES, body).await;
    assert_eq!((again.status, again.body.get("config")), (202, None));
    assert_eq!(world.fake.starts("c"), 2, "nothing was changed");
    let body = json!({"table": "public.b", "backfill": false});
    let bare = world.ask("POST", TABLES, body).await;
    assert_eq!((bare.status, &bare.body["backfill"]), (200, &Value::Null));
    let tables = world.fake.seen.lock().unwrap().tables.clone();
    assert_eq!(tables[0].condition.as_deref(), Some("id > 1"));
    world.end().await;
}
