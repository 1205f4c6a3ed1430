//! What the owner can be asked to do.

use tokio::sync::oneshot;

use crate::config::Properties;
use crate::refusal::Refusal;
use crate::store::config_record::TargetState;
use crate::store::configs::Connector;
use crate::store::offsets::OffsetChange;
use crate::views::ConnectorStatus;

/// Where the owner's answer goes.
pub(crate) type Reply<T> = oneshot::Sender<Result<T, Refusal>>;

/// Creates a connector or changes its properties. Already validated.
#[derive(Debug)]
pub(crate) struct Put {
    pub(crate) name: String,
    pub(crate) props: Properties,
    /// KIP-995: the target state of a new connector, when it is not to be started.
    pub(crate) initial_state: Option<TargetState>,
    /// What is done when the connector is there.
    pub(crate) existing: Existing,
}

/// What [`Put`] does with a connector that is there.
#[derive(Debug)]
pub(crate) enum Existing {
    /// Refuses.
    Refuse,
    /// Takes its place.
    Replace,
    /// Takes its place if it still has these properties; else answers 409.
    ReplaceIf(Properties),
}

/// `POST /connectors/{name}/restart`.
#[derive(Debug, Clone)]
pub(crate) struct Restart {
    pub(crate) name: String,
    pub(crate) include_tasks: bool,
    pub(crate) only_failed: bool,
}

/// A request to the owner.
pub(crate) enum Command {
    /// Answers whether the connector is new, and what the topic says of it.
    Put(Put, Reply<(bool, Connector)>),
    /// Deletes a connector; its offsets stay.
    Delete(String, Reply<()>),
    /// Pause, resume, stop.
    SetTarget(String, TargetState, Reply<()>),
    /// Restarts a connector, its tasks, or what has failed of them; answers what is restarted.
    Restart(Restart, Reply<ConnectorStatus>),
    /// Restarts one task.
    RestartTask(String, u32, Reply<()>),
    /// Forgets the topics in use.
    ResetTopics(String, Reply<()>),
    /// Changes offsets of a stopped connector.
    AlterOffsets(String, Vec<OffsetChange>, Reply<()>),
    /// Forgets all offsets of a stopped connector.
    ResetOffsets(String, Reply<()>),
    /// Answers when the owner has come to it.
    Ping(Reply<()>),
}

impl Command {
    /// The connector that it is about; only its owner may do it.
    pub(super) fn connector(&self) -> Option<&str> {
        match self {
            Self::Put(Put { name, .. }, _)
            | Self::Delete(name, _)
            | Self::SetTarget(name, ..)
            | Self::Restart(Restart { name, .. }, _)
            | Self::RestartTask(name, ..)
            | Self::ResetTopics(name, _)
            | Self::AlterOffsets(name, ..)
            | Self::ResetOffsets(name, _) => Some(name),
            Self::Ping(_) => None,
        }
    }

    /// Answers that it is not done.
    pub(super) fn refuse(self, refusal: Refusal) {
        match self {
            Self::Put(_, reply) => answer(reply, Err(refusal)),
            Self::Restart(_, reply) => answer(reply, Err(refusal)),
            Self::Delete(_, reply)
            | Self::SetTarget(_, _, reply)
            | Self::RestartTask(_, _, reply)
            | Self::ResetTopics(_, reply)
            | Self::AlterOffsets(_, _, reply)
            | Self::ResetOffsets(_, reply)
            | Self::Ping(reply) => answer(reply, Err(refusal)),
        }
    }
}

/// Answers whoever asked.
pub(super) fn answer<T>(reply: Reply<T>, result: Result<T, Refusal>) {
    // The client may have gone; the change stands.
    if reply.send(result).is_err() {
        tracing::debug!("nobody waits for the answer any more");
    }
}
