//! PostgreSQL's `pgoutput` protocol, version 1: bytes to borrowed messages.
//!
//! Enters the body of one `XLogData` frame, leaves one [`Message`] that borrows from it. Total:
//! short, over-long or lying input is a [`DecodeError`] that names the message, field and offset.
//! It never allocates for row messages, never looks at the catalog and never panics.
//! Format: <https://www.postgresql.org/docs/current/protocol-logicalrep-message-formats.html>.

mod begin;
mod commit;
mod cursor;
mod delete;
mod error;
mod insert;
mod logical_message;
mod origin;
mod relation;
mod truncate;
mod tuple;
mod type_;
mod update;

pub use begin::Begin;
pub use commit::Commit;
pub use delete::Delete;
pub use error::{DecodeError, Fault};
pub use insert::Insert;
pub use logical_message::LogicalMessage;
pub use origin::Origin;
pub use relation::{Relation, RelationColumn};
pub use truncate::Truncate;
pub use tuple::{Datum, Datums, OldTuple, Tuple};
pub use type_::Type;
pub use update::Update;

use cursor::Cursor;

/// One decoded message; borrows from the frame it came in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message<'a> {
    /// A transaction starts.
    Begin(Begin),
    /// The transaction is complete.
    Commit(Commit),
    /// The transaction was replicated from elsewhere.
    Origin(Origin<'a>),
    /// Describes a table before its first change and after each alteration.
    Relation(Relation<'a>),
    /// Names a type that is not built in.
    Type(Type<'a>),
    /// A row was inserted.
    Insert(Insert<'a>),
    /// A row was updated.
    Update(Update<'a>),
    /// A row was deleted.
    Delete(Delete<'a>),
    /// Tables were emptied by `TRUNCATE`.
    Truncate(Truncate<'a>),
    /// Written by `pg_logical_emit_message`.
    Message(LogicalMessage<'a>),
}

/// Decodes one message; bytes left over after it are an error.
pub fn decode(bytes: &[u8]) -> Result<Message<'_>, DecodeError> {
    let mut cursor = Cursor::new(bytes);
    let tag = cursor.u8("tag")?;
    let message = match tag {
        b'B' => Message::Begin(Begin::decode(&mut cursor)?),
        b'C' => Message::Commit(Commit::decode(&mut cursor)?),
        b'O' => Message::Origin(Origin::decode(&mut cursor)?),
        b'R' => Message::Relation(Relation::decode(&mut cursor)?),
        b'Y' => Message::Type(Type::decode(&mut cursor)?),
        b'I' => Message::Insert(Insert::decode(&mut cursor)?),
        b'U' => Message::Update(Update::decode(&mut cursor)?),
        b'D' => Message::Delete(Delete::decode(&mut cursor)?),
        b'T' => Message::Truncate(Truncate::decode(&mut cursor)?),
        b'M' => Message::Message(LogicalMessage::decode(&mut cursor)?),
        other => return Err(cursor.fault_at(0, "tag", Fault::UnknownTag(other))),
    };
    cursor.finish()?;
    Ok(message)
}

#[cfg(test)]
mod tests;
