//! Signals out of the signal table's rows: by the place of its three columns, whatever their names.

use walcast_wire::pgoutput::{Datum, Message, OldTuple, Tuple};

use super::{Channel, Signal};
use crate::config::Watermarks;
use crate::incremental::watermark;

/// The signal that a change of the signal table is; `None` when it is none.
///
/// A deleted row closes the window that it opened, where windows are closed that way.
pub(crate) fn read(message: &Message<'_>, strategy: Watermarks) -> Option<Signal> {
    match message {
        Message::Insert(insert) => inserted(insert.new),
        Message::Delete(delete) if strategy == Watermarks::InsertDelete => match delete.old {
            OldTuple::Key(old) | OldTuple::Full(old) => Some(Signal {
                id: text(old.datums().next()?)?.replace("open", "close"),
                kind: watermark::CLOSE.to_owned(),
                data: None,
                channel: Channel::Source,
            }),
            OldTuple::Absent => None,
        },
        _ => None,
    }
}

fn inserted(row: Tuple<'_>) -> Option<Signal> {
    let columns: Vec<_> = row.datums().collect();
    let [id, kind, data] = columns[..] else {
        tracing::warn!(
            columns = columns.len(),
            "a row of signal.data.collection is left out: the table must have three columns, the signal's id, type and data"
        );
        return None;
    };
    let Some((id, kind)) = text(id).zip(text(kind)) else {
        tracing::warn!("a row of signal.data.collection is left out: its id or type is null");
        return None;
    };
    Some(Signal {
        id,
        kind,
        data: text(data),
        channel: Channel::Source,
    })
}

fn text(datum: Datum<'_>) -> Option<String> {
    match datum {
        Datum::Text(text) => Some(String::from_utf8_lossy(text).into_owned()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use walcast_wire::pgoutput::decode;

    use super::*;

    /// A row change as pgoutput sends it.
    fn change(letter: u8, tuple: u8, columns: &[Option<&str>]) -> Vec<u8> {
        let mut bytes = vec![
            letter,
            0,
            0,
            0,
            7,
            tuple,
            0,
            u8::try_from(columns.len()).unwrap(),
        ];
        for column in columns {
            match column {
                None => bytes.push(b'n'),
                Some(text) => {
                    bytes.push(b't');
                    bytes.extend(u32::try_from(text.len()).unwrap().to_be_bytes());
                    bytes.extend(text.as_bytes());
                }
            }
        }
        bytes
    }

    fn check(bytes: &[u8], strategy: Watermarks, expected: Option<(&str, &str, Option<&str>)>) {
        let signal = read(&decode(bytes).unwrap(), strategy);
        let got = signal
            .as_ref()
            .map(|s| (&*s.id, &*s.kind, s.data.as_deref()));
        assert_eq!(got, expected);
    }

    #[test]
    fn a_new_row_is_a_signal() {
        use Watermarks::{InsertDelete, InsertInsert};
        let row = |columns: &[Option<&str>]| change(b'I', b'N', columns);
        check(
            &row(&[Some("1"), Some("log"), None]),
            InsertInsert,
            Some(("1", "log", None)),
        );
        check(&row(&[Some("1"), Some("log")]), InsertInsert, None);
        check(&row(&[Some("1"), None, Some("{}")]), InsertInsert, None);
        let deleted = change(b'D', b'K', &[Some("c-open"), None, None]);
        check(&deleted, InsertInsert, None);
        let closed = Some(("c-close", "snapshot-window-close", None));
        check(&deleted, InsertDelete, closed);
    }
}
