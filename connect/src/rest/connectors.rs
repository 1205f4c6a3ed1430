//! Creating, reading, changing and deleting connectors.

use axum::body::Bytes;
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::Response;
use percent_encoding::{AsciiSet, CONTROLS};
use serde_json::{Map, Value, json};

use super::answer::{empty, ok, with_status};
use super::body::{self, CreateRequest};
use super::query::Query;
use super::{Answer, Api};
use crate::config::{GivenProperties, Properties};
use crate::herder::{Command, Existing, Put};
use crate::java_map;
use crate::plugins::validate;
use crate::refusal::Refusal;
use crate::store::config_record::TargetState;
use crate::store::configs::Connector;
use crate::views::{self, ConnectorInfo};

/// What does not stand for itself in a segment of a path (RFC 3986).
const OUTSIDE_SEGMENTS: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'%')
    .add(b'/')
    .add(b'<')
    .add(b'>')
    .add(b'?')
    .add(b'[')
    .add(b'\\')
    .add(b']')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');

/// `GET /connectors`, with `expand=status` and `expand=info`.
pub(super) async fn list(State(api): State<Api>, RawQuery(query): RawQuery) -> Answer {
    let names = api.shared.configs.names();
    let query = Query::parse(query.as_deref());
    let expand: Vec<&str> = query.all("expand").collect();
    if expand.is_empty() {
        return ok(&names);
    }
    let mut out = Map::new();
    for name in names {
        let mut one = Map::new();
        if expand.contains(&"info")
            && let Some(connector) = api.shared.configs.get(&name)
        {
            one.insert(
                "info".into(),
                to_value(&ConnectorInfo::as_stored(&name, connector))?,
            );
        }
        if expand.contains(&"status")
            && let Ok(status) = views::status(&api.shared, &name)
        {
            one.insert("status".into(), to_value(&status)?);
        }
        out.insert(name, Value::Object(one));
    }
    ok(&out)
}

fn to_value(view: &impl serde::Serialize) -> Result<Value, Refusal> {
    serde_json::to_value(view).map_err(|e| Refusal::new(500, e.to_string()))
}

/// `POST /connectors`.
pub(super) async fn create(State(api): State<Api>, headers: HeaderMap, body: Bytes) -> Answer {
    let request: CreateRequest = body::require(&body)?;
    let (name, state) = (request.name(), request.initial_state());
    let given = request
        .config()
        .ok_or_else(|| Refusal::new(500, "The request has no config"))?;
    let props = check(&api, &name, given).await?;
    put(&api, &headers, name, props, state, Existing::Refuse).await
}

