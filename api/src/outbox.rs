//! Prunes `outbox_events`: rows past their retention that the replication slot has surely passed.
//!
//! In come the slot's `confirmed_flush_lsn` and watermarks sampled before. Out go old rows.
//! It never deletes a row whose transaction the slot might still have to deliver.
//!
//! A row does not know the LSN of its commit, and ids are given out before transactions commit, so
//! neither a row's id nor its time says whether the slot has passed it. Its `xmin`, the writing
//! transaction, does. Each round samples a watermark (horizon, lsn) in one statement: the statement's
//! snapshot says that every transaction below `horizon` has ended, and `lsn` is read after that
//! snapshot, so all their commit records lie at or before it. Once the slot has confirmed `lsn`, every
//! row with `xmin` below `horizon` has been delivered. Ages are compared, not numbers, because
//! `xmin` wraps; a frozen row of 2^31 transactions ago can at worst look young and stay longer.

use std::sync::Arc;

use metrics::{counter, gauge};
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use crate::problem::Problem;
use crate::state::App;

/// Rows per transaction; the oldest ids are looked at, so a round never reads the whole table.
const BATCH_ROWS: i64 = 5_000;
/// Batches per round, so that a round ends.
const BATCHES_MAX: usize = 200;

/// A slot that confirms nothing must not let samples pile up: it is the next ones that are left out.
const SAMPLE: &str = "\
INSERT INTO outbox_watermarks (lsn, horizon)
SELECT pg_current_wal_insert_lsn(), pg_snapshot_xmin(pg_current_snapshot())
WHERE EXISTS (SELECT FROM outbox_events)
    AND (SELECT count(*) FROM outbox_watermarks) < 10000
ON CONFLICT (lsn) DO NOTHING";

/// Samples below the newest one that the slot has confirmed are of no more use.
const FORGET: &str = "\
DELETE FROM outbox_watermarks WHERE lsn < (
    SELECT max(w.lsn) FROM outbox_watermarks w JOIN pg_replication_slots s
        ON s.slot_name = $1 AND s.database = current_database() AND w.lsn <= s.confirmed_flush_lsn)";

const CONFIRMED: &str = "\
SELECT 1 FROM pg_replication_slots
WHERE slot_name = $1 AND database = current_database() AND confirmed_flush_lsn IS NOT NULL";

/// Two servers may run it at once: each row is deleted once, and one waits for the other's rows.
const PRUNE: &str = "\
WITH passed AS (
    SELECT w.horizon FROM outbox_watermarks w JOIN pg_replication_slots s
        ON s.slot_name = $1 AND s.database = current_database() AND w.lsn <= s.confirmed_flush_lsn
    WHERE pg_snapshot_xmax(pg_current_snapshot())::text::numeric - w.horizon::text::numeric < 2000000000
    ORDER BY w.lsn DESC LIMIT 1
), oldest AS (
    SELECT id, created_at, xmin AS writer FROM outbox_events ORDER BY id LIMIT $3
)
DELETE FROM outbox_events WHERE id IN (
    SELECT o.id FROM oldest o, passed p
    WHERE o.created_at < now() - make_interval(secs => $2) AND age(o.writer) > age(p.horizon::xid))
RETURNING 1";

/// Kept answers live for a day; see the module `idempotency`.
const FORGET_KEYS: &str = "\
DELETE FROM idempotency_keys WHERE (token_id, key) IN (
    SELECT token_id, key FROM idempotency_keys
    WHERE claimed_at < now() - interval '1 day' ORDER BY claimed_at LIMIT 10000)";

/// Runs rounds until `stop`; a failed round is logged and the next one tries again.
pub(crate) async fn housekeeping(app: Arc<App>, stop: CancellationToken) {
    let mut ticks = interval(app.config.outbox.interval);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = ticks.tick() => {}
        }
        app.limits.forget_idle();
        app.metrics.run_upkeep();
        match round(&app).await {
            Ok(0) => {}
            Ok(pruned) => tracing::info!(pruned, "outbox rows pruned"),
            Err(problem) => {
                problem.log();
                tracing::warn!("the outbox was not pruned this time: {}", problem.detail);
            }
        }
    }
}

/// One round; gives how many outbox rows went.
async fn round(app: &App) -> Result<u64, Problem> {
    let slot = &app.config.outbox.slot;
    app.postgres.query(SAMPLE, &[]).await?;
    app.postgres.query(FORGET, &[slot]).await?;
    app.postgres.query(FORGET_KEYS, &[]).await?;
    let possible = !app.postgres.query(CONFIRMED, &[slot]).await?.is_empty();
    gauge!("walcast_api_outbox_prune_possible").set(f64::from(u8::from(possible)));
    let retention_s = app.config.outbox.retention.as_secs_f64();
    let mut pruned = 0;
    for _ in 0..BATCHES_MAX {
        let rows = app
            .postgres
            .query(PRUNE, &[slot, &retention_s, &BATCH_ROWS])
            .await?;
        counter!("walcast_api_outbox_pruned_total").increment(rows.len() as u64);
        pruned += rows.len() as u64;
        if rows.is_empty() {
            break;
        }
    }
    Ok(pruned)
}
