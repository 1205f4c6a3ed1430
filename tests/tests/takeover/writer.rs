//! Sessions that write at a rate, and keep a ledger of what they committed.
//!
//! Each has rows of its own, so it knows the order of their changes; rows of `hot` belong to all.
//! Transactions stay open for a while, so they interleave and commit in another order than they began.

use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use tokio::runtime::{Builder, Runtime};
use tokio_postgres::{Client, NoTls};

use super::ledger::Ledger;

/// Row changes per second, of all sessions together.
pub(super) const RATE: f64 = 500.0;

/// Sessions that write.
pub(super) const SESSIONS: u64 = 5;

/// Rows of `hot`.
pub(super) const HOT: u64 = 6;

/// Tables whose rows belong to the sessions. Deletes on `entry` show the whole row.
const TABLES: [&str; 2] = ["item", "entry"];

/// The topics of those tables, and that of the outbox's events.
const TOPICS: [&str; 2] = ["shop.public.item", "shop.public.entry"];
const EVENTS: &str = "outbox.event.order";

/// What all sessions share.
#[derive(Debug, Default)]
pub(super) struct Office {
    pub(super) stop: AtomicBool,
    /// Changes committed so far.
    pub(super) written: AtomicI64,
}

/// One session.
struct Session {
    number: u64,
    sql: Connection,
    chance: u64,
    ledger: Ledger,
    /// Rows in the tables: table, id.
    rows: Vec<(usize, u64)>,
    deleted: Vec<(usize, u64)>,
    next_id: u64,
}

/// A row change that counts once its transaction is committed.
#[derive(Debug, Clone, Copy)]
enum Change {
    Put(usize, u64),
    Alter(usize, u64),
    Delete(usize, u64),
    Event(u64),
    Hot,
}

/// A connection that lives as long as its session.
pub(super) struct Connection {
    runtime: Runtime,
    client: Client,
}

impl Connection {
    pub(super) fn open(url: &str) -> Result<Self> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()?;
        let (client, connection) = runtime.block_on(tokio_postgres::connect(url, NoTls))?;
        runtime.spawn(connection);
        Ok(Self { runtime, client })
    }

    pub(super) fn run(&self, sql: &str) -> Result<()> {
        let ran = self.runtime.block_on(self.client.batch_execute(sql));
        ran.with_context(|| format!("running {sql}"))
    }
}

/// Writes until told to stop; returns what was committed.
pub(super) fn write(url: &str, number: u64, office: &Office) -> Result<Ledger> {
    let mut session = Session {
        number,
        sql: Connection::open(url)?,
        chance: number.wrapping_mul(0x9e37_79b9_7f4a_7c15),
        ledger: Ledger::default(),
        rows: Vec::new(),
        deleted: Vec::new(),
        next_id: number * 1_000_000_000,
    };
    let begun = Instant::now();
    let mut done = 0;
    while !office.stop.load(Ordering::Acquire) {
        let changes = session.step()?;
        done += changes;
        office.written.fetch_add(changes, Ordering::AcqRel);
        let due = Duration::from_secs_f64(done as f64 * SESSIONS as f64 / RATE);
        thread::sleep(due.saturating_sub(begun.elapsed()).min(SPARE));
    }
    Ok(session.ledger)
}

/// The longest pause of a session that is ahead of its rate: it looks at the stop in between.
const SPARE: Duration = Duration::from_millis(200);

impl Session {
    fn below(&mut self, end: usize) -> usize {
        // splitmix64
        self.chance = self.chance.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.chance;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((z ^ (z >> 31)) % (end.max(1) as u64)).unwrap_or(0)
    }

    /// One transaction or COPY; how many changes it committed.
    fn step(&mut self) -> Result<i64> {
        match self.below(20) {
            0..8 => self.transaction(1, false),
            8..12 => self.transaction(2, true),
            12..15 => self.transaction(8, true),
            15 => self.transaction(40, true),
            16 => self.rolled_back(),
            17 => self.copy(60),
            _ => self.transaction(4, false),
        }
    }

    /// A transaction of up to `max` changes, which stays open meanwhile when it is a slow one.
    fn transaction(&mut self, max: usize, slow: bool) -> Result<i64> {
        let count = 1 + self.below(max);
        let mut changes = Vec::new();
        if count == 1 {
            let (sql, change) = self.change(&[]);
            self.sql.run(&sql)?;
            changes.push(change);
        } else {
            self.sql.run("begin")?;
            let mut hot = false;
            for _ in 0..count {
                let (sql, change) = self.change(&changes);
                // Rows of `hot` are locked one at a time, so that nobody waits in a circle.
                if matches!(change, Change::Hot) && std::mem::replace(&mut hot, true) {
                    continue;
                }
                self.sql.run(&sql)?;
                changes.push(change);
                if slow {
                    let pause = self.below(8);
                    thread::sleep(Duration::from_millis(pause as u64));
                }
            }
            self.sql.run("commit")?;
        }
        changes.iter().for_each(|change| self.count(*change));
        Ok(changes.len() as i64)
    }

