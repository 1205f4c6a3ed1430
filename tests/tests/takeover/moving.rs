//! Connectors with a backlog and live writes are moved, in the middle of transactions, clean and by
//! kill -9: nothing is lost, nothing doubled, each key keeps its order and partition.

use std::sync::atomic::Ordering;
use std::thread;
use std::time::Instant;

use anyhow::{Context, Result, anyhow, ensure};
use serde_json::Value;
use walcast_lab::{Lab, wait_for};
use walcast_tests::SOON;
use walcast_tests::by_hand::number;
use walcast_tests::topic::{Ends, Topic};
use walcast_tests::worker::connector;

use super::ledger::{Fate, Ledger, compare, records_of};
use super::parties::{End, Parties, Party};
use super::writer::{self, Connection, Office, SESSIONS, copied};
use super::{QUIET, say};

const DATABASE: &str = "shop";

/// Partitions of each topic of data.
const PARTITIONS: u32 = 3;

/// Rows that are there before the connectors.
const FIRST: i64 = 500;

/// Rows of the COPY that a move falls into, and what one holds beside its numbers.
const BULK: u64 = 16_000;
const NOTE_BYTES: usize = 500;

/// Changes that must be written while no worker runs.
const BACKLOG: i64 = 500;

/// Moves of an ordinary run; `WALCAST_MOVES` asks for more.
const MOVES: u64 = 4;

const RUNNING: [&str; 2] = ["shop", "events"];

const TOPICS: [&str; 5] = [
    "shop.public.item",
    "shop.public.entry",
    "shop.public.hot",
    "shop.public.bulk",
    "outbox.event.order",
];

#[test]
fn nothing_is_lost_or_doubled_both_ways_on_18() -> Result<()> {
    both_ways("move", 18)
}

fn both_ways(name: &str, version: u8) -> Result<()> {
    let world = World::start(name, version)?;
    let office = Office::default();
    let url = world.lab.postgres().url_of(DATABASE);
    let begun = Instant::now();
    let mut ledger = Ledger::default();
    let mut bulk = Bulk::new(&world)?;
    thread::scope(|scope| {
        let (office, url) = (&office, &*url);
        let writers: Vec<_> = (1..=SESSIONS)
            .map(|number| scope.spawn(move || writer::write(url, number, office)))
            .collect();
        let moved = world.move_all(office, &mut bulk);
        office.stop.store(true, Ordering::Release);
        for writer in writers {
            let wrote = writer.join().map_err(|_| anyhow!("a writer panicked"))??;
            ledger.add(wrote);
        }
        moved
    })?;
    let rate = office.written.load(Ordering::Acquire) as f64 / begun.elapsed().as_secs_f64();
    world.complete(&mut ledger, &bulk)?;
    say(&format!(
        "{} changes committed, {rate:.0} a second beside {} COPYs of {BULK} rows, of which {} were cut",
        ledger.changes(),
        bulk.copies,
        bulk.cuts
    ))?;
    world.ensure_told(&ledger)?;
    world.wake_the_resting()?;
    ensure!(bulk.cuts >= 2, "only {} moves fell into a COPY", bulk.cuts);
    Ok(())
}

/// The servers, and what the connectors were before the first move.
struct World {
    lab: Lab,
    parties: Parties,
    configs: Vec<(String, Value)>,
}

impl World {
    /// All connectors run or rest on Debezium.
    fn start(name: &str, version: u8) -> Result<Self> {
        let lab = Lab::builder(name).postgres(version).kafka().start()?;
        let query = |database: &str, sql: &str| lab.postgres().query(database, sql);
        query("postgres", &format!("create database {DATABASE}"))?;
        query(DATABASE, &schema())?;
        for topic in TOPICS {
            lab.kafka().create_topic(topic, PARTITIONS)?;
        }
        let parties = Parties::on(&lab, name)?;
        parties.start(Party::Debezium)?;
        let mut world = Self {
            lab,
            parties,
            configs: Vec::new(),
        };
        for (name, config) in world.connectors() {
            world.parties.rest.put(name, &config)?;
        }
        for (name, _) in world.connectors() {
            world.parties.wait_running(Party::Debezium, name)?;
        }
        world.put_to_rest()?;
        for (name, _) in world.connectors() {
            let path = format!("/connectors/{name}");
            let told = world.parties.rest.get(&path)?;
            world.configs.push((path, told["config"].clone()));
        }
        Ok(world)
    }

