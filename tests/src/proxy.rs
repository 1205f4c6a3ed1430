//! A network that can be cut: a TCP proxy on loopback that holds back what comes while it is cut.
//!
//! As on a real network, a cut closes nothing: both ends keep their connections and hear nothing of
//! each other, new connections get no answer, and what was on its way arrives once it is mended.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use anyhow::{Context, Result};

/// Bytes that are passed on at once.
const CHUNK: usize = 64 * 1024;

/// A proxy; dropping it closes what goes through it.
pub struct Proxy {
    shared: Arc<Shared>,
    port: u16,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    cut: bool,
    over: bool,
    open: Vec<TcpStream>,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits while the network is cut; `false` when the proxy has gone.
    fn passes(&self) -> bool {
        let held = self
            .changed
            .wait_while(self.state(), |state| state.cut && !state.over);
        !held.unwrap_or_else(PoisonError::into_inner).over
    }

    /// Keeps a connection in mind, to close it in the end.
    fn keep(&self, stream: &TcpStream) -> Result<()> {
        self.state().open.push(stream.try_clone()?);
        Ok(())
    }
}

impl Proxy {
    /// Passes what comes in on loopback's port `from`, or on any free one when it is 0, on to `to`.
    ///
    /// # Errors
    /// When the port is taken.
    pub fn start(from: u16, to: u16) -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, from))
            .with_context(|| format!("listen on port {from}"))?;
        let port = listener.local_addr()?.port();
        let shared = Arc::new(Shared::default());
        let accepting = Arc::clone(&shared);
        thread::spawn(move || {
            for client in listener.incoming() {
                if accepting.state().over {
                    return;
                }
                let Ok(client) = client else { continue };
                let shared = Arc::clone(&accepting);
                thread::spawn(move || connect(&shared, client, to));
            }
        });
        Ok(Self { shared, port })
    }

    /// Where it listens.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Cuts the network.
    pub fn cut(&self) {
        self.shared.state().cut = true;
    }

    /// Mends it.
    pub fn mend(&self) {
        self.shared.state().cut = false;
        self.shared.changed.notify_all();
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let mut state = self.shared.state();
        state.over = true;
        for stream in state.open.drain(..) {
            // One that is closed already needs no closing.
            drop(stream.shutdown(Shutdown::Both));
        }
        drop(state);
        self.shared.changed.notify_all();
        // Wakes up the thread that accepts.
        drop(TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)));
    }
}

/// Connects a client to the other side, once the network lets it.
fn connect(shared: &Arc<Shared>, client: TcpStream, to: u16) {
    if !shared.passes() {
        return;
    }
    // A server that is down closes on the client.
    let Ok(server) = TcpStream::connect((Ipv4Addr::LOCALHOST, to)) else {
        return;
    };
    if shared.keep(&client).is_err() || shared.keep(&server).is_err() {
        return;
    }
    let (Ok(client_again), Ok(server_again)) = (client.try_clone(), server.try_clone()) else {
        return;
    };
    let back = Arc::clone(shared);
    thread::spawn(move || pass(&back, server_again, client_again));
    pass(shared, client, server);
}

/// Passes on what one side sends until it or the other closes.
fn pass(shared: &Shared, mut from: TcpStream, mut to: TcpStream) {
    let mut chunk = vec![0; CHUNK];
    while let Ok(read) = from.read(&mut chunk) {
        if !shared.passes() || read == 0 || to.write_all(&chunk[..read]).is_err() {
            break;
        }
    }
    // The other direction ends with this one; one that is closed already needs no closing.
    drop(from.shutdown(Shutdown::Both));
    drop(to.shutdown(Shutdown::Both));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holds_back_while_cut_and_delivers_once_mended() -> Result<()> {
        let server = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let proxy = Proxy::start(0, server.local_addr()?.port())?;
        let mut client = TcpStream::connect((Ipv4Addr::LOCALHOST, proxy.port()))?;
        let (mut far, _) = server.accept()?;
        let mut got = [0; 5];
        client.write_all(b"first")?;
        far.read_exact(&mut got)?;
        assert_eq!(&got, b"first");
        proxy.cut();
        client.write_all(b"later")?;
        far.set_read_timeout(Some(std::time::Duration::from_millis(200)))?;
        assert!(far.read(&mut got).is_err(), "the network is cut");
        far.set_read_timeout(None)?;
        proxy.mend();
        far.read_exact(&mut got)?;
        assert_eq!(&got, b"later");
        drop(proxy);
        assert_eq!(far.read(&mut got)?, 0, "closed");
        Ok(())
    }
}
