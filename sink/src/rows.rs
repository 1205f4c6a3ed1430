//! The rows of a batch, as the bytes that are sent; they are made once, however often they are sent.

use bytes::Bytes;

use crate::row::{self, LandingRow};

/// Bytes after which a further piece is begun; one is a frame of the compressed insert.
const PIECE_BYTES: usize = 256 << 10;

/// What a piece has room for: it ends with the row that makes it full.
const PIECE_ROOM: usize = PIECE_BYTES + (8 << 10);

/// Encoded rows.
#[derive(Debug, Default)]
pub(crate) struct Rows {
    whole: Vec<Bytes>,
    open: Vec<u8>,
    /// When each was committed, in microseconds.
    committed: Vec<i64>,
}

impl Rows {
    pub(crate) fn len(&self) -> usize {
        self.committed.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.committed.is_empty()
    }

    /// When each was committed, in microseconds since the Unix epoch.
    pub(crate) fn committed(&self) -> &[i64] {
        &self.committed
    }

    pub(crate) fn push(&mut self, row: &LandingRow<'_>) {
        if self.open.capacity() == 0 {
            self.open.reserve(PIECE_ROOM);
            if self.whole.is_empty() {
                self.open.extend_from_slice(&row::header());
            }
        }
        row.write(&mut self.open);
        self.committed.push(row.source_ts);
        if self.open.len() >= PIECE_BYTES {
            self.whole.push(std::mem::take(&mut self.open).into());
        }
    }

    /// The body of an insert, piece by piece.
    pub(crate) fn pieces(&self) -> impl Iterator<Item = Bytes> {
        let open = Some(&self.open).filter(|open| !open.is_empty());
        let open = open.map(|open| Bytes::copy_from_slice(open));
        self.whole.iter().cloned().chain(open)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_the_header_and_then_every_row_once() {
        let payload = "x".repeat(1000);
        let row = |kafka_offset| LandingRow {
            id: kafka_offset,
            aggregate_type: "event".into(),
            aggregate_id: "7".into(),
            event_type: "EVENT_CREATED".into(),
            payload: payload.as_str().into(),
            created_at: 1,
            op: "c",
            lsn: 2,
            tx_id: 3,
            source_ts: 4,
            kafka_topic: "events",
            kafka_partition: 0,
            kafka_offset,
        };
        let (mut rows, mut expected) = (Rows::default(), row::header());
        assert_eq!(rows.pieces().count(), 0);
        for offset in 0..1000 {
            rows.push(&row(offset));
            row(offset).write(&mut expected);
        }
        assert_eq!(rows.len(), 1000);
        let pieces: Vec<_> = rows.pieces().collect();
        assert!(pieces.len() > 3, "{}", pieces.len());
        assert!(pieces.iter().all(|piece| piece.len() < PIECE_ROOM));
        assert_eq!(pieces.concat(), expected);
    }
}
