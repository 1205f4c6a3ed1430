//! Paths on which Connect's workers talk among themselves. Workers of this program do not; what
//! others send there is refused as Connect refuses what is not signed by one of its own.

use axum::body::Bytes;

use super::{Answer, body};
use crate::refusal::Refusal;

/// A task's configuration, as it would be sent.
type Tasks = Vec<serde_json::Map<String, serde_json::Value>>;

/// `POST /connectors/{name}/tasks`.
pub(super) async fn tasks(body: Bytes) -> Answer {
    body::require::<Tasks>(&body)?;
    Err(unsigned().into())
}

/// `PUT /connectors/{name}/fence`.
pub(super) async fn fence() -> Answer {
    Err(unsigned().into())
}

fn unsigned() -> Refusal {
    Refusal::bad_request("Internal request missing required signature")
}
