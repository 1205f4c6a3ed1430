//! Where a connector is run: here, on another worker, or nowhere yet.

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::{Mutex, watch};
use tokio::time::Instant;

use super::{Held, Shards, assignment};
use crate::engine::Ownership;
use crate::kafka::{Clients, GroupMember, KafkaFault};

/// How long what the coordinator told is used without asking again.
const TOLD_FOR: Duration = Duration::from_secs(1);

/// Where a connector's owner is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Place {
    /// This worker.
    Here,
    /// Another worker: the URL of its REST API.
    At(String),
    /// The group has not settled yet.
    Nowhere,
}

/// Knows where connectors are run.
pub(crate) struct Places {
    clients: Clients,
    topic: String,
    /// The URL under which others reach this worker.
    own_url: String,
    shards: Shards,
    held: watch::Receiver<Held>,
    told: Mutex<Option<(Instant, Vec<GroupMember>)>>,
}

impl Places {
    pub(crate) fn new(
        clients: Clients,
        topic: &str,
        own_url: String,
        shards: Shards,
        held: watch::Receiver<Held>,
    ) -> Self {
        Self {
            clients,
            topic: topic.to_owned(),
            own_url,
            shards,
            held,
            told: Mutex::new(None),
        }
    }

    /// What this worker has been assigned, and changes of it.
    pub(crate) fn held(&self) -> watch::Receiver<Held> {
        self.held.clone()
    }

    /// The connector's shard.
    pub(crate) fn shard(&self, connector: &str) -> i32 {
        self.shards.of(connector)
    }

    /// Whether the connector is to be run here.
    pub(crate) fn is_here(&self, connector: &str) -> bool {
        let shard = self.shard(connector);
        self.held.borrow().shards.contains(&shard)
    }

    /// Where the connector is run, as the group has it now; `afresh` asks the coordinator in any case.
    ///
    /// # Errors
    /// A fault of Kafka.
    pub(crate) async fn of(&self, connector: &str, afresh: bool) -> Result<Place, KafkaFault> {
        if self.is_here(connector) {
            return Ok(Place::Here);
        }
        let owner = self.owner(connector, afresh).await?;
        Ok(owner.map_or(Place::Nowhere, Place::At))
    }

    /// The URL of the connector's owner, as the coordinator tells; `None` while the group rebalances.
    async fn owner(&self, connector: &str, afresh: bool) -> Result<Option<String>, KafkaFault> {
        let shard = self.shard(connector);
        let mut told = self.told.lock().await;
        let fresh = told
            .take()
            .filter(|(at, _)| !afresh && at.elapsed() < TOLD_FOR);
        let members = match fresh {
            Some(fresh) => fresh,
            None => (Instant::now(), self.clients.group_members().await?),
        };
        let (_, members) = told.insert(members);
        let owns = |member: &&GroupMember| {
            assignment::partitions(&member.assignment, &self.topic)
                .is_some_and(|partitions| partitions.contains(&shard))
        };
        let url = |member: &GroupMember| Some(member.client_id.rsplit_once('@')?.1.to_owned());
        Ok(members.iter().find(owns).and_then(url))
    }
}

#[async_trait]
impl Ownership for Places {
    /// What the coordinator tells; while the group rebalances, what this worker was told last.
    async fn holds(&self, connector: &str) -> Result<bool, String> {
        let owner = self.owner(connector, true).await;
        let owner = owner.map_err(|fault| fault.to_string())?;
        Ok(match owner {
            Some(url) => url == self.own_url,
            None => self.is_here(connector),
        })
    }
}

impl fmt::Debug for Places {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Places")
            .field("own_url", &self.own_url)
            .field("held", &*self.held.borrow())
            .finish_non_exhaustive()
    }
}
