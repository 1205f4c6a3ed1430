//! A proxy before ClickHouse that can lose answers.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// A running proxy; it ends when it is dropped.
pub(crate) struct Proxy {
    _task: JoinSet<()>,
}

impl Proxy {
    /// Forwards connections to `address` on to `target`, and loses the answers to the first
    /// `lost` requests that insert with a token: the server does its work, the client never knows.
    pub(crate) async fn start(address: SocketAddr, target: &str, lost: u32) -> Self {
        let target = target.trim_start_matches("http://").to_owned();
        let listener = TcpListener::bind(address).await.unwrap();
        let lost = Arc::new(AtomicU32::new(lost));
        let mut task = JoinSet::new();
        task.spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                let (near, _) = listener.accept().await.unwrap();
                let far = TcpStream::connect(&target).await.unwrap();
                connections.spawn(forward(near, far, Arc::clone(&lost)));
            }
        });
        Self { _task: task }
    }
}

/// Copies both ways until an end closes or an answer is to be lost.
async fn forward(mut near: TcpStream, mut far: TcpStream, lost: Arc<AtomicU32>) {
    let (mut request, mut answer) = (vec![0; 64 * 1024], vec![0; 64 * 1024]);
    let mut inserts = false;
    loop {
        tokio::select! {
            read = near.read(&mut request) => {
                let Ok(length @ 1..) = read else { return };
                let text = String::from_utf8_lossy(&request[..length]);
                inserts |= text.contains("insert_deduplication_token");
                if far.write_all(&request[..length]).await.is_err() { return }
            }
            read = far.read(&mut answer) => {
                let Ok(length @ 1..) = read else { return };
                let one_less = |left: u32| left.checked_sub(1);
                let order = Ordering::SeqCst;
                if inserts && lost.fetch_update(order, order, one_less).is_ok() { return }
                inserts = false;
                if near.write_all(&answer[..length]).await.is_err() { return }
            }
        }
    }
}
