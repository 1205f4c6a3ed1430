//! What a running connector can be asked for: to take a signal, to add a table, to say how
//! far its snapshot is. These paths are
//! Walcast's own; Connect has none like them.

use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{Path, State};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::json;
use serde_json::value::RawValue;

use super::answer::with_status;
use super::{Answer, Api, body, connectors};
use crate::engine::{ConfigChange, Refused, SignalRequest, TableAdded, TableRequest};
use crate::herder::Live;
use crate::refusal::Refusal;

/// How long a connector whose configuration was changed may take to start again.
const RESTART_WAIT: Duration = Duration::from_secs(60);

/// How long transactions that wrote a table before it was published are waited for, unless the
/// request says otherwise; and the most that it may say.
const WAIT_DEFAULT_MS: u64 = 20_000;
const WAIT_MAX_MS: u64 = 600_000;

/// Body of `POST /connectors/{name}/signals`: that of Debezium Server's `/api/signals`, whose data
/// is text; an object is taken as well.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct SignalBody {
    id: Option<String>,
    #[serde(rename = "type")]
    kind: String,
    data: Option<Box<RawValue>>,
    /// Taken, as Debezium Server takes it; no signal of this connector has a use for it.
    #[serde(rename = "additionalData")]
    _additional_data: Option<serde_json::Map<String, serde_json::Value>>,
}

/// Body of `POST /connectors/{name}/tables`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct TableBody {
    table: String,
    #[serde(default = "yes")]
    backfill: bool,
    additional_condition: Option<String>,
    timeout_ms: Option<u64>,
}

const fn yes() -> bool {
    true
}

/// `POST /connectors/{name}/signals`: 202 with the signal's id.
pub(super) async fn signal(
    State(api): State<Api>,
    Path(name): Path<String>,
    body: Bytes,
) -> Answer {
    let live = live(&api, &name)?;
    let body: SignalBody = read(&body)?;
    if body.kind.trim().is_empty() {
        return Err(Refusal::bad_request("type is empty; name what is to be done").into());
    }
    let request = SignalRequest {
        id: body.id.filter(|id| !id.is_empty()),
        kind: body.kind,
        data: body.data.as_deref().map(data_text).transpose()?.flatten(),
    };
    let id = live.control.signal(request).await.map_err(Refusal::from)?;
    with_status(202, &json!({"id": id}))
}

/// `GET /connectors/{name}/snapshot`: where the task's last snapshot stands.
pub(super) async fn snapshot(State(api): State<Api>, Path(name): Path<String>) -> Answer {
    let live = live(&api, &name)?;
    with_status(200, &live.control.snapshot())
}

/// Data as JSON text: an object, or the text of one.
fn data_text(data: &RawValue) -> Result<Option<String>, Refusal> {
    let wrong = || Refusal::bad_request("data must be a JSON object, or the text of one");
    let text = match data.get() {
        "null" => return Ok(None),
        quoted if quoted.starts_with('"') => {
            serde_json::from_str::<String>(quoted).map_err(|_| wrong())?
        }
        json => json.to_owned(),
    };
    if text.trim().is_empty() {
        return Ok(None);
    }
    let object = serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(&text);
    object.map(|_| Some(text)).map_err(|_| wrong())
}

/// `POST /connectors/{name}/tables`: 202 while the table's rows are read, 200 without a backfill.
pub(super) async fn add_table(
    State(api): State<Api>,
    Path(name): Path<String>,
    body: Bytes,
) -> Answer {
    let live = live(&api, &name)?;
    let body: TableBody = read(&body)?;
    let request = request(body)?;
    match live.control.add_table(request.clone()).await {
        Ok(added) => answer(added, None),
        Err(Refused {
            change: Some(change),
            ..
        }) => {
            let changed = include(&api, &name, &change).await?;
            let renewed = api.shared.live.wait(&name, &changed.props, RESTART_WAIT);
            let renewed = renewed.await.ok_or_else(|| not_renewed(&name, &changed))?;
            let added = renewed.control.add_table(request).await;
            answer(added.map_err(Refusal::from)?, Some(&changed))
        }
        Err(refused) => Err(Refusal::from(refused).into()),
    }
}

