//! A walsender in memory: one slot, and sessions that speak PostgreSQL's protocol over a pipe.
//!
//! It sends what is committed at or behind what the slot has confirmed, in commit order, and forgets
//! what was confirmed. One session at a time reads the slot.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, ReadHalf, WriteHalf, duplex, split};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use walcast_wire::lsn::Lsn;

use super::Broken;
use super::chance::Chance;
use super::log::{Item, START};
use super::pgoutput;
use super::world::World;

/// How long the server waits before it looks whether there is more of the log.
const LOOK: Duration = Duration::from_millis(4);

pub(super) struct Slot {
    pub(super) confirmed: u64,
    /// What it has confirmed on disk: what is left of it when the server crashes.
    saved: u64,
    /// The session that reads it, and what ends that.
    active: Option<(u64, CancellationToken)>,
}

impl Slot {
    pub(super) fn new() -> Self {
        Self {
            confirmed: START,
            saved: START,
            active: None,
        }
    }

    /// The server crashes: sessions end, and the slot is as it was on disk.
    pub(super) fn crash(&mut self) {
        self.sever();
        self.confirmed = self.saved;
    }

    /// Ends the session that reads it.
    pub(super) fn sever(&mut self) {
        if let Some((_, cut)) = self.active.take() {
            cut.cancel();
        }
    }
}

/// Connects a client, whose session `cut` ends.
pub(super) fn connect(world: &Arc<World>, cut: &CancellationToken) -> DuplexStream {
    let mut chance = world.state().chance.part();
    let size = chance.of(&[300, 4_000, 64_000]);
    let (client, server) = duplex(size);
    let (read, write) = split(server);
    let session = Session {
        id: world.number(),
        world: Arc::clone(world),
        chance,
        read,
        write,
        cut: cut.clone(),
    };
    let cut = cut.clone();
    world.tasks.lock().unwrap().spawn(async move {
        tokio::select! {
            biased;
            () = cut.cancelled() => {}
            // Its end is what the client sees.
            _ended = session.run() => {}
        }
    });
    client
}

struct Session {
    id: u64,
    world: Arc<World>,
    chance: Chance,
    read: ReadHalf<DuplexStream>,
    write: WriteHalf<DuplexStream>,
    cut: CancellationToken,
}

type Io<T> = std::io::Result<T>;

impl Session {
    async fn run(mut self) -> Io<()> {
        let length = self.read.read_u32().await?;
        self.take(length).await?;
        self.write
            .write_all(b"R\0\0\0\x08\0\0\0\0Z\0\0\0\x05I")
            .await?;
        loop {
            let (_, query) = message(&mut self.read).await?;
            let text = String::from_utf8_lossy(&query).into_owned();
            let start = text.strip_prefix("START_REPLICATION SLOT sim LOGICAL ");
            let Some(start) = start else {
                self.write
                    .write_all(b"C\0\0\0\x09SHOW\0Z\0\0\0\x05I")
                    .await?;
                continue;
            };
            let start: Option<Lsn> = start.split(' ').next().and_then(|lsn| lsn.parse().ok());
            let start = start.map_or(0, Lsn::as_u64);
            if !self.takes_slot() {
                let text = "replication slot \"sim\" is active for PID 7";
                let body = format!("SERROR\0C55006\0M{text}\0\0");
                self.write.write_all(&framed(b'E', body.as_bytes())).await?;
                self.write.write_all(b"Z\0\0\0\x05I").await?;
                continue;
            }
            self.write.write_all(b"W\0\0\0\x07\0\0\0").await?;
            let from = start.max(self.world.state().slot.confirmed);
            let id = self.id;
            let world = Arc::clone(&self.world);
            let streamed = self.stream(from).await;
            let slot = &mut world.state().slot;
            slot.active.take_if(|active| active.0 == id);
            return streamed;
        }
    }

    async fn take(&mut self, length: u32) -> Io<()> {
        let mut rest = vec![0; length.saturating_sub(4) as usize];
        self.read.read_exact(&mut rest).await.map(|_| ())
    }

    /// Takes the slot, from another session if need be: its owner ends a leftover's, or has to wait
    /// until the server notices.
    fn takes_slot(&mut self) -> bool {
        let slot = &mut self.world.state().slot;
        if slot.active.is_some() && self.chance.one_in(2) {
            return false;
        }
        slot.sever();
        slot.active = Some((self.id, self.cut.clone()));
        true
    }

    async fn stream(self, from: u64) -> Io<()> {
        let (ended, sent) = (AtomicBool::new(false), AtomicU64::new(from));
        let told = Notify::new();
        let mut sender = Sender {
            world: Arc::clone(&self.world),
            chance: self.chance,
            out: self.write,
            announced: Vec::new(),
            ended: &ended,
            told: &told,
            sent: &sent,
        };
        let mut read = self.read;
        let hear = async {
            loop {
                let (tag, data) = message(&mut read).await?;
                match (tag, data.first()) {
                    (b'd', Some(b'r')) => {
                        let flushed = data[9..17].first_chunk::<8>();
                        let flushed = flushed.map_or(0, |lsn| u64::from_be_bytes(*lsn));
                        confirmed(&self.world, flushed, &sent);
                    }
                    (b'c', _) => {
                        ended.store(true, Ordering::Relaxed);
                        told.notify_one();
                    }
                    _ => {}
                }
            }
        };
        tokio::select! {
            biased;
            done = sender.run(from) => done,
            done = hear => done,
        }
    }
}