    fn connectors(&self) -> [(&'static str, Value); 4] {
        let of = |name: &str, tables: &str, extra: &[(&str, &str)]| {
            let mut properties = vec![
                ("table.include.list", tables),
                ("exactly.once.support", "required"),
            ];
            properties.extend(extra);
            connector(&self.lab, DATABASE, name, &properties)
        };
        let router = [
            ("tombstones.on.delete", "false"),
            ("transforms", "outbox"),
            (
                "transforms.outbox.type",
                "io.debezium.transforms.outbox.EventRouter",
            ),
            ("transforms.outbox.table.expand.json.payload", "true"),
        ];
        let tables = "public.item,public.entry,public.hot,public.bulk";
        [
            ("shop", of("shop", tables, &[])),
            ("events", of("events", "public.outbox", &router)),
            ("paused", of("paused", "public.rest", &[])),
            ("stopped", of("stopped", "public.rest", &[])),
        ]
    }

    /// Pauses one connector and stops another, once they have read their table.
    fn put_to_rest(&self) -> Result<()> {
        let resting = [
            ("paused", "pause", "PAUSED"),
            ("stopped", "stop", "STOPPED"),
        ];
        for (name, order, state) in resting {
            let topic = format!("{name}.public.rest");
            Topic::open(&self.lab.kafka().bootstrap, &topic)?.read(10, QUIET / 10)?;
            let path = format!("/connectors/{name}/{order}");
            self.parties.rest.change("PUT", &path, None)?;
            self.parties.wait_resting(name, state)?;
        }
        Ok(())
    }

    fn move_all(&self, office: &Office, bulk: &mut Bulk<'_>) -> Result<()> {
        let mut party = Party::Debezium;
        for number in 0..number("WALCAST_MOVES").unwrap_or(MOVES) {
            let end = match number % 4 {
                0 | 3 => End::Stop,
                _ => End::Kill,
            };
            self.move_from(party, end, office, bulk)
                .with_context(|| format!("move {number} from {party:?}, {end:?}"))?;
            party = party.other();
        }
        // Whoever has them last brings what is left.
        self.ensure_same(party, bulk)
    }

    /// Ends `from` while it publishes a COPY, lets a backlog grow, and starts the other.
    fn move_from(&self, from: Party, end: End, office: &Office, bulk: &mut Bulk<'_>) -> Result<()> {
        self.ensure_same(from, bulk)?;
        bulk.begin_publishing()?;
        self.parties.end(from, end)?;
        let published = bulk.see_cut()?;
        let written = || office.written.load(Ordering::Acquire);
        let enough = written() + BACKLOG;
        wait_for(
            "a backlog",
            SOON,
            || Ok((written() >= enough).then_some(())),
        )?;
        let begun = Instant::now();
        self.parties.start(from.other())?;
        for name in RUNNING {
            self.parties.wait_running(from.other(), name)?;
        }
        let seconds = begun.elapsed().as_secs_f64();
        bulk.wait_published()?;
        say(&format!(
            "{from:?} ended ({end:?}) after {published} of {BULK} rows; {:?} ran {seconds:.1} s after its start, and had caught up after {:.1} s",
            from.other(),
            begun.elapsed().as_secs_f64()
        ))
    }

    /// Configurations, states and topics in use are as they were.
    fn ensure_same(&self, party: Party, bulk: &Bulk<'_>) -> Result<()> {
        for (path, config) in &self.configs {
            let told = self.parties.rest.get(path)?;
            ensure!(
                told["config"] == *config,
                "{path} on {party:?} is {told}, it was {config}"
            );
        }
        for name in RUNNING {
            self.parties.wait_running(party, name)?;
        }
        self.parties.wait_resting("paused", "PAUSED")?;
        self.parties.wait_resting("stopped", "STOPPED")?;
        let used = |name: &str| -> Result<Vec<String>> {
            let told = self
                .parties
                .rest
                .get(&format!("/connectors/{name}/topics"))?;
            let mut topics: Vec<String> = serde_json::from_value(told[name]["topics"].clone())?;
            topics.sort_unstable();
            Ok(topics)
        };
        let mut expected = TOPICS[..3].to_vec();
        expected.extend((bulk.copies > 0).then_some(TOPICS[3]));
        expected.sort_unstable();
        wait_for("the topics in use", SOON, || {
            Ok((used("shop")? == expected).then_some(()))
        })
        .with_context(|| format!("{party:?} says {:?}", used("shop")))?;
        ensure!(used("paused")? == ["paused.public.rest"], "{party:?}");
        Ok(())
    }

    /// Adds to the ledger what its writers do not know.
    fn complete(&self, ledger: &mut Ledger, bulk: &Bulk<'_>) -> Result<()> {
        let put = Fate {
            version: 1,
            deletes: 0,
            alive: true,
        };
        for id in 0..FIRST {
            *ledger.fate("shop.public.item", &id.to_string()) = put;
        }
        for id in 0..bulk.copies * BULK {
            *ledger.fate("shop.public.bulk", &id.to_string()) = put;
        }
        let sql = "select id, ver from hot";
        for row in self.lab.postgres().query(DATABASE, sql)? {
            let [Some(id), Some(version)] = &row[..] else {
                continue;
            };
            let version = version.parse()?;
            *ledger.fate("shop.public.hot", id) = Fate { version, ..put };
        }
        Ok(())
    }

    /// The topics say what the ledger says.
    fn ensure_told(&self, ledger: &Ledger) -> Result<()> {
        for (name, fates) in ledger.topics() {
            let mut topic = Topic::open(&self.lab.kafka().bootstrap, name)?;
            let mut left = records_of(fates);
            let records = topic.read_until(QUIET, |_| {
                left = left.saturating_sub(1);
                left == 0
            })?;
            let is_first = |key: &str| {
                let id = key.parse::<i64>().unwrap_or(i64::MAX);
                name == "shop.public.hot" || (name == "shop.public.item" && id < FIRST)
            };
            let counts = compare(name, records, fates, is_first)?;
            say(&format!("{name}: {} keys, {counts:?}", fates.len()))?;
        }
        Ok(())
    }

    /// What rested goes on from where it was, without reading its table again.
    fn wake_the_resting(&self) -> Result<()> {
        let sql = "insert into rest select i, 1, 'later' from generate_series(10, 19) i";
        self.lab.postgres().query(DATABASE, sql)?;
        for name in ["paused", "stopped"] {
            let path = format!("/connectors/{name}/resume");
            self.parties.rest.change("PUT", &path, None)?;
            let topic = format!("{name}.public.rest");
            let mut topic = Topic::open(&self.lab.kafka().bootstrap, &topic)?;
            let records = topic.read(20, QUIET)?;
            let read = records.iter().filter(|record| record.value["op"] == "r");
            let told = (records.len(), read.count());
            ensure!(told == (20, 10), "{name}: (records, of them read) {told:?}");
        }
        Ok(())
    }
}

fn schema() -> String {
    let tables = ["item", "entry", "hot", "bulk", "rest"];
    let tables = tables.map(|table| {
        format!("create table {table}(id bigint primary key, ver bigint not null, note text);")
    });
    format!(
        "{} alter table entry replica identity full; \
         create table outbox(id uuid primary key default gen_random_uuid(), aggregatetype text, \
           aggregateid text, type text, payload jsonb); \
         insert into item select i, 1, 'first' from generate_series(0, {FIRST} - 1) i; \
         insert into hot select i, 1, 'first' from generate_series(0, {} - 1) i; \
         insert into rest select i, 1, 'first' from generate_series(0, 9) i",
        tables.concat(),
        writer::HOT
    )
}

/// COPYs that are large enough to end a worker in.
struct Bulk<'w> {
    sql: Connection,
    ends: Ends,
    topic: Topic,
    world: &'w World,
    copies: u64,
    /// How many moves fell into a COPY.
    cuts: u64,
}

