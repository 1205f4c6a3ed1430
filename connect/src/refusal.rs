//! Why a request is not fulfilled: Connect's HTTP code and message.

use crate::kafka::KafkaFault;

/// A request that is refused; becomes Connect's error body.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub(crate) struct Refusal {
    /// The HTTP status, also Connect's `error_code`.
    pub(crate) status: u16,
    /// Connect's words where it has any.
    pub(crate) message: String,
    /// Statements that cure it, when somebody else must run them in the database.
    pub(crate) sql: Option<String>,
}

impl Refusal {
    pub(crate) fn new(status: u16, message: impl Into<String>) -> Self {
        Self {
            status,
            message: message.into(),
            sql: None,
        }
    }

    pub(crate) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(400, message)
    }

    pub(crate) fn not_found(message: impl Into<String>) -> Self {
        Self::new(404, message)
    }

    pub(crate) fn conflict(message: impl Into<String>) -> Self {
        Self::new(409, message)
    }

    /// `GET` and the like: the name is not a connector.
    pub(crate) fn no_connector(name: &str) -> Self {
        Self::not_found(format!("Connector {name} not found"))
    }

    /// The connector is not this worker's, or nobody's yet: Connect's words while its group rebalances.
    pub(crate) fn moving(name: &str) -> Self {
        Self::conflict(format!(
            "Cannot complete request because of a conflicting operation (e.g. worker rebalance): connector {name} is moving from one worker to another; try again"
        ))
    }

    /// The worker does not take commands any more.
    pub(crate) fn stopping() -> Self {
        Self::new(503, "The worker is stopping; ask again when it is up")
    }
}

impl From<KafkaFault> for Refusal {
    fn from(fault: KafkaFault) -> Self {
        Self::new(500, fault.to_string())
    }
}