/// `PUT /connectors/{name}/config`.
pub(super) async fn put_config(
    State(api): State<Api>,
    Path(name): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Answer {
    let given = body::properties(&body)?;
    let props = check(&api, &name, given).await?;
    put(&api, &headers, name, props, None, Existing::Replace).await
}

/// `PATCH /connectors/{name}/config`: null removes a property.
pub(super) async fn patch_config(
    State(api): State<Api>,
    Path(name): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Answer {
    let patch = body::parse_properties(&body)?;
    let now = connector(&api, &name)?.props;
    let patch = patch.ok_or_else(body::missing)?;
    let mut given = given_of(&now);
    for (key, value) in patch {
        match value {
            None => given.shift_remove(&key),
            Some(value) => given.insert(key, Some(value)),
        };
    }
    let props = validate::refuse_invalid(&api.shared, &given).await?;
    put(&api, &headers, name, props, None, Existing::ReplaceIf(now)).await
}

/// A configuration as it could be given again.
fn given_of(props: &Properties) -> GivenProperties {
    let grown = java_map::as_grown(props).into_iter();
    grown.map(|(key, value)| (key, Some(value))).collect()
}

/// A property of a connector that was changed.
pub(super) struct Changed {
    pub(super) property: String,
    pub(super) value: String,
    /// All properties now.
    pub(super) props: Properties,
}

/// Adds `item` to the list that a connector's property holds.
///
/// # Errors
/// As for a new configuration; 409 when it is changed by another request at the same time.
pub(super) async fn add_to_list(
    api: &Api,
    name: &str,
    property: &str,
    item: &str,
) -> Result<Changed, Refusal> {
    let now = connector(api, name)?.props;
    let list = now
        .get(property)
        .map(|list| list.trim_end_matches([',', ' ']));
    let value = match list {
        Some(list) if !list.is_empty() => format!("{list},{item}"),
        _ => item.to_owned(),
    };
    let mut given = given_of(&now);
    given.insert(property.to_owned(), Some(value.clone()));
    let props = validate::refuse_invalid(&api.shared, &given).await?;
    let put = Put {
        name: name.to_owned(),
        props: props.clone(),
        initial_state: None,
        existing: Existing::ReplaceIf(now),
    };
    api.herder.ask(|reply| Command::Put(put, reply)).await?;
    Ok(Changed {
        property: property.to_owned(),
        value,
        props,
    })
}

/// Names the configuration and refuses it when it is not valid.
async fn check(api: &Api, name: &str, mut given: GivenProperties) -> Result<Properties, Refusal> {
    match given.get("name").and_then(Option::as_deref) {
        None => {
            given.insert("name".into(), Some(name.to_owned()));
        }
        Some(other) if other != name => {
            return Err(Refusal::bad_request(format!(
                "Connector name configuration ({other}) doesn't match connector name in the URL ({name})"
            )));
        }
        Some(_) => {}
    }
    validate::refuse_invalid(&api.shared, &given).await
}

async fn put(
    api: &Api,
    headers: &HeaderMap,
    name: String,
    props: Properties,
    initial_state: Option<TargetState>,
    existing: Existing,
) -> Answer {
    let put = Put {
        name: name.clone(),
        props,
        initial_state,
        existing,
    };
    let (created, connector) = api.herder.ask(|reply| Command::Put(put, reply)).await?;
    let info = ConnectorInfo::as_given(&name, connector);
    if !created {
        return ok(&info);
    }
    let mut response = with_status(201, &info)?;
    locate(&mut response, headers, &name);
    Ok(response)
}

/// Says where the new connector is, under the name that the client used for this host.
fn locate(response: &mut Response, headers: &HeaderMap, name: &str) {
    let Some(host) = headers.get(header::HOST).and_then(|h| h.to_str().ok()) else {
        return;
    };
    let name = percent_encoding::utf8_percent_encode(name, OUTSIDE_SEGMENTS);
    if let Ok(location) = HeaderValue::from_str(&format!("http://{host}/connectors/{name}")) {
        response.headers_mut().insert(header::LOCATION, location);
    }
}

/// `GET /connectors/{name}`.
pub(super) async fn show(State(api): State<Api>, Path(name): Path<String>) -> Answer {
    let connector = connector(&api, &name)?;
    ok(&ConnectorInfo::as_stored(&name, connector))
}

/// `GET /connectors/{name}/config`.
pub(super) async fn config(State(api): State<Api>, Path(name): Path<String>) -> Answer {
    ok(&java_map::as_grown(&connector(&api, &name)?.props))
}

/// `GET /connectors/{name}/tasks`.
pub(super) async fn tasks(State(api): State<Api>, Path(name): Path<String>) -> Answer {
    let connector = connector(&api, &name)?;
    ok(&views::tasks(&name, connector))
}

/// `GET /connectors/{name}/status`.
pub(super) async fn status(State(api): State<Api>, Path(name): Path<String>) -> Answer {
    ok(&views::status(&api.shared, &name)?)
}

/// `GET /connectors/{name}/tasks/{index}/status`.
pub(super) async fn task_status(
    State(api): State<Api>,
    Path((name, index)): Path<(String, String)>,
) -> Answer {
    let index = super::task_index(&index)?;
    let missing = |_| Refusal::not_found(format!("No status found for task {name}-{index}"));
    let index = u32::try_from(index).map_err(missing)?;
    ok(&views::task_status(&api.shared, &name, index)?)
}

/// `DELETE /connectors/{name}`.
pub(super) async fn delete(State(api): State<Api>, Path(name): Path<String>) -> Answer {
    api.herder.ask(|reply| Command::Delete(name, reply)).await?;
    empty(204)
}

/// `GET /connectors/{name}/topics`.
pub(super) async fn topics(State(api): State<Api>, Path(name): Path<String>) -> Answer {
    if !api.shared.config.topic_tracking {
        return Err(Refusal::new(403, "Topic tracking is disabled.").into());
    }
    let topics = api.shared.statuses.topics(&name);
    ok(&json!({name: {"topics": topics}}))
}

/// `PUT /connectors/{name}/topics/reset`.
pub(super) async fn reset_topics(State(api): State<Api>, Path(name): Path<String>) -> Answer {
    if !api.shared.config.topic_tracking {
        return Err(Refusal::new(403, "Topic tracking is disabled.").into());
    }
    if !api.shared.config.topic_tracking_reset {
        return Err(Refusal::new(403, "Topic tracking reset is disabled.").into());
    }
    api.herder
        .ask(|reply| Command::ResetTopics(name, reply))
        .await?;
    empty(202)
}

fn connector(api: &Api, name: &str) -> Result<Connector, Refusal> {
    api.shared
        .configs
        .get(name)
        .ok_or_else(|| Refusal::no_connector(name))
}
