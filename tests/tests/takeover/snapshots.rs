//! Snapshots that are cut by a move: a first one is taken again, as Debezium itself would, and an
//! incremental one goes on. Both ways, on one set of servers.

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use walcast_lab::{Lab, wait_for};
use walcast_tests::SOON;
use walcast_tests::topic::{Record, Topic};
use walcast_tests::worker::connector;

use super::parties::{End, Parties, Party};
use super::writer::Connection;
use super::{QUIET, say};

const DATABASE: &str = "halves";

/// Rows of the tables that first snapshots read.
const FIRST: u64 = 40_000;

/// Rows of the tables that incremental snapshots read.
const LATER: u64 = 20_000;

/// Records after which a snapshot is taken to be under way.
const SOME: usize = 1_000;

/// Rows of a chunk of an incremental snapshot, and how many chunks it comes to: each has a watermark
/// before and one after, and the signals table takes no more than those while the test holds the
/// lock [`GATE`].
const CHUNK: u64 = 20;
const CHUNKS: u64 = 60;
const GATE: i64 = 60;

/// Small pieces in small requests, one after the other, so that Walcast takes a while.
const SLOWLY: [(&str, &str); 3] = [
    ("producer.override.batch.size", "4000"),
    (
        "producer.override.max.in.flight.requests.per.connection",
        "1",
    ),
    ("walcast.snapshot.chunk.blocks", "4"),
];

#[test]
fn cut_snapshots_are_continued_or_taken_again_both_ways() -> Result<()> {
    let halves = Halves::start()?;
    halves.cut(Party::Debezium, "first_d", "later_d")?;
    halves.cut(Party::Walcast, "first_w", "later_w")
}

struct Halves {
    lab: Lab,
    parties: Parties,
}

impl Halves {
    fn start() -> Result<Self> {
        let lab = Lab::builder("halves").postgres(15).kafka().start()?;
        let query = |database: &str, sql: &str| lab.postgres().query(database, sql);
        query("postgres", &format!("create database {DATABASE}"))?;
        let mut sql = format!(
            "create table signals(id varchar(60) primary key, type varchar(32), data text); \
             create table gate(signals bigint); insert into gate values (null); \
             create function pass() returns trigger language plpgsql as $$ begin \
               if (select count(*) from public.signals) >= (select signals from public.gate) then \
                 perform pg_advisory_xact_lock_shared({GATE}); \
               end if; \
               return new; \
             end $$; \
             create trigger pass before insert on signals for each row execute function pass();"
        );
        let tables = [
            ("first_d", FIRST),
            ("first_w", FIRST),
            ("later_d", LATER),
            ("later_w", LATER),
        ];
        for (table, rows) in tables {
            // A date is a Java object in the offset of an incremental snapshot.
            sql += &format!(
                "create table {table}(day date default '1999-12-31', id bigint, v text, primary key (day, id)); \
                 insert into {table} select date '2000-01-01' + (i / 50)::int, i, repeat(md5(i::text), 10) \
                 from generate_series(1, {rows}) i;"
            );
        }
        query(DATABASE, &sql)?;
        let parties = Parties::on(&lab, "halves")?;
        parties.start(Party::Debezium)?;
        let halves = Self { lab, parties };
        let config = halves.config(
            "later",
            "public.later_d,public.later_w",
            &[
                ("snapshot.mode", "no_data"),
                ("signal.data.collection", "public.signals"),
                ("incremental.snapshot.chunk.size", &CHUNK.to_string()),
                ("poll.interval.ms", "50"),
            ],
        );
        halves.parties.rest.put("later", &config)?;
        halves.parties.wait_running(Party::Debezium, "later")?;
        Ok(halves)
    }

    fn config(&self, name: &str, tables: &str, extra: &[(&str, &str)]) -> Value {
        let mut properties = vec![
            ("table.include.list", tables),
            ("exactly.once.support", "required"),
        ];
        properties.extend(extra);
        connector(&self.lab, DATABASE, name, &properties)
    }

    /// Begins a first snapshot.
    fn begin_first(&self, party: Party, table: &str) -> Result<()> {
        let slowly: &[_] = match party {
            Party::Debezium => &[],
            Party::Walcast => &SLOWLY,
        };
        let config = self.config(table, &format!("public.{table}"), slowly);
        self.parties.rest.put(table, &config)?;
        self.wait_some(table, table)
    }

    /// Begins an incremental snapshot that stands still after [`CHUNKS`], for as long as the session
    /// lives that is returned.
    fn begin_incremental(&self, table: &str) -> Result<Connection> {
        let holds = Connection::open(&self.lab.postgres().url_of(DATABASE))?;
        holds.run(&format!("select pg_advisory_lock({GATE})"))?;
        let data = json!({"data-collections": [format!("public.{table}")], "type": "incremental"});
        let signal_and_watermarks = 1 + 2 * CHUNKS;
        let sql = format!(
            "update gate set signals = (select count(*) from signals) + {signal_and_watermarks}; \
             insert into signals values ('{table}', 'execute-snapshot', '{data}')"
        );
        self.lab.postgres().query(DATABASE, &sql)?;
        self.wait_some("later", table)?;
        Ok(holds)
    }

