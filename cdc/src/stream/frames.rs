//! What the server sends, message by message: transactions, rows, what describes them, and where the
//! server stands.

use walcast_wire::lsn::Lsn;
use walcast_wire::pgoutput::{self, Begin, Message};

use super::Reader;
use super::source::Source;
use crate::error::{EngineError, Result};
use crate::postgres::replication::{Frame, Frames, reading};

impl Reader<'_> {
    /// Handles the frames that one read of the socket gave, until the batch is full or handed on.
    pub(super) async fn take_frames(&mut self) -> Result<()> {
        let Source::Stream(stream) = &mut self.source else {
            return Ok(());
        };
        let mut frames = stream.take();
        let taken = self.take_from(&mut frames).await;
        if let Source::Stream(stream) = &mut self.source {
            stream.give_back(frames);
        }
        taken
    }

    async fn take_from(&mut self, frames: &mut Frames) -> Result<()> {
        let seq = self.seq;
        let mut server = Lsn::ZERO;
        while let Some(frame) = frames.next().map_err(reading)? {
            server = self.handle(frame).await?.max(server);
            if self.seq != seq || self.takes_no_more() {
                break;
            }
        }
        if server.is_valid() {
            self.server_is_at(server);
        }
        Ok(())
    }

    /// Handles a frame; gives the end of WAL that the server told with it.
    async fn handle(&mut self, frame: Frame<'_>) -> Result<Lsn> {
        match frame {
            Frame::Change {
                start,
                server,
                data,
            } => {
                self.frame(start, data).await?;
                Ok(server)
            }
            Frame::KeepAlive { server, asks } => {
                if asks {
                    self.source.answer();
                }
                self.idle(server).await?;
                Ok(server)
            }
            Frame::End => Err(EngineError::transient(
                "the server ended the replication stream",
            )),
        }
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
