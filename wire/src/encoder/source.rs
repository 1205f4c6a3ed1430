//! The envelope's `source` block.

use crate::config::EncoderConfig;
use crate::context::{ChangeContext, SnapshotMarker};
use crate::json;
use crate::lsn::Lsn;
use crate::schema::quoted;

/// What all source blocks of a connector have in common, as bytes; and what those of a transaction
/// have, from the last block.
#[derive(Debug)]
pub(super) struct SourceHead {
    /// `{"version":…,"connector":…,"name":…,"ts_ms":`
    head: Vec<u8>,
    /// `,"db":…,"sequence":`
    database: Vec<u8>,
    /// What a streamed change's `snapshot` prints as: the field is null there, with a default.
    streamed: &'static [u8],
    kept: Kept,
}

/// A block of some circumstances, without LSN and table.
#[derive(Debug, Default)]
struct Kept {
    of: Option<Circumstances>,
    /// Up to the LSN in `sequence`.
    first: Vec<u8>,
    /// From there to the table.
    second: Vec<u8>,
    /// From there to the value of `lsn`.
    third: Vec<u8>,
    /// The rest.
    fourth: Vec<u8>,
}

/// What is the same for the changes of a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Circumstances {
    last_commit: Option<Lsn>,
    txid: Option<u32>,
    source_ts_us: i64,
    snapshot: SnapshotMarker,
    xmin: Option<i64>,
}

impl Circumstances {
    /// Those of a change, where a block can be used again: not where it has times or names of its own.
    fn of(context: &ChangeContext<'_>) -> Option<Self> {
        let again = context.snapshot != SnapshotMarker::Incremental
            && context.origin.is_none()
            && context.origin_lsn.is_none();
        again.then_some(Self {
            last_commit: context.last_commit,
            txid: context.txid,
            source_ts_us: context.source_ts_us,
            snapshot: context.snapshot,
            xmin: context.xmin,
        })
    }
}

impl SourceHead {
    pub(super) fn new(config: &EncoderConfig) -> Self {
        let head = format!(
            "{{\"version\":{},\"connector\":{},\"name\":{},\"ts_ms\":",
            quoted(&config.connector_version),
            quoted(&config.connector_name),
            quoted(&config.logical_name),
        );
        let database = format!(",\"db\":{},\"sequence\":", quoted(&config.database));
        Self {
            head: head.into_bytes(),
            database: database.into_bytes(),
            streamed: match config.replace_null_with_default {
                true => b"\"false\"",
                false => b"null",
            },
            kept: Kept::default(),
        }
    }

    /// Appends a block; `table` is `,"schema":…,"table":…,`.
    pub(super) fn write(&mut self, table: &[u8], context: &ChangeContext<'_>, out: &mut Vec<u8>) {
        let circumstances = Circumstances::of(context);
        if circumstances.is_none() || self.kept.of != circumstances {
            self.render(context);
            self.kept.of = circumstances;
        }
        let mut lsn = itoa::Buffer::new();
        let lsn = lsn.format(context.lsn.as_u64()).as_bytes();
        let shown = match context.snapshot {
            SnapshotMarker::Incremental => b"null",
            _ => lsn,
        };
        let Kept {
            first,
            second,
            third,
            fourth,
            ..
        } = &self.kept;
        for part in [first, lsn, second, table, third, shown, fourth] {
            out.extend_from_slice(part);
        }
    }

    fn render(&mut self, context: &ChangeContext<'_>) {
        let Kept {
            first,
            second,
            third,
            fourth,
            ..
        } = &mut self.kept;
        for part in [&mut *first, second, third, fourth] {
            part.clear();
        }
        let us = context.source_ts_us;
        first.extend_from_slice(&self.head);
        json::int(us.div_euclid(1_000), first);
        first.extend_from_slice(b",\"snapshot\":");
        match context.snapshot {
            SnapshotMarker::False => first.extend_from_slice(self.streamed),
            marker => {
                first.push(b'"');
                first.extend_from_slice(marker.as_str().as_bytes());
                first.push(b'"');
            }
        }
        first.extend_from_slice(&self.database);
        begin_sequence(context, first);
        second.extend_from_slice(b"\\\"]\",\"ts_us\":");
        json::int(us, second);
        second.extend_from_slice(b",\"ts_ns\":");
        // A row of an incremental snapshot has the time it was emitted, to the nanosecond.
        let ns = match context.snapshot {
            SnapshotMarker::Incremental => context.now_ns,
            _ => us.saturating_mul(1_000),
        };
        json::int(ns, second);
        third.extend_from_slice(b"\"txId\":");
        number(context.txid.map(u64::from), third);
        third.extend_from_slice(b",\"lsn\":");
        fourth.extend_from_slice(b",\"xmin\":");
        number(context.xmin, fourth);
        fourth.extend_from_slice(b",\"origin\":");
        match context.origin {
            Some(origin) => json::string(origin.as_bytes(), fourth),
            None => fourth.extend_from_slice(b"null"),
        }
        fourth.extend_from_slice(b",\"origin_lsn\":");
        number(context.origin_lsn.map(Lsn::as_u64), fourth);
        fourth.push(b'}');
    }
}

/// Appends `"[\"<last commit>\",\"`, the first part null until a commit was seen; the LSN follows.
fn begin_sequence(context: &ChangeContext<'_>, out: &mut Vec<u8>) {
    match context.last_commit {
        Some(commit) => {
            out.extend_from_slice(b"\"[\\\"");
            json::int(commit.as_u64(), out);
            out.extend_from_slice(b"\\\",\\\"");
        }
        None => out.extend_from_slice(b"\"[null,\\\""),
    }
}

fn number(value: Option<impl itoa::Integer>, out: &mut Vec<u8>) {
    match value {
        Some(value) => json::int(value, out),
        None => out.extend_from_slice(b"null"),
    }
}
