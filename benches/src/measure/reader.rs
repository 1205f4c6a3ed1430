//! Readers that write to nowhere: what the server alone can give.

use std::fs::File;
use std::path::PathBuf;
use std::pin::pin;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use futures_util::TryStreamExt;
use nix::sys::signal::Signal;
use walcast_lab::{Need, ensure as bring, on_path, spawn, wait_for};

use super::watch::SlotWatch;
use super::{Turn, set_cost};
use crate::backlog::{Backlog, PUBLICATION};
use crate::database::Database;
use crate::figures::{Figures, Metric};
use crate::process;

/// How long a reader may take.
const LIMIT: Duration = Duration::from_secs(600);

/// Changes that one SQL batch asks for; the server ends it with the transaction.
const BATCH_CHANGES: u64 = 200_000;

/// Bytes of a COPY in binary form that holds no row, and a bit.
const EMPTY_COPY: usize = 64;

const CLIENT: Need = Need {
    name: "pg_recvlogical",
    packages: &["postgresql-client"],
    is_met: || program().is_some(),
};

/// `pg_recvlogical` to /dev/null, until the end of the backlog.
pub(crate) fn pg_recvlogical(turn: &Turn<'_>, backlog: &Backlog) -> Result<Figures> {
    bring(&[CLIENT])?;
    let stage = turn.stage;
    let slot = backlog.slot(&turn.name)?;
    let watch = SlotWatch::new(turn, backlog)?;
    let sampler = stage.sampler(&backlog.database)?;
    let log = stage.lab.dir().join(format!("{}.log", turn.name));
    let mut command = Command::new(program().context("pg_recvlogical is gone")?);
    command
        .args(["-h", "127.0.0.1", "-U", "postgres", "--start", "--no-loop"])
        .args(["-p", &stage.lab.postgres().port.to_string()])
        .args(["-d", &backlog.database, "-S", &slot.name])
        .args(["-f", "/dev/null", "--fsync-interval=0"])
        .args(["-E", &backlog.end_lsn, "-o", "proto_version=1"])
        .args(["-o", &format!("publication_names={PUBLICATION}")])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(File::create(&log).with_context(|| format!("create {}", log.display()))?);
    let ended_before = process::ended_children_cpu_s();
    let launched = Instant::now();
    let mut child = spawn(command, Some(Signal::SIGTERM))?;
    sampler.engine_is(child.id());
    watch.wait()?;
    let reading = Instant::now();
    let before = sampler.cpu();
    let status = wait_for("the end of pg_recvlogical", LIMIT, || Ok(child.try_wait()?))?;
    let seconds = reading.elapsed().as_secs_f64();
    ensure!(
        status.success(),
        "pg_recvlogical: {status}, see {}",
        log.display()
    );

    let mut after = sampler.cpu();
    // What the kernel counted at its end is exact; before, it had used next to nothing.
    if let (Some(all), Some(others)) = (process::ended_children_cpu_s(), ended_before) {
        after.engine_s = Some(all - others);
    }
    let mut figures = rate(backlog, seconds);
    figures.set(Metric::StartupS, (reading - launched).as_secs_f64());
    set_cost(&mut figures, &sampler, before, after, Some(backlog.changes));
    Ok(figures)
}

/// Batches by SQL from a temporary copy of the slot. The reader is this process.
pub(crate) fn sql(turn: &Turn<'_>, backlog: &Backlog) -> Result<Figures> {
    let stage = turn.stage;
    let slot = backlog.slot(&turn.name)?;
    let sampler = stage.sampler(&backlog.database)?;
    let database = Database::connect(&stage.lab.postgres().url_of(&backlog.database))?;
    database.run("SET work_mem = '128MB'")?;
    sampler.engine_is(std::process::id());
    let (begun, before) = (Instant::now(), sampler.cpu());
    let copy = format!("{}_t", slot.name);
    let sql = "SELECT pg_copy_logical_replication_slot($1, $2, true)::text";
    database.row(sql, &[&slot.name, &copy])?;
    let batch = format!(
        "COPY (SELECT lsn, data FROM pg_logical_slot_get_binary_changes('{copy}', NULL, \
         {BATCH_CHANGES}, 'proto_version', '1', 'publication_names', '{PUBLICATION}')) \
         TO STDOUT (FORMAT binary)"
    );
    let mut changes = 0;
    while changes < backlog.changes && database.wait(copied(&database, &batch))? >= EMPTY_COPY {
        changes += BATCH_CHANGES;
    }
    let seconds = begun.elapsed().as_secs_f64();
    let after = sampler.cpu();
    let mut figures = rate(backlog, seconds);
    set_cost(&mut figures, &sampler, before, after, Some(backlog.changes));
    Ok(figures)
}

/// Reads one COPY and gives its size.
async fn copied(database: &Database, sql: &str) -> Result<usize> {
    let stream = database
        .client()
        .copy_out(sql)
        .await
        .context("begin a COPY")?;
    let mut stream = pin!(stream);
    let mut bytes = 0;
    while let Some(chunk) = stream.try_next().await.context("read a COPY")? {
        bytes += chunk.len();
    }
    Ok(bytes)
}

fn rate(backlog: &Backlog, seconds: f64) -> Figures {
    let rows = backlog.changes as f64;
    let mut figures = Figures::default();
    figures.set(Metric::Rows, rows);
    figures.set(Metric::RowsPerS, rows / seconds);
    figures.set(Metric::Seconds, seconds);
    figures
}

/// The one on the path, or of the newest client that Debian has installed.
fn program() -> Option<PathBuf> {
    let versions = (15..=18).rev();
    let mut installed = versions
        .map(|version| PathBuf::from(format!("/usr/lib/postgresql/{version}/bin/pg_recvlogical")));
    on_path("pg_recvlogical").or_else(|| installed.find(|file| file.is_file()))
}
