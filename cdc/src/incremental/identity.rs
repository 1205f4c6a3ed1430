//! Which rows a change touches, told by the values of the columns that tell a table's rows apart.

use walcast_wire::pgoutput::{Datum, Message, OldTuple, Tuple};

use super::query::Columns;

/// What tells a row from the others of its table, as bytes.
pub(crate) type Identity = Vec<u8>;

/// Rows that a change touches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Touched {
    /// By what tells them from others: the new row, and the old one where its key was another.
    Rows(Vec<Identity>),
    /// A `TRUNCATE`.
    All,
    /// The change does not tell which row it touched.
    Unknown,
}

/// The rows of `table` that `message` touches.
pub(crate) fn touched(message: &Message<'_>, columns: &Columns) -> Touched {
    let (old, new) = match message {
        Message::Insert(insert) => (OldTuple::Absent, Some(insert.new)),
        Message::Update(update) => (update.old, Some(update.new)),
        Message::Delete(delete) => (delete.old, None),
        _ => return Touched::All,
    };
    let mut rows = Vec::with_capacity(2);
    let (before, is_key) = match old {
        OldTuple::Absent => (None, false),
        OldTuple::Key(tuple) => (Some(tuple), true),
        OldTuple::Full(tuple) => (Some(tuple), false),
    };
    if let Some(tuple) = before {
        rows.push(identity(datums(tuple), None, columns, is_key));
    }
    if let Some(tuple) = new {
        let whole = before.filter(|_| !is_key).map(datums);
        rows.push(identity(datums(tuple), whole, columns, false));
    }
    let rows: Option<Vec<_>> = rows.into_iter().collect();
    rows.map_or(Touched::Unknown, Touched::Rows)
}

fn datums(tuple: Tuple<'_>) -> Vec<Datum<'_>> {
    tuple.datums().collect()
}

/// What tells a row from others; `old` has what the row itself does not repeat. A key that is only
/// part of `is_key`'s old row cannot be told.
pub(crate) fn identity(
    row: Vec<Datum<'_>>,
    old: Option<Vec<Datum<'_>>>,
    columns: &Columns,
    is_key: bool,
) -> Option<Identity> {
    let mut bytes = Identity::new();
    for place in &columns.identity {
        let repeated = || old.as_ref()?.get(*place).copied();
        let datum = match row.get(*place)? {
            Datum::UnchangedToast => repeated()?,
            datum => *datum,
        };
        match datum {
            Datum::Text(text) => {
                let length = u32::try_from(text.len()).ok()?;
                bytes.extend(length.to_be_bytes());
                bytes.extend(text);
            }
            Datum::Null if !is_key => bytes.extend(u32::MAX.to_be_bytes()),
            _ => return None,
        }
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn columns() -> Columns {
        Columns {
            order: vec![0],
            identity: vec![0],
        }
    }

    #[test]
    fn a_row_is_told_by_its_key() {
        let same = |a: Vec<Datum<'static>>, b| {
            identity(a, None, &columns(), false) == identity(b, None, &columns(), false)
        };
        assert!(same(vec![Datum::Text(b"1")], vec![Datum::Text(b"1")]));
        assert!(!same(vec![Datum::Null], vec![Datum::Text(b"")]));
        let toast = || vec![Datum::UnchangedToast];
        assert_eq!(identity(toast(), None, &columns(), false), None);
        let old = Some(vec![Datum::Text(b"1")]);
        assert_eq!(
            identity(toast(), old, &columns(), false),
            identity(vec![Datum::Text(b"1")], None, &columns(), false)
        );
        // The old row holds another index's columns only.
        assert_eq!(identity(vec![Datum::Null], None, &columns(), true), None);
    }
}
