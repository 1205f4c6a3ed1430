//! The OpenAPI 3.1 description at `/openapi.json`, and Swagger UI at `/docs` from embedded files.

use std::collections::BTreeMap;

use axum::Router;
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa::openapi::{Content, Ref, RefOr, Response, ResponseBuilder};
use utoipa::{IntoResponses, Modify, OpenApi};
use utoipa_swagger_ui::{Config, SwaggerUi};

use crate::problem::ProblemBody;

/// The description's frame; the router adds the paths.
#[derive(OpenApi)]
#[openapi(
    info(title = "Walcast experimentation API",
        description = "Users, experiments, assignments, events and analytics. Errors are problem details (RFC 9457). \
            A POST, PATCH or DELETE with an `Idempotency-Key` can be sent again safely for a day.",
        license(name = "Apache-2.0", identifier = "Apache-2.0")),
    tags((name = "users"), (name = "experiments"), (name = "variants"), (name = "assignments"),
        (name = "events"), (name = "analytics"), (name = "health")),
    components(schemas(ProblemBody<'_>)),
    security(("token" = [])),
    modifiers(&Token)
)]
pub(crate) struct Frame;

struct Token;

impl Modify for Token {
    fn modify(&self, api: &mut utoipa::openapi::OpenApi) {
        let mut http = Http::new(HttpAuthScheme::Bearer);
        http.description = Some("Made by `walcast token create`".to_owned());
        let components = api.components.get_or_insert_default();
        components.add_security_scheme("token", SecurityScheme::Http(http));
    }
}

/// What any request can be answered with instead.
pub(crate) struct Problems;

impl IntoResponses for Problems {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        let kinds = [
            ("400", "The request cannot be read"),
            ("401", "No valid token"),
            ("403", "The token's scope does not allow this"),
            ("404", "Something named does not exist"),
            ("409", "A conflict with what is there"),
            ("412", "The ETag no longer holds"),
            ("413", "Too large"),
            ("415", "Not JSON"),
            ("422", "A field cannot be used"),
            ("429", "Too many requests"),
            ("500", "Our fault"),
            ("503", "Not available just now"),
        ];
        let body = || Content::new(Some(Ref::from_schema_name("ProblemBody")));
        let response = |text: &str| {
            let response = ResponseBuilder::new().description(text);
            response
                .content("application/problem+json", body())
                .build()
                .into()
        };
        kinds
            .iter()
            .map(|(status, text)| ((*status).to_owned(), response(text)))
            .collect()
    }
}

/// The description of everything that is served, as JSON.
///
/// # Errors
/// It cannot be rendered.
pub fn document() -> Result<String, serde_json::Error> {
    crate::router::openapi().to_pretty_json()
}

/// `/docs` and `/openapi.json`.
pub(crate) fn docs<S: Clone + Send + Sync + 'static>(api: utoipa::openapi::OpenApi) -> Router<S> {
    let config = Config::from("/openapi.json").persist_authorization(true);
    SwaggerUi::new("/docs")
        .config(config)
        .url("/openapi.json", api)
        .into()
}
