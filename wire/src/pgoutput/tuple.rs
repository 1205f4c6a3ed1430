//! A row as pgoutput carries it: a count, then each column's value.

use super::cursor::Cursor;
use super::error::{DecodeError, Fault};

/// One column's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Datum<'a> {
    /// SQL null.
    Null,
    /// A large value that this update did not touch, so the log does not hold it.
    UnchangedToast,
    /// The value in its text form.
    Text(&'a [u8]),
    /// The value in its binary form (only when the session asks for it).
    Binary(&'a [u8]),
}

/// A row; checked when it was decoded, taken apart only when iterated, without allocation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tuple<'a> {
    columns: u16,
    bytes: &'a [u8],
}

/// The old row of an update or delete.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OldTuple<'a> {
    /// None: the replica identity did not change in an update.
    Absent,
    /// The replica identity's columns; all others are null in it.
    Key(Tuple<'a>),
    /// The whole row: the table has `REPLICA IDENTITY FULL`.
    Full(Tuple<'a>),
}

impl<'a> Tuple<'a> {
    pub(super) fn decode(cursor: &mut Cursor<'a>) -> Result<Self, DecodeError> {
        let columns = cursor.count16("column count")?;
        let start = cursor.clone();
        for _ in 0..columns {
            let before = cursor.clone();
            if !matches!(cursor.tagged(), Some((b't' | b'n' | b'u' | b'b', _))) {
                *cursor = before;
                field_by_field(cursor)?;
            }
        }
        Ok(Self {
            columns,
            bytes: cursor.since(&start),
        })
    }

    /// How many columns it has.
    pub const fn len(&self) -> usize {
        // A lossless widening that `From` cannot do in a constant function.
        #[expect(clippy::as_conversions, reason = "u16 to usize widens")]
        let columns = self.columns as usize;
        columns
    }

    /// Whether it has no columns.
    pub const fn is_empty(&self) -> bool {
        self.columns == 0
    }

    /// The values in column order.
    pub const fn datums(&self) -> Datums<'a> {
        Datums {
            cursor: Cursor::new(self.bytes),
            left: self.columns,
        }
    }
}

impl<'a> IntoIterator for Tuple<'a> {
    type Item = Datum<'a>;
    type IntoIter = Datums<'a>;

    fn into_iter(self) -> Datums<'a> {
        self.datums()
    }
}

/// Walks over a row's values.
#[derive(Debug, Clone)]
pub struct Datums<'a> {
    cursor: Cursor<'a>,
    left: u16,
}

impl<'a> Iterator for Datums<'a> {
    type Item = Datum<'a>;

    fn next(&mut self) -> Option<Datum<'a>> {
        self.left = self.left.checked_sub(1)?;
        match self.cursor.tagged()? {
            (b't', text) => Some(Datum::Text(text)),
            (b'n', _) => Some(Datum::Null),
            (b'u', _) => Some(Datum::UnchangedToast),
            // It was checked when the row was decoded.
            (_, binary) => Some(Datum::Binary(binary)),
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (usize::from(self.left), Some(usize::from(self.left)))
    }
}

/// Reads a value field by field, which tells what is wrong with it.
#[cold]
fn field_by_field(cursor: &mut Cursor<'_>) -> Result<(), DecodeError> {
    let offset = cursor.offset();
    match cursor.u8("value kind")? {
        b'n' | b'u' => Ok(()),
        b't' | b'b' => {
            let length = cursor.length32("value length")?;
            cursor.take(length, "value").map(|_| ())
        }
        other => Err(cursor.fault_at(offset, "value kind", Fault::UnknownTag(other))),
    }
}
