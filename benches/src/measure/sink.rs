//! A topic of outbox events into ClickHouse's landing table and all that hangs on it: by `walcast
//! sink`, or by ClickHouse's own Kafka engine into the same tables.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::json;
use walcast_lab::{ClickHouse, Port, Service, Spec, http, run as run_command};

use super::watch::STALL_LIMIT;
use super::{Turn, set_cost};
use crate::database::Database;
use crate::engine::Engine;
use crate::figures::{Figures, Metric};
use crate::scenario::Scenario;
use crate::stage::Stage;
use crate::topic::Topic;

/// How often ClickHouse is asked how many rows it has.
const COUNT_INTERVAL: Duration = Duration::from_millis(20);

/// Rows in one insert into the outbox.
const ROWS_AT_ONCE: u64 = 10_000;

/// A topic full of envelopes of the outbox table.
pub(crate) struct Filled {
    topic: Topic,
    database: String,
    rows: u64,
    server: String,
    slot: String,
}

/// Writes rows to an outbox table and lets Walcast bring them to a topic.
pub(super) fn fill(stage: &Stage, rows: u64) -> Result<Filled> {
    let name = "bench_sink".to_owned();
    let postgres = stage.lab.postgres();
    stage.control.run(&format!("CREATE DATABASE {name}"))?;
    let url = postgres.url_of(&name);
    walcast(stage, &["migrate", "postgres", "--postgres-url", &url])?;
    let connection = Database::connect(&url)?;
    connection.run("CREATE PUBLICATION bench_pub FOR TABLE outbox_events")?;
    let slot = "SELECT pg_create_logical_replication_slot($1, 'pgoutput')::text";
    connection.row(slot, &[&name])?;
    let topic = Topic::create(&stage.lab.kafka().bootstrap, &topic_of(&name), false)?;
    let filled = Filled {
        topic,
        database: name,
        rows,
        server: postgres.url.clone(),
        slot: "bench_sink".into(),
    };
    let mut left = rows;
    while left > 0 {
        let now = left.min(ROWS_AT_ONCE);
        connection.run(&events(now))?;
        left -= now;
    }
    publish(stage, &filled)?;
    println!("sink: {rows} records in the topic");
    Ok(filled)
}

impl Drop for Filled {
    fn drop(&mut self) {
        // What cannot be removed goes with the server's folder.
        let _ = Database::connect(&self.server).and_then(|server| {
            server.row("SELECT pg_drop_replication_slot($1)::text", &[&self.slot])?;
            server.run(&format!("DROP DATABASE {} WITH (FORCE)", self.database))
        });
    }
}

/// Runs a connector until all rows are in the topic.
fn publish(stage: &Stage, filled: &Filled) -> Result<()> {
    let name = &filled.database;
    let worker = stage.hire(Engine::Walcast)?;
    let mut config = stage.connector(name, name, Engine::Walcast, Scenario::Sink);
    config["table.include.list"] = json!("public.outbox_events");
    worker.put(name, &config)?;
    let rows = i64::try_from(filled.rows)?;
    let (mut end, mut moved) = (0, Instant::now());
    while end < rows {
        ensure!(moved.elapsed() < STALL_LIMIT, "{}", worker.told(name));
        if let Some(now) = filled.topic.end()?.filter(|now| *now > end) {
            (end, moved) = (now, Instant::now());
        }
        thread::sleep(COUNT_INTERVAL);
    }
    worker.delete(name)
}

/// Lands the topic's records once, in a ClickHouse database of its own.
pub(super) fn run(turn: &Turn<'_>, filled: &Filled) -> Result<Figures> {
    let stage = turn.stage;
    let clickhouse = stage.lab.clickhouse();
    let server = clickhouse.pid().context("ClickHouse does not run")?;
    let url = ["--clickhouse-url", &clickhouse.url];
    let database = ["--clickhouse-database", &turn.name];
    walcast(
        stage,
        &[&["migrate", "clickhouse"], &url[..], &database[..]].concat(),
    )?;
    let sampler = stage.sampler(&filled.database)?;
    sampler.also_serves(server);
    let before = sampler.cpu();
    let begun = Instant::now();
    let port = Port::reserve()?;
    let sink = match turn.engine {
        Engine::WalcastSink => {
            let sink = service(turn, filled, &port)?;
            sink.launch()?;
            sampler.engine_is(sink.pid().context("the sink has ended")?);
            Some(sink)
        }
        _ => {
            read_by_clickhouse(turn, filled)?;
            None
        }
    };
    let (first, last) = until_landed(clickhouse, turn, filled.rows)?;
    let after = sampler.cpu();
    drop(sink);
    clickhouse.query(&format!("DROP DATABASE {} SYNC", turn.name))?;

    let mut figures = Figures::default();
    let rows = filled.rows as f64;
    let seconds = (last - begun).as_secs_f64();
    figures.set(Metric::Rows, rows);
    figures.set(Metric::RowsPerS, rows / seconds);
    figures.set(Metric::Seconds, seconds);
    figures.set(Metric::SecondsFromFirst, (last - first).as_secs_f64());
    set_cost(&mut figures, &sampler, before, after, Some(filled.rows));
    Ok(figures)
}

