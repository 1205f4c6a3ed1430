//! What to do about an error of ClickHouse: try again, or stop and tell a human.
//!
//! Enters: the client's error. Leaves: its class. Pure.

use clickhouse::error::Error;

/// Codes that pass by themselves: the server or its network is busy, starting, full or away.
/// Numbers and names: <https://github.com/ClickHouse/ClickHouse/blob/master/src/Common/ErrorCodes.cpp>.
const RETRYABLE: [u32; 21] = [
    3,    // UNEXPECTED_END_OF_FILE: the connection broke while the block was read
    33,   // CANNOT_READ_ALL_DATA: likewise, inside a compressed frame
    159,  // TIMEOUT_EXCEEDED
    164,  // READONLY: a replica that is starting or has lost its keeper
    202,  // TOO_MANY_SIMULTANEOUS_QUERIES
    203,  // NO_FREE_CONNECTION
    209,  // SOCKET_TIMEOUT
    210,  // NETWORK_ERROR
    236,  // ABORTED: the server is shutting down
    241,  // MEMORY_LIMIT_EXCEEDED
    242,  // TABLE_IS_READ_ONLY
    243,  // NOT_ENOUGH_SPACE
    252,  // TOO_MANY_PARTS: merges are behind
    285,  // TOO_FEW_LIVE_REPLICAS
    319,  // UNKNOWN_STATUS_OF_INSERT: the same token settles it
    394,  // QUERY_WAS_CANCELLED
    425,  // SYSTEM_ERROR
    439,  // CANNOT_SCHEDULE_TASK
    999,  // KEEPER_EXCEPTION
    1000, // POCO_EXCEPTION: the network library's own errors
    1002, // UNKNOWN_EXCEPTION
];

/// What follows from an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Class {
    /// Nobody answered, or not to the end.
    Unreachable,
    /// The server says so itself, and it passes.
    Busy(u32),
    /// The same request will be refused again; the code if there was one.
    Refused(Option<u32>),
}

impl Class {
    pub(crate) fn is_retryable(self) -> bool {
        !matches!(self, Class::Refused(_))
    }
}

/// The class of `error`.
pub(crate) fn classify(error: &Error) -> Class {
    match error {
        Error::Network(_) | Error::TimedOut | Error::Decompression(_) => Class::Unreachable,
        Error::BadResponse(text) => match code(text) {
            Some(code) if RETRYABLE.contains(&code) => Class::Busy(code),
            Some(code) => Class::Refused(Some(code)),
            // No exception of ClickHouse's: a proxy, or an answer that was cut short.
            None => Class::Unreachable,
        },
        _ => Class::Refused(None),
    }
}

/// The number in `Code: 60. DB::Exception: …`.
fn code(text: &str) -> Option<u32> {
    let (_, rest) = text.split_once("Code: ")?;
    let end = rest
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(rest.len());
    rest.get(..end)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_fall_into_their_class() {
        for (text, class) in [
            ("Code: 252. DB::Exception: Too many parts", Class::Busy(252)),
            (
                "Code: 60. DB::Exception: Unknown table",
                Class::Refused(Some(60)),
            ),
            ("Code: 27", Class::Refused(Some(27))),
            ("HTTP 502: Bad Gateway", Class::Unreachable),
            ("Code: many", Class::Unreachable),
        ] {
            assert_eq!(classify(&Error::BadResponse(text.into())), class, "{text}");
        }
        assert_eq!(classify(&Error::TimedOut), Class::Unreachable);
        assert_eq!(
            classify(&Error::SchemaMismatch("".into())),
            Class::Refused(None)
        );
        assert!(!classify(&Error::RowNotFound).is_retryable());
    }

    #[test]
    fn the_list_is_sorted_and_without_doubles() {
        assert!(RETRYABLE.is_sorted_by(|a, b| a < b));
    }
}
