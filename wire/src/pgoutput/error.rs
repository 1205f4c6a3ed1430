//! What is wrong with a message, and where.

/// A message that is not what the protocol says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("pgoutput message {message}, field `{field}` at byte {offset}: {fault}")]
pub struct DecodeError {
    /// Name of the message, `unknown` before its tag was read.
    pub message: &'static str,
    /// The field that could not be read.
    pub field: &'static str,
    /// Offset of that field from the start of the message.
    pub offset: usize,
    /// What is wrong there.
    pub fault: Fault,
}

/// The kinds of damage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The message ends inside the field.
    #[error("the message ends {missing} bytes too early")]
    Truncated {
        /// Bytes that are missing.
        missing: usize,
    },
    /// The message goes on after its last field.
    #[error("{extra} bytes are left over")]
    LeftOver {
        /// Bytes that are left.
        extra: usize,
    },
    /// Text without its closing zero byte.
    #[error("the text has no end")]
    Unterminated,
    /// Text that is not UTF-8 (the session asks for UTF-8).
    #[error("the text is not UTF-8")]
    NotUtf8,
    /// A count or length below zero.
    #[error("the count {0} is negative")]
    Negative(i32),
    /// A byte that selects among forms has none of the known values.
    #[error("byte {0:#04x} selects nothing known; is the protocol version 1?")]
    UnknownTag(u8),
}
