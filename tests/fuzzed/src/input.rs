//! What the targets share: choices out of bytes, and the circumstances of a change.

use walcast_wire::context::{ChangeContext, SnapshotMarker};
use walcast_wire::lsn::Lsn;

/// A streamed change.
pub(crate) const CONTEXT: ChangeContext<'static> = ChangeContext {
    lsn: Lsn::new(1),
    last_commit: None,
    txid: Some(1),
    source_ts_us: 0,
    now_ns: 0,
    snapshot: SnapshotMarker::False,
    xmin: None,
    origin: None,
    origin_lsn: None,
};

/// Bytes from which choices are taken; past their end every choice is the first.
pub(crate) struct Input<'a> {
    bytes: &'a [u8],
}

impl<'a> Input<'a> {
    pub(crate) const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes }
    }

    pub(crate) fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.bytes.split_first() else {
            return 0;
        };
        self.bytes = rest;
        *first
    }

    pub(crate) fn two(&mut self) -> u16 {
        u16::from_be_bytes([self.byte(), self.byte()])
    }

    pub(crate) fn four(&mut self) -> u32 {
        u32::from(self.two()) << 16 | u32::from(self.two())
    }

    pub(crate) fn one_of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[usize::from(self.byte()) % choices.len()]
    }

    pub(crate) const fn rest(self) -> &'a [u8] {
        self.bytes
    }
}
