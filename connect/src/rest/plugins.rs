//! The plugins there are, their properties, and validating a configuration against them.

use axum::body::Bytes;
use axum::extract::{Path, RawQuery, State};

use super::answer::ok;
use super::{Answer, Api, body};
use crate::plugins::{catalog, validate};
use crate::refusal::Refusal;

/// `GET /connector-plugins`, with `connectorsOnly=false`.
pub(super) async fn list(State(api): State<Api>, RawQuery(query): RawQuery) -> Answer {
    let query = query.unwrap_or_default();
    let all = query
        .split('&')
        .any(|pair| pair.eq_ignore_ascii_case("connectorsOnly=false"));
    ok(&catalog::list(all, api.shared.engine.version()))
}

/// `GET /connector-plugins/{plugin}/config`.
pub(super) async fn config(Path(plugin): Path<String>) -> Answer {
    let found = catalog::find(&plugin);
    let missing = || Refusal::not_found(format!("Unknown plugin {plugin}."));
    ok(&found.ok_or_else(missing)?.definitions())
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
