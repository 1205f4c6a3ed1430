//! What can go wrong on a replication session.

use std::io;

use postgres_protocol::message::backend::ErrorResponseBody;
use tokio_postgres::error::SqlState;
use tokio_postgres::fallible_iterator::FallibleIterator;

/// An error of a replication session.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SessionError {
    /// The network.
    #[error("io error: {0}")]
    Io(#[from] io::Error),
    /// A message that does not belong where it came.
    #[error("protocol error: {0}")]
    Protocol(String),
    /// What the server answered.
    #[error("server error: {message} (SQLSTATE {state})")]
    Server {
        /// The server's text.
        message: String,
        /// Its SQLSTATE.
        state: String,
    },
    /// A way to log in that is not known here.
    #[error("authentication error: {0}")]
    Auth(String),
    /// TLS cannot be had as it is asked for.
    #[error("tls error: {0}")]
    Tls(String),
}

impl SessionError {
    /// From the server's ErrorResponse.
    pub(super) fn server(body: &ErrorResponseBody) -> Self {
        let (mut message, mut state) = (String::new(), String::new());
        let mut fields = body.fields();
        while let Ok(Some(field)) = fields.next() {
            let text = || String::from_utf8_lossy(field.value_bytes()).into_owned();
            match field.type_() {
                b'M' => message = text(),
                b'C' => state = text(),
                _ => {}
            }
        }
        Self::Server { message, state }
    }

    /// The server's SQLSTATE.
    pub(crate) fn state(&self) -> Option<SqlState> {
        match self {
            Self::Server { state, .. } => Some(SqlState::from_code(state)),
            _ => None,
        }
    }
}
