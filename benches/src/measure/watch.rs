//! Watches a connector from outside: when its slot is read, when its records are there.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use tokio_postgres::Statement;

use super::Turn;
use crate::backlog::{Backlog, LAST};
use crate::database::Database;
use crate::sampler::{Cpu, Sampler};
use crate::topic::Topic;

/// How often is looked whether a slot is read.
const SLOT_INTERVAL: Duration = Duration::from_millis(4);

/// How often a topic's end is asked for.
const END_INTERVAL: Duration = Duration::from_millis(10);

/// How long an engine may make no progress.
pub(crate) const STALL_LIMIT: Duration = Duration::from_secs(60);

/// Tells whether anybody reads a slot of one database: the connector's own one, or a copy of it.
pub(crate) struct SlotWatch<'a> {
    control: &'a Database,
    statement: Statement,
    database: &'a str,
}

impl<'a> SlotWatch<'a> {
    pub(crate) fn new(turn: &'a Turn<'_>, backlog: &'a Backlog) -> Result<Self> {
        let control = &turn.stage.control;
        let sql = "SELECT active_pid FROM pg_replication_slots \
            WHERE database = $1 AND active_pid IS NOT NULL LIMIT 1";
        Ok(Self {
            control,
            statement: control.prepare(sql)?,
            database: &backlog.database,
        })
    }

    /// Whether a slot is being read now.
    pub(crate) fn is_read(&self) -> Result<bool> {
        let found = self.control.first_row(&self.statement, &[&self.database]);
        Ok(found?.is_some())
    }

    /// Waits until a slot is read.
    pub(crate) fn wait(&self) -> Result<()> {
        let begun = Instant::now();
        while !self.is_read()? {
            if begun.elapsed() > STALL_LIMIT {
                bail!("nobody reads the slot");
            }
            thread::sleep(SLOT_INTERVAL);
        }
        Ok(())
    }
}

/// When what happened, and what had been used then.
pub(crate) struct Course {
    /// The slot was seen to be read.
    pub(crate) reading: Option<Instant>,
    /// CPU then; without that, when the watch began.
    pub(crate) cpu_before: Cpu,
    /// The first record was in the topic.
    pub(crate) first: Instant,
    /// The last one was.
    pub(crate) last: Instant,
    /// CPU then.
    pub(crate) cpu_after: Cpu,
}

/// Watches until `records` are in the topic.
pub(crate) fn until_drained(
    turn: &Turn<'_>,
    slot: &SlotWatch<'_>,
    topic: &Topic,
    sampler: &Sampler,
    records: u64,
) -> Result<Course> {
    let records = i64::try_from(records).context("too many records")?;
    let mut cpu_before = sampler.cpu();
    let (mut reading, mut first) = (None, None);
    let (mut end, mut moved, mut asked) = (0, Instant::now(), Instant::now());
    while end < records {
        if reading.is_none() && slot.is_read()? {
            reading = Some(Instant::now());
            cpu_before = sampler.cpu();
        }
        if asked.elapsed() >= END_INTERVAL || first.is_none() {
            asked = Instant::now();
            if let Some(now) = topic.end()?.filter(|now| *now > end) {
                (end, moved) = (now, Instant::now());
                first.get_or_insert(moved);
            }
        }
        if moved.elapsed() > STALL_LIMIT {
            bail!("no progress at {end} of {records} records");
        }
        thread::sleep(SLOT_INTERVAL);
    }
    if turn.engine.is_exactly_once() {
        wait_for_last(topic, records)?;
        moved = Instant::now();
    }
    Ok(Course {
        reading,
        cpu_before,
        first: first.unwrap_or(moved),
        last: moved,
        cpu_after: sampler.cpu(),
    })
}

/// Marks of transactions count as records, so the end is where the marked row can be read.
fn wait_for_last(topic: &Topic, records: i64) -> Result<()> {
    let reader = topic.reader(records - 1)?;
    let mark = format!("\"event_type\":\"{LAST}\"");
    let mut came = Instant::now();
    while came.elapsed() < STALL_LIMIT {
        let Some(message) = reader.next()? else {
            continue;
        };
        came = Instant::now();
        let value = rdkafka::Message::payload(&message).unwrap_or_default();
        if holds(value, mark.as_bytes()) {
            return Ok(());
        }
    }
    bail!("the last record does not come");
}

/// Whether `text` holds `part`.
pub(crate) fn holds(text: &[u8], part: &[u8]) -> bool {
    find(text, part).is_some()
}

/// What follows the first `part` in `text`.
pub(crate) fn find<'a>(text: &'a [u8], part: &[u8]) -> Option<&'a [u8]> {
    let at = text.windows(part.len()).position(|window| window == part)?;
    text.get(at + part.len()..)
}
