//! How much Kafka's client is handed before it is acknowledged.
//!
//! The client sends at most five requests for a partition at a time. While a record waits behind them
//! whose `linger.ms` is over, the client's thread looks for room without a rest, and takes a whole
//! core. So what would wait there waits here, and goes in together once there is room: latency stays
//! that of the broker, and the load sets the size of requests.

use std::collections::VecDeque;

use super::deliveries::Deliveries;
use crate::error::Result;

/// Bytes after which a hand-over takes no further batch.
pub(super) const HANDOVER_BYTES_MAX: usize = 512 * 1024;

/// Bytes up to which a hand-over is one request in any case. The client may send the first records of
/// a larger one while the rest is coming in.
const SMALL_BYTES_MAX: usize = 16 * 1024;

/// What hand-overs that are not acknowledged may weigh: so much that requests seldom become five.
const WEIGHT_MAX: usize = 4;
const SMALL_WEIGHT: usize = 1;
const LARGE_WEIGHT: usize = 2;

/// Hand-overs that are not acknowledged.
#[derive(Debug, Default)]
pub(super) struct Window {
    /// The last batch of each and what it weighs, oldest first.
    open: VecDeque<(u64, usize)>,
    weight: usize,
}

impl Window {
    /// Whether another hand-over, of whatever size, would not wait in the client.
    pub(super) fn has_room(&self) -> bool {
        self.weight + LARGE_WEIGHT <= WEIGHT_MAX
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

    /// Batches up to `last`, of `bytes`, were handed over.
    pub(super) fn handed_over(&mut self, last: u64, bytes: usize) {
        let weight = match bytes {
            0 => return,
            1..=SMALL_BYTES_MAX => SMALL_WEIGHT,
            _ => LARGE_WEIGHT,
        };
        self.weight += weight;
        self.open.push_back((last, weight));
    }

    /// Batches up to `seq` are acknowledged.
    pub(super) fn acked(&mut self, seq: u64) {
        while let Some((last, weight)) = self.open.front()
            && *last <= seq
        {
            self.weight -= weight;
            self.open.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_large_hand_overs_or_three_small_ones_are_open() {
        for (bytes, open) in [(SMALL_BYTES_MAX + 1, 2), (SMALL_BYTES_MAX, 3)] {
            let mut window = Window::default();
            for seq in 1..=open {
                assert!(window.has_room(), "{bytes}: {seq}");
                window.handed_over(seq, bytes);
            }
            assert!(!window.has_room(), "{bytes}");
            window.acked(0);
            assert!(!window.has_room(), "{bytes}: nothing came");
            window.acked(1);
            assert!(window.has_room(), "{bytes}: one came");
            window.acked(open);
            assert_eq!(window.weight, 0);
        }
    }

    #[test]
    fn a_mark_without_records_takes_no_room() {
        let mut window = Window::default();
        for seq in 0..100 {
            window.handed_over(seq, 0);
        }
        assert!(window.has_room());
    }
}
