//! Reading and changing a connector's offsets (KIP-875).

use axum::body::Bytes;
use axum::extract::{Path, State};
use serde_json::{Map, Value, json};

use super::answer::ok;
use super::body::{self, OffsetRequest, OffsetsRequest};
use super::{Answer, Api};
use crate::herder::Command;
use crate::refusal::Refusal;
use crate::store::offsets::{self, OffsetChange};

const ALTERED: &str = "The Connect framework-managed offsets for this connector have been altered successfully. However, if this connector manages offsets externally, they will need to be manually altered in the system that the connector uses.";
const RESET: &str = "The Connect framework-managed offsets for this connector have been reset successfully. However, if this connector manages offsets externally, they will need to be manually reset in the system that the connector uses.";

/// `GET /connectors/{name}/offsets`.
pub(super) async fn show(State(api): State<Api>, Path(name): Path<String>) -> Answer {
    if api.shared.configs.get(&name).is_none() {
        return Err(Refusal::no_connector(&name).into());
    }
    let topic = &api.shared.config.offset_topic.name;
    let found = offsets::read(&api.shared.clients, topic, &name)
        .await
        .map_err(Refusal::from)?;
    // Connect does not show an offset of the null partition.
    let shown = found.into_iter().filter_map(|change| {
        Some(json!({"partition": change.partition?, "offset": change.offset?}))
    });
    ok(&json!({"offsets": shown.collect::<Vec<_>>()}))
}

/// `PATCH /connectors/{name}/offsets`.
pub(super) async fn alter(State(api): State<Api>, Path(name): Path<String>, body: Bytes) -> Answer {
    let request: OffsetsRequest = body::require(&body)?;
    let changes: Vec<_> = request
        .offsets
        .unwrap_or_default()
        .into_iter()
        .map(change)
        .collect();
    if changes.is_empty() {
        let text = "Partitions / offsets need to be provided for an alter offsets request";
        return Err(Refusal::bad_request(text).into());
    }
    for object in changes
        .iter()
        .flat_map(|change| [&change.partition, &change.offset])
    {
        check_primitive(object.as_ref())?;
    }
    api.herder
        .ask(|reply| Command::AlterOffsets(name, changes, reply))
        .await?;
    ok(&json!({"message": ALTERED}))
}

fn change(request: OffsetRequest) -> OffsetChange {
    OffsetChange {
        partition: request.partition,
        offset: request.offset,
    }
}

/// Connect's converter takes text, booleans and numbers of 64 bits; anything else could not be read
/// back by the connector.
fn check_primitive(object: Option<&Map<String, Value>>) -> Result<(), Refusal> {
    for (field, value) in object.into_iter().flatten() {
        let kind = match value {
            Value::Array(_) => "ARRAY",
            Value::Object(_) => "MAP",
            Value::Number(number) if number.is_u64() && !number.is_i64() => {
                "class java.math.BigInteger"
            }
            _ => continue,
        };
        return Err(Refusal::new(
            500,
            format!(
                "Offsets may only contain primitive types as values, but field {field} contains {kind}"
            ),
        ));
    }
    Ok(())
}

/// `DELETE /connectors/{name}/offsets`.
pub(super) async fn reset(State(api): State<Api>, Path(name): Path<String>) -> Answer {
    api.herder
        .ask(|reply| Command::ResetOffsets(name, reply))
        .await?;
    ok(&json!({"message": RESET}))
}
