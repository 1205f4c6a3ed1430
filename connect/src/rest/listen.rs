//! The worker's listeners: bound, then served, plain or with TLS.
//!
//! Ordinary listeners serve everything; those of `admin.listeners` serve `/admin` alone, without
//! authentication and without added headers, as in Kafka Connect.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::Request;
use axum::http::{HeaderValue, header};
use axum::middleware::map_response;
use axum::response::Response;
use axum::serve::Listener as AxumListener;
use axum::{Router, ServiceExt};
use futures_util::future::try_join_all;
use futures_util::{FutureExt, future::BoxFuture};
use rustls::ServerConfig;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;
use tower::Layer;
use tower_http::normalize_path::NormalizePathLayer;
use walcast_wire::usage::UsageError;

use super::{Api, admin_router, router};
use crate::config::RestConfig;
use crate::config::listeners::{AdminListeners, Listener, Scheme};
use crate::tls;

/// Handshakes that may be under way on one listener; more clients wait in the socket's queue.
const HANDSHAKES_MAX: usize = 256;

/// How long a client may take for its handshake.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// Sockets that are bound and not served yet.
pub(crate) struct Bound {
    ordinary: Vec<Socket>,
    admin: Vec<Socket>,
    advertised: usize,
}

struct Socket {
    listener: TcpListener,
    tls: Option<Arc<ServerConfig>>,
}

impl Bound {
    /// Reads the stores of keys and binds every listener of `config`.
    ///
    /// # Errors
    /// A [`UsageError`] that names the property, the file or the address, and the cure.
    pub(crate) async fn bind(config: &RestConfig) -> Result<Self, UsageError> {
        let listeners = &config.listeners;
        let tls = config.tls.as_ref().map(tls::server).transpose()?;
        let admin_tls = config.admin_tls.as_ref().map(tls::server).transpose()?;
        let mut admin = Vec::new();
        if let AdminListeners::Own(own) = &listeners.admin {
            for listener in own {
                admin.push(bind("admin.listeners", listener, admin_tls.as_ref()).await?);
            }
        }
        let mut ordinary = Vec::new();
        for listener in &listeners.ordinary {
            ordinary.push(bind("listeners", listener, tls.as_ref()).await?);
        }
        Ok(Self {
            ordinary,
            admin,
            advertised: listeners.advertised_index(),
        })
    }

    /// Addresses of the ordinary listeners, in the order of `listeners`, with the one that others are
    /// sent to first.
    pub(crate) fn addresses(&self) -> io::Result<Vec<SocketAddr>> {
        let mut order: VecDeque<usize> = (0..self.ordinary.len()).collect();
        order.retain(|index| *index != self.advertised);
        order.push_front(self.advertised);
        let sockets = order
            .into_iter()
            .filter_map(|index| self.ordinary.get(index));
        sockets.map(|socket| socket.listener.local_addr()).collect()
    }

    /// Addresses of the listeners that serve only `/admin`.
    pub(crate) fn admin_addresses(&self) -> io::Result<Vec<SocketAddr>> {
        let sockets = self.admin.iter();
        sockets.map(|socket| socket.listener.local_addr()).collect()
    }

    /// Serves until `stop`; requests under way are answered first.
    ///
    /// # Errors
    /// A listener failed.
    pub(crate) async fn serve(self, api: Api, stop: CancellationToken) -> io::Result<()> {
        let app = router(api.clone());
        let admin = admin_router(api);
        let ordinary = self
            .ordinary
            .into_iter()
            .map(|socket| (socket, app.clone()));
        let admin = self.admin.into_iter().map(|socket| (socket, admin.clone()));
        let all = ordinary.chain(admin);
        let all = all.map(|(socket, app)| socket.serve(app, stop.clone()));
        try_join_all(all).await.map(drop)
    }
}

async fn bind(
    property: &str,
    listener: &Listener,
    tls: Option<&Arc<ServerConfig>>,
) -> Result<Socket, UsageError> {
    let host = match &*listener.host {
        "" => "0.0.0.0",
        host => host,
    };
    let port = listener.port;
    let bound = TcpListener::bind((host, port)).await.map_err(|error| {
        UsageError::new(format!(
            "cannot listen on {host}:{port}: {error}; free the port or change {property}"
        ))
    })?;
    Ok(Socket {
        listener: bound,
        tls: tls.filter(|_| listener.scheme == Scheme::Https).cloned(),
    })
}

impl Socket {
    fn serve(self, app: Router, stop: CancellationToken) -> BoxFuture<'static, io::Result<()>> {
        let Some(config) = self.tls else {
            return serve(self.listener, app, stop).boxed();
        };
        let listener = TlsListener {
            tcp: self.listener,
            acceptor: TlsAcceptor::from(config),
            handshakes: JoinSet::new(),
        };
        serve(listener, app.layer(map_response(to_https)), stop).boxed()
    }
}

/// An answer that says where something is, says so in the scheme it was asked in.
async fn to_https(mut response: Response) -> Response {
    let location = response.headers().get(header::LOCATION);
    let location = location.and_then(|l| l.to_str().ok()?.strip_prefix("http://"));
    let location = location.map(|rest| HeaderValue::from_str(&format!("https://{rest}")));
    if let Some(Ok(location)) = location {
        response.headers_mut().insert(header::LOCATION, location);
    }
    response
}

async fn serve<L: AxumListener<Addr = SocketAddr>>(
    listener: L,
    app: Router,
    stop: CancellationToken,
) -> io::Result<()> {
    // Connect takes a path with or without a slash at its end.
    let app = NormalizePathLayer::trim_trailing_slash().layer(app);
    let app = ServiceExt::<Request>::into_make_service(app);
    axum::serve(listener, app)
        .with_graceful_shutdown(stop.cancelled_owned())
        .await
}

/// Takes connections and hands them on when their handshake is done, so that a slow client keeps no
/// other one waiting.
struct TlsListener {
    tcp: TcpListener,
    acceptor: TlsAcceptor,
    handshakes: JoinSet<io::Result<(TlsStream<TcpStream>, SocketAddr)>>,
}

impl AxumListener for TlsListener {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            tokio::select! {
                (stream, address) = AxumListener::accept(&mut self.tcp),
                    if self.handshakes.len() < HANDSHAKES_MAX => {
                    let handshake = self.acceptor.accept(stream);
                    self.handshakes.spawn(async move {
                        let stream = tokio::time::timeout(HANDSHAKE_TIMEOUT, handshake).await??;
                        Ok((stream, address))
                    });
                }
                Some(ended) = self.handshakes.join_next() => match ended {
                    Ok(Ok(accepted)) => return accepted,
                    Ok(Err(error)) => tracing::debug!(%error, "a TLS handshake failed"),
                    Err(error) => tracing::debug!(%error, "a TLS handshake broke"),
                },
            }
        }
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        self.tcp.local_addr()
    }
}