fn until_landed(clickhouse: &ClickHouse, turn: &Turn<'_>, rows: u64) -> Result<(Instant, Instant)> {
    let sql = format!("SELECT count() FROM {}.outbox_events", turn.name);
    let (mut count, mut moved) = (0, Instant::now());
    let mut first = None;
    while count < rows {
        ensure!(moved.elapsed() < STALL_LIMIT, "{count} of {rows} rows land");
        let now: u64 = clickhouse.query(&sql)?.trim().parse().context("a count")?;
        if now > count {
            (count, moved) = (now, Instant::now());
            first.get_or_insert(moved);
        }
        thread::sleep(COUNT_INTERVAL);
    }
    ensure!(count == rows, "{count} rows have landed of {rows}");
    Ok((first.unwrap_or(moved), moved))
}

fn service(turn: &Turn<'_>, filled: &Filled, port: &Port) -> Result<Service> {
    let lab = &turn.stage.lab;
    let file = lab.dir().join(format!("{}.toml", turn.name));
    let address = format!("127.0.0.1:{}", port.number());
    let text = format!(
        "listen = \"{address}\"\nbootstrap_servers = \"{}\"\nclickhouse_url = \"{}\"\n\
         clickhouse_database = \"{}\"\ntopics = [\"{}\"]\ngroup_id = \"{}\"\n",
        lab.kafka().bootstrap,
        lab.clickhouse().url,
        turn.name,
        topic_of(&filled.database),
        turn.name,
    );
    fs::write(&file, text).with_context(|| format!("write {}", file.display()))?;
    let spec = Spec::new(&turn.name, turn.stage.walcast(), lab.dir()).args([
        Path::new("sink"),
        Path::new("--config"),
        &file,
    ]);
    let ready = format!("http://{address}/readyz");
    let is_ready = move |_| Ok(http::get(&ready).is_ok_and(|answer| answer.status == 200));
    Ok(Service::new(spec, Box::new(is_ready)))
}

/// ClickHouse's Kafka engine, with a view into the landing table as its manual has it, and with the
/// sink's own limits of a batch.
fn read_by_clickhouse(turn: &Turn<'_>, filled: &Filled) -> Result<()> {
    let (name, topic) = (&turn.name, topic_of(&filled.database));
    let lab = &turn.stage.lab;
    lab.clickhouse().query(&format!(
        "CREATE TABLE {name}.queue (op String, after Tuple(id UInt64, aggregate_type String, \
         aggregate_id String, event_type String, payload String, created_at String), \
         source Tuple(ts_us Int64, lsn UInt64, txId UInt64)) ENGINE = Kafka SETTINGS \
         kafka_broker_list = '{}', kafka_topic_list = '{topic}', kafka_group_name = '{name}', \
         kafka_format = 'JSONEachRow', kafka_num_consumers = 1, \
         kafka_max_block_size = 50000, kafka_flush_interval_ms = 100",
        lab.kafka().bootstrap
    ))?;
    lab.clickhouse().query(&format!(
        "CREATE MATERIALIZED VIEW {name}.queue_to_outbox TO {name}.outbox_events AS SELECT \
         after.id AS id, after.aggregate_type AS aggregate_type, after.aggregate_id AS aggregate_id, \
         after.event_type AS event_type, after.payload AS payload, \
         parseDateTime64BestEffort(after.created_at, 6, 'UTC') AS created_at, op, \
         source.lsn AS lsn, source.txId AS tx_id, \
         fromUnixTimestamp64Micro(source.ts_us, 'UTC') AS source_ts, _topic AS kafka_topic, \
         _partition AS kafka_partition, _offset AS kafka_offset \
         FROM {name}.queue WHERE op IN ('c', 'r')"
    ))?;
    Ok(())
}

fn topic_of(database: &str) -> String {
    format!("{database}.public.outbox_events")
}

/// Runs one of walcast's administrative commands.
pub(super) fn walcast(stage: &Stage, arguments: &[&str]) -> Result<String> {
    let mut command = Command::new(stage.walcast());
    command.args(arguments);
    run_command(command)
}

/// What the API writes to its outbox for an event.
fn events(rows: u64) -> String {
    format!(
        "INSERT INTO outbox_events (aggregate_type, aggregate_id, event_type, payload) \
         SELECT 'event', id, 'EVENT_CREATED', jsonb_build_object('id', id, 'experiment_id', 1, \
         'user_id', 'user-' || g % 1000, 'variant_id', 1 + g % 2, \
         'variant_key', CASE WHEN g % 2 = 0 THEN 'control' ELSE 'treatment' END, \
         'event_type', 'click', 'properties', '{{\"page\": \"/x\", \"duration\": 15.2}}', \
         'session_id', gen_random_uuid(), 'occurred_at', utc_text(now())) \
         FROM (SELECT gen_random_uuid()::text AS id, g FROM generate_series(1, {rows}) g) i"
    )
}
