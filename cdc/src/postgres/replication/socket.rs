//! The socket of a replication session: TCP, TLS over it, or a Unix socket.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::BytesMut;
use postgres_protocol::message::frontend;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::{TcpStream, UnixStream};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::error::SessionError;
use crate::config::{DatabaseConfig, SslMode};
use crate::error::{EngineError, Result};
use crate::postgres::connect::CONNECT_TIMEOUT;
use crate::postgres::{fault, tls};

/// A connected socket.
pub(super) enum Socket {
    Tcp(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
    Unix(UnixStream),
    /// One end of a pipe in memory.
    #[cfg(test)]
    Memory(tokio::io::DuplexStream),
}

/// Connects as `config` says. Beside the socket, a second handle of a TCP socket, to set it up with.
pub(super) async fn connect(
    config: &DatabaseConfig,
    doing: &str,
) -> Result<(Socket, Option<OwnedFd>)> {
    match tokio::time::timeout(CONNECT_TIMEOUT, open(config, doing)).await {
        Ok(opened) => opened,
        Err(_) => Err(EngineError::transient(format!(
            "while {doing}: no connection within {} s",
            CONNECT_TIMEOUT.as_secs()
        ))),
    }
}

async fn open(config: &DatabaseConfig, doing: &str) -> Result<(Socket, Option<OwnedFd>)> {
    let failed = |e: io::Error| fault::replication(doing, e.into());
    if config.host.starts_with('/') {
        if !matches!(config.sslmode, SslMode::Disable | SslMode::Prefer) {
            let text = "there is no TLS on a Unix socket".to_owned();
            return Err(fault::replication(doing, SessionError::Tls(text)));
        }
        let path = Path::new(&config.host).join(format!(".s.PGSQL.{}", config.port));
        let unix = UnixStream::connect(path).await.map_err(failed)?;
        return Ok((Socket::Unix(unix), None));
    }
    let address = (config.host.as_str(), config.port);
    let tcp = TcpStream::connect(address).await.map_err(failed)?;
    tcp.set_nodelay(true).map_err(failed)?;
    let handle = tcp.as_fd().try_clone_to_owned().map_err(failed)?;
    Ok((upgraded(tcp, config, doing).await?, Some(handle)))
}

/// Asks for TLS where the mode does.
async fn upgraded(mut tcp: TcpStream, config: &DatabaseConfig, doing: &str) -> Result<Socket> {
    if config.sslmode == SslMode::Disable {
        return Ok(Socket::Tcp(tcp));
    }
    let failed = |e: io::Error| fault::replication(doing, e.into());
    let refused = |text: String| fault::replication(doing, SessionError::Tls(text));
    let mut request = BytesMut::new();
    frontend::ssl_request(&mut request);
    tcp.write_all(&request).await.map_err(failed)?;
    if tcp.read_u8().await.map_err(failed)? != b'S' {
        return match config.sslmode {
            SslMode::Prefer => Ok(Socket::Tcp(tcp)),
            _ => Err(refused(
                "server does not support TLS (SSLRequest rejected)".to_owned(),
            )),
        };
    }
    let name = ServerName::try_from(config.host.clone())
        .map_err(|e| refused(format!("database.hostname is no name for TLS: {e}")))?;
    let connector = TlsConnector::from(Arc::new(tls::client_config(config)?));
    let stream = connector.connect(name, tcp).await;
    let stream = stream.map_err(|e| refused(format!("TLS handshake failed: {e}")))?;
    Ok(Socket::Tls(Box::new(stream)))
}

impl AsyncRead for Socket {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_read(context, buffer),
            Self::Tls(stream) => Pin::new(stream).poll_read(context, buffer),
            Self::Unix(stream) => Pin::new(stream).poll_read(context, buffer),
            #[cfg(test)]
            Self::Memory(stream) => Pin::new(stream).poll_read(context, buffer),
        }
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_write(context, bytes),
            Self::Tls(stream) => Pin::new(stream).poll_write(context, bytes),
            Self::Unix(stream) => Pin::new(stream).poll_write(context, bytes),
            #[cfg(test)]
            Self::Memory(stream) => Pin::new(stream).poll_write(context, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_flush(context),
            Self::Tls(stream) => Pin::new(stream).poll_flush(context),
            Self::Unix(stream) => Pin::new(stream).poll_flush(context),
            #[cfg(test)]
            Self::Memory(stream) => Pin::new(stream).poll_flush(context),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_shutdown(context),
            Self::Tls(stream) => Pin::new(stream).poll_shutdown(context),
            Self::Unix(stream) => Pin::new(stream).poll_shutdown(context),
            #[cfg(test)]
            Self::Memory(stream) => Pin::new(stream).poll_shutdown(context),
        }
    }
}
