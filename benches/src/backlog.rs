//! What lies in the WAL before an engine starts: a database with an outbox table, and a slot at the
//! beginning that is copied for each run, so that all runs read the same bytes.

use std::time::Instant;

use anyhow::{Context, Result};
use walcast_lab::Postgres;

use crate::database::Database;
use crate::scenario::Scenario;

/// The publication of runs with one slot.
pub(crate) const PUBLICATION: &str = "bench_pub";

/// The most slots of an engine.
const SLOTS_MAX: u32 = 3;

/// Rows, or changes, in a transaction of a backlog.
const TRANSACTION_ROWS: u64 = 1000;

/// What stands in the last row of a backlog and in no other.
pub(crate) const LAST: &str = "last";

/// About 270 bytes of an event. `ts_us` is the time of the insert.
pub(crate) const PAYLOAD: &str = "jsonb_build_object('id', gen_random_uuid(), 'experiment_id', 1, \
    'user_id', gen_random_uuid(), 'event_type', 'page_view', 'properties', \
    jsonb_build_object('page', '/x', 'duration', 15.2), 'session_id', gen_random_uuid(), \
    'ts_us', (extract(epoch FROM clock_timestamp()) * 1000000)::bigint)";

/// Autovacuum would come in the middle of one run and not of another.
const TABLE: &str = "CREATE TABLE outbox (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), \
    aggregate_type text NOT NULL, aggregate_id text NOT NULL, event_type text NOT NULL, \
    payload jsonb NOT NULL, created_at timestamptz NOT NULL DEFAULT now()) \
    WITH (autovacuum_enabled = false); \
    CREATE PUBLICATION bench_pub FOR TABLE outbox";

/// 8 KB of digits in which pglz finds nothing to compress.
const WIDE: &str = "(SELECT string_agg(md5(random()::text), '') FROM generate_series(1, 250) \
    WHERE g > 0)";

/// A database with its table, and what was written to it.
pub(crate) struct Backlog {
    /// The database's name.
    pub(crate) database: String,
    /// Changes in the WAL.
    pub(crate) changes: u64,
    /// Records that they become: a delete is two.
    pub(crate) records: u64,
    /// The end of the WAL behind them.
    pub(crate) end_lsn: String,
    connection: Database,
    template: Option<Slot>,
    server: String,
}

impl Backlog {
    /// A database with an empty table.
    pub(crate) fn empty(postgres: &Postgres, name: &str) -> Result<Self> {
        let database = format!("bench_{}", name.replace('-', "_"));
        let server = postgres.url.clone();
        Database::connect(&server)?.run(&format!("CREATE DATABASE {database}"))?;
        let connection = Database::connect(&postgres.url_of(&database))?;
        connection.run(TABLE)?;
        for count in 2..=SLOTS_MAX {
            for number in 0..count {
                connection.run(&part(number, count))?;
            }
        }
        Ok(Self {
            database,
            changes: 0,
            records: 0,
            end_lsn: String::new(),
            connection,
            template: None,
            server,
        })
    }

    /// A database whose backlog is that of `scenario`.
    pub(crate) fn load(postgres: &Postgres, scenario: Scenario, rows: u64) -> Result<Self> {
        let begun = Instant::now();
        let mut backlog = Self::empty(postgres, scenario.name())?;
        let template = format!("{}_template", backlog.database);
        backlog.template = Some(backlog.new_slot(&template)?);
        match scenario {
            Scenario::OneTransaction => backlog.insert(rows, rows, PAYLOAD)?,
            Scenario::Wide => {
                let payload = format!("{PAYLOAD} || jsonb_build_object('text', {WIDE})");
                backlog.insert(rows / 10, TRANSACTION_ROWS, &payload)?;
            }
            Scenario::Mixed => backlog.change(rows)?,
            _ => backlog.insert(rows, TRANSACTION_ROWS, PAYLOAD)?,
        }
        let sql = "SELECT pg_current_wal_lsn()::text";
        backlog.end_lsn = backlog.connection.row(sql, &[])?.get(0);
        println!(
            "{}: {} changes in the WAL after {:.1} s",
            scenario.name(),
            backlog.changes,
            begun.elapsed().as_secs_f64()
        );
        Ok(backlog)
    }

    /// Inserts rows, so many in a transaction. The last of them is marked.
    fn insert(&mut self, rows: u64, at_once: u64, payload: &str) -> Result<()> {
        let mut left = rows.saturating_sub(1);
        while left > 0 {
            let now = left.min(at_once);
            self.connection.run(&insert(now, "page_view", payload))?;
            left -= now;
        }
        self.connection.run(&insert(1, LAST, payload))?;
        self.changes = rows;
        self.records = rows;
        Ok(())
    }

