//! What goes from the task that reads a backlog to the stream that encodes it.

use walcast_wire::lsn::Lsn;

use super::copy_binary;
use super::room::Place;

/// What a backlog gives, in this order: rows, where they bring us, and in the end its end.
pub(crate) enum Fed {
    /// Messages.
    Rows(Chunk),
    /// All before `position` was given; the server's WAL ends at `end`.
    Reached {
        /// What a keepalive would tell.
        position: Lsn,
        /// The end of the server's WAL.
        end: Lsn,
    },
    /// Streaming goes on from the position reached.
    End,
}

/// Whole messages in a row; one allocation for many.
pub(crate) struct Chunk {
    bytes: Vec<u8>,
    taken: usize,
    place: Place,
}

impl Chunk {
    pub(super) fn new(bytes: Vec<u8>, place: Place) -> Self {
        Self {
            bytes,
            taken: 0,
            place,
        }
    }

    /// The next message, and its LSN as a walsender would tell it.
    pub(crate) fn next(&mut self) -> Option<(Lsn, &[u8])> {
        let (lsn, message, len) = copy_binary::frame(&self.bytes[self.taken..])?;
        self.taken += len;
        // What only describes has none there.
        let describes = matches!(message.first(), Some(b'R' | b'Y'));
        Some((if describes { Lsn::ZERO } else { lsn }, message))
    }
}

impl Drop for Chunk {
    fn drop(&mut self) {
        self.place.give_back(&mut self.bytes);
    }
}
