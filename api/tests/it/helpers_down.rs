//! Redis and ClickHouse down: what still works, what says so.

use std::time::{Duration, Instant};

use serde_json::json;
use tokio::net::TcpListener;

use crate::app::App;
use crate::servers::servers;

#[tokio::test]
async fn without_redis_everything_works_and_readyz_says_degraded() {
    // Nothing listens there: the port was free and is not ours any more.
    let free = TcpListener::bind("127.0.0.1:0")
        .await
        .expect("listen")
        .local_addr()
        .expect("address");
    let app = App::with(&format!("redis_url = 'redis://{free}'")).await;
    app.demo("u").await;
    app.assign("u", 1).await;
    let body = json!({"experiment_id": 1, "user_id": "u"});
    for _ in 0..20 {
        app.write
            .post("/v1/assignments", &body)
            .await
            .expect_status(200);
    }
    let ready = app.nobody().get("/readyz").await.expect_status(200).json();
    assert_eq!(
        (&ready["status"], &ready["components"]["redis"]["status"]),
        (&json!("degraded"), &json!("down"))
    );
    let detail = ready["components"]["redis"]["detail"]
        .as_str()
        .expect("a detail");
    assert!(
        detail.starts_with("assignments are read from PostgreSQL: "),
        "{detail}"
    );
    app.stop().await;
}

#[tokio::test]
async fn a_redis_that_hangs_is_left_aside() {
    // Connections are taken by the kernel and never answered.
    let silent = TcpListener::bind("127.0.0.1:0").await.expect("listen");
    let address = silent.local_addr().expect("address");
    let app = App::with(&format!(
        "redis_url = 'redis://{address}'\nredis_timeout_ms = 50"
    ))
    .await;
    app.demo("u").await;
    app.assign("u", 1).await;
    let body = json!({"experiment_id": 1, "user_id": "u"});
    let started = Instant::now();
    for _ in 0..40 {
        app.write
            .post("/v1/assignments", &body)
            .await
            .expect_status(200);
    }
    // Each request would wait twice 50 ms, for reading and for writing, without the breaker.
    assert!(
        started.elapsed() < Duration::from_secs(3),
        "{:?}",
        started.elapsed()
    );
    app.stop().await;
}

#[tokio::test]
async fn what_redis_holds_of_others_is_not_believed() {
    let redis = &servers().await.redis;
    let app = App::with(&format!("redis_url = '{redis}'\nredis_timeout_ms = 1000")).await;
    app.demo("u").await;
    let installation = app
        .sql
        .query_one("SELECT id::text FROM installation", &[])
        .await
        .expect("row");
    let key = format!(
        "walcast:{}:assignment:1:u",
        installation.get::<_, String>(0)
    );
    let client = redis::Client::open(redis.as_str()).expect("client");
    let mut connection = client
        .get_multiplexed_async_connection()
        .await
        .expect("Redis");
    for junk in [
        "",
        "{}",
        "[1]",
        r#"{"experiment_id":2,"user_id":"u","id":1,"variant_id":1,"variant_key":"x","assigned_at":null}"#,
    ] {
        let () = redis::AsyncCommands::set(&mut connection, &key, junk)
            .await
            .expect("set");
        let answer = app
            .write
            .get("/v1/experiments/1/assignments/u")
            .await
            .expect_status(200)
            .json();
        assert_eq!(
            (&answer["experiment_id"], answer["variant_key"].is_string()),
            (&json!(1), true),
            "{junk}"
        );
        assert_ne!(answer["variant_key"], "x");
    }
    app.stop().await;
}

#[tokio::test]
async fn without_clickhouse_only_analytics_fail() {
    let free = TcpListener::bind("127.0.0.1:0")
        .await
        .expect("listen")
        .local_addr()
        .expect("address");
    let app = App::with(&format!("clickhouse_url = 'http://{free}'")).await;
    app.demo("u").await;
    app.assign("u", 1).await;
    for path in [
        "journeys/u",
        "breakdown",
        "funnel?steps=click",
        "revenue",
        "results",
        "sessions",
        "timeseries",
    ] {
        let answer = app
            .read
            .get(&format!("/v1/experiments/demo/analytics/{path}"))
            .await;
        let answer = answer.expect_problem(503, "analytics-unavailable", "ClickHouse");
        assert_eq!(answer.header("retry-after"), "2");
    }
    let event = json!({"experiment_id": 1, "user_id": "u", "event_type": "click"});
    app.write
        .post("/v1/events", &event)
        .await
        .expect_status(201);
    let ready = app.nobody().get("/readyz").await.expect_status(200).json();
    assert_eq!(ready["status"], "degraded");
    app.stop().await;
}

#[tokio::test]
async fn without_postgres_it_is_alive_but_not_ready() {
    let app = App::with("postgres_timeout_ms = 500").await;
    assert_eq!(
        app.nobody().get("/readyz").await.expect_status(200).json()["status"],
        "ready"
    );
    app.user("u").await;
    let rename =
        "ALTER TABLE users RENAME TO elsewhere; ALTER TABLE refinery_schema_history RENAME TO gone";
    app.sql.batch_execute(rename).await.expect("rename");
    app.nobody().get("/healthz").await.expect_status(200);
    let ready = app.nobody().get("/readyz").await.expect_status(503).json();
    assert_eq!(ready["status"], "unavailable");
    let detail = ready["components"]["postgres"]["detail"]
        .as_str()
        .expect("a detail");
    assert!(detail.contains("walcast migrate postgres"), "{detail}");
    app.stop().await;
}

#[tokio::test]
async fn a_restarted_database_is_used_again() {
    let app = App::start().await;
    app.user("before").await;
    let kill = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity \
                WHERE datname = current_database() AND pid <> pg_backend_pid()";
    assert!(app.count(kill).await > 0);
    let body = json!({"id": "after"});
    let wait =
        async { while !matches!(app.write.post("/v1/users", &body).await.status, 200 | 201) {} };
    tokio::time::timeout(Duration::from_secs(10), wait)
        .await
        .expect("it recovers");
    app.stop().await;
}