impl<'w> Bulk<'w> {
    fn new(world: &'w World) -> Result<Self> {
        let bootstrap = &world.lab.kafka().bootstrap;
        let name = "shop.public.bulk";
        Ok(Self {
            sql: Connection::open(&world.lab.postgres().url_of(DATABASE))?,
            ends: Ends::of(bootstrap, name, i32::try_from(PARTITIONS)?)?,
            topic: Topic::open(bootstrap, name)?,
            world,
            copies: 0,
            cuts: 0,
        })
    }

    /// Commits a transaction of two COPYs, with others between them, and waits until some of its rows
    /// are on the topic.
    fn begin_publishing(&mut self) -> Result<()> {
        let before = self.ends.now()?;
        let note = "x".repeat(NOTE_BYTES);
        let (from, half) = (self.copies * BULK, BULK / 2);
        self.sql.run("begin")?;
        self.sql.run(&copied("bulk", from, half, &note))?;
        self.world
            .lab
            .postgres()
            .query(DATABASE, "update hot set ver = ver + 1")?;
        self.sql
            .run(&copied("bulk", from + half, BULK - half, &note))?;
        self.sql.run("commit")?;
        self.copies += 1;
        let some = before + i64::try_from(BULK / 8)?;
        wait_for("rows of the COPY", SOON, || {
            Ok((self.ends.now()? > some).then_some(()))
        })
    }

    /// How many rows of the last COPY are committed to the topic.
    fn see_cut(&mut self) -> Result<usize> {
        let before = usize::try_from((self.copies - 1) * BULK)?;
        let published = self.topic.read(before, QUIET / 3)?.len() - before;
        self.cuts += u64::from((1..usize::try_from(BULK)?).contains(&published));
        Ok(published)
    }

    fn wait_published(&mut self) -> Result<()> {
        let all = usize::try_from(self.copies * BULK)?;
        self.topic.read(all, QUIET / 10).map(drop)
    }
}