    /// Waits until a snapshot is under way.
    fn wait_some(&self, prefix: &str, table: &str) -> Result<()> {
        let mut seen = 0;
        let mut topic = self.topic(prefix, table)?;
        let records = topic.read_until(QUIET / 100, |_| {
            seen += 1;
            seen >= SOME
        })?;
        ensure!(
            records.len() >= SOME,
            "{} records of {table}",
            records.len()
        );
        Ok(())
    }

    /// Kills `from` in the middle of both snapshots, changes rows, and lets the other end them.
    fn cut(&self, from: Party, first: &str, later: &str) -> Result<()> {
        let held = self.begin_incremental(later)?;
        self.begin_first(from, first)?;
        self.parties.end(from, End::Kill)?;
        drop(held);
        let begun = [("first", first, first), ("incremental", "later", later)];
        let mut cut_at = Vec::new();
        for (kind, prefix, table) in begun {
            let records = self.topic(prefix, table)?.read(SOME, QUIET)?.len();
            let rows = if kind == "first" { FIRST } else { LATER };
            ensure!(
                (records as u64) < rows,
                "the {kind} snapshot was over before {from:?} was killed"
            );
            cut_at.push(records);
            let sql = format!(
                "update {table} set v = 'updated' where id % 100 = 0; \
                 delete from {table} where id % 100 = 1; insert into {table}(id, v) values (-1, 'new')"
            );
            self.lab.postgres().query(DATABASE, &sql)?;
        }
        let to = from.other();
        self.parties.start(to)?;
        for name in [first, "later"] {
            self.parties.wait_running(to, name)?;
        }
        for (kind, prefix, table) in begun {
            // Debezium takes a first snapshot again under a new LSN: of rows that the first attempt
            // published and that are gone by then it tells nothing.
            let ghosts = kind == "first" && to == Party::Debezium;
            self.ensure_equal(prefix, table, ghosts)?;
        }
        let reads = self.reads("later", later)?;
        let doubled = reads.values().filter(|count| **count > 1).count();
        let again = self.reads(first, first)?;
        let again = again.values().filter(|count| **count > 1).count();
        say(&format!(
            "{from:?} was killed after {cut_at:?} rows; {to:?} read {again} rows of the first snapshot again, {doubled} of the incremental one"
        ))?;
        ensure!(doubled == 0, "{doubled} rows were read twice in chunks");
        self.ensure_complete(to, first)
    }

    /// How often each row was read by a query.
    fn reads(&self, prefix: &str, table: &str) -> Result<BTreeMap<i64, usize>> {
        let mut counts = BTreeMap::new();
        let mut topic = self.topic(prefix, table)?;
        let records = topic.read(1, QUIET)?;
        for record in records.iter().filter(|record| record.value["op"] == "r") {
            let id = record.key["id"].as_i64().context("an id")?;
            *counts.entry(id).or_default() += 1;
        }
        Ok(counts)
    }

    /// The newest record of each key is what the table holds; with `ghosts`, rows that were deleted
    /// may be told as well.
    fn ensure_equal(&self, prefix: &str, table: &str, ghosts: bool) -> Result<()> {
        let rows = self
            .lab
            .postgres()
            .query(DATABASE, &format!("select id, v from {table}"))?;
        let mut held = BTreeMap::new();
        for row in rows {
            let [Some(id), Some(v)] = &row[..] else {
                continue;
            };
            held.insert(id.parse()?, v.clone());
        }
        let mut topic = self.topic(prefix, table)?;
        let mut told = BTreeMap::new();
        wait_for(
            &format!("{prefix}'s topic to say what {table} holds"),
            SOON,
            || {
                let records = topic.read(1, QUIET / 3)?;
                told = fold(records);
                if ghosts {
                    told.retain(|id, _| id % 100 != 1);
                }
                Ok((told == held).then_some(()))
            },
        )
        .with_context(|| {
            let differs = held.iter().filter(|(id, v)| told.get(id) != Some(v));
            let differs: Vec<_> = differs.map(|(id, _)| id).take(10).collect();
            format!(
                "{} rows told, {} held; {differs:?} …",
                told.len(),
                held.len()
            )
        })
    }

    /// The offset tells of a complete snapshot.
    fn ensure_complete(&self, party: Party, name: &str) -> Result<()> {
        let path = format!("/connectors/{name}/offsets");
        wait_for("the snapshot's end to be stored", SOON, || {
            let told = self.parties.rest.get(&path)?;
            let offset = &told["offsets"][0]["offset"];
            let ended = offset["snapshot"].is_null() || offset["snapshot_completed"] == true;
            let tidy = offset["walcast_snapshot"].is_null();
            Ok((offset.is_object() && ended && tidy).then_some(()))
        })
        .with_context(|| format!("on {party:?}: {:?}", self.parties.rest.get(&path)))
    }

    fn topic(&self, prefix: &str, table: &str) -> Result<Topic> {
        let name = format!("{prefix}.public.{table}");
        Topic::open(&self.lab.kafka().bootstrap, &name)
    }
}

fn fold(records: &[Record]) -> BTreeMap<i64, String> {
    let mut rows = BTreeMap::new();
    for record in records {
        let Some(id) = record.key["id"].as_i64() else {
            continue;
        };
        match record.value["after"]["v"].as_str() {
            Some(v) => rows.insert(id, v.to_owned()),
            None => rows.remove(&id),
        };
    }
    rows
}