    /// Inserts half of the changes, updates 3 of 10, deletes 2 of 10; each transaction has all three.
    fn change(&mut self, changes: u64) -> Result<()> {
        self.connection
            .run("ALTER TABLE outbox REPLICA IDENTITY FULL")?;
        let transactions = changes / TRANSACTION_ROWS;
        let transaction = mixed();
        for _ in 0..transactions {
            self.connection.run(&transaction)?;
        }
        self.connection.run(&insert(1, LAST, PAYLOAD))?;
        self.changes = transactions * TRANSACTION_ROWS + 1;
        self.records = self.changes + transactions * (TRANSACTION_ROWS / 5);
        Ok(())
    }

    /// Slots that stand before the backlog, as `walcast.slots.count` names them. They go with the value.
    pub(crate) fn slots(&self, name: &str, count: u32) -> Result<Vec<Slot>> {
        (0..count)
            .map(|number| self.slot(&of_lane(name, number)))
            .collect()
    }

    /// A slot that stands before the backlog. It goes with the value.
    pub(crate) fn slot(&self, name: &str) -> Result<Slot> {
        let template = self.template.as_ref().context("nothing was loaded")?;
        let sql = "SELECT pg_copy_logical_replication_slot($1, $2)::text";
        self.connection.row(sql, &[&template.name, &name])?;
        self.slot_to_come(name)
    }

    /// A slot that stands at the end of the WAL. It goes with the value.
    pub(crate) fn new_slot(&self, name: &str) -> Result<Slot> {
        let sql = "SELECT pg_create_logical_replication_slot($1, 'pgoutput')::text";
        self.connection.row(sql, &[&name])?;
        self.slot_to_come(name)
    }

    /// The slot of this name, which an engine makes. It goes with the value.
    pub(crate) fn slot_to_come(&self, name: &str) -> Result<Slot> {
        Ok(Slot {
            name: name.to_owned(),
            connection: Database::connect(&self.server)?,
        })
    }

    /// The connection to its database.
    pub(crate) fn connection(&self) -> &Database {
        &self.connection
    }
}

impl Drop for Backlog {
    fn drop(&mut self) {
        // What cannot be removed goes with the server's folder.
        self.template = None;
        let _ = Database::connect(&self.server).and_then(|server| {
            server.run(&format!("DROP DATABASE {} WITH (FORCE)", self.database))
        });
    }
}

/// A slot that a run uses, dropped at its end.
pub(crate) struct Slot {
    pub(crate) name: String,
    connection: Database,
}

impl Drop for Slot {
    fn drop(&mut self) {
        // Its reader has been stopped, but PostgreSQL may not have noticed.
        let end = "SELECT pg_terminate_backend(active_pid, 5000) FROM pg_replication_slots \
            WHERE slot_name = $1 AND active_pid IS NOT NULL";
        let gone = "SELECT pg_drop_replication_slot(slot_name)::text FROM pg_replication_slots \
            WHERE slot_name = $1";
        for sql in [end, gone] {
            let dropped = self
                .connection
                .prepare(sql)
                .and_then(|statement| self.connection.first_row(&statement, &[&self.name]));
            if let Err(error) = dropped.with_context(|| format!("drop slot {}", self.name)) {
                eprintln!("{error:#}");
            }
        }
    }
}

/// The publication for so many slots: of the first, where there are several.
pub(crate) fn publication(slots: u32) -> String {
    match slots {
        1 => PUBLICATION.to_owned(),
        _ => format!("{PUBLICATION}_of_{slots}"),
    }
}

/// What slot or publication `number` is called, where the first is called `name`.
fn of_lane(name: &str, number: u32) -> String {
    match number {
        0 => name.to_owned(),
        _ => format!("{name}_{number}"),
    }
}

/// Makes the publication of part `number` of the rows.
fn part(number: u32, count: u32) -> String {
    let name = of_lane(&publication(count), number);
    format!(
        "CREATE PUBLICATION {name} FOR TABLE ONLY outbox \
         WHERE (((uuid_hash(id) % {count}) + {count}) % {count} = {number})"
    )
}

fn insert(rows: u64, event_type: &str, payload: &str) -> String {
    format!(
        "INSERT INTO outbox (aggregate_type, aggregate_id, event_type, payload) \
         SELECT 'experiment', (g % 1000)::text, '{event_type}', {payload} \
         FROM generate_series(1, {rows}) g"
    )
}

/// A transaction of 500 inserts, 300 updates and 200 deletes.
fn mixed() -> String {
    let inserts = insert(TRANSACTION_ROWS / 2, "page_view", PAYLOAD);
    let updated = TRANSACTION_ROWS * 3 / 10;
    let first_deleted = updated + 1;
    format!(
        "DO $$ DECLARE ids uuid[]; BEGIN \
         WITH made AS ({inserts} RETURNING id) SELECT array_agg(id) INTO ids FROM made; \
         UPDATE outbox SET payload = payload || '{{\"seen\": true}}' \
         WHERE id = ANY(ids[1:{updated}]); \
         DELETE FROM outbox WHERE id = ANY(ids[{first_deleted}:]); END $$"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mixed_transaction_has_its_thousand_changes() {
        let sql = mixed();
        for part in ["generate_series(1, 500)", "ids[1:300]", "ids[301:]"] {
            assert!(sql.contains(part), "{part} in {sql}");
        }
    }
}
