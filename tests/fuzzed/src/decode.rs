//! Any bytes decode to a message or to an error that points into them.

use walcast_wire::pgoutput::{Message, OldTuple, Tuple, decode as decode_message};

/// Decodes the bytes as one message of pgoutput.
pub fn decode(bytes: &[u8]) {
    match decode_message(bytes) {
        Ok(Message::Insert(insert)) => whole(insert.new),
        Ok(Message::Update(update)) => {
            whole(update.new);
            old(update.old);
        }
        Ok(Message::Delete(delete)) => old(delete.old),
        Ok(_) => {}
        Err(error) => assert!(error.offset <= bytes.len(), "{error}"),
    }
}

fn whole(tuple: Tuple<'_>) {
    assert_eq!(tuple.datums().count(), tuple.len());
}

fn old(tuple: OldTuple<'_>) {
    if let OldTuple::Key(tuple) | OldTuple::Full(tuple) = tuple {
        whole(tuple);
    }
}
