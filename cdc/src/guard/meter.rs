//! Looks at the slot at intervals: metrics, log lines, and the report of a breach.

use std::time::Duration;

use metrics::{Gauge, gauge};
use tokio::sync::watch;
use tokio::time::MissedTickBehavior;

use super::Watched;
use super::alarm::{Alarm, Alarms, Breach, Reading, STATUSES, Status};
use crate::error::{EngineError, Result};
use crate::postgres::connect::{self, Session};
use crate::postgres::slot::{self, SlotState};

/// How long the server may take to answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);

/// The slot's metrics.
struct Gauges {
    retained: Gauge,
    unconfirmed: Gauge,
    safe: Gauge,
    status: [(Status, Gauge); STATUSES.len()],
}

impl Gauges {
    fn new(connector: &str) -> Self {
        let own = [("connector", connector.to_owned())];
        Self {
            retained: gauge!("walcast_cdc_slot_retained_bytes", &own),
            unconfirmed: gauge!("walcast_cdc_slot_unconfirmed_bytes", &own),
            safe: gauge!("walcast_cdc_slot_safe_wal_bytes", &own),
            status: STATUSES.map(|(status, word)| {
                let labels = [
                    ("connector", connector.to_owned()),
                    ("state", word.to_owned()),
                ];
                (status, gauge!("walcast_cdc_slot_wal_status", &labels))
            }),
        }
    }

    fn set(&self, reading: &Reading) {
        self.retained.set(reading.retained_bytes as f64);
        self.unconfirmed.set(reading.unconfirmed_bytes as f64);
        // Without a limit nothing is ever lost.
        let safe = reading.safe_bytes.map_or(f64::INFINITY, |b| b as f64);
        self.safe.set(safe);
        for (status, gauge) in &self.status {
            gauge.set(if *status == reading.status { 1.0 } else { 0.0 });
        }
    }
}

/// Meters until it is dropped; the newest breach goes to `report`.
pub(super) async fn run(
    watched: Watched,
    interval: Duration,
    report: watch::Sender<Option<Breach>>,
) {
    let gauges = Gauges::new(&watched.connector);
    let mut alarms = Alarms::new(&watched.config);
    let mut session = None;
    let mut blind = false;
    let mut due = tokio::time::interval(interval);
    due.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        due.tick().await;
        match look(&mut session, &watched).await {
            Ok(state) => {
                blind = false;
                let reading = Reading::of(state.as_ref());
                gauges.set(&reading);
                let told = alarms.see(&reading);
                told.iter().for_each(|alarm| tell(&watched, alarm));
                if let Some(breach) = alarms.breach(&reading) {
                    report.send_replace(Some(breach));
                }
            }
            Err(error) => {
                session = None;
                blind_once(&watched, &error, &mut blind);
            }
        }
    }
}

async fn look(session: &mut Option<Session>, watched: &Watched) -> Result<Option<SlotState>> {
    let looking = async {
        if session.as_ref().is_none_or(Session::is_gone) {
            *session = Some(connect::open(&watched.database, "walcast guard").await?);
        }
        match session {
            Some(session) => slot::state(session, &watched.slot).await,
            None => Ok(None),
        }
    };
    let looked = tokio::time::timeout(ANSWER_TIMEOUT, looking).await;
    looked.unwrap_or_else(|_| {
        Err(EngineError::transient(format!(
            "no answer within {} s",
            ANSWER_TIMEOUT.as_secs()
        )))
    })
}

fn tell(watched: &Watched, alarm: &Alarm) {
    let Watched {
        connector, slot, ..
    } = watched;
    match alarm {
        Alarm::Relieved(_) => tracing::info!(connector, slot, "{alarm}"),
        _ => tracing::warn!(connector, slot, "{alarm}"),
    }
}

/// A server that is down is told by the task; here only that the guard sees nothing.
fn blind_once(watched: &Watched, error: &EngineError, blind: &mut bool) {
    let error = error.trace();
    let connector = &watched.connector;
    if std::mem::replace(blind, true) {
        tracing::debug!(connector, error, "the WAL guard cannot see the slot");
    } else {
        tracing::warn!(
            connector,
            error,
            "the WAL guard cannot see the slot; it goes on trying"
        );
    }
}
