//! What an incremental snapshot tells, as Debezium's `IncrementalSnapshotNotificationService` does.

use super::collection::Progress;
use super::key::{Part, shown};
use super::worker::ScanStatus;
use crate::notify::Notification;

/// Something to tell, and the signal under whose id it is told.
pub(crate) type Notice = (Option<String>, Notification);

/// What waits to be told.
#[derive(Default)]
pub(super) struct Notices {
    waiting: Vec<Notice>,
}

impl Notices {
    /// All that wait, in order.
    pub(super) fn take(&mut self) -> Vec<Notice> {
        std::mem::take(&mut self.waiting)
    }

    /// `STARTED`, `PAUSED` or `RESUMED`.
    pub(super) fn tables(&mut self, kind: &'static str, progress: &Progress) {
        self.add(kind, progress, vec![("data_collections", progress.names())]);
    }

    pub(super) fn in_progress(&mut self, progress: &Progress, last: &[Part]) {
        let maximum = progress.maximum.as_deref().map_or_else(String::new, shown);
        let data = vec![
            ("data_collections", progress.names()),
            ("current_collection_in_progress", current(progress)),
            ("maximum_key", maximum),
            ("last_processed_key", shown(last)),
        ];
        self.add("IN_PROGRESS", progress, data);
    }

    pub(super) fn scanned(&mut self, progress: &Progress, rows: u64, status: ScanStatus) {
        let data = vec![
            ("data_collections", progress.names()),
            ("scanned_collection", current(progress)),
            ("total_rows_scanned", rows.to_string()),
            ("status", status.as_str().to_owned()),
        ];
        self.add("TABLE_SCAN_COMPLETED", progress, data);
    }

    pub(super) fn completed(&mut self, progress: &Progress) {
        self.add("COMPLETED", progress, Vec::new());
    }

    pub(super) fn aborted(&mut self, progress: &Progress, stopped: &[String]) {
        let data = vec![("data_collections", stopped.join(","))];
        self.add("ABORTED", progress, data);
    }

    fn add(&mut self, kind: &'static str, progress: &Progress, data: Vec<(&'static str, String)>) {
        let notification = Notification {
            aggregate: "Incremental Snapshot",
            kind,
            data,
        };
        let notice = (progress.correlation.clone(), notification);
        self.waiting.push(notice);
    }
}

fn current(progress: &Progress) -> String {
    let current = progress.collections.front();
    current.map_or_else(String::new, |one| one.id.clone())
}
