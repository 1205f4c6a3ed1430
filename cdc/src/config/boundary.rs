//! `transaction.boundary`: where a Kafka transaction of records ends, exactly once.
//!
//! Source: KIP-618, "Transaction boundaries".

use std::time::Duration;

use super::reader::Reader;

const BOUNDARY: &str = "transaction.boundary";
const INTERVAL: &str = "transaction.boundary.interval.ms";

/// Where a transaction ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TransactionBoundary {
    /// `poll`: when nothing more is there at once, or it has become large.
    Poll,
    /// `interval`: so long after its first record; by itself, after the worker's
    /// `offset.flush.interval.ms`.
    Interval(Option<Duration>),
}

impl TransactionBoundary {
    /// How long a transaction lasts, where that is a time.
    #[must_use]
    pub fn interval(self, flush: Duration) -> Option<Duration> {
        match self {
            Self::Poll => None,
            Self::Interval(own) => Some(own.unwrap_or(flush)),
        }
    }
}

#[derive(Clone, Copy)]
enum Word {
    Poll,
    Interval,
    Connector,
}

pub(super) fn read(r: &mut Reader<'_>) -> TransactionBoundary {
    let words = [
        ("poll", Word::Poll),
        ("interval", Word::Interval),
        ("connector", Word::Connector),
    ];
    let interval = r.text(INTERVAL).is_some();
    let interval = interval.then(|| r.millis_or(INTERVAL, 0));
    match r.one_of(BOUNDARY, &words, Word::Poll) {
        Word::Poll => TransactionBoundary::Poll,
        // Connect takes 0 as well.
        Word::Interval if interval == Some(Duration::ZERO) => TransactionBoundary::Poll,
        Word::Interval => TransactionBoundary::Interval(interval),
        Word::Connector => {
            r.problem(
                BOUNDARY,
                "the connector defines no boundaries, nor does Debezium's; write poll or interval",
            );
            TransactionBoundary::Poll
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn parse(given: &[(&str, &str)]) -> Result<TransactionBoundary, Vec<String>> {
        let given = given.iter().map(|(k, v)| ((*k).into(), (*v).into()));
        let props: BTreeMap<String, String> = given.collect();
        let mut reader = Reader::new(&props);
        let boundary = read(&mut reader);
        let problems = reader.into_problems();
        if problems.is_empty() {
            Ok(boundary)
        } else {
            Err(problems.into_iter().map(|p| p.property).collect())
        }
    }

    #[test]
    fn the_load_or_a_time_ends_a_transaction() {
        let (second, flush) = (Duration::from_secs(1), Duration::from_secs(60));
        for (given, interval) in [
            (vec![], None),
            (vec![(BOUNDARY, "POLL"), (INTERVAL, "1000")], None),
            (vec![(BOUNDARY, "Interval")], Some(flush)),
            (vec![(BOUNDARY, "interval"), (INTERVAL, "0")], None),
            (
                vec![(BOUNDARY, "interval"), (INTERVAL, "1000")],
                Some(second),
            ),
        ] {
            let boundary = parse(&given).unwrap();
            assert_eq!(boundary.interval(flush), interval, "{given:?}");
        }
    }

    #[test]
    fn what_cannot_be_is_refused() {
        for (given, property) in [
            ((BOUNDARY, "connector"), BOUNDARY),
            ((BOUNDARY, "row"), BOUNDARY),
            ((INTERVAL, "soon"), INTERVAL),
        ] {
            assert_eq!(parse(&[given]), Err(vec![property.to_owned()]), "{given:?}");
        }
    }
}