fn request(body: TableBody) -> Result<TableRequest, Refusal> {
    let named = body.table.split_once('.');
    if named.is_none_or(|(schema, name)| schema.is_empty() || name.is_empty()) {
        return Err(Refusal::bad_request(
            "table must be given as schema.name, in the catalog's letter case",
        ));
    }
    let condition = body.additional_condition.filter(|c| !c.trim().is_empty());
    if condition.is_some() && !body.backfill {
        return Err(Refusal::bad_request(
            "additional-condition is for a backfill: leave it out, or set backfill to true",
        ));
    }
    let wait_ms = body.timeout_ms.unwrap_or(WAIT_DEFAULT_MS);
    if wait_ms > WAIT_MAX_MS {
        return Err(Refusal::bad_request(format!(
            "timeout-ms is {wait_ms}; at most {WAIT_MAX_MS} is taken"
        )));
    }
    Ok(TableRequest {
        table: body.table,
        backfill: body.backfill,
        condition,
        wait: Duration::from_millis(wait_ms),
    })
}

fn answer(added: TableAdded, changed: Option<&connectors::Changed>) -> Answer {
    let status = if added.signal.is_some() { 202 } else { 200 };
    let mut body = json!({
        "table": added.table,
        "publication": added.publication,
        "backfill": added.signal.map(|id| json!({"signal": id})),
        "notes": added.notes,
    });
    if let Some(changed) = changed {
        body["config"] = json!({changed.property.as_str(): changed.value});
    }
    with_status(status, &body)
}

/// Adds to a list of the connector's configuration, which starts its task again.
async fn include(
    api: &Api,
    name: &str,
    change: &ConfigChange,
) -> Result<connectors::Changed, Refusal> {
    let changed = connectors::add_to_list(api, name, change.property, &change.add).await?;
    tracing::info!(
        connector = name,
        property = changed.property,
        added = change.add,
        "the connector's configuration was changed to add a table"
    );
    Ok(changed)
}

fn not_renewed(name: &str, changed: &connectors::Changed) -> Refusal {
    Refusal::conflict(format!(
        "{} of connector {name} was set to {}, but its task did not start again within {} s; look at its status, and repeat this request when it runs",
        changed.property,
        changed.value,
        RESTART_WAIT.as_secs()
    ))
}

/// The running task of a connector.
fn live(api: &Api, name: &str) -> Result<Live, Refusal> {
    if api.shared.configs.get(name).is_none() {
        return Err(Refusal::no_connector(name));
    }
    api.shared.live.get(name).ok_or_else(|| {
        let status = api.shared.statuses.task(name, 0);
        let state = status.or_else(|| api.shared.statuses.connector(name));
        let state = state.map_or("UNASSIGNED", |status| status.state.as_str());
        Refusal::conflict(format!(
            "Connector {name} has no running task here, it is {state}; resume or restart it, and repeat this request"
        ))
    })
}

fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, Refusal> {
    body::require(body).map_err(|refusal| Refusal::bad_request(refusal.message))
}

impl From<Refused> for Refusal {
    fn from(refused: Refused) -> Self {
        Self {
            sql: refused.sql,
            ..Self::new(refused.status, refused.message)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_is_an_object_or_the_text_of_one() {
        for (json, text) in [
            (r#"{"a":1}"#, Some(r#"{"a":1}"#)),
            (r#""{\"a\":1}""#, Some(r#"{"a":1}"#)),
            ("null", None),
            (r#""""#, None),
        ] {
            let raw: Box<RawValue> = serde_json::from_str(json).unwrap();
            assert_eq!(data_text(&raw).unwrap().as_deref(), text, "{json}");
        }
        for json in ["1", "[]", r#""x""#, r#""[1]""#] {
            let raw: Box<RawValue> = serde_json::from_str(json).unwrap();
            assert_eq!(data_text(&raw).unwrap_err().status, 400, "{json}");
        }
    }

    #[test]
    fn a_table_is_asked_for_by_schema_and_name() {
        let read = |json: &str| read::<TableBody>(json.as_bytes()).and_then(request);
        let good = read(r#"{"table":"a.b","additional-condition":"x > 1"}"#).unwrap();
        assert!(good.backfill);
        assert_eq!(good.condition.as_deref(), Some("x > 1"));
        assert_eq!(good.wait, Duration::from_millis(WAIT_DEFAULT_MS));
        for json in [
            r#"{"table":"b"}"#,
            r#"{"table":".b"}"#,
            r#"{"backfill":true}"#,
            r#"{"table":"a.b","bogus":1}"#,
            r#"{"table":"a.b","timeout-ms":9999999}"#,
            r#"{"table":"a.b","backfill":false,"additional-condition":"x"}"#,
            "",
        ] {
            assert_eq!(read(json).unwrap_err().status, 400, "{json}");
        }
    }
}
