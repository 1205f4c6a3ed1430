//! The memory in which a backlog waits for the stream: so much, and the same buffers again and again.
//!
//! It must hold what the stream takes while the server decodes the next batch and sends nothing;
//! with less, the two take turns.

use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::chunk::Chunk;

/// Bytes of messages after which a chunk is handed on.
pub(super) const CHUNK_BYTES: usize = 256 << 10;

/// What a buffer has room for: a chunk, and the message with which it became full.
const BUFFER_BYTES: usize = CHUNK_BYTES + CHUNK_BYTES / 8;

/// Kibibytes of buffers that may wait for the stream.
const ROOM_KIB: usize = 64 << 10;

/// Bounds what waits, and keeps the buffers that nothing waits in.
pub(super) struct Room {
    free: Arc<Semaphore>,
    spare: Mutex<Vec<Vec<u8>>>,
}

/// The part of the room that one chunk takes; it gives the chunk's buffer back.
pub(super) struct Place {
    room: Arc<Room>,
    _taken: OwnedSemaphorePermit,
}

impl Room {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self {
            free: Arc::new(Semaphore::new(ROOM_KIB)),
            spare: Mutex::default(),
        })
    }

    /// An empty buffer.
    pub(super) fn buffer(&self) -> Vec<u8> {
        let spare = self.spare().pop();
        spare.unwrap_or_else(|| Vec::with_capacity(BUFFER_BYTES))
    }

    /// The chunk of these messages, once there is room for it. What is larger than the room takes all
    /// of it.
    pub(super) async fn admit(self: &Arc<Self>, bytes: Vec<u8>) -> Option<Chunk> {
        let kib = (bytes.capacity() >> 10).min(ROOM_KIB);
        let taken = Arc::clone(&self.free).acquire_many_owned(u32::try_from(kib).ok()?);
        let place = Place {
            room: Arc::clone(self),
            _taken: taken.await.ok()?,
        };
        Some(Chunk::new(bytes, place))
    }

    fn spare(&self) -> MutexGuard<'_, Vec<Vec<u8>>> {
        self.spare.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    /// Keeps the buffer for another chunk, unless it had to grow.
    pub(super) fn give_back(&self, bytes: &mut Vec<u8>) {
        if bytes.capacity() <= BUFFER_BYTES {
            let mut bytes = mem::take(bytes);
            bytes.clear();
            self.room.spare().push(bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;
    use tokio::task::unconstrained;

    use super::*;

    /// A chunk, if there is room for one now.
    fn at_once(room: &Arc<Room>) -> Option<Chunk> {
        let admitted = room.admit(Vec::with_capacity(BUFFER_BYTES));
        unconstrained(admitted).now_or_never().flatten()
    }

    #[tokio::test]
    async fn buffers_are_used_again_and_bounded() {
        let room = Room::new();
        let mut chunks = Vec::new();
        while let Some(chunk) = at_once(&room) {
            chunks.push(chunk);
        }
        assert_eq!(chunks.len(), (ROOM_KIB << 10) / BUFFER_BYTES);
        assert!(room.spare().is_empty());
        let all = chunks.len();
        chunks.clear();
        assert_eq!(room.spare().len(), all);
        for _ in 0..all {
            assert_eq!(room.buffer().capacity(), BUFFER_BYTES);
        }
        assert!(room.spare().is_empty());
    }

    #[tokio::test]
    async fn a_large_message_waits_for_all_the_room_and_leaves_no_buffer() {
        let room = Room::new();
        let small = at_once(&room).unwrap();
        let large = vec![0; 100 << 20];
        let mut waits = Box::pin(room.admit(large));
        assert!((&mut waits).now_or_never().is_none());
        drop(small);
        let large = waits.await.unwrap();
        assert!(at_once(&room).is_none());
        drop(large);
        assert_eq!(room.spare().len(), 1, "the small one's");
        assert!(at_once(&room).is_some());
    }
}
