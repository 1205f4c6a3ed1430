//! The snapshot under way: which tables are left, and the window of the chunk at hand.

mod stop;

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use uuid::Uuid;
use walcast_wire::catalog::Table;
use walcast_wire::config::EncoderConfig;
use walcast_wire::connect_offset::Offset;
use walcast_wire::lsn::Lsn;

use super::collection::{Collection, Progress};
use super::identity::Touched;
use super::key::Key;
use super::metrics::SnapshotMetrics;
use super::notices::{Notice, Notices};
use super::query::Columns;
use super::window::{Rows, Window};
use super::worker::{Chunk, Job, Report, ScanStatus, Step, Tools, Worker};
use crate::error::{EngineError, Kind, Result};

/// Pause before a window that failed is tried again; it doubles up to [`PAUSE_MAX`].
const PAUSE_MIN: Duration = Duration::from_millis(500);
const PAUSE_MAX: Duration = Duration::from_secs(30);

/// How many of the last transactions are remembered.
const COMMITTED_MAX: usize = 1024;

/// What an incremental snapshot is told at its start.
pub(crate) struct Settings {
    pub(crate) tools: Tools,
    /// The connector's name.
    pub(crate) connector: String,
    /// `topic.prefix`.
    pub(crate) topic_prefix: String,
}

/// Incremental snapshots of one stream.
pub(crate) struct Incremental {
    progress: Progress,
    worker: Worker,
    window: Option<Window>,
    /// Whether chunks end at a position, without watermarks of their own.
    read_only: bool,
    /// Whether snapshots can be taken at all.
    possible: bool,
    paused: bool,
    /// Tables that are to be left out from the next chunk on.
    stopping: Vec<String>,
    /// Rows read of the first table.
    scanned: u64,
    pause: Duration,
    /// The last transactions that the stream brought.
    committed: VecDeque<u32>,
    notices: Notices,
    /// How tables are ordered and rows told apart, by OID of the table; none for those of no
    /// snapshot.
    columns: HashMap<u32, Option<Columns>>,
    encoder: Arc<EncoderConfig>,
    metrics: SnapshotMetrics,
}

impl Incremental {
    /// Goes on where `offset` stands, once [`Self::begin`] is called.
    pub(crate) fn new(settings: Settings, offset: &Offset) -> Self {
        let signal = &settings.tools.signal;
        Self {
            progress: Progress::restore(offset),
            window: None,
            read_only: signal.read_only,
            possible: signal.read_only || signal.table.is_some(),
            paused: false,
            stopping: Vec::new(),
            scanned: 0,
            pause: PAUSE_MIN,
            committed: VecDeque::with_capacity(COMMITTED_MAX),
            metrics: SnapshotMetrics::new(&settings.connector, &settings.topic_prefix),
            notices: Notices::default(),
            columns: HashMap::new(),
            encoder: Arc::clone(&settings.tools.encoder),
            worker: Worker::start(settings.tools),
        }
    }

    /// Whether a window is under way: then changes must be told.
    pub(crate) fn is_open(&self) -> bool {
        self.window.is_some()
    }

    /// Whether the stream must wait for the chunk.
    pub(crate) fn is_full(&self) -> bool {
        self.window.as_ref().is_some_and(Window::is_full)
    }

    /// The next report of the worker.
    pub(crate) async fn report(&mut self) -> Report {
        self.worker.report().await
    }

    /// A report that is there already.
    pub(crate) fn ready(&mut self) -> Option<Report> {
        self.worker.ready()
    }

    /// What is to be told since the last call.
    pub(crate) fn notices(&mut self) -> Vec<Notice> {
        self.notices.take()
    }

    /// Says in `offset` how far the snapshot is.
    pub(crate) fn describe(&self, offset: &mut Offset) {
        self.progress.describe(offset);
    }

    /// Names of the tables that are left.
    pub(crate) fn tables(&self) -> Vec<String> {
        let collections = self.progress.collections.iter();
        collections.map(|one| one.id.clone()).collect()
    }

