//! The record value around the rows.

use super::source::SourceHead;
use super::transaction::{self, Order};
use crate::context::ChangeContext;
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
    source: &mut SourceHead,
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
    out.push(b'"');
    times(context.now_ns, out);
    out.push(b'}');
    if plan.value_wrapped {
        out.push(b'}');
    }
}

/// Appends the fields of the time at which a change was processed. Its digits are those of the finest.
fn times(now_ns: i64, out: &mut Vec<u8>) {
    let mut digits = itoa::Buffer::new();
    let ns = digits.format(now_ns).as_bytes();
    let [mut other_ms, mut other_us] = [itoa::Buffer::new(), itoa::Buffer::new()];
    // Before 1970 it is rounded the other way.
    let cut = |digits: usize| {
        ns.len()
            .checked_sub(digits)
            .filter(|left| *left > 0 && now_ns > 0)
    };
    let ms = match cut(6).and_then(|left| ns.get(..left)) {
        Some(ms) => ms,
        None => other_ms.format(now_ns.div_euclid(1_000_000)).as_bytes(),
    };
    let us = match cut(3).and_then(|left| ns.get(..left)) {
        Some(us) => us,
        None => other_us.format(now_ns.div_euclid(1_000)).as_bytes(),
    };
    for part in [
        &b",\"ts_ms\":"[..],
        ms,
        b",\"ts_us\":",
        us,
        b",\"ts_ns\":",
        ns,
    ] {
        out.extend_from_slice(part);
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn times_are_rounded_down() {
        for ns in [
            0,
            1,
            -1,
            999_999,
            1_000_000,
            -1_000_001,
            1_767_225_600_223_456_789,
        ] {
            let mut out = Vec::new();
            super::times(ns, &mut out);
            let (ms, us) = (ns.div_euclid(1_000_000), ns.div_euclid(1_000));
            let expected = format!(",\"ts_ms\":{ms},\"ts_us\":{us},\"ts_ns\":{ns}");
            assert_eq!(String::from_utf8_lossy(&out), expected);
        }
    }
}
