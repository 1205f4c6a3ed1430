//! A runner's hold on its connector: it lasts while this worker has the connector's shard.

use tokio::sync::watch;

use crate::group::{Held, Places};

/// How a connector was lost to this worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Loss {
    /// The group waits until it is given up.
    Asked,
    /// The group has given it away: another worker may run it.
    Abrupt,
}

/// The hold on one connector.
pub(super) struct Lease {
    held: watch::Receiver<Held>,
    shard: i32,
}

impl Lease {
    pub(super) fn new(places: &Places, connector: &str) -> Self {
        Self {
            held: places.held(),
            shard: places.shard(connector),
        }
    }

    /// Returns when the connector is lost.
    pub(super) async fn lost(&mut self) -> Loss {
        let shard = self.shard;
        let lost = self.held.wait_for(|held| !held.shards.contains(&shard));
        match lost.await.map(|held| held.abrupt) {
            Ok(true) => Loss::Abrupt,
            Ok(false) => Loss::Asked,
            // The membership ends after all runners.
            Err(_) => std::future::pending().await,
        }
    }

    /// Returns when the connector is lost and may be another worker's already.
    pub(super) async fn lost_abruptly(&mut self) {
        while self.lost().await != Loss::Abrupt {
            if self.held.changed().await.is_err() {
                std::future::pending().await
            }
        }
    }
}