    /// How rows of `table` are told apart; none when no snapshot of it is under way.
    pub(crate) fn columns(&mut self, table: &Table) -> Option<&Columns> {
        let find = || {
            let id = format!("{}.{}", table.schema, table.name);
            let mut collections = self.progress.collections.iter();
            let collection = collections.find(|one| one.id == id)?;
            Columns::of(table, collection.surrogate.as_deref(), &self.encoder)
        };
        self.columns.entry(table.oid).or_insert_with(find).as_ref()
    }

    /// Goes on after a restart.
    pub(crate) fn begin(&mut self) -> Result<()> {
        if !self.progress.is_running() {
            return Ok(());
        }
        tracing::info!(
            tables = self.progress.names(),
            "the incremental snapshot goes on"
        );
        self.next(Duration::ZERO)
    }

    /// `execute-snapshot`: adds tables; the first chunk is read `wait` from now when none is.
    pub(crate) fn execute(
        &mut self,
        signal: &str,
        collections: Vec<Collection>,
        wait: Duration,
    ) -> Result<()> {
        if !self.possible {
            tracing::warn!(
                signal,
                "the signal is left out: an incremental snapshot needs signal.data.collection, or read.only=true"
            );
            return Ok(());
        }
        let idle = !self.progress.is_running();
        self.columns.clear();
        self.progress.collections.extend(collections);
        self.progress.correlation = Some(signal.to_owned());
        if idle {
            tracing::info!(
                tables = self.progress.names(),
                "an incremental snapshot begins"
            );
            self.notices.tables("STARTED", &self.progress);
            self.next(wait)?;
        }
        Ok(())
    }

    /// `pause-snapshot`: no further chunk is read.
    pub(crate) fn pause(&mut self) {
        if self.progress.is_running() && !self.paused {
            tracing::info!("the incremental snapshot pauses");
            self.paused = true;
            self.notices.tables("PAUSED", &self.progress);
            self.measure();
        }
    }

    /// `resume-snapshot`.
    pub(crate) fn resume(&mut self) -> Result<()> {
        if !self.progress.is_running() || !self.paused {
            return Ok(());
        }
        tracing::info!("the incremental snapshot resumes");
        self.paused = false;
        self.notices.tables("RESUMED", &self.progress);
        match self.window {
            Some(_) => Ok(()),
            None => self.next(Duration::ZERO),
        }
    }

    /// An opening watermark.
    pub(crate) fn opened(&mut self, id: &str) {
        match &mut self.window {
            Some(window) if id.starts_with(&window.id) => window.open(),
            _ => tracing::debug!(id, "an opening watermark of no window at hand"),
        }
    }

    /// Whether a closing watermark is that of the window at hand.
    pub(crate) fn closes(&self, id: &str) -> bool {
        let window = self.window.as_ref();
        window.is_some_and(|window| id.starts_with(&window.id))
    }

    /// Whether a window without watermarks ends, now that all up to `position` was read.
    pub(crate) fn ends_at(&self, position: Lsn) -> bool {
        let end = self.window.as_ref().and_then(|window| window.end);
        end.is_some_and(|end| end <= position)
    }

    /// The stream read all of a transaction.
    pub(crate) fn committed(&mut self, xid: u32) {
        if self.committed.len() == COMMITTED_MAX {
            self.committed.pop_front();
        }
        self.committed.push_back(xid);
    }

    /// The stream brings a change.
    pub(crate) fn changed(&mut self, relation: u32, xid: u32, touched: Touched) {
        if let Some(window) = &mut self.window {
            window.changed(relation, xid, touched);
        }
    }

    /// The stream announces a table as it is now: a chunk of it with other columns is read again.
    pub(crate) fn announced(&mut self, table: &Table) {
        self.columns.remove(&table.oid);
        if self.columns(table).is_none() {
            return;
        }
        if let Some(window) = &mut self.window {
            window.announced(table);
        }
    }

    /// Takes what the worker tells.
    pub(crate) fn take(&mut self, report: Report) -> Result<()> {
        match report {
            Report::Read(chunk) => {
                self.read(*chunk);
                Ok(())
            }
            Report::Failed { id, error } => self.failed(&id, &error),
        }
    }

