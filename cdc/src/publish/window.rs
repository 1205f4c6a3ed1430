//! How much Kafka's client is handed before it is acknowledged.
//!
//! The client sends at most five requests for a partition at a time. While a record waits behind them
//! whose `linger.ms` is over, the client's thread looks for room without a rest, and takes a whole
//! core. So what would wait there waits here, and goes in together once there is room: latency stays
//! that of the broker, and the load sets the size of requests.

use std::collections::VecDeque;

use super::deliveries::Deliveries;
use crate::error::Result;

/// Requests for one partition that are on their way at a time.
const REQUESTS_MAX: usize = 5;

/// Bytes that make a request; `batch.size` is twice that, since the last batch of one goes past it.
const REQUEST_BYTES: usize = 128 * 1024;

/// What was handed over and is not acknowledged, cut into the requests it should make.
#[derive(Debug, Default)]
pub(super) struct Window {
    /// Oldest first.
    open: VecDeque<Request>,
}

#[derive(Debug)]
struct Request {
    /// The last batch in it.
    last: u64,
    /// Whether what comes next is a request of its own.
    full: bool,
    bytes: usize,
}

impl Window {
    /// Whether more would not wait in the client.
    pub(super) fn has_room(&self) -> bool {
        self.open.len() < REQUESTS_MAX || self.open.back().is_some_and(|last| !last.full)
    }

    /// Waits for room; `begun` is the last batch that was handed over.
    pub(super) async fn room(&mut self, deliveries: &Deliveries, begun: u64) -> Result<()> {
        loop {
            self.acked(deliveries.acked(begun)?);
            if self.has_room() {
                return Ok(());
            }
            deliveries.changed().await;
        }
    }

    /// Batch `seq`, of `bytes`, was handed over.
    pub(super) fn handed_over(&mut self, seq: u64, bytes: usize) {
        if bytes == 0 {
            return;
        }
        match self.open.back_mut() {
            Some(last) if !last.full => {
                last.last = seq;
                last.bytes += bytes;
                last.full = last.bytes >= REQUEST_BYTES;
            }
            _ => self.open.push_back(Request {
                last: seq,
                full: bytes >= REQUEST_BYTES,
                bytes,
            }),
        }
    }

    /// Nothing comes after what was handed over: the client is told to send it.
    pub(super) fn pushed(&mut self) {
        if let Some(last) = self.open.back_mut() {
            last.full = true;
        }
    }

    /// Batches up to `seq` are acknowledged.
    pub(super) fn acked(&mut self, seq: u64) {
        while self.open.front().is_some_and(|first| first.last <= seq) {
            self.open.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_requests_are_open_as_the_client_sends() {
        for bytes in [1, REQUEST_BYTES] {
            let mut window = Window::default();
            for seq in 1..=5 {
                assert!(window.has_room(), "{bytes}: {seq}");
                window.handed_over(seq, bytes);
                window.pushed();
            }
            assert!(!window.has_room(), "{bytes}");
            window.acked(0);
            assert!(!window.has_room(), "{bytes}: nothing came");
            window.acked(1);
            assert!(window.has_room(), "{bytes}: one came");
        }
    }

    #[test]
    fn what_is_handed_over_together_is_one_request_until_it_is_full() {
        let mut window = Window::default();
        for seq in 1..=20 {
            assert!(window.has_room(), "{seq}");
            window.handed_over(seq, REQUEST_BYTES / 4);
        }
        assert!(!window.has_room(), "five are full");
        window.acked(3);
        assert!(!window.has_room(), "a part of one came");
        window.acked(4);
        assert!(window.has_room());
    }

    #[test]
    fn a_mark_without_records_takes_no_room() {
        let mut window = Window::default();
        for seq in 0..100 {
            window.handed_over(seq, 0);
            window.pushed();
        }
        assert!(window.has_room());
    }
}
