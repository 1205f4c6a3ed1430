//! Lengths and scales of columns, as pgjdbc reports them to Debezium.

use super::choose::{Root, numeric_modifier};
use super::oid;
use crate::catalog::{TypeKind, Types};

/// The type that a column is measured by: of an array, its elements'.
pub(super) fn measured(root: Root, types: &Types) -> Root {
    match types.get(root.oid).map(|info| &info.kind) {
        Some(&TypeKind::Array { element }) => Root::plain(element, root.typmod),
        _ => root,
    }
}

/// A column's length; `i32::MAX` where there is no limit.
pub(super) fn length(root: Root) -> i32 {
    let typmod = root.typmod;
    match root.oid {
        oid::INT2 => 5,
        oid::INT4 | oid::OID => 10,
        oid::INT8 => 19,
        oid::FLOAT4 => 8,
        oid::FLOAT8 => 17,
        oid::CHAR | oid::BOOL => 1,
        oid::NUMERIC => numeric_modifier(typmod).map_or(0, |(precision, _)| {
            i32::try_from(precision).unwrap_or(i32::MAX)
        }),
        oid::BPCHAR | oid::VARCHAR if typmod != -1 => typmod.saturating_sub(4),
        oid::DATE => 13,
        oid::TIME => 8 + seconds(typmod),
        oid::TIMETZ => 14 + seconds(typmod),
        oid::TIMESTAMP => 22 + seconds(typmod),
        oid::TIMESTAMPTZ => 28 + seconds(typmod),
        oid::INTERVAL => 49,
        oid::BIT => typmod,
        oid::VARBIT if typmod != -1 => typmod,
        _ => i32::MAX,
    }
}

/// Characters of a time's fraction with its point; one digit counts as two.
const fn seconds(typmod: i32) -> i32 {
    match typmod {
        -1 => 7,
        0 => 0,
        1 => 3,
        digits => digits + 1,
    }
}

/// A column's scale.
pub(super) fn scale(root: Root) -> i32 {
    let typmod = root.typmod;
    match root.oid {
        oid::FLOAT4 => 8,
        oid::FLOAT8 => 17,
        oid::NUMERIC => numeric_modifier(typmod)
            .map_or(0, |(_, scale)| i32::try_from(scale).unwrap_or(i32::MAX)),
        oid::TIME | oid::TIMETZ | oid::TIMESTAMP | oid::TIMESTAMPTZ | oid::INTERVAL => match typmod
        {
            -1 => 6,
            typmod if root.oid == oid::INTERVAL => typmod & 0xFFFF,
            typmod => typmod,
        },
        _ => 0,
    }
}
