//! Leaving tables out of a snapshot that runs.

use std::time::Duration;

use super::Incremental;
use crate::error::Result;

impl Incremental {
    /// `stop-snapshot`: leaves `collections` out from the next chunk on.
    pub(crate) fn stop(&mut self, collections: Vec<String>) -> Result<()> {
        if !self.progress.is_running() {
            tracing::warn!("no incremental snapshot runs: stop-snapshot is left out");
            return Ok(());
        }
        self.stopping.extend(collections);
        match self.window {
            Some(_) => Ok(()),
            None => self.next(Duration::ZERO),
        }
    }

    /// Does what `stop-snapshot` asked for.
    pub(super) fn leave_out(&mut self) {
        let stopping = std::mem::take(&mut self.stopping);
        if stopping.is_empty() || !self.progress.is_running() {
            return;
        }
        let (mut stopped, mut current) = (Vec::new(), None);
        for id in stopping {
            let place = self
                .progress
                .collections
                .iter()
                .position(|one| one.id == id);
            match place {
                Some(0) => current = Some(id),
                Some(place) => {
                    self.progress.collections.remove(place);
                    stopped.push(id);
                }
                None => tracing::warn!(
                    table = id,
                    "stop-snapshot names a table that is not in the incremental snapshot"
                ),
            }
        }
        if let Some(id) = current {
            stopped.push(id);
            self.scanned = 0;
            self.next_collection();
        }
        tracing::info!(?stopped, "the incremental snapshot leaves tables out");
        self.notices.aborted(&self.progress, &stopped);
    }
}
