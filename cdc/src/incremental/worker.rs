//! Reads chunks beside the stream, on a session of its own.
//!
//! A job is one window: the opening watermark, the queries, the closing watermark. What was read is
//! reported before the closing watermark is written, so it is in hand when the stream brings that.

mod chunk;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinSet;
use walcast_wire::config::EncoderConfig;
use walcast_wire::lsn::Lsn;

use super::collection::Collection;
use super::key::Key;
use super::visibility::Visibility;
use super::watermark::Marks;
use super::window::Rows;
use crate::clock::SharedClock;
use crate::config::{DatabaseConfig, SignalConfig};
use crate::error::{EngineError, Result};
use crate::postgres::connect::{self, Session};
use crate::postgres::fault;
use crate::postgres::quote::qualified;

/// A window to read.
#[derive(Debug)]
pub(crate) struct Job {
    /// The chunk's id.
    pub(crate) id: String,
    /// The tables that are left.
    pub(crate) collections: Vec<Collection>,
    /// Where the first of them goes on.
    pub(crate) position: Option<Key>,
    /// Its greatest key, once it is known.
    pub(crate) maximum: Option<Key>,
    /// How long to wait before.
    pub(crate) wait: Duration,
}

/// How the scan of a table ended, in Debezium's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ScanStatus {
    Empty,
    NoPrimaryKey,
    SqlException,
    Succeeded,
    UnknownSchema,
}

impl ScanStatus {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Empty => "EMPTY",
            Self::NoPrimaryKey => "NO_PRIMARY_KEY",
            Self::SqlException => "SQL_EXCEPTION",
            Self::Succeeded => "SUCCEEDED",
            Self::UnknownSchema => "UNKNOWN_SCHEMA",
        }
    }
}

/// What happened in a window before its rows, in order.
#[derive(Debug)]
pub(crate) enum Step {
    /// The first table's greatest key was read.
    Maximum(Key),
    /// The stored place in the first table was of no use.
    Restarted,
    /// The first table is done.
    Scanned(ScanStatus),
}

/// A window that was read.
#[derive(Debug)]
pub(crate) struct Chunk {
    pub(crate) id: String,
    pub(crate) steps: Vec<Step>,
    /// Rows of the first table that is left after `steps`; none when all are done.
    pub(crate) rows: Option<Rows>,
    /// What the query saw.
    pub(crate) seen: Visibility,
    /// Everything the query saw was committed before this.
    pub(crate) end: Lsn,
}

/// What the worker tells.
#[derive(Debug)]
pub(crate) enum Report {
    /// A window was read.
    Read(Box<Chunk>),
    /// A window could not be read or closed.
    Failed {
        /// The chunk's id.
        id: String,
        error: EngineError,
    },
}

/// What chunks are read with.
pub(crate) struct Tools {
    pub(crate) database: DatabaseConfig,
    pub(crate) encoder: Arc<EncoderConfig>,
    pub(crate) signal: SignalConfig,
    pub(crate) clock: SharedClock,
}

/// The running worker; it ends when dropped.
pub(crate) struct Worker {
    jobs: mpsc::Sender<Job>,
    reports: mpsc::Receiver<Report>,
    _task: JoinSet<()>,
}

impl Worker {
    pub(crate) fn start(tools: Tools) -> Self {
        let (jobs, wanted) = mpsc::channel(1);
        // A window has two reports at most: that it was read, and that it could not be closed.
        let (sender, reports) = mpsc::channel(2);
        let mut task = JoinSet::new();
        let reading = Reading {
            tools,
            session: None,
        };
        task.spawn(reading.run(wanted, sender));
        Self {
            jobs,
            reports,
            _task: task,
        }
    }

    /// Asks for a window; the one before must have ended.
    pub(crate) fn ask(&self, job: Job) -> Result<()> {
        self.jobs.try_send(job).map_err(|_| {
            EngineError::transient("the reader of incremental snapshots has not taken its last job")
        })
    }

    /// The next report.
    pub(crate) async fn report(&mut self) -> Report {
        match self.reports.recv().await {
            Some(report) => report,
            None => std::future::pending().await,
        }
    }

    /// A report that is there already.
    pub(crate) fn ready(&mut self) -> Option<Report> {
        self.reports.try_recv().ok()
    }
}

/// The worker's own side.
struct Reading {
    tools: Tools,
    session: Option<Session>,
}

impl Reading {
    async fn run(mut self, mut jobs: mpsc::Receiver<Job>, reports: mpsc::Sender<Report>) {
        while let Some(job) = jobs.recv().await {
            tokio::time::sleep(job.wait).await;
            let Err(error) = self.window(&job, &reports).await else {
                continue;
            };
            // Whatever state it was left in, the next window begins on a new session.
            self.session = None;
            let failed = Report::Failed { id: job.id, error };
            if reports.send(failed).await.is_err() {
                return;
            }
        }
    }

    async fn window(&mut self, job: &Job, reports: &mpsc::Sender<Report>) -> Result<()> {
        let table = match (&self.tools.signal.table, self.tools.signal.read_only) {
            (Some(table), false) => Some(qualified(&table.schema, &table.name)),
            _ => None,
        };
        let current = job.collections.first();
        let marks = table.as_deref().map(|table| Marks {
            table,
            id: &job.id,
            strategy: self.tools.signal.watermarks,
            correlation: current.and_then(|one| one.correlation.as_deref()),
            collection: current.map_or("", |one| &*one.id),
            opened_ns: self.tools.clock.now_ns(),
        });
        if let Some(marks) = &marks {
            self.mark(&marks.open()).await?;
        }
        let chunk = self.chunk(job).await?;
        if reports.send(Report::Read(Box::new(chunk))).await.is_err() {
            return Ok(());
        }
        match &marks {
            Some(marks) => self.mark(&marks.close(self.tools.clock.now_ns())).await,
            None => Ok(()),
        }
    }

    /// Writes a watermark.
    async fn mark(&mut self, sql: &str) -> Result<()> {
        let session = self.session().await?;
        let written = session.batch_execute(sql).await;
        written.map_err(|e| fault::sql("writing a watermark to signal.data.collection", e))
    }

    async fn session(&mut self) -> Result<&Session> {
        if self.session.as_ref().is_none_or(Session::is_gone) {
            let session = connect::open(&self.tools.database, "walcast incremental snapshot");
            // The stream has the same login: what is wrong for good ends that, and not a table.
            let session = session.await;
            self.session = Some(session.map_err(|e| EngineError::transient(e.trace()))?);
        }
        let session = self.session.as_ref();
        session.ok_or_else(|| EngineError::transient("no session for incremental snapshots"))
    }
}
