//! Encodes the rows of a snapshot.

use bytes::Bytes;
use walcast_wire::context::{ChangeContext, SnapshotMarker};
use walcast_wire::encoder::Encoder;
use walcast_wire::lsn::Lsn;

use super::copy_text::Row;
use crate::batch::Batch;
use crate::clock::SharedClock;
use crate::error::{EngineError, Result};

/// What a snapshot is taken of: what all its rows say of themselves.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Point {
    /// The LSN that all its rows carry; streaming goes on from here.
    pub(crate) lsn: Lsn,
    /// The last transaction's end, when one was seen: in the middle of streaming.
    pub(crate) last_commit: Option<Lsn>,
    /// The transaction of the rows, where there is one.
    pub(crate) txid: Option<u32>,
    /// When it was taken, in microseconds since the Unix epoch.
    pub(crate) taken_us: i64,
}

/// Turns lines of COPY into records.
pub(crate) struct RowEncoder {
    point: Point,
    clock: SharedClock,
    row: Row,
}

impl RowEncoder {
    pub(crate) fn new(point: Point, clock: SharedClock) -> Self {
        Self {
            point,
            clock,
            row: Row::default(),
        }
    }

    /// Encodes a line of the table `oid` into `batch`.
    pub(crate) fn encode(
        &mut self,
        encoder: &mut Encoder,
        oid: u32,
        line: &[u8],
        marker: SnapshotMarker,
        batch: &mut Batch,
    ) -> Result<()> {
        self.row.parse(line);
        let context = ChangeContext {
            lsn: self.point.lsn,
            last_commit: self.point.last_commit,
            txid: self.point.txid,
            source_ts_us: self.point.taken_us,
            now_ns: self.clock.now_ns(),
            snapshot: marker,
            xmin: None,
            origin: None,
            origin_lsn: None,
        };
        let done = encoder.snapshot_row(oid, self.row.data(), &context, batch);
        done.map(|_| ()).map_err(|e| {
            let columns = self.row.len();
            EngineError::definite(format!("a row of {columns} columns cannot be encoded: {e}"))
                .because(e)
        })
    }
}

/// A message of COPY without its newline: the server sends one message per row.
///
/// Source: <https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-COPY>.
pub(crate) fn line(mut message: Bytes) -> Bytes {
    if message.last() == Some(&b'\n') {
        message.truncate(message.len() - 1);
    }
    message
}
