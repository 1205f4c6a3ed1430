//! A replication session before it streams: login and simple queries.

use std::io;

use bytes::BytesMut;
use postgres_protocol::authentication::md5_hash;
use postgres_protocol::authentication::sasl::{ChannelBinding, SCRAM_SHA_256, ScramSha256};
use postgres_protocol::message::backend::{DataRowBody, Header, Message};
use postgres_protocol::message::frontend;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_postgres::fallible_iterator::FallibleIterator;

use super::error::SessionError;
use super::socket::Socket;
use crate::config::DatabaseConfig;

/// The tag of CopyBothResponse, which begins a stream.
const COPY_BOTH: u8 = b'W';

/// A row of an answer, in text form.
pub(super) type Row = Vec<Option<String>>;

/// The socket and what was read from it.
pub(super) struct Session {
    pub(super) socket: Socket,
    pub(super) buffer: BytesMut,
    out: BytesMut,
}

impl Session {
    pub(super) fn new(socket: Socket) -> Self {
        Self {
            socket,
            buffer: BytesMut::new(),
            out: BytesMut::new(),
        }
    }

    /// Logs in, to a database's walsender.
    pub(super) async fn log_in(
        &mut self,
        config: &DatabaseConfig,
        application_name: &str,
        options: &str,
    ) -> Result<(), SessionError> {
        let parameters = [
            ("user", &*config.user),
            ("database", &*config.dbname),
            ("replication", "database"),
            ("client_encoding", "UTF8"),
            ("application_name", application_name),
            ("options", options),
        ];
        frontend::startup_message(parameters, &mut self.out)?;
        self.send().await?;
        loop {
            match self.receive().await? {
                Message::AuthenticationCleartextPassword => {
                    frontend::password_message(config.password.as_bytes(), &mut self.out)?;
                    self.send().await?;
                }
                Message::AuthenticationMd5Password(body) => {
                    let (user, password) = (config.user.as_bytes(), config.password.as_bytes());
                    let hash = md5_hash(user, password, body.salt());
                    frontend::password_message(hash.as_bytes(), &mut self.out)?;
                    self.send().await?;
                }
                Message::AuthenticationSasl(body) => {
                    let mut offered = body.mechanisms();
                    let mut known = false;
                    while let Some(mechanism) = offered.next()? {
                        known |= mechanism == SCRAM_SHA_256;
                    }
                    if !known {
                        return Err(SessionError::Auth(
                            "the server does not offer SCRAM-SHA-256".to_owned(),
                        ));
                    }
                    self.scram(&config.password).await?;
                }
                Message::AuthenticationOk
                | Message::ParameterStatus(_)
                | Message::BackendKeyData(_) => {}
                Message::ReadyForQuery(_) => return Ok(()),
                _ => {
                    return Err(SessionError::Auth(
                        "the server asks for a way to log in that is not supported".to_owned(),
                    ));
                }
            }
        }
    }

    async fn scram(&mut self, password: &str) -> Result<(), SessionError> {
        let refused = |e: io::Error| SessionError::Auth(e.to_string());
        let mut scram = ScramSha256::new(password.as_bytes(), ChannelBinding::unsupported());
        frontend::sasl_initial_response(SCRAM_SHA_256, scram.message(), &mut self.out)?;
        self.send().await?;
        match self.receive().await? {
            Message::AuthenticationSaslContinue(body) => {
                scram.update(body.data()).map_err(refused)?;
            }
            _ => return Err(unexpected("SASL's second message")),
        }
        frontend::sasl_response(scram.message(), &mut self.out)?;
        self.send().await?;
        match self.receive().await? {
            Message::AuthenticationSaslFinal(body) => scram.finish(body.data()).map_err(refused),
            _ => Err(unexpected("SASL's last message")),
        }
    }

    /// Runs a statement or replication command. After a server's error the session can go on.
    pub(super) async fn query(&mut self, sql: &str) -> Result<Vec<Row>, SessionError> {
        frontend::query(sql, &mut self.out)?;
        self.send().await?;
        let mut rows = Vec::new();
        let mut failed = None;
        loop {
            match self.next().await? {
                Message::DataRow(body) => rows.push(row(&body)?),
                Message::ErrorResponse(body) => failed = Some(SessionError::server(&body)),
                Message::ReadyForQuery(_) => return failed.map_or(Ok(rows), Err),
                _ => {}
            }
        }
    }

    /// Runs START_REPLICATION; returns once the server streams.
    pub(super) async fn start(&mut self, sql: &str) -> Result<(), SessionError> {
        frontend::query(sql, &mut self.out)?;
        self.send().await?;
        loop {
            match Header::parse(&self.buffer)? {
                Some(header) if header.tag() == COPY_BOTH => {
                    let length = usize::try_from(header.len()).unwrap_or(0) + 1;
                    while self.buffer.len() < length {
                        self.fill().await?;
                    }
                    let _formats = self.buffer.split_to(length);
                    return Ok(());
                }
                Some(_) => {
                    if let Message::ReadyForQuery(_) = self.receive().await? {
                        return Err(unexpected("the stream's beginning"));
                    }
                }
                None => self.fill().await?,
            }
        }
    }

    async fn send(&mut self) -> io::Result<()> {
        let out = self.out.split();
        self.socket.write_all(&out).await?;
        self.socket.flush().await
    }

    /// The next message; a server's error is one here.
    async fn receive(&mut self) -> Result<Message, SessionError> {
        match self.next().await? {
            Message::ErrorResponse(body) => Err(SessionError::server(&body)),
            message => Ok(message),
        }
    }

    /// The next message but for notices.
    async fn next(&mut self) -> Result<Message, SessionError> {
        loop {
            match Message::parse(&mut self.buffer)? {
                Some(Message::NoticeResponse(_)) => {}
                Some(message) => return Ok(message),
                None => self.fill().await?,
            }
        }
    }

    async fn fill(&mut self) -> io::Result<()> {
        match self.socket.read_buf(&mut self.buffer).await? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(()),
        }
    }
}

fn unexpected(wanted: &str) -> SessionError {
    SessionError::Protocol(format!("another message came in place of {wanted}"))
}

fn row(body: &DataRowBody) -> Result<Row, SessionError> {
    let mut ranges = body.ranges();
    let mut row = Row::new();
    while let Some(range) = ranges.next()? {
        let value = range.and_then(|range| body.buffer().get(range));
        row.push(value.map(|bytes| String::from_utf8_lossy(bytes).into_owned()));
    }
    Ok(row)
}
