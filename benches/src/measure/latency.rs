//! When each row of a live scenario reached a consumer, and what that makes of latencies.

use std::time::Duration;

use rdkafka::Message;
use rdkafka::message::BorrowedMessage;

use super::watch::find;
use super::writers::ID_PREFIX;
use crate::clock;
use crate::figures::{Figures, Metric, percentile};

/// What stands before the time of the insert in a payload, which is JSON in JSON.
const TIME: &[u8] = b"ts_us\\\": ";

/// One row on its way, in microseconds on the clock of the wall.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Arrival {
    number: usize,
    inserted_us: i64,
    appended_us: i64,
    received_us: i64,
}

impl Arrival {
    /// Reads a record that is received now; `None` for one that no writer wrote.
    pub(crate) fn read(message: &BorrowedMessage<'_>) -> Option<Self> {
        let received_us = clock::now_us();
        let (number, inserted_us) = parse(message.payload()?)?;
        let appended_us = message.timestamp().to_millis()? * 1000;
        Some(Self {
            number,
            inserted_us,
            appended_us,
            received_us,
        })
    }
}

/// The number and the time of the insert in an envelope.
fn parse(value: &[u8]) -> Option<(usize, i64)> {
    let id = find(value, ID_PREFIX.as_bytes())?.get(..12)?;
    let number = usize::from_str_radix(std::str::from_utf8(id).ok()?, 16).ok()?;
    let time = find(value, TIME)?;
    let digits = time.iter().take_while(|byte| byte.is_ascii_digit());
    let length = digits.count();
    let time = std::str::from_utf8(time.get(..length)?).ok()?;
    Some((number, time.parse().ok()?))
}

/// The figures of `arrivals`. Those that were due in the first `warm_up` are counted, not timed.
pub(crate) fn figures(
    arrivals: &[Arrival],
    due: &[Duration],
    begun_us: i64,
    warm_up: Duration,
) -> Figures {
    let mut seen = vec![false; due.len()];
    let (mut received, mut appended, mut from_due, mut late) = (vec![], vec![], vec![], vec![]);
    let mut doubled = 0_u32;
    for arrival in arrivals {
        let Some((seen, due)) = seen.get_mut(arrival.number).zip(due.get(arrival.number)) else {
            continue;
        };
        if std::mem::replace(seen, true) {
            doubled += 1;
            continue;
        }
        if *due < warm_up {
            continue;
        }
        let due_us = begun_us + i64::try_from(due.as_micros()).unwrap_or(i64::MAX);
        let ms = |from: i64, to: i64| (to - from) as f64 / 1000.0;
        received.push(ms(arrival.inserted_us, arrival.received_us));
        appended.push(ms(arrival.inserted_us, arrival.appended_us));
        from_due.push(ms(due_us, arrival.received_us));
        late.push(ms(due_us, arrival.inserted_us));
    }
    let mut figures = Figures::default();
    let lost = seen.iter().filter(|seen| !**seen).count();
    figures.set(Metric::Lost, lost as f64);
    figures.set(Metric::Doubled, doubled.into());
    use Metric as M;
    let (p50, p99, p999, max) = (0.5, 0.99, 0.999, 1.0);
    let shares = [
        (M::P50Ms, p50),
        (M::P99Ms, p99),
        (M::P999Ms, p999),
        (M::MaxMs, max),
    ];
    set(&mut figures, received, &shares);
    let shares = [
        (M::DueP50Ms, p50),
        (M::DueP99Ms, p99),
        (M::DueP999Ms, p999),
        (M::DueMaxMs, max),
    ];
    set(&mut figures, from_due, &shares);
    let shares = [
        (M::AppendP50Ms, p50),
        (M::AppendP99Ms, p99),
        (M::AppendMaxMs, max),
    ];
    set(&mut figures, appended, &shares);
    set(&mut figures, late, &[(M::LateP99Ms, p99)]);
    figures
}

fn set(figures: &mut Figures, mut values: Vec<f64>, shares: &[(Metric, f64)]) {
    values.sort_by(f64::total_cmp);
    for (metric, share) in shares {
        figures.set_if(*metric, percentile(&values, *share));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn number_and_time_are_read_from_an_envelope() {
        let value = br#"{"after":{"id":"00000000-0000-4000-8000-0000000000ff","payload":"{\"id\": \"x\", \"ts_us\": 1700000000000001, \"page\": 1}"}}"#;
        assert_eq!(parse(value), Some((255, 1_700_000_000_000_001)));
        assert_eq!(parse(b"{}"), None);
        assert_eq!(parse(&value[..60]), None);
    }

    #[test]
    fn warm_up_is_counted_but_not_timed_and_a_wait_for_a_turn_is_charged() {
        let due = [0, 10, 20, 30].map(Duration::from_millis);
        let arrival = |number, inserted_us, received_us| Arrival {
            number,
            inserted_us,
            appended_us: received_us,
            received_us,
        };
        // The second is late by 5 ms, the third comes twice, the fourth never.
        let arrivals = [
            arrival(0, 1_000_000, 1_900_000),
            arrival(1, 1_015_000, 1_016_000),
            arrival(2, 1_020_000, 1_023_000),
            arrival(2, 1_020_000, 1_099_000),
            arrival(9, 0, 0),
        ];
        let figures = figures(&arrivals, &due, 1_000_000, Duration::from_millis(5));
        let expected = [
            (Metric::P50Ms, 3.0),
            (Metric::MaxMs, 3.0),
            (Metric::DueMaxMs, 6.0),
            (Metric::Lost, 1.0),
            (Metric::Doubled, 1.0),
        ];
        for (metric, value) in expected {
            assert_eq!(figures.get(metric), Some(value), "{}", metric.key());
        }
    }
}
