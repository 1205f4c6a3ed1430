//! Requests that cannot be used, and what they are answered with.

use reqwest::Method;
use serde_json::json;

use crate::app::App;

/// Path, body, status, and a part of the answer.
const BODIES: &[(&str, &str, u16, &str)] = &[
    ("/v1/users", "", 400, "the body is not JSON"),
    ("/v1/users", "{\"id\":", 400, "EOF"),
    ("/v1/users", "{'id':1}", 400, "line 1 column 2"),
    ("/v1/users", "{\"id\":\"a\"} {}", 400, "trailing characters"),
    ("/v1/users", "\u{feff}{}", 400, "the body is not JSON"),
    ("/v1/users", "[]", 422, "(body): "),
    ("/v1/users", "null", 422, "(body): invalid type: null"),
    ("/v1/users", "{}", 422, "id: missing field"),
    (
        "/v1/users",
        r#"{"id":5}"#,
        422,
        "id: invalid type: integer `5`, expected a string",
    ),
    (
        "/v1/users",
        r#"{"id":""}"#,
        422,
        "id: must have 1 to 128 characters",
    ),
    (
        "/v1/users",
        r#"{"id":"a\u0000"}"#,
        422,
        "id: must not hold the character U+0000",
    ),
    (
        "/v1/users",
        r#"{"id":"a","attributes":[]}"#,
        422,
        "attributes: must be a JSON object",
    ),
    (
        "/v1/users",
        r#"{"id":"a","attributes":{"k":"\u0000"}}"#,
        422,
        "attributes: holds the character",
    ),
    (
        "/v1/users",
        r#"{"id":"a","name":"x"}"#,
        422,
        "name: unknown field",
    ),
    (
        "/v1/users",
        r#"{"id":"a","id":"b"}"#,
        422,
        "id: duplicate field",
    ),
    (
        "/v1/experiments",
        r#"{"key":"a b"}"#,
        422,
        "key: must have 1 to 64 characters",
    ),
    (
        "/v1/experiments",
        r#"{"key":"17"}"#,
        422,
        "key: must not be of digits alone",
    ),
    (
        "/v1/experiments",
        r#"{"key":"k","traffic_allocation":2}"#,
        422,
        "traffic_allocation: must be from 0 to 1",
    ),
    (
        "/v1/experiments",
        r#"{"key":"k","traffic_allocation":"1"}"#,
        422,
        "traffic_allocation: invalid type",
    ),
    (
        "/v1/experiments",
        r#"{"key":"k","variants":[{"key":"a","weight":-1}]}"#,
        422,
        "variants[0].weight: must be",
    ),
    (
        "/v1/experiments",
        r#"{"key":"k","variants":[{"weight":1}]}"#,
        422,
        "variants[0].key: missing field",
    ),
    (
        "/v1/experiments",
        r#"{"key":"k","salt":"a/b"}"#,
        422,
        "salt: must have",
    ),
    (
        "/v1/assignments",
        r#"{"experiment_id":"1","user_id":"u"}"#,
        422,
        "experiment_id: invalid type: string",
    ),
    (
        "/v1/assignments",
        r#"{"experiment_id":1.5,"user_id":"u"}"#,
        422,
        "experiment_id: invalid type: floating point",
    ),
    (
        "/v1/assignments",
        r#"{"experiment_id":99999999999999999999,"user_id":"u"}"#,
        422,
        "experiment_id: invalid type",
    ),
    (
        "/v1/assignments",
        r#"{"experiment_id":1}"#,
        422,
        "user_id: missing field",
    ),
    (
        "/v1/assignments/bulk",
        r#"{"experiment_id":1,"user_ids":[]}"#,
        422,
        "user_ids: must have",
    ),
    (
        "/v1/assignments/bulk",
        r#"{"experiment_id":1,"user_ids":["a",2]}"#,
        422,
        "user_ids[1]: invalid type",
    ),
    (
        "/v1/events",
        r#"{"experiment_id":1,"user_id":"u","event_type":"x","occurred_at":"now"}"#,
        422,
        "occurred_at: must be",
    ),
    (
        "/v1/events",
        r#"{"experiment_id":1,"user_id":"u","event_type":"x","properties":"x"}"#,
        422,
        "properties: must be a JSON object",
    ),
    (
        "/v1/events",
        r#"{"experiment_id":1,"user_id":"u","event_type":null}"#,
        422,
        "event_type: invalid type: null",
    ),
    (
        "/v1/events",
        r#"{"experiment_id":1,"user_id":"u","event_type":"x","properties":{"a":1e999}}"#,
        422,
        "properties: number out of range",
    ),
];

