//! The watchdog: tells a stream that stands still from one that has nothing to do.
//!
//! A stream that moves nothing for `walcast.watchdog.timeout.ms` is looked at. Does it wait for the
//! publisher, Kafka does not take records: that is told, and passes with Kafka. Does it wait for the
//! server, the server is asked over a session of its own: if its WAL went on, or if it does not
//! answer either, the stream is dead, whatever its socket says, and the attempt is ended and begun
//! again. What is found leaves as a metric, a warning, and a line in the worker's `/health`.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use metrics::gauge;
use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior};
use walcast_wire::lsn::Lsn;

use super::activity::{Activity, Glance, Phase};
use crate::config::DatabaseConfig;
use crate::postgres::{connect, server};

/// How long the server may take to answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);

/// How often the stream is looked at within the timeout.
const LOOKS: u32 = 5;

/// The longest pause between two looks.
const LOOK_MAX: Duration = Duration::from_secs(10);

/// A stream that stands still.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Stall {
    /// For how long, when it was found.
    pub(crate) silent: Duration,
    pub(crate) cause: Cause,
}

/// What it waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Cause {
    /// For the publisher.
    Publisher,
    /// For the server, whose WAL went on meanwhile.
    Stream { told: Lsn, end: Lsn },
    /// For the server, which does not answer a new session either.
    Server(String),
}

impl fmt::Display for Stall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.silent.as_secs_f64();
        match &self.cause {
            Cause::Publisher => write!(
                f,
                "Kafka has taken nothing for {seconds:.0} s while changes wait; see whether its brokers are up and its topics have leaders"
            ),
            Cause::Stream { told, end } => write!(
                f,
                "the server has sent nothing for {seconds:.0} s, while its WAL went on from {told} to {end}"
            ),
            Cause::Server(error) => write!(
                f,
                "the server has sent nothing for {seconds:.0} s and does not answer a new session: {error}"
            ),
        }
    }
}

/// Since when nothing has moved.
#[derive(Debug)]
struct Stillness {
    last: Glance,
    since: Instant,
}

impl Stillness {
    fn new(now: Glance, at: Instant) -> Self {
        Self {
            last: now,
            since: at,
        }
    }

    /// How long nothing has moved in a phase in which something should.
    fn see(&mut self, now: Glance, at: Instant) -> Option<Duration> {
        let same = (now.phase, now.steps) == (self.last.phase, self.last.steps);
        if !same || now.phase == Phase::Elsewhere {
            *self = Self::new(now, at);
            return None;
        }
        Some(at - self.since)
    }
}

/// Watches until it is dropped. `report` holds the stall that lasts, if one does.
pub(super) async fn run(
    connector: String,
    database: Arc<DatabaseConfig>,
    activity: Activity,
    timeout: Duration,
    report: watch::Sender<Option<Stall>>,
) {
    let stalled = gauge!("walcast_cdc_stalled", "connector" => connector.clone());
    stalled.set(0.0);
    let mut looks = tokio::time::interval((timeout / LOOKS).min(LOOK_MAX));
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut still = Stillness::new(activity.glance(), Instant::now());
    loop {
        looks.tick().await;
        let now = activity.glance();
        let silent = still.see(now, Instant::now());
        let Some(silent) = silent.filter(|silent| *silent >= timeout) else {
            if report.send_if_modified(|stall| stall.take().is_some()) {
                stalled.set(0.0);
                tracing::info!(connector, "the stream moves again");
            }
            continue;
        };
        if report.borrow().is_some() {
            continue;
        }
        match cause(&database, now).await {
            // It waits for the next change, and so does the server.
            None => still.since = Instant::now(),
            // It moved while the server was asked.
            Some(_) if activity.glance() != now => {}
            Some(cause) => {
                let stall = Stall { silent, cause };
                tracing::warn!(connector, "the stream stands still: {stall}");
                stalled.set(1.0);
                report.send_replace(Some(stall));
            }
        }
    }
}

async fn cause(database: &DatabaseConfig, seen: Glance) -> Option<Cause> {
    if seen.phase == Phase::HandingOn {
        return Some(Cause::Publisher);
    }
    let asking = async {
        let session = connect::open(database, "walcast watchdog").await?;
        server::read(&session).await
    };
    match tokio::time::timeout(ANSWER_TIMEOUT, asking).await {
        Ok(Ok(server)) => {
            let end = server.end.filter(|end| *end > seen.server)?;
            let told = seen.server;
            Some(Cause::Stream { told, end })
        }
        Ok(Err(error)) => Some(Cause::Server(error.to_string())),
        Err(_) => Some(Cause::Server(format!(
            "no answer within {} s",
            ANSWER_TIMEOUT.as_secs()
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn glance(phase: Phase, steps: u64) -> Glance {
        Glance {
            phase,
            steps,
            server: Lsn::ZERO,
        }
    }

    #[test]
    fn only_a_stream_that_should_move_and_does_not_is_still() {
        let begun = Instant::now();
        let at = |seconds| begun + Duration::from_secs(seconds);
        let mut still = Stillness::new(glance(Phase::Reading, 1), begun);
        let seconds = |silent: Option<Duration>| silent.map(|silent| silent.as_secs());
        assert_eq!(
            seconds(still.see(glance(Phase::Reading, 1), at(5))),
            Some(5)
        );
        assert_eq!(seconds(still.see(glance(Phase::Reading, 2), at(6))), None);
        assert_eq!(
            seconds(still.see(glance(Phase::Reading, 2), at(9))),
            Some(3)
        );
        assert_eq!(
            seconds(still.see(glance(Phase::HandingOn, 2), at(10))),
            None
        );
        assert_eq!(
            seconds(still.see(glance(Phase::HandingOn, 2), at(14))),
            Some(4)
        );
        assert_eq!(
            seconds(still.see(glance(Phase::Elsewhere, 2), at(15))),
            None
        );
        assert_eq!(
            seconds(still.see(glance(Phase::Elsewhere, 2), at(90))),
            None
        );
    }

    #[tokio::test]
    async fn a_full_publisher_is_told_without_asking_the_server() {
        let config = crate::config::tests::parse(&[]).unwrap();
        let cause = cause(&config.database, glance(Phase::HandingOn, 2)).await;
        assert_eq!(cause, Some(Cause::Publisher));
    }
}