    /// What others never see.
    fn rolled_back(&mut self) -> Result<i64> {
        let id = self.next_id;
        let sql = format!(
            "begin; insert into item values ({id}, 1, 'never'); \
             delete from entry where id / 1000000000 = {}; rollback",
            self.number
        );
        self.sql.run(&sql).map(|()| 0)
    }

    /// Rows that share log records.
    fn copy(&mut self, max: usize) -> Result<i64> {
        let count = 2 + self.below(max) as u64;
        let table = self.below(TABLES.len());
        let from = self.next_id;
        self.next_id += count;
        self.sql
            .run(&copied(TABLES[table], from, count, "copied"))?;
        (from..from + count).for_each(|id| self.count(Change::Put(table, id)));
        Ok(count as i64)
    }

    /// A change that fits what the transaction did so far, as SQL.
    fn change(&mut self, before: &[Change]) -> (String, Change) {
        match self.below(12) {
            0 => {
                let sql = "update hot set ver = ver + 1 where id = ";
                (format!("{sql}{}", self.below(HOT as usize)), Change::Hot)
            }
            1 | 2 => self.event(before),
            3..7 if !self.rows.is_empty() => {
                let (table, id) = self.any_row();
                if touches(before, table, id) {
                    return self.put(None);
                }
                let name = TABLES[table];
                let sql = format!("update {name} set ver = ver + 1, note = 'n' where id = {id}");
                (sql, Change::Alter(table, id))
            }
            7 | 8 if !self.rows.is_empty() => {
                let (table, id) = self.any_row();
                if touches(before, table, id) {
                    return self.put(None);
                }
                let sql = format!("delete from {} where id = {id}", TABLES[table]);
                (sql, Change::Delete(table, id))
            }
            9 => {
                let again = self.deleted.pop();
                self.put(again)
            }
            _ => self.put(None),
        }
    }

    fn any_row(&mut self) -> (usize, u64) {
        let place = self.below(self.rows.len());
        self.rows[place]
    }

    /// A new row, or one that was there before.
    fn put(&mut self, again: Option<(usize, u64)>) -> (String, Change) {
        let (table, id) = again.unwrap_or_else(|| {
            self.next_id += 1;
            (self.below(TABLES.len()), self.next_id - 1)
        });
        let version = 1 + self.ledger.fate(TOPICS[table], &id.to_string()).version;
        let name = TABLES[table];
        let sql = format!("insert into {name} values ({id}, {version}, 'note')");
        (sql, Change::Put(table, id))
    }

    /// An event of one of the session's aggregates; its row is gone again at once.
    fn event(&mut self, before: &[Change]) -> (String, Change) {
        let aggregate = self.below(10) as u64;
        let key = self.aggregate(aggregate);
        let same = |change: &&Change| matches!(change, Change::Event(one) if *one == aggregate);
        let pending = before.iter().filter(same).count() as i64;
        let number = 1 + pending + self.ledger.fate(EVENTS, &key).version;
        let sql = format!(
            "insert into outbox(aggregatetype, aggregateid, type, payload) \
             values ('order', '{key}', 'Placed', '{{\"n\": {number}}}'); \
             delete from outbox where aggregateid = '{key}'"
        );
        (sql, Change::Event(aggregate))
    }

    fn aggregate(&self, aggregate: u64) -> String {
        format!("{}-{aggregate}", self.number)
    }

    /// Enters a committed change.
    fn count(&mut self, change: Change) {
        let (topic, key) = match change {
            Change::Put(table, id) | Change::Alter(table, id) | Change::Delete(table, id) => {
                (TOPICS[table], id.to_string())
            }
            Change::Event(aggregate) => (EVENTS, self.aggregate(aggregate)),
            // The table tells.
            Change::Hot => return,
        };
        let fate = self.ledger.fate(topic, &key);
        fate.version += 1;
        fate.alive = !matches!(change, Change::Delete(..));
        match change {
            Change::Put(table, id) => self.rows.push((table, id)),
            Change::Delete(table, id) => {
                fate.deletes += 1;
                self.rows.retain(|row| *row != (table, id));
                self.deleted.push((table, id));
            }
            _ => {}
        }
    }
}

/// Whether a row was changed in the transaction at hand.
fn touches(before: &[Change], table: usize, id: u64) -> bool {
    before.iter().any(|change| match change {
        Change::Put(t, i) | Change::Alter(t, i) | Change::Delete(t, i) => (*t, *i) == (table, id),
        Change::Event(_) | Change::Hot => false,
    })
}

/// A COPY of `count` rows with ids from `from`.
pub(super) fn copied(table: &str, from: u64, count: u64, note: &str) -> String {
    let last = from + count - 1;
    format!(
        "copy {table}(id, ver, note) from program $$seq -f '%.0f,1,{note}' {from} {last}$$ with (format csv)"
    )
}
