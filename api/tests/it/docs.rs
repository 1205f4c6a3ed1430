//! The description, the documentation page, health and metrics: all without a token.

use serde_json::Value;

use crate::app::App;

#[tokio::test]
async fn the_description_is_openapi_3_1_and_covers_every_route() {
    let app = App::start().await;
    let api = app
        .nobody()
        .get("/openapi.json")
        .await
        .expect_status(200)
        .json();
    assert!(
        api["openapi"]
            .as_str()
            .is_some_and(|version| version.starts_with("3.1"))
    );
    assert_eq!(
        api["components"]["securitySchemes"]["token"]["scheme"],
        "bearer"
    );
    for (path, method) in [
        ("/v1/users", "post"),
        ("/v1/users/{user_id}", "get"),
        ("/v1/experiments", "post"),
        ("/v1/experiments/{experiment}/start", "post"),
        ("/v1/assignments", "post"),
        ("/v1/experiments/{experiment}/assignments/{user_id}", "get"),
        ("/v1/events", "post"),
        ("/v1/events/batch", "post"),
        (
            "/v1/experiments/{experiment}/analytics/journeys/{user_id}",
            "get",
        ),
        ("/v1/experiments/{experiment}/analytics/funnel", "get"),
        ("/readyz", "get"),
    ] {
        let operation = &api["paths"][path][method];
        assert!(
            operation["summary"].is_string(),
            "{method} {path}: {operation}"
        );
        if path.starts_with("/v1") {
            let problem = &operation["responses"]["401"]["content"]["application/problem+json"];
            assert!(
                problem["schema"]["$ref"].is_string(),
                "{method} {path}: {operation}"
            );
        }
    }
    let paths = api["paths"].as_object().expect("paths");
    let mut ids = std::collections::HashSet::new();
    for operation in paths
        .values()
        .filter_map(Value::as_object)
        .flat_map(|path| path.values())
    {
        assert!(
            ids.insert(operation["operationId"].as_str()),
            "the same id twice: {operation}"
        );
        let responses = operation["responses"].as_object().expect("responses");
        assert!(
            responses
                .values()
                .all(|each| each["description"].is_string()),
            "{operation}"
        );
    }
    let mut missing = Vec::new();
    references(&api, &api, &mut missing);
    assert!(missing.is_empty(), "references to nothing: {missing:?}");
    app.stop().await;
}

/// Collects the `$ref`s that lead nowhere.
fn references(api: &Value, part: &Value, missing: &mut Vec<String>) {
    match part {
        Value::Object(members) => {
            if let Some(Value::String(to)) = members.get("$ref")
                && api.pointer(to.trim_start_matches('#')).is_none()
            {
                missing.push(to.clone());
            }
            members
                .values()
                .for_each(|member| references(api, member, missing));
        }
        Value::Array(items) => items.iter().for_each(|item| references(api, item, missing)),
        _ => {}
    }
}

#[tokio::test]
async fn the_documentation_page_needs_no_other_server() {
    let app = App::start().await;
    let page = app.nobody().get("/docs/").await.expect_status(200);
    assert!(page.header("content-type").starts_with("text/html"));
    assert!(
        !page.text.contains("https://") && !page.text.contains("//cdn"),
        "{}",
        page.text
    );
    for file in [
        "swagger-ui.css",
        "swagger-ui-bundle.js",
        "swagger-initializer.js",
    ] {
        let file = app
            .nobody()
            .get(&format!("/docs/{file}"))
            .await
            .expect_status(200);
        assert!(!file.text.is_empty());
    }
    let setup = app.nobody().get("/docs/swagger-initializer.js").await.text;
    assert!(setup.contains("/openapi.json"), "{setup}");
    app.nobody().get("/docs").await.expect_status(200);
    app.stop().await;
}

#[tokio::test]
async fn health_and_metrics_need_no_token() {
    let app = App::start().await;
    assert_eq!(
        app.nobody().get("/healthz").await.expect_status(200).json()["status"],
        "ok"
    );
    let ready = app.nobody().get("/readyz").await.expect_status(200).json();
    assert_eq!(ready["status"], "ready");
    assert_eq!(ready["components"]["redis"]["status"], "not configured");
    app.user("u").await;
    let answer = app.nobody().get("/metrics").await.expect_status(200);
    assert!(answer.header("content-type").starts_with("text/plain"));
    for part in [
        "walcast_api_http_requests_total{method=\"POST\",route=\"/v1/users\",status=\"201\"}",
        "walcast_api_http_request_duration_seconds_bucket{method=\"POST\",route=\"/v1/users\",le=\"0.025\"}",
        "# HELP walcast_api_http_requests_in_flight",
        "walcast_api_postgres_connections{state=\"open\"}",
    ] {
        assert!(
            answer.text.contains(part),
            "{part} is not in\n{}",
            answer.text
        );
    }
    assert!(!answer.header("x-request-id").is_empty());
    app.stop().await;
}
