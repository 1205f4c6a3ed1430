//! What a backlog that is read by SQL gives: the messages of the stream, and where they bring us.

use futures_util::FutureExt;
use walcast_wire::lsn::Lsn;

use super::Reader;
use super::source::Source;
use crate::catchup::{Chunk, Fed};
use crate::error::Result;

impl Reader<'_> {
    /// Handles what was given and what is ready behind it, until the batch is full or handed on.
    pub(super) async fn take_fed(&mut self, fed: Fed) -> Result<()> {
        let seq = self.seq;
        self.fed(fed).await?;
        while self.seq == seq && !self.takes_no_more() {
            let Source::Backlog(backlog) = &mut self.source else {
                return Ok(());
            };
            let Some(ready) = backlog.next().now_or_never() else {
                return Ok(());
            };
            self.fed(ready?).await?;
        }
        Ok(())
    }

    async fn fed(&mut self, fed: Fed) -> Result<()> {
        match fed {
            Fed::Rows(chunk) => self.rows(chunk).await,
            Fed::Reached { position, end } => self.reached(position, end).await,
            Fed::End => self.go_on_streaming().await,
        }
    }

    /// Handles the messages of a chunk; what must wait for the batch to be handed on comes again.
    async fn rows(&mut self, mut chunk: Chunk) -> Result<()> {
        while let Some((lsn, message)) = chunk.next() {
            self.frame(lsn, message).await?;
            if self.takes_no_more() {
                if let Source::Backlog(backlog) = &mut self.source {
                    backlog.give_back(chunk);
                }
                return Ok(());
            }
        }
        Ok(())
    }

    /// All before `position` was given, as a keepalive says it of a stream.
    async fn reached(&mut self, position: Lsn, end: Lsn) -> Result<()> {
        self.server_is_at(end);
        self.cursor.keepalive(position);
        self.end_due_window().await
    }

    async fn go_on_streaming(&mut self) -> Result<()> {
        if let Source::Backlog(backlog) = &mut self.source {
            self.source = Source::Stream(backlog.stream().await?);
        }
        Ok(())
    }
}
