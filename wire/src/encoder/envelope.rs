//! The record value around the rows.

use super::source::SourceHead;
use super::transaction::{self, Order};
use crate::context::ChangeContext;
use crate::json;
use crate::plan::RelationPlan;

/// The envelope's `op`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Op {
    Create,
    Update,
    Delete,
    Read,
    Truncate,
}

impl Op {
    const fn letter(self) -> u8 {
        match self {
            Self::Create => b'c',
            Self::Update => b'u',
            Self::Delete => b'd',
            Self::Read => b'r',
            Self::Truncate => b't',
        }
    }
}

/// Which rows an envelope holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Parts {
    pub(super) before: bool,
    pub(super) after: bool,
}

/// Writes a whole record value into `out`, in place of what was there.
pub(super) fn write(
    plan: &RelationPlan,
    source: &SourceHead,
    op: Op,
    (before, after): (Option<&[u8]>, Option<&[u8]>),
    context: &ChangeContext<'_>,
    order: Option<Order>,
    out: &mut Vec<u8>,
) {
    out.clear();
    out.extend_from_slice(&plan.value_head);
    out.extend_from_slice(before.unwrap_or(b"null"));
    out.extend_from_slice(b",\"after\":");
    out.extend_from_slice(after.unwrap_or(b"null"));
    out.extend_from_slice(b",\"source\":");
    source.write(&plan.source_table, context, out);
    out.extend_from_slice(b",\"transaction\":");
    transaction::block(order, context, out);
    out.extend_from_slice(b",\"op\":\"");
    out.push(op.letter());
    out.extend_from_slice(b"\",\"ts_ms\":");
    json::int(context.now_ns.div_euclid(1_000_000), out);
    out.extend_from_slice(b",\"ts_us\":");
    json::int(context.now_ns.div_euclid(1_000), out);
    out.extend_from_slice(b",\"ts_ns\":");
    json::int(context.now_ns, out);
    out.push(b'}');
    if plan.value_wrapped {
        out.push(b'}');
    }
}
