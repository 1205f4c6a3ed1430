//! Writes one-row transactions at a fixed rate from several connections: an open loop.
//!
//! Each write is due at its place in a schedule, however long the one before took; a write that is late
//! is written at once. The schedule is that of independent clients: gaps are exponentially distributed,
//! from a fixed seed.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use tokio_postgres::Statement;

use crate::backlog::PAYLOAD;
use crate::clock;
use crate::database::Database;

/// Connections that write.
const CONNECTIONS: usize = 8;

/// Makes every run's schedule the same.
const SEED: u64 = 7;

/// How the id of a row begins; its number in the schedule follows, in 12 hexadecimal digits.
pub(crate) const ID_PREFIX: &str = "00000000-0000-4000-8000-";

/// Connections that are ready to write.
pub(crate) struct Writers(Vec<(Database, Statement)>);

impl Writers {
    pub(crate) fn connect(url: &str) -> Result<Self> {
        let sql = format!(
            "INSERT INTO outbox (id, aggregate_type, aggregate_id, event_type, payload) \
             VALUES ($1::text::uuid, 'experiment', $2, 'page_view', {PAYLOAD})"
        );
        let connection = |_| {
            let database = Database::connect(url)?;
            let statement = database.prepare(&sql)?;
            Ok((database, statement))
        };
        (0..CONNECTIONS)
            .map(connection)
            .collect::<Result<_>>()
            .map(Self)
    }

    /// Writes the whole schedule. Gives when it began, on the clock of the wall in microseconds.
    pub(crate) fn write(self, due: &[Duration], began: impl FnOnce(i64)) -> Result<()> {
        let next = AtomicUsize::new(0);
        let begun = Instant::now();
        began(clock::now_us());
        thread::scope(|scope| {
            let next = &next;
            let writers = self.0.into_iter().map(|(database, insert)| {
                scope.spawn(move || write_in_turn(&database, &insert, due, next, begun))
            });
            let writers: Vec<_> = writers.collect();
            writers.into_iter().try_for_each(|writer| {
                let written = writer.join();
                written.map_err(|_| anyhow!("a writer panicked"))?
            })
        })
    }
}

fn write_in_turn(
    database: &Database,
    insert: &Statement,
    due: &[Duration],
    next: &AtomicUsize,
    begun: Instant,
) -> Result<()> {
    loop {
        let number = next.fetch_add(1, Ordering::Relaxed);
        let Some(due) = due.get(number) else {
            return Ok(());
        };
        thread::sleep(due.saturating_sub(begun.elapsed()));
        let id = format!("{ID_PREFIX}{number:012x}");
        let aggregate = (number % 1000).to_string();
        database
            .execute(insert, &[&id, &aggregate])
            .context("write a row")?;
    }
}

/// When each write is due, at `rate` a second for so long.
pub(crate) fn schedule(rate: u32, length: Duration) -> Vec<Duration> {
    let mut random = StdRng::seed_from_u64(SEED);
    let mut at = 0.0;
    let gaps = std::iter::repeat_with(|| -(1.0 - random.random::<f64>()).ln() / f64::from(rate));
    gaps.map(|gap| {
        at += gap;
        Duration::from_secs_f64(at)
    })
    .take_while(|due| *due < length)
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schedule_has_its_rate_its_order_and_is_always_the_same() {
        let due = schedule(1000, Duration::from_secs(10));
        assert!((9_500..10_500).contains(&due.len()), "{}", due.len());
        assert!(due.is_sorted());
        assert_eq!(due, schedule(1000, Duration::from_secs(10)));
    }
}
