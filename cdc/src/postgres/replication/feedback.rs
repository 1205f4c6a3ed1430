//! The writing half of a stream: status updates, from a task of its own.
//!
//! So they go out on time whatever the reader waits for: a slow broker, a snapshot, the catalog. It
//! tells the server only what it was told to.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::BytesMut;
use postgres_protocol::message::frontend;
use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::sync::watch;
use tokio::time::Instant;
use walcast_wire::lsn::Lsn;

use crate::clock::SharedClock;

/// Microseconds between the Unix epoch and PostgreSQL's, 2000-01-01.
const POSTGRES_EPOCH_US: i64 = 946_684_800_000_000;

/// How long the last words may take when nobody waits for them.
const FAREWELL_TIMEOUT: Duration = Duration::from_secs(5);

/// What the server is to be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Words {
    /// All before this is durable.
    pub(super) confirmed: Lsn,
    /// How many keepalives wanted an answer.
    pub(super) asked: u64,
    /// The stream is to end.
    pub(super) end: bool,
}

/// When status updates are due.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pace {
    /// After which a confirmation does not wait any longer.
    pub(super) pending: Duration,
    /// After which one is sent although there is nothing new.
    pub(super) idle: Duration,
}

/// Writes status updates until it is told to end, or the reader has gone.
pub(super) struct Feedback<W> {
    pub(super) socket: W,
    pub(super) words: watch::Receiver<Words>,
    /// Whether the reader waits for the server, and so sees when it asks for a status.
    pub(super) listening: Arc<AtomicBool>,
    pub(super) pace: Pace,
    pub(super) clock: SharedClock,
}

impl<W: AsyncWrite + Unpin> Feedback<W> {
    /// Gives the socket back when it was told to end.
    pub(super) async fn run(mut self) -> io::Result<W> {
        let mut told = Words::default();
        loop {
            let words = *self.words.borrow_and_update();
            self.status(words.confirmed, words.asked != told.asked)
                .await?;
            told = words;
            match self.due(told).await {
                Due::Status => {}
                Due::End => {
                    let confirmed = self.words.borrow().confirmed;
                    self.farewell(confirmed).await?;
                    return Ok(self.socket);
                }
                Due::Gone => {
                    let farewell = self.farewell(told.confirmed);
                    let _ = tokio::time::timeout(FAREWELL_TIMEOUT, farewell).await;
                    return Ok(self.socket);
                }
            }
        }
    }

    /// Waits until something is due after a status that said `told`.
    async fn due(&mut self, told: Words) -> Due {
        let sent = Instant::now();
        let mut look = sent + self.pace.pending;
        loop {
            let words = *self.words.borrow_and_update();
            if words.end {
                return Due::End;
            }
            let late = sent.elapsed() >= self.pace.pending;
            let unheard = late && !self.listening.load(Ordering::Relaxed);
            let news = late && words.confirmed > told.confirmed;
            if words.asked != told.asked || news || unheard || sent.elapsed() >= self.pace.idle {
                return Due::Status;
            }
            tokio::select! {
                biased;
                changed = self.words.changed() => if changed.is_err() {
                    return Due::Gone;
                },
                () = tokio::time::sleep_until(look) => look += self.pace.pending,
            }
        }
    }

    /// The last status, and the end of the copy.
    async fn farewell(&mut self, confirmed: Lsn) -> io::Result<()> {
        self.status(confirmed, false).await?;
        let mut out = BytesMut::new();
        frontend::copy_done(&mut out);
        self.socket.write_all(&out).await?;
        self.socket.flush().await
    }

    async fn status(&mut self, confirmed: Lsn, answer: bool) -> io::Result<()> {
        let now = self.clock.now_ns() / 1000 - POSTGRES_EPOCH_US;
        let lsn = confirmed.as_u64().to_be_bytes();
        let mut status = Vec::with_capacity(34);
        status.push(b'r');
        // Written, flushed and applied are one here.
        for _ in 0..3 {
            status.extend_from_slice(&lsn);
        }
        status.extend_from_slice(&now.to_be_bytes());
        status.push(answer.into());
        let mut out = BytesMut::new();
        frontend::CopyData::new(&status[..])?.write(&mut out);
        self.socket.write_all(&out).await?;
        self.socket.flush().await
    }
}

/// What comes after a status.
enum Due {
    Status,
    End,
    /// Nobody waits for the end.
    Gone,
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, DuplexStream};
    use tokio::task::JoinSet;

    use super::*;
    use crate::clock::SystemClock;

    const PACE: Pace = Pace {
        pending: Duration::from_secs(1),
        idle: Duration::from_secs(10),
    };

    /// A task that writes, and the server's end of its socket.
    struct Running {
        server: DuplexStream,
        words: watch::Sender<Words>,
        listening: Arc<AtomicBool>,
        task: JoinSet<io::Result<DuplexStream>>,
    }

    fn run(listens: bool) -> Running {
        let (socket, server) = tokio::io::duplex(4096);
        let (words, heard) = watch::channel(Words::default());
        let listening = Arc::new(AtomicBool::new(listens));
        let mut task = JoinSet::new();
        let feedback = Feedback {
            socket,
            words: heard,
            listening: Arc::clone(&listening),
            pace: PACE,
            clock: Arc::new(SystemClock),
        };
        task.spawn(feedback.run());
        Running {
            server,
            words,
            listening,
            task,
        }
    }

    impl Running {
        /// The next status: what it confirms, whether it is an answer, and the seconds it took.
        async fn status(&mut self) -> (u64, bool, u64) {
            let begun = Instant::now();
            let mut message = [0; 39];
            let read = self.server.read_exact(&mut message);
            read.await.expect("a status");
            let [b'd', 0, 0, 0, 38, b'r', rest @ ..] = message else {
                panic!("no status: {message:?}");
            };
            let lsns = rest.as_chunks::<8>().0.iter().take(3);
            let lsns: Vec<u64> = lsns.map(|lsn| u64::from_be_bytes(*lsn)).collect();
            assert!(lsns.iter().all(|lsn| *lsn == lsns[0]));
            (lsns[0], rest[32] == 1, begun.elapsed().as_secs())
        }

        fn say(&self, change: impl FnOnce(&mut Words)) {
            self.words.send_modify(change);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn statuses_come_when_they_are_due() {
        let mut running = run(true);
        assert_eq!(running.status().await, (0, false, 0), "at the beginning");
        assert_eq!(running.status().await, (0, false, 10), "idle");
        running.say(|words| words.confirmed = Lsn::new(7));
        assert_eq!(running.status().await, (7, false, 1), "news waits a little");
        running.say(|words| words.asked += 1);
        assert_eq!(running.status().await, (7, true, 0), "an answer does not");
        running.listening.store(false, Ordering::Relaxed);
        for _ in 0..3 {
            assert_eq!(running.status().await, (7, false, 1), "the reader is away");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_last_words_end_the_copy() {
        for waited_for in [true, false] {
            let mut running = run(true);
            running.status().await;
            running.say(|words| {
                words.confirmed = Lsn::new(9);
                words.end = waited_for;
            });
            if !waited_for {
                assert_eq!(running.status().await.0, 9);
                let (gone, _) = watch::channel(Words::default());
                drop(std::mem::replace(&mut running.words, gone));
            }
            assert_eq!(running.status().await.0, 9);
            let mut rest = [0; 5];
            running.server.read_exact(&mut rest).await.expect("the end");
            assert_eq!(&rest, b"c\0\0\0\x04");
            let ended = running.task.join_next().await.expect("a task");
            ended.expect("no panic").expect("the socket");
        }
    }
}
