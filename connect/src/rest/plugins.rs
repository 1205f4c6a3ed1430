//! The plugins there are, their properties, and validating a configuration against them.

use axum::body::Bytes;
use axum::extract::{Path, RawQuery, State};

use super::answer::ok;
use super::query::Query;
use super::{Answer, Api, body};
use crate::plugins::{catalog, validate};
use crate::refusal::Refusal;

/// `GET /connector-plugins`, with `connectorsOnly=false`.
pub(super) async fn list(State(api): State<Api>, RawQuery(query): RawQuery) -> Answer {
    let connectors_only = Query::parse(query.as_deref()).switch("connectorsOnly", true);
    ok(&catalog::list(
        !connectors_only,
        api.shared.engine.version(),
    ))
}

/// `GET /connector-plugins/{plugin}/config`.
pub(super) async fn config(State(api): State<Api>, Path(plugin): Path<String>) -> Answer {
    let found = catalog::find(&plugin);
    let missing = || match PROVIDERS.iter().any(|name| is_named(name, &plugin)) {
        true => Refusal::bad_request(format!(
            "Invalid plugin class {plugin}. Valid types are sink, source, converter, header_converter, transformation, predicate."
        )),
        false => Refusal::not_found(format!("Unknown plugin {plugin}.")),
    };
    let version = api.shared.engine.version();
    ok(&found.ok_or_else(missing)?.definitions(version))
}

/// Config providers are plugins, too, but not ones whose properties are shown.
const PROVIDERS: [&str; 3] = [
    "org.apache.kafka.common.config.provider.DirectoryConfigProvider",
    "org.apache.kafka.common.config.provider.EnvVarConfigProvider",
    "org.apache.kafka.common.config.provider.FileConfigProvider",
];

fn is_named(class: &str, name: &str) -> bool {
    name == class || class.rsplit('.').next() == Some(name)
}

/// `PUT /connector-plugins/{plugin}/config/validate`.
pub(super) async fn validate(
    State(api): State<Api>,
    Path(plugin): Path<String>,
    body: Bytes,
) -> Answer {
    let given = body::properties(&body)?;
    ok(&validate::answer(&api.shared, &plugin, &given).await?)
}
