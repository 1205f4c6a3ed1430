//! `walcast.catchup.*`: a large backlog is read by SQL in batches.

use super::reader::Reader;

/// `walcast.catchup.min.bytes` when it is not set: 64 MiB.
const MIN_DEFAULT: u64 = 64 << 20;

/// `walcast.catchup.batch.bytes` when it is not set: 64 MiB. What comes of so much WAL mostly fits
/// into the session's `work_mem`.
const BATCH_DEFAULT: u64 = 64 << 20;

/// `walcast.catchup.distance.max.bytes` when it is not set: 1 GiB.
const DISTANCE_DEFAULT: u64 = 1 << 30;

/// The least WAL of a batch: less would be all questions and no rows.
const BATCH_MIN: u64 = 16 << 10;

/// Reading a backlog by SQL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CatchupConfig {
    /// `walcast.catchup.enabled`.
    pub enabled: bool,
    /// `walcast.catchup.min.bytes`: the backlog from which on it is worth it.
    pub min_bytes: u64,
    /// `walcast.catchup.batch.bytes`: how much WAL a batch takes at least.
    pub batch_bytes: u64,
    /// `walcast.catchup.distance.max.bytes`: how much WAL the server may have to decode again for
    /// each batch.
    pub distance_max_bytes: u64,
}

pub(super) fn read(r: &mut Reader<'_>) -> CatchupConfig {
    const BATCH: &str = "walcast.catchup.batch.bytes";
    let config = CatchupConfig {
        enabled: r.bool_or("walcast.catchup.enabled", true),
        min_bytes: r.parse_or("walcast.catchup.min.bytes", MIN_DEFAULT),
        batch_bytes: r.parse_or(BATCH, BATCH_DEFAULT),
        distance_max_bytes: r.parse_or("walcast.catchup.distance.max.bytes", DISTANCE_DEFAULT),
    };
    if config.batch_bytes < BATCH_MIN {
        r.problem(
            BATCH,
            format!("The '{BATCH}' value is invalid: write at least {BATCH_MIN}"),
        );
    }
    config
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn parse(given: &[(&str, &str)]) -> (CatchupConfig, usize) {
        let given = given.iter().map(|(k, v)| ((*k).into(), (*v).into()));
        let props: BTreeMap<String, String> = given.collect();
        let mut reader = Reader::new(&props);
        let config = read(&mut reader);
        (config, reader.into_problems().len())
    }

    #[test]
    fn it_begins_at_64_mib_unless_told_otherwise() {
        let (config, problems) = parse(&[]);
        let expected = CatchupConfig {
            enabled: true,
            min_bytes: 67_108_864,
            batch_bytes: 67_108_864,
            distance_max_bytes: 1_073_741_824,
        };
        assert_eq!((config, problems), (expected, 0));
        let (config, problems) = parse(&[
            ("walcast.catchup.enabled", "false"),
            ("walcast.catchup.min.bytes", "0"),
            ("walcast.catchup.batch.bytes", "16384"),
            ("walcast.catchup.distance.max.bytes", "1000"),
        ]);
        assert_eq!((config.enabled, config.min_bytes), (false, 0));
        assert_eq!(
            (config.batch_bytes, config.distance_max_bytes),
            (16_384, 1000)
        );
        assert_eq!(problems, 0);
    }

    #[test]
    fn wrong_values_are_refused() {
        for given in [
            ("walcast.catchup.enabled", "perhaps"),
            ("walcast.catchup.min.bytes", "-1"),
            ("walcast.catchup.batch.bytes", "0"),
        ] {
            assert_eq!(parse(&[given]).1, 1, "{given:?}");
        }
    }
}
