//! `cargo xtask demo`: one user's journey through the whole system, with what each stage holds.

use std::path::Path;
use std::time::Instant;

use anyhow::{Context, Result};
use clap::Args;
use nix::sys::signal::Signal;
use serde_json::Value;
use walcast_lab::system::{Delivery, Part, System};
use walcast_lab::{Rows, ensure, http, spawn};

use crate::build::BuildArgs;
use crate::stop::Stop;
use crate::test::end_to_end;
use crate::{tools, up};

/// How many levels of an answer of the analytics stand on lines of their own.
const OUTLINE_LEVELS: usize = 1;

/// Brings and starts everything, drives a user's journey through the API and shows what each
/// stage made of it, ending with the analytics
///
/// The exit code says whether every stage held exactly what it should.
#[derive(Args)]
pub(crate) struct DemoArgs {
    /// Stay up afterwards, until Ctrl-C
    #[arg(long)]
    keep: bool,

    #[command(flatten)]
    build: BuildArgs,
}

pub(crate) fn run(args: &DemoArgs) -> Result<bool> {
    let stop = Stop::listen()?;
    ensure(&[tools::PYTHON])?;
    let walcast = args.build.prepare(&Part::ALL)?;
    let begun = Instant::now();
    let system = System::start("demo", &Part::ALL, &walcast, Delivery::default())?;
    println!("\nRunning after {:.1} s:", begun.elapsed().as_secs_f64());
    show_addresses(&system.ready());

    let ready_file = system.lab().dir().join("ready.json");
    system.write_ready_file(&ready_file)?;
    heading("The journey, each stage with its time");
    let passed = drive(&ready_file)?;
    if passed {
        show_stages(&system)?;
    }
    if args.keep {
        println!(
            "\nIt stays up until Ctrl-C; {} has the addresses.",
            ready_file.display()
        );
        up::keep_up(&system, Some(&ready_file), &stop)?;
    }
    Ok(passed)
}

fn heading(text: &str) {
    println!("\n== {text}");
}

fn show_addresses(ready: &Value) {
    let text = |pointer: &str| {
        ready
            .pointer(pointer)
            .and_then(Value::as_str)
            .unwrap_or_default()
    };
    for (name, pointer) in [
        ("API", "/api/url"),
        ("API token", "/api/token"),
        ("Connect REST", "/connect/url"),
        ("Kafka", "/kafka/bootstrap"),
        ("PostgreSQL", "/postgres/url"),
        ("ClickHouse", "/clickhouse/url"),
        ("Redis", "/redis/url"),
        ("logs", "/dir"),
    ] {
        println!("  {name:<13}{}", text(pointer));
    }
}

/// Runs the end-to-end test, which drives the journey and checks every stage.
fn drive(ready_file: &Path) -> Result<bool> {
    let test = end_to_end(ready_file);
    let status = spawn(test, Some(Signal::SIGTERM))?.wait()?;
    Ok(status.success())
}

/// Shows what PostgreSQL and ClickHouse hold of the journey, and what the analytics say of it.
fn show_stages(system: &System) -> Result<()> {
    let outbox = "SELECT id, aggregate_type, event_type, payload->>'event_type', created_at \
                  FROM outbox_events ORDER BY id";
    heading("PostgreSQL: outbox_events");
    show_rows(&system.lab().postgres().query("experiments", outbox)?);

    heading("ClickHouse: events, and assignments");
    for sql in [
        "SELECT event_type, page, value, score, currency, duration, is_exposure, is_click, \
         is_conversion, occurred_at FROM experiments.events ORDER BY occurred_at",
        "SELECT experiment_id, user_id, variant_id, variant_key, assigned_at \
         FROM experiments.assignments",
    ] {
        let table = system
            .lab()
            .clickhouse()
            .query(&format!("{sql} FORMAT PrettyCompactMonoBlock"))?;
        print!("{table}");
    }

    let (url, token) = system.api().context("the API runs")?;
    let user = "SELECT user_id FROM events ORDER BY occurred_at DESC LIMIT 1";
    let rows = system.lab().postgres().query("experiments", user)?;
    let user = rows
        .into_iter()
        .flatten()
        .flatten()
        .next()
        .context("events has a row")?;
    for what in [
        format!("journeys/{user}"),
        "funnel?steps=exposure,page_view,click,conversion".into(),
        "breakdown".into(),
        "revenue".into(),
    ] {
        heading(&format!("Analytics: {what}"));
        let bearer = format!("Bearer {token}");
        let url = format!("{url}/v1/experiments/1/analytics/{what}");
        let answer = http::request("GET", &url, &[("Authorization", &bearer)], b"")?.ok()?;
        let answer: Value = serde_json::from_str(&answer).context("read the analytics")?;
        print!("{}", outline(&answer, OUTLINE_LEVELS, 2));
    }
    Ok(())
}

/// JSON with its outer levels on lines of their own and the rest of each on one line.
fn outline(value: &Value, levels: usize, indent: usize) -> String {
    let nested = |name: &str, value: &Value| {
        if levels > 0 && (value.is_array() || value.is_object()) {
            format!(
                "{:indent$}{name}\n{}",
                "",
                outline(value, levels - 1, indent + 2)
            )
        } else {
            format!("{:indent$}{name} {value}\n", "")
        }
    };
    match value {
        Value::Object(fields) => fields
            .iter()
            .map(|(name, value)| nested(name, value))
            .collect(),
        Value::Array(items) => items
            .iter()
            .map(|item| format!("{:indent$}{item}\n", ""))
            .collect(),
        other => format!("{:indent$}{other}\n", ""),
    }
}

fn show_rows(rows: &Rows) {
    for row in rows {
        let cells = row.iter().map(|cell| cell.as_deref().unwrap_or("-"));
        println!("  {}", cells.collect::<Vec<_>>().join(" | "));
    }
}