/// The client says that all before `flushed` is durable with it.
fn confirmed(world: &World, flushed: u64, sent: &AtomicU64) {
    let mut state = world.state();
    let flushed = match state.broken {
        Some(Broken::ConfirmAhead) => sent.load(Ordering::Relaxed),
        _ => flushed,
    };
    let checked = state.broker.check_confirmed(flushed);
    let slot = &mut state.slot;
    slot.confirmed = slot.confirmed.max(flushed);
    let confirmed = slot.confirmed;
    if state.chance.one_in(3) {
        state.slot.saved = confirmed;
    }
    drop(state);
    if let Err(trouble) = checked {
        world.trouble(&trouble);
    }
}

/// One message of a client: tag and body.
async fn message(read: &mut ReadHalf<DuplexStream>) -> Io<(u8, Vec<u8>)> {
    let tag = read.read_u8().await?;
    let length = read.read_u32().await?;
    let mut body = vec![0; length.saturating_sub(4) as usize];
    read.read_exact(&mut body).await?;
    Ok((tag, body))
}

fn framed(tag: u8, body: &[u8]) -> Vec<u8> {
    let length = (body.len() + 4) as u32;
    [&[tag][..], &length.to_be_bytes(), body].concat()
}

/// The sending half of a session.
struct Sender<'a> {
    world: Arc<World>,
    chance: Chance,
    out: WriteHalf<DuplexStream>,
    /// Tables that were announced.
    announced: Vec<usize>,
    ended: &'a AtomicBool,
    told: &'a Notify,
    /// Up to where all was sent.
    sent: &'a AtomicU64,
}

impl Sender<'_> {
    async fn run(&mut self, from: u64) -> Io<()> {
        let log = Arc::clone(&self.world.log);
        let first = log.items.partition_point(|item| item.start < from);
        for item in &log.items[first..] {
            while item.at_ms > self.world.now_ms() {
                if self.is_over() {
                    return self.end().await;
                }
                self.idle(item.start).await?;
            }
            self.item(item).await?;
            if self.is_over() {
                return self.end().await;
            }
        }
        while !self.is_over() {
            self.idle(log.end()).await?;
        }
        self.end().await
    }

    fn is_over(&self) -> bool {
        self.ended.load(Ordering::Relaxed)
    }

    async fn end(&mut self) -> Io<()> {
        let done = [framed(b'c', b""), framed(b'C', b"COPY 0\0")].concat();
        self.out.write_all(&done).await?;
        // The client closes the connection.
        std::future::pending().await
    }

    /// Nothing is there to be sent; what comes next begins at `next`.
    async fn idle(&mut self, next: u64) -> Io<()> {
        let end = self.world.log.end_at(self.world.now_ms()).min(next);
        if end > self.sent.load(Ordering::Relaxed) && self.chance.one_in(2) {
            self.sent.store(end, Ordering::Relaxed);
            let asks = self.chance.one_in(3);
            self.keep_alive(end, asks).await?;
        }
        tokio::select! {
            biased;
            () = self.told.notified() => {}
            () = tokio::time::sleep(LOOK) => {}
        }
        Ok(())
    }

    async fn item(&mut self, item: &Item) -> Io<()> {
        for frame in &item.frames {
            if let Some(table) = frame.table.filter(|table| !self.announced.contains(table)) {
                self.announced.push(table);
                self.change(0, &pgoutput::relation(table)).await?;
            }
            self.change(frame.lsn, &frame.data).await?;
            if self.chance.one_in(40) {
                // Amid a transaction it says nothing of what is complete.
                self.keep_alive(item.start, true).await?;
            }
            if self.chance.one_in(12) {
                let wait = Duration::from_millis(self.chance.below(5));
                tokio::time::sleep(wait).await;
            }
        }
        let end = item.frames.last().map_or(0, |frame| frame.lsn);
        self.sent.fetch_max(end, Ordering::Relaxed);
        Ok(())
    }

    async fn change(&mut self, lsn: u64, data: &[u8]) -> Io<()> {
        let end = self.world.log.end();
        let head = [&b"w"[..], &lsn.to_be_bytes(), &end.to_be_bytes(), &[0; 8]].concat();
        self.write(&framed(b'd', &[&head, data].concat())).await
    }

    async fn keep_alive(&mut self, end: u64, asks: bool) -> Io<()> {
        let body = [&b"k"[..], &end.to_be_bytes(), &[0; 8], &[u8::from(asks)]];
        self.write(&framed(b'd', &body.concat())).await
    }

    /// Writes a frame, or the first part of it before the connection is lost.
    async fn write(&mut self, frame: &[u8]) -> Io<()> {
        if !self.world.state().calm && self.chance.one_in(1_500) {
            let part = self.chance.below(frame.len() as u64) as usize;
            self.out.write_all(&frame[..part]).await?;
            return Err(std::io::ErrorKind::ConnectionReset.into());
        }
        self.out.write_all(frame).await
    }
}
