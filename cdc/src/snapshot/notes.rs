//! What an initial snapshot tells of itself: Debezium's `Initial Snapshot` notifications.

use tokio::sync::mpsc;
use walcast_wire::encoder::Encoder;

use crate::batch::Batch;
use crate::error::{EngineError, Result};
use crate::notify::{Notification, Notifier};
use crate::postgres::catalog::CapturedTable;
use crate::progress::{Chain, Stage};

/// The notifications of one snapshot.
pub(crate) struct Notes {
    notifier: Notifier,
    /// The tables that are read, with commas between.
    tables: String,
}

/// Where a record goes: its encoder, and the batch it is added to.
pub(crate) type Out<'a> = (&'a mut Encoder, &'a mut Batch);

impl Notes {
    pub(crate) fn new(notifier: Notifier) -> Self {
        Self {
            notifier,
            tables: String::new(),
        }
    }

    /// The snapshot begins, and these are its tables.
    pub(crate) fn started(
        &mut self,
        (encoder, batch): Out<'_>,
        tables: &[CapturedTable],
    ) -> Result<()> {
        self.tables = tables
            .iter()
            .map(CapturedTable::id)
            .collect::<Vec<_>>()
            .join(",");
        self.tell((&mut *encoder, &mut *batch), "STARTED", Vec::new())?;
        let data = vec![("data_collections", self.tables.clone())];
        self.tell((encoder, batch), "DATA_COLLECTIONS_RESOLVED", data)
    }

    /// A table is about to be read.
    pub(crate) fn table_begun(&mut self, out: Out<'_>, table: &CapturedTable) -> Result<()> {
        let data = vec![
            ("current_collection_in_progress", table.id()),
            ("data_collections", self.tables.clone()),
        ];
        self.tell(out, "IN_PROGRESS", data)
    }

    /// A table was read, and so many rows of it.
    pub(crate) fn table_done(
        &mut self,
        out: Out<'_>,
        table: &CapturedTable,
        rows: u64,
    ) -> Result<()> {
        let data = vec![
            ("scanned_collection", table.id()),
            ("data_collections", self.tables.clone()),
            ("total_rows_scanned", rows.to_string()),
            ("status", "SUCCEEDED".to_owned()),
        ];
        self.tell(out, "TABLE_SCAN_COMPLETED", data)
    }

    /// The database would not read a table.
    pub(crate) fn table_failed(&mut self, out: Out<'_>, table: &CapturedTable) -> Result<()> {
        let data = vec![
            ("scanned_collection", table.id()),
            ("status", "SQL_EXCEPTION".to_owned()),
        ];
        self.tell(out, "TABLE_SCAN_COMPLETED", data)
    }

    /// All tables were read.
    pub(crate) fn completed(&mut self, out: Out<'_>) -> Result<()> {
        self.tell(out, "COMPLETED", Vec::new())
    }

    /// The snapshot failed.
    pub(crate) fn aborted(&mut self, out: Out<'_>) -> Result<()> {
        self.tell(out, "ABORTED", Vec::new())
    }

    /// There is no snapshot: tells so in a batch of its own, and returns that batch's number, or 0
    /// when there is nothing to publish.
    pub(crate) async fn skipped(
        mut self,
        encoder: &mut Encoder,
        output: &mpsc::Sender<Batch>,
        chain: &Chain,
    ) -> Result<u64> {
        let mut batch = Batch::default();
        self.tell((encoder, &mut batch), "SKIPPED", Vec::new())?;
        if batch.is_empty() {
            return Ok(0);
        }
        batch.seq = 1;
        chain.advance(Stage::Received, batch.seq)?;
        let gone = || EngineError::transient("the publisher ended before the stream began");
        output.send(batch).await.map_err(|_| gone())?;
        Ok(1)
    }

    fn tell(
        &mut self,
        (encoder, batch): Out<'_>,
        kind: &'static str,
        data: Vec<(&'static str, String)>,
    ) -> Result<()> {
        let notification = Notification {
            aggregate: "Initial Snapshot",
            kind,
            data,
        };
        self.notifier.send(encoder, batch, &notification)
    }
}
