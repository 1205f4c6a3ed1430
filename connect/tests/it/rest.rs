//! The API itself: paths, codes, bodies.

use serde_json::{Value, json};

use crate::world::{Answer, World, props};

fn error(code: u16, message: &str) -> Value {
    json!({"error_code": code, "message": message})
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connector_is_created_and_read() {
    let world = World::start().await;
    let config = props(json!({"poll.interval.ms": 5}));
    let created = world
        .ask(
            "POST",
            "/connectors",
            json!({"name": "c", "config": config}),
        )
        .await;
    let mut given = props(json!({"poll.interval.ms": "5"}));
    given["name"] = json!("c");
    assert_eq!(created.status, 201);
    assert_eq!(created.location, Some(world.url("/connectors/c")));
    assert_eq!(
        created.body,
        json!({"name": "c", "config": given, "tasks": [], "type": "source"})
    );

    let again = world
        .ask(
            "POST",
            "/connectors",
            json!({"name": "c", "config": config}),
        )
        .await;
    assert_eq!(
        (again.status, again.body),
        (409, error(409, "Connector c already exists"))
    );

    let status = world.until_state("c", "RUNNING", &["RUNNING"]).await;
    let worker_id = world.url("").replace("http://", "");
    let running = json!({"state": "RUNNING", "worker_id": worker_id, "version": "9.9.9"});
    let mut task = running.clone();
    task["id"] = json!(0);
    assert_eq!(
        status,
        json!({"name": "c", "connector": running, "tasks": [task], "type": "source"})
    );
    assert_eq!(world.get("/connectors/c/tasks/0/status").await.body, task);

    let shown = world
        .until("/connectors/c", |a| a.body["tasks"] != json!([]))
        .await;
    assert_eq!(shown.body["tasks"], json!([{"connector": "c", "task": 0}]));
    let mut task_config = given.clone();
    task_config["task.class"] = json!("io.debezium.connector.postgresql.PostgresConnectorTask");
    let tasks = json!([{"id": {"connector": "c", "task": 0}, "config": task_config}]);
    assert_eq!(world.get("/connectors/c/tasks").await.body, tasks);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connector_is_changed_and_deleted() {
    let world = World::start().await;
    let mut given = props(json!({"name": "c", "poll.interval.ms": "5"}));
    world.create("c", given.clone()).await;
    given["poll.interval.ms"] = json!("7");
    let put = world
        .ask("PUT", "/connectors/c/config", given.clone())
        .await;
    assert_eq!((put.status, &put.body["config"]), (200, &given));
    let patch = json!({"poll.interval.ms": null, "max.batch.size": "9"});
    let patched = world.ask("PATCH", "/connectors/c/config", patch).await;
    assert_eq!(patched.status, 200);
    given.as_object_mut().unwrap().remove("poll.interval.ms");
    given["max.batch.size"] = json!("9");
    assert_eq!(world.get("/connectors/c/config").await.body, given);

    assert_eq!(
        world
            .ask("DELETE", "/connectors/c", Value::Null)
            .await
            .status,
        204
    );
    assert_eq!(world.get("/connectors").await.body, json!([]));
    world
        .until("/connectors/c/status", |answer| answer.status == 404)
        .await;
    assert!(!world.fake.runs("c"));
    world.end().await;
}

/// Method, path, status, message.
const NOT_THERE: [(&str, &str, u16, &str); 16] = [
    ("GET", "/connectors/x", 404, "Connector x not found"),
    ("GET", "/connectors/x/config", 404, "Connector x not found"),
    ("GET", "/connectors/x/tasks", 404, "Connector x not found"),
    ("GET", "/connectors/x/offsets", 404, "Connector x not found"),
    ("DELETE", "/connectors/x", 404, "Connector x not found"),
    (
        "DELETE",
        "/connectors/x/offsets",
        404,
        "Connector x not found",
    ),
    (
        "GET",
        "/connectors/x/status",
        404,
        "No status found for connector x",
    ),
    (
        "GET",
        "/connectors/x/tasks/0/status",
        404,
        "No status found for task x-0",
    ),
    ("PUT", "/connectors/x/pause", 404, "Unknown connector x"),
    ("PUT", "/connectors/x/resume", 404, "Unknown connector x"),
    ("PUT", "/connectors/x/stop", 404, "Unknown connector x"),
    ("POST", "/connectors/x/restart", 404, "Unknown connector: x"),
    (
        "POST",
        "/connectors/x/tasks/0/restart",
        404,
        "Unknown connector: x",
    ),
    (
        "POST",
        "/connectors/x/tasks/y/restart",
        404,
        "HTTP 404 Not Found",
    ),
    ("GET", "/admin/loggers/x", 404, "Logger x not found."),
    (
        "GET",
        "/connector-plugins/x/config",
        404,
        "Unknown plugin x.",
    ),
];

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_there_is_answered_in_connects_words() {
    let world = World::start().await;
    for (method, path, status, message) in NOT_THERE {
        let answer = world.ask(method, path, Value::Null).await;
        assert_eq!(
            (answer.status, answer.body),
            (status, error(status, message)),
            "{path}"
        );
        assert_eq!(
            answer.content_type.as_deref(),
            Some("application/json"),
            "{path}"
        );
    }
    for (method, path, status, message) in [
        ("GET", "/nope", 404, "HTTP 404 Not Found"),
        ("DELETE", "/connectors", 405, "HTTP 405 Method Not Allowed"),
        (
            "POST",
            "/connectors/x/config",
            405,
            "HTTP 405 Method Not Allowed",
        ),
    ] {
        let answer = world.ask(method, path, Value::Null).await;
        assert_eq!(
            (answer.status, answer.body),
            (status, error(status, message)),
            "{path}"
        );
        assert_eq!(answer.content_type, None, "{path}");
    }
    assert_eq!(
        world.get("/connectors/x/topics").await.body,
        json!({"x": {"topics": []}})
    );
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_that_cannot_be_taken_are_refused() {
    let world = World::start().await;
    let json = "application/json";
    for (method, path, media, body, status) in [
        ("POST", "/connectors", "text/plain", "x", 415),
        ("PUT", "/connectors/x/pause", "text/plain", "", 415),
        ("POST", "/connectors", json, "{\"name\": ", 500),
        ("POST", "/connectors", json, "", 500),
        ("POST", "/connectors", json, "[]", 500),
        ("POST", "/connectors", json, r#"{"name":"x"}"#, 500),
        (
            "POST",
            "/connectors",
            json,
            r#"{"name":"x","config":{},"bogus":1}"#,
            500,
        ),
        ("PUT", "/connectors/x/config", json, "nope", 500),
        ("PATCH", "/connectors/x/offsets", json, "{}", 400),
        ("PUT", "/admin/loggers/root", json, "{}", 400),
        (
            "PUT",
            "/admin/loggers/root",
            json,
            r#"{"level":"LOUD"}"#,
            404,
        ),
    ] {
        let answer = world.ask_raw(method, path, media, body).await;
        assert_eq!(answer.status, status, "{method} {path} {body}: {answer:?}");
        assert_eq!(answer.body["error_code"], status, "{method} {path} {body}");
    }
    let html = reqwest::Client::new()
        .get(world.url("/connectors"))
        .header("accept", "text/html");
    assert_eq!(world.send(html).await.status, 406);
    let huge = format!("{{\"a\":\"{}\"}}", "x".repeat(9 * 1024 * 1024));
    let answer = world
        .ask_raw("PUT", "/connectors/x/config", json, &huge)
        .await;
    assert_eq!(answer.status, 413);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_are_expanded_by_status_and_info() {
    let world = World::start().await;
    world.create("a", json!({})).await;
    world.create("b", json!({})).await;
    assert_eq!(world.get("/connectors/").await.body, json!(["a", "b"]));
    let both = world
        .get("/connectors?expand=status&expand=info")
        .await
        .body;
    assert_eq!(both["a"]["info"]["name"], "a");
    assert_eq!(both["b"]["status"]["connector"]["state"], "RUNNING");
    assert_eq!(
        world.get("/connectors?expand=x").await.body,
        json!({"a": {}, "b": {}})
    );
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_worker_tells_of_itself() {
    let world = World::start().await;
    let root = world.get("/").await.body;
    assert!(
        !root["kafka_cluster_id"].as_str().unwrap().is_empty(),
        "{root}"
    );
    // Until it has its place in the group it is starting.
    let healthy = |answer: &Answer| answer.body["status"] == "healthy";
    assert_eq!(world.until("/health", healthy).await.status, 200);
    world.create("a", json!({})).await;
    world.until_state("a", "RUNNING", &["RUNNING"]).await;
    let metrics = world.get("/metrics").await.body;
    let line =
        "kafka_connect_connector_task_status{connector=\"a\",task=\"0\",status=\"running\"} 1";
    assert!(metrics.as_str().unwrap().contains(line), "{metrics}");
    let level = json!({"level": "DEBUG"});
    let set = world
        .ask("PUT", "/admin/loggers/io.debezium", level.clone())
        .await;
    assert_eq!((set.status, set.body), (200, json!(["io.debezium"])));
    let shown = world.get("/admin/loggers/io.debezium").await.body;
    assert_eq!(
        shown,
        json!({"level": "DEBUG", "last_modified": 1_700_000_000_000_i64})
    );
    let cluster = world
        .ask("PUT", "/admin/loggers/x?scope=cluster", level)
        .await;
    assert_eq!((cluster.status, cluster.body), (204, Value::Null));
    world.end().await;
}