#[tokio::test]
async fn malformed_json_is_400_and_a_wrong_type_422_with_its_field() {
    let app = App::start().await;
    app.demo("u").await;
    let long = format!(r#"{{"id":"{}"}}"#, "x".repeat(129));
    let too_long = (
        "/v1/users",
        &*long,
        422,
        "id: must have 1 to 128 characters",
    );
    for (path, body, status, part) in BODIES.iter().chain([&too_long]) {
        let answer = app
            .admin
            .send(Method::POST, path, Some((*body).to_owned()), &[])
            .await;
        assert_eq!(
            (answer.status, answer.text.contains("unwrap")),
            (*status, false),
            "{body}: {}",
            answer.text
        );
        let code = if *status == 400 {
            "malformed-request"
        } else {
            "invalid"
        };
        let answer = answer.expect_problem(*status, code, part);
        if *status == 422 {
            let field = part.split(": ").next().unwrap_or_default();
            assert_eq!(answer.json()["errors"][0]["field"], field, "{body}");
        }
    }
    assert_eq!(app.count("SELECT count(*) FROM users").await, 1);
    app.stop().await;
}

#[tokio::test]
async fn paths_methods_queries_and_media_types_that_are_not_ours() {
    let app = App::start().await;
    app.nobody()
        .get("/nowhere")
        .await
        .expect_problem(404, "not-found", "/nowhere");
    app.admin
        .get("/v1/nowhere")
        .await
        .expect_problem(404, "not-found", "/v1/nowhere");
    let delete = app.admin.send(Method::DELETE, "/v1/users", None, &[]).await;
    let delete = delete.expect_problem(405, "method-not-allowed", "Allow");
    let allow = delete.header("allow");
    assert!(allow.contains("GET") && allow.contains("POST"), "{allow}");
    let text = [("content-type", "text/plain")];
    let answer = app.admin.send(Method::POST, "/v1/users", None, &text).await;
    answer.expect_problem(415, "unsupported-media-type", "application/json");
    for (query, field) in [
        ("limit=0", "limit"),
        ("limit=501", "limit"),
        ("limit=x", "limit"),
        ("cursor=%25", "cursor"),
        ("page=2", "page"),
    ] {
        let answer = app.read.get(&format!("/v1/users?{query}")).await;
        let answer = answer.expect_problem(422, "invalid", "");
        assert_eq!(
            answer.json()["errors"][0]["field"],
            field,
            "{query}: {}",
            answer.text
        );
    }
    let status = app
        .read
        .get("/v1/experiments?status=lost")
        .await
        .expect_problem(422, "invalid", "lost");
    assert!(status.text.contains("running"), "{}", status.text);
    let variant = app
        .admin
        .patch("/v1/experiments/x/variants/y", &json!({}))
        .await;
    variant.expect_problem(400, "malformed-request", "");
    app.read
        .get("/v1/users/%00")
        .await
        .expect_problem(400, "malformed-request", "U+0000");
    app.read
        .get("/v1/users/%ff")
        .await
        .expect_problem(400, "malformed-request", "");
    app.read
        .get("/v1/experiments/%00")
        .await
        .expect_problem(404, "not-found", "");
    app.stop().await;
}

#[tokio::test]
async fn what_is_too_large_is_413() {
    let app = App::with(
        "body_bytes_max = 2048\nbatch_body_bytes_max = 4096\nproperties_bytes_max = 1024",
    )
    .await;
    app.demo("u").await;
    app.assign("u", 1).await;
    let event = |bytes: usize| {
        json!({"id": "e", "experiment_id": 1, "user_id": "u", "event_type": "x",
            "properties": {"text": "x".repeat(bytes)}})
    };
    app.write
        .post("/v1/events", &event(3_000))
        .await
        .expect_problem(413, "too-large", "longer than allowed");
    let answer = app.write.post("/v1/events", &event(1_100)).await;
    answer.expect_problem(413, "too-large", "properties has 1111 bytes");
    app.write
        .post("/v1/events", &event(1_000))
        .await
        .expect_status(201);
    let batch = json!({"events": [event(1_000), event(1_100)]});
    let results = app
        .write
        .post("/v1/events/batch", &batch)
        .await
        .expect_status(200)
        .json();
    assert_eq!(
        (
            &results["results"][0]["status"],
            &results["results"][1]["status"]
        ),
        (&json!(200), &json!(413))
    );
    let batch = json!({"events": [event(1_000), event(1_000), event(1_000), event(1_000)]});
    app.write
        .post("/v1/events/batch", &batch)
        .await
        .expect_problem(413, "too-large", "longer");
    let keyed = [("idempotency-key", "k")];
    let body = Some(event(9_000).to_string());
    app.write
        .send(Method::POST, "/v1/events", body, &keyed)
        .await
        .expect_problem(413, "too-large", "");
    app.stop().await;
}
