//! The figures of a run, and their medians. A figure that was not measured is not there.

use std::collections::BTreeMap;

/// One figure: how it is called and printed. Their order is that of the tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Metric {
    RowsPerS,
    Seconds,
    SecondsFromPut,
    SecondsFromFirst,
    FirstRecordS,
    P50Ms,
    P99Ms,
    P999Ms,
    MaxMs,
    DueP50Ms,
    DueP99Ms,
    DueP999Ms,
    DueMaxMs,
    AppendP50Ms,
    AppendP99Ms,
    AppendMaxMs,
    StartMs,
    WorkerStartMs,
    EngineUsPerRow,
    ServerUsPerRow,
    BrokerUsPerRow,
    EngineCpuS,
    ServerCpuS,
    BrokerCpuS,
    PeakMb,
    ResidentMb,
    Rows,
    Lost,
    Doubled,
    LateP99Ms,
    StartupS,
    OtherCpuS,
    StealS,
}

impl Metric {
    /// Its name in JSON.
    pub(crate) fn key(self) -> &'static str {
        self.described().0
    }

    /// Its column's head, or none where it stands in the JSON only.
    pub(crate) fn title(self) -> Option<&'static str> {
        Some(self.described().1).filter(|title| !title.is_empty())
    }

    /// Digits behind the point.
    pub(crate) fn digits(self) -> usize {
        self.described().2
    }

    fn described(self) -> (&'static str, &'static str, usize) {
        match self {
            Self::RowsPerS => ("rows_per_s", "rows/s", 0),
            Self::Seconds => ("seconds", "s", 2),
            Self::SecondsFromPut => ("seconds_from_put", "s from PUT", 2),
            Self::SecondsFromFirst => ("seconds_from_first_record", "s from first record", 2),
            Self::FirstRecordS => ("put_to_first_record_s", "PUT to first record, s", 2),
            Self::P50Ms => ("p50_ms", "p50, ms", 2),
            Self::P99Ms => ("p99_ms", "p99, ms", 2),
            Self::P999Ms => ("p999_ms", "p99.9, ms", 2),
            Self::MaxMs => ("max_ms", "max, ms", 2),
            Self::DueP50Ms => ("due_p50_ms", "", 2),
            Self::DueP99Ms => ("due_p99_ms", "p99 from due, ms", 2),
            Self::DueP999Ms => ("due_p999_ms", "", 2),
            Self::DueMaxMs => ("due_max_ms", "max from due, ms", 2),
            Self::AppendP50Ms => ("append_p50_ms", "append p50, ms", 2),
            Self::AppendP99Ms => ("append_p99_ms", "append p99, ms", 2),
            Self::AppendMaxMs => ("append_max_ms", "", 2),
            Self::StartMs => ("start_ms", "start of the process, ms", 0),
            Self::WorkerStartMs => ("worker_start_ms", "start of the worker, ms", 0),
            Self::EngineUsPerRow => ("engine_cpu_us_per_row", "engine, µs/row", 2),
            Self::ServerUsPerRow => ("server_cpu_us_per_row", "server, µs/row", 2),
            Self::BrokerUsPerRow => ("broker_cpu_us_per_row", "broker, µs/row", 2),
            Self::EngineCpuS => ("engine_cpu_s", "engine, CPU s", 2),
            Self::ServerCpuS => ("server_cpu_s", "server, CPU s", 2),
            Self::BrokerCpuS => ("broker_cpu_s", "broker, CPU s", 2),
            Self::PeakMb => ("peak_rss_mb", "peak RSS, MB", 0),
            Self::ResidentMb => ("rss_mb", "RSS, MB", 0),
            Self::Rows => ("rows", "", 0),
            Self::Lost => ("lost", "lost", 0),
            Self::Doubled => ("doubled", "doubled", 0),
            Self::LateP99Ms => ("write_late_p99_ms", "", 2),
            Self::StartupS => ("put_to_reading_s", "", 3),
            Self::OtherCpuS => ("other_cpu_s", "", 2),
            Self::StealS => ("steal_s", "", 2),
        }
    }
}

/// What one run measured.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Figures(BTreeMap<Metric, f64>);

impl Figures {
    /// Adds a figure that was measured.
    pub(crate) fn set(&mut self, metric: Metric, value: f64) {
        self.0.insert(metric, value);
    }

    /// Adds a figure, if it was measured.
    pub(crate) fn set_if(&mut self, metric: Metric, value: Option<f64>) {
        if let Some(value) = value {
            self.set(metric, value);
        }
    }

    /// Takes out a figure that says nothing here.
    pub(crate) fn leave_out(&mut self, metric: Metric) {
        self.0.remove(&metric);
    }

    /// A figure, if it was measured.
    pub(crate) fn get(&self, metric: Metric) -> Option<f64> {
        self.0.get(&metric).copied()
    }

    /// All, in the order of the tables.
    pub(crate) fn all(&self) -> impl Iterator<Item = (Metric, f64)> + '_ {
        self.0.iter().map(|(metric, value)| (*metric, *value))
    }

    /// The median of each figure over the runs that have it.
    pub(crate) fn medians<'a>(runs: impl IntoIterator<Item = &'a Self>) -> Self {
        let mut values: BTreeMap<Metric, Vec<f64>> = BTreeMap::new();
        for (metric, value) in runs.into_iter().flat_map(Self::all) {
            values.entry(metric).or_default().push(value);
        }
        let medians = values.into_iter();
        Self(
            medians
                .filter_map(|(metric, mut values)| Some((metric, median(&mut values)?)))
                .collect(),
        )
    }
}

/// The value in the middle; of an even number, the mean of the two in the middle.
fn median(values: &mut [f64]) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let upper = values.get(values.len() / 2)?;
    let lower = values.get((values.len() - 1) / 2)?;
    Some(f64::midpoint(*lower, *upper))
}

/// The value that a share of `sorted` does not exceed, by the nearest rank.
pub(crate) fn percentile(sorted: &[f64], share: f64) -> Option<f64> {
    let last = sorted.len().checked_sub(1)?;
    let rank = (sorted.len() as f64 * share).floor() as usize;
    sorted.get(rank.min(last)).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_median_stands_in_the_middle() {
        assert_eq!(median(&mut []), None);
        assert_eq!(median(&mut [7.0]), Some(7.0));
        assert_eq!(median(&mut [3.0, 1.0]), Some(2.0));
        assert_eq!(median(&mut [9.0, 1.0, 2.0]), Some(2.0));
    }

    #[test]
    fn a_figure_that_some_runs_lack_is_the_median_of_the_others() {
        let mut runs = [Figures::default(), Figures::default(), Figures::default()];
        runs[0].set(Metric::RowsPerS, 5.0);
        runs[2].set(Metric::RowsPerS, 7.0);
        runs[1].set_if(Metric::P50Ms, None);
        let medians = Figures::medians(&runs);
        assert_eq!(medians.get(Metric::RowsPerS), Some(6.0));
        assert_eq!(medians.get(Metric::P50Ms), None);
    }

    #[test]
    fn a_percentile_is_a_value_that_was_measured() {
        let values: Vec<f64> = (0..1000).map(f64::from).collect();
        assert_eq!(percentile(&values, 0.5), Some(500.0));
        assert_eq!(percentile(&values, 0.99), Some(990.0));
        assert_eq!(percentile(&values, 0.999), Some(999.0));
        assert_eq!(percentile(&values, 1.0), Some(999.0));
        assert_eq!(percentile(&[4.0], 0.5), Some(4.0));
        assert_eq!(percentile(&[], 0.5), None);
    }
}
