//! What a stream is doing, as the watchdog sees it from outside.
//!
//! Written by the reader with one relaxed store per event; no clock is read on that path.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};

use walcast_wire::lsn::Lsn;

/// What the reader of a stream is at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Phase {
    /// There is no stream, or it does something that takes its time: a snapshot, a wait that is meant.
    Elsewhere = 0,
    /// It takes what the server sends.
    Reading = 1,
    /// It waits for the publisher to take a batch.
    HandingOn = 2,
}

/// Shared by the reader and the watchdog. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(crate) struct Activity(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    phase: AtomicU8,
    /// Events taken and batches handed on.
    steps: AtomicU64,
    /// The server's end of WAL, as its last message told it.
    server: AtomicU64,
}

/// A look at an [`Activity`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Glance {
    pub(super) phase: Phase,
    pub(super) steps: u64,
    pub(super) server: Lsn,
}

impl Activity {
    pub(crate) fn enter(&self, phase: Phase) {
        self.0.phase.store(phase as u8, Ordering::Relaxed);
    }

    /// Something was taken or handed on.
    pub(crate) fn step(&self) {
        self.0.steps.fetch_add(1, Ordering::Relaxed);
    }

    /// The server told the end of its WAL.
    pub(crate) fn server(&self, end: Lsn) {
        self.0.server.store(end.as_u64(), Ordering::Relaxed);
    }

    pub(super) fn glance(&self) -> Glance {
        Glance {
            phase: match self.0.phase.load(Ordering::Relaxed) {
                1 => Phase::Reading,
                2 => Phase::HandingOn,
                _ => Phase::Elsewhere,
            },
            steps: self.0.steps.load(Ordering::Relaxed),
            server: Lsn::new(self.0.server.load(Ordering::Relaxed)),
        }
    }
}
