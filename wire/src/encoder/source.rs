//! The envelope's `source` block.

use crate::config::EncoderConfig;
use crate::context::{ChangeContext, SnapshotMarker};
use crate::json;
use crate::lsn::Lsn;
use crate::schema::quoted;

/// What all source blocks of a connector have in common, as bytes.
#[derive(Debug)]
pub(super) struct SourceHead {
    /// `{"version":…,"connector":…,"name":…,"ts_ms":`
    head: Vec<u8>,
    /// `,"db":…,"sequence":`
    database: Vec<u8>,
    /// What a streamed change's `snapshot` prints as: the field is null there, with a default.
    streamed: &'static [u8],
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
        }
    }

    /// Appends a block; `table` is `,"schema":…,"table":…,`.
    pub(super) fn write(&self, table: &[u8], context: &ChangeContext<'_>, out: &mut Vec<u8>) {
        let us = context.source_ts_us;
        out.extend_from_slice(&self.head);
        json::int(us.div_euclid(1_000), out);
        out.extend_from_slice(b",\"snapshot\":");
        match context.snapshot {
            SnapshotMarker::False => out.extend_from_slice(self.streamed),
            marker => {
                out.push(b'"');
                out.extend_from_slice(marker.as_str().as_bytes());
                out.push(b'"');
            }
        }
        out.extend_from_slice(&self.database);
        sequence(context, out);
        out.extend_from_slice(b",\"ts_us\":");
        json::int(us, out);
        out.extend_from_slice(b",\"ts_ns\":");
        let incremental = context.snapshot == SnapshotMarker::Incremental;
        // A row of an incremental snapshot has the time it was emitted, to the nanosecond.
        let ns = if incremental {
            context.now_ns
        } else {
            us.saturating_mul(1_000)
        };
        json::int(ns, out);
        out.extend_from_slice(table);
        out.extend_from_slice(b"\"txId\":");
        number(context.txid.map(u64::from), out);
        out.extend_from_slice(b",\"lsn\":");
        number((!incremental).then_some(context.lsn.as_u64()), out);
        out.extend_from_slice(b",\"xmin\":");
        number(context.xmin, out);
        out.extend_from_slice(b",\"origin\":");
        match context.origin {
            Some(origin) => json::string(origin.as_bytes(), out),
            None => out.extend_from_slice(b"null"),
        }
        out.extend_from_slice(b",\"origin_lsn\":");
        number(context.origin_lsn.map(Lsn::as_u64), out);
        out.push(b'}');
    }
}

/// Appends `"[\"<last commit>\",\"<lsn>\"]"`, the first part null until a commit was seen.
fn sequence(context: &ChangeContext<'_>, out: &mut Vec<u8>) {
    match context.last_commit {
        Some(commit) => {
            out.extend_from_slice(b"\"[\\\"");
            json::int(commit.as_u64(), out);
            out.extend_from_slice(b"\\\",\\\"");
        }
        None => out.extend_from_slice(b"\"[null,\\\""),
    }
    json::int(context.lsn.as_u64(), out);
    out.extend_from_slice(b"\\\"]\"");
}

fn number(value: Option<impl itoa::Integer>, out: &mut Vec<u8>) {
    match value {
        Some(value) => json::int(value, out),
        None => out.extend_from_slice(b"null"),
    }
}
