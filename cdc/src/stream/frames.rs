//! What the server sends, message by message: transactions, rows, what describes them, and where the
//! server stands.

use pgwire_replication::ReplicationEvent;
use walcast_wire::lsn::Lsn;
use walcast_wire::pgoutput::{self, Begin, LogicalMessage, Message};

use super::Reader;
use crate::error::{EngineError, Result};

/// Microseconds between the Unix epoch and PostgreSQL's, 2000-01-01.
const POSTGRES_EPOCH_US: i64 = 946_684_800_000_000;

impl Reader<'_> {
    pub(super) async fn event(&mut self, event: ReplicationEvent) -> Result<()> {
        match event {
            ReplicationEvent::Begin {
                final_lsn,
                xid,
                commit_time_micros,
            } => self.begun(&Begin {
                final_lsn: Lsn::new(final_lsn.0),
                commit_time_us: commit_time_micros + POSTGRES_EPOCH_US,
                xid,
            }),
            ReplicationEvent::Commit { end_lsn, .. } => {
                self.committed(Lsn::new(end_lsn.0)).await?;
            }
            ReplicationEvent::XLogData {
                wal_start,
                data,
                wal_end,
                ..
            } => {
                self.server_is_at(Lsn::new(wal_end.0));
                self.frame(Lsn::new(wal_start.0), &data).await?;
            }
            ReplicationEvent::KeepAlive { wal_end, .. } => self.idle(Lsn::new(wal_end.0)).await?,
            ReplicationEvent::Message {
                transactional,
                lsn,
                prefix,
                content,
            } => {
                self.logical_message(&LogicalMessage {
                    transactional,
                    lsn: Lsn::new(lsn.0),
                    prefix: &prefix,
                    content: &content,
                })?;
            }
            ReplicationEvent::StoppedAt { .. } => {}
        }
        Ok(())
    }

    pub(super) fn server_is_at(&self, end: Lsn) {
        self.metrics.server(end);
        self.activity.server(end);
    }

    fn begun(&mut self, begin: &Begin) {
        self.cursor
            .begin(begin.xid, begin.final_lsn, begin.commit_time_us);
        self.begin();
    }

    async fn committed(&mut self, end: Lsn) -> Result<()> {
        self.end(end)?;
        self.metrics.received(self.cursor.commit_us(), end);
        if let Some(xid) = self.cursor.xid() {
            self.signals.incremental.committed(xid);
        }
        self.cursor.commit(end);
        self.end_due_window().await
    }

    /// The server has nothing more for us before `end`.
    async fn idle(&mut self, end: Lsn) -> Result<()> {
        self.server_is_at(end);
        self.cursor.keepalive(end);
        self.end_due_window().await
    }

    pub(super) async fn end_due_window(&mut self) -> Result<()> {
        if self.window_ends() {
            Box::pin(self.end_window()).await?;
        }
        Ok(())
    }

    /// Handles a message of pgoutput as the server sent it; `lsn` is zero for what only describes, such
    /// as a relation.
    pub(super) async fn frame(&mut self, lsn: Lsn, data: &[u8]) -> Result<()> {
        let message = pgoutput::decode(data).map_err(|e| {
            EngineError::definite(format!(
                "the server sent a message that is not pgoutput protocol 1: {e}"
            ))
            .because(e)
        })?;
        match message {
            Message::Begin(begin) => {
                self.begun(&begin);
                Ok(())
            }
            Message::Commit(commit) => self.committed(commit.end_lsn).await,
            Message::Message(message) => self.logical_message(&message),
            within => {
                if lsn != Lsn::ZERO {
                    self.tell_begin(lsn)?;
                }
                self.message(lsn, within).await
            }
        }
    }

    /// Handles what stands between a transaction's begin and its end.
    async fn message(&mut self, lsn: Lsn, message: Message<'_>) -> Result<()> {
        match &message {
            Message::Relation(relation) => {
                if self.relations.is_fresh(relation) {
                    self.settle().await;
                }
                self.relations.learn(relation).await?;
                self.announced(relation);
                Ok(())
            }
            Message::Insert(_) => self.change(lsn, &message, "INSERT").await,
            Message::Update(_) => self.change(lsn, &message, "UPDATE").await,
            Message::Delete(_) => self.change(lsn, &message, "DELETE").await,
            Message::Truncate(_) => self.change(lsn, &message, "TRUNCATE").await,
            Message::Origin(origin) => {
                self.cursor.origin(origin.name, origin.commit_lsn);
                Ok(())
            }
            _ => Ok(()),
        }
    }
}