    fn read(&mut self, chunk: Chunk) {
        let current = self.window.as_ref();
        if current.is_none_or(|window| window.id != chunk.id) {
            return;
        }
        self.pause = PAUSE_MIN;
        for step in chunk.steps {
            match step {
                Step::Maximum(key) => self.progress.maximum = Some(key),
                Step::Restarted => self.progress.restart(),
                Step::Scanned(status) => self.scanned(status),
            }
        }
        if let Some(rows) = &chunk.rows {
            self.scanned += rows.len() as u64;
            self.metrics.chunk(rows.len());
            self.progress.position = Some(rows.last.clone());
            self.notices.in_progress(&self.progress, &rows.last);
        }
        let Some(window) = &mut self.window else {
            return;
        };
        window.end = self.read_only.then_some(chunk.end);
        window.spoiled |= chunk.seen.misses_one_of(self.committed.iter());
        window.read(chunk.rows, chunk.seen);
        self.measure();
    }

    fn failed(&mut self, id: &str, error: &EngineError) -> Result<()> {
        let current = self.window.as_ref();
        if current.is_none_or(|window| window.id != id) {
            // It was read and has ended; its closing watermark was written although that failed.
            tracing::warn!(error = error.trace(), "a watermark could not be written");
            return Ok(());
        }
        self.window = None;
        self.progress.position.clone_from(&self.progress.sent);
        if error.kind() == Kind::Transient {
            let wait = self.pause;
            self.pause = (self.pause * 2).min(PAUSE_MAX);
            tracing::warn!(
                error = error.trace(),
                pause_ms = wait.as_millis(),
                "a chunk could not be read; it is tried again"
            );
            return self.next(wait);
        }
        tracing::warn!(
            table = self.progress.collections.front().map(|one| &*one.id),
            error = error.trace(),
            "the incremental snapshot leaves out a table; mend what the error names and send the signal again"
        );
        self.scanned(ScanStatus::SqlException);
        self.next(Duration::ZERO)
    }

    /// Ends the window at hand: the rows to emit. None when they must be read again.
    pub(crate) fn close(&mut self) -> Option<Rows> {
        let window = self.window.take()?;
        if window.spoiled || !window.is_read() {
            self.progress.position.clone_from(&self.progress.sent);
            return None;
        }
        window.into_rows()
    }

    /// All rows up to `key` are emitted.
    pub(crate) fn sent(&mut self, key: Key) {
        self.progress.sent = Some(key);
    }

    /// Asks for the next chunk, unless nothing is left or the snapshot is paused.
    pub(crate) fn next(&mut self, wait: Duration) -> Result<()> {
        self.leave_out();
        self.measure();
        if !self.progress.is_running() || self.paused || self.window.is_some() {
            return Ok(());
        }
        let job = Job {
            id: Uuid::new_v4().to_string(),
            collections: self.progress.collections.iter().cloned().collect(),
            position: self.progress.position.clone(),
            maximum: self.progress.maximum.clone(),
            wait,
        };
        self.window = Some(Window::new(job.id.clone()));
        self.worker.ask(job)
    }

    /// The first table is done.
    fn scanned(&mut self, status: ScanStatus) {
        let current = self.progress.collections.front();
        tracing::info!(
            table = current.map(|one| &*one.id),
            rows = self.scanned,
            status = status.as_str(),
            "the incremental snapshot of a table ends"
        );
        self.notices.scanned(&self.progress, self.scanned, status);
        if status == ScanStatus::Succeeded {
            self.scanned = 0;
        }
        self.next_collection();
    }

    fn next_collection(&mut self) {
        self.progress.next();
        self.columns.clear();
        if !self.progress.is_running() {
            tracing::info!("the incremental snapshot is complete");
            self.notices.completed(&self.progress);
            self.progress.correlation = None;
            self.paused = false;
        }
    }

    fn measure(&self) {
        self.metrics
            .state(self.progress.collections.len(), self.paused);
    }
}
