//! A stream of changes: reads, confirms, ends.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::BytesMut;
use postgres_protocol::message::frontend;
use tokio::io::{AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::sync::watch;
use tokio::task::JoinSet;
use walcast_wire::lsn::Lsn;

use super::coalesce::{Coalescer, WAIT_MAX};
use super::error::SessionError;
use super::feedback::{Feedback, Pace, Words};
use super::frames::{Frame, Frames};
use super::session::Session;
use super::socket::Socket;
use crate::clock::SharedClock;
use crate::error::{EngineError, Result};
use crate::postgres::fault;

/// How long the server may take to end the stream; then the socket is closed.
const END_TIMEOUT: Duration = Duration::from_secs(10);

/// An open stream of changes.
///
/// It is read by who holds it; status updates are written by a task. Dropping it ends the stream.
pub(crate) struct ChangeStream {
    socket: ReadHalf<Socket>,
    frames: Frames,
    coalescer: Coalescer,
    words: watch::Sender<Words>,
    listening: Arc<AtomicBool>,
    feedback: JoinSet<std::io::Result<WriteHalf<Socket>>>,
}

impl ChangeStream {
    /// Takes over a session that streams; all before `confirmed` is durable.
    pub(super) fn new(
        session: Session,
        coalescer: Coalescer,
        confirmed: Lsn,
        pace: Pace,
        clock: SharedClock,
    ) -> Self {
        let frames = Frames::new(&session.buffer);
        let (socket, write_half) = tokio::io::split(session.socket);
        let (words, heard) = watch::channel(Words {
            confirmed,
            ..Words::default()
        });
        let listening = Arc::new(AtomicBool::new(false));
        let mut feedback = JoinSet::new();
        feedback.spawn(
            Feedback {
                socket: write_half,
                words: heard,
                listening: Arc::clone(&listening),
                pace,
                clock,
            }
            .run(),
        );
        Self {
            socket,
            frames,
            coalescer,
            words,
            listening,
            feedback,
        }
    }

    /// Waits until a whole frame is there. Cancelling loses nothing.
    pub(crate) async fn ready(&mut self) -> Result<()> {
        if self.frames.is_ready() {
            return Ok(());
        }
        let _listening = Listening::new(Arc::clone(&self.listening));
        self.read().await.map_err(|e| reading(e.into()))
    }

    async fn read(&mut self) -> std::io::Result<()> {
        while !self.frames.is_ready() {
            let read = self.frames.fill(&mut self.socket);
            let bytes = if self.coalescer.on {
                match tokio::time::timeout(WAIT_MAX, read).await {
                    Ok(read) => read?,
                    Err(_) => {
                        self.coalescer.give_up()?;
                        continue;
                    }
                }
            } else {
                read.await?
            };
            if bytes == 0 {
                return Err(std::io::ErrorKind::UnexpectedEof.into());
            }
            self.coalescer.read(bytes)?;
        }
        Ok(())
    }

    /// The frames that are there, to be given back. So they can be handled while the rest of the
    /// stream is spoken to.
    pub(crate) fn take(&mut self) -> Frames {
        std::mem::take(&mut self.frames)
    }

    /// Takes back what [`Self::take`] gave.
    pub(crate) fn give_back(&mut self, frames: Frames) {
        self.frames = frames;
    }

    /// Tells the slot that all before `lsn` is durable elsewhere.
    pub(crate) fn confirm(&self, lsn: Lsn) {
        self.words.send_if_modified(|words| {
            let further = lsn > words.confirmed;
            words.confirmed = words.confirmed.max(lsn);
            further
        });
    }

    /// Answers the server, which asked for a status.
    pub(crate) fn answer(&self) {
        self.words.send_modify(|words| words.asked += 1);
    }

    /// Ends the stream; the slot is free when this returns, if the server has answered in time.
    pub(crate) async fn stop(mut self) -> Result<()> {
        self.words.send_modify(|words| words.end = true);
        let failed = |e: std::io::Error| fault::replication("ending the stream", e.into());
        let ended = match tokio::time::timeout(END_TIMEOUT, self.end()).await {
            Ok(ended) => ended,
            Err(_) => {
                tracing::debug!("the server did not end the stream in time; the socket is closed");
                Ok(())
            }
        };
        ended.map_err(failed)
    }

    async fn end(&mut self) -> std::io::Result<()> {
        let mut writer = match self.feedback.join_next().await {
            Some(Ok(ended)) => ended?,
            Some(Err(panic)) => return Err(std::io::Error::other(panic)),
            None => return Ok(()),
        };
        // An error says that the stream has ended, too.
        while !matches!(self.frames.next(), Ok(Some(Frame::End)) | Err(_)) {
            if !self.frames.is_ready() {
                self.read().await?;
            }
        }
        let mut out = BytesMut::new();
        frontend::terminate(&mut out);
        writer.write_all(&out).await?;
        writer.flush().await
    }
}

impl Drop for ChangeStream {
    fn drop(&mut self) {
        // It sees that the reader has gone, and says so to the server.
        self.feedback.detach_all();
    }
}

/// Says that the reader waits for the server, as long as it is there.
struct Listening(Arc<AtomicBool>);

impl Listening {
    fn new(flag: Arc<AtomicBool>) -> Self {
        flag.store(true, Ordering::Relaxed);
        Self(flag)
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Relaxed);
    }
}

/// An error while changes are read.
pub(crate) fn reading(error: SessionError) -> EngineError {
    let text = error.to_string();
    if text.contains("publication") && text.contains("does not exist") {
        return EngineError::definite(format!(
            "while reading changes: {error}; create the publication, then restart the task"
        ))
        .because(error);
    }
    fault::replication("reading changes", error)
}
