//! How much Kafka's client is handed before it is acknowledged.
//!
//! An idempotent client sends no request for a partition while five records are on their way there:
//! it counts records where it means requests. While a record waits behind those whose `linger.ms` is
//! over, the client's thread looks for room without a rest, and takes a whole core. So what would wait
//! there waits here, and goes in together, as one request: latency stays that of the broker, and the
//! load sets the size of requests.
//!
//! A broker pays for a request far more than for a record, so small hand-overs keep a distance too:
//! a lone change leaves at once, and those that follow it closely leave together.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

use super::deliveries::Deliveries;
use crate::error::Result;

/// Bytes after which a hand-over takes no further batch.
pub(super) const HANDOVER_BYTES_MAX: usize = 512 * 1024;

/// Records on their way to a partition with which the client sends no further request there.
const RECORDS_MAX: usize = 5;

/// The least time from a small hand-over to the next.
const DISTANCE: Duration = Duration::from_millis(1);

/// When the next hand-over may be, if the one before was small.
#[derive(Debug, Default)]
pub(super) struct Distance(Option<Instant>);

impl Distance {
    /// So many bytes were handed over.
    pub(super) fn handed_over(&mut self, bytes: usize) {
        self.0 = (0 < bytes && bytes < HANDOVER_BYTES_MAX).then(|| Instant::now() + DISTANCE);
    }

    /// Waits until the next hand-over may be. Nothing is lost when the future is dropped.
    pub(super) async fn kept(&mut self) {
        if let Some(until) = self.0 {
            tokio::time::sleep_until(until).await;
            self.0 = None;
        }
    }
}

/// Hand-overs that are not acknowledged.
#[derive(Debug, Default)]
pub(super) struct Window {
    /// The last batch of each and how many records it has, oldest first.
    open: VecDeque<(u64, usize)>,
    records: usize,
}

impl Window {
    /// Whether another hand-over would not wait in the client.
    pub(super) fn has_room(&self) -> bool {
        self.records < RECORDS_MAX
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

    /// Batches up to `last`, of so many records, were handed over.
    pub(super) fn handed_over(&mut self, last: u64, records: usize) {
        if records > 0 {
            self.records += records;
            self.open.push_back((last, records));
        }
    }

    /// Batches up to `seq` are acknowledged.
    pub(super) fn acked(&mut self, seq: u64) {
        while let Some((last, records)) = self.open.front()
            && *last <= seq
        {
            self.records -= records;
            self.open.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_hand_over_is_open_or_five_of_one_record() {
        for (records, open) in [(1, 5), (4, 2), (5, 1), (1000, 1)] {
            let mut window = Window::default();
            for seq in 1..=open {
                assert!(window.has_room(), "{records}: {seq}");
                window.handed_over(seq, records);
            }
            assert!(!window.has_room(), "{records}");
            window.acked(0);
            assert!(!window.has_room(), "{records}: nothing came");
            window.acked(1);
            assert!(window.has_room(), "{records}: one came");
            window.acked(open);
            assert_eq!(window.records, 0);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn only_small_hand_overs_keep_a_distance() {
        let begun = Instant::now();
        let mut distance = Distance::default();
        distance.kept().await;
        distance.handed_over(HANDOVER_BYTES_MAX);
        distance.kept().await;
        assert_eq!(begun.elapsed(), Duration::ZERO);
        distance.handed_over(1);
        distance.kept().await;
        distance.kept().await;
        assert_eq!(begun.elapsed(), DISTANCE);
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
