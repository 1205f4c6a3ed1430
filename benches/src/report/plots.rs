//! Which plots are drawn: rate and CPU of each scenario that has rows, percentiles of the live ones.

use super::Medians;
use super::svg::{Bar, bars, lines};
use crate::figures::{Figures, Metric};

/// File names and what is in them.
pub(super) fn all(scenarios: &[Medians]) -> Vec<(String, String)> {
    let mut files = Vec::new();
    for medians in scenarios {
        let name = medians.scenario.name();
        let rates = bars_of(medians, &[Metric::RowsPerS]);
        if !rates.is_empty() {
            let title = format!("{name}: rows/s");
            files.push((
                format!("bench-{name}-rate.svg"),
                bars(&title, &["rows/s"], &rates, 0),
            ));
        }
        let parts = [
            Metric::EngineUsPerRow,
            Metric::ServerUsPerRow,
            Metric::BrokerUsPerRow,
        ];
        let costs = bars_of(medians, &parts);
        if !costs.is_empty() {
            let title = format!("{name}: CPU per row, µs");
            let legend = ["engine", "PostgreSQL", "broker"];
            files.push((
                format!("bench-{name}-cpu.svg"),
                bars(&title, &legend, &costs, 1),
            ));
        }
        if medians.scenario.rate().is_some() {
            let title = format!("{name}: insert to consumer, ms");
            files.push((
                format!("bench-{name}-latency.svg"),
                latencies(&title, medians),
            ));
        }
    }
    files
}

/// The engines that have at least the first of `parts`.
fn bars_of(medians: &Medians, parts: &[Metric]) -> Vec<Bar> {
    let engines = medians.engines.iter();
    let measured = engines.filter(|(_, figures)| figures.get(parts[0]).is_some());
    measured
        .map(|(engine, figures)| Bar {
            label: engine.name(),
            parts: parts.iter().filter_map(|part| figures.get(*part)).collect(),
        })
        .collect()
}

fn latencies(title: &str, medians: &Medians) -> String {
    let points = [
        ("p50", Metric::P50Ms),
        ("p99", Metric::P99Ms),
        ("p99.9", Metric::P999Ms),
        ("max", Metric::MaxMs),
    ];
    let values = |figures: &Figures| {
        let values = points.iter().map(|(_, metric)| figures.get(*metric));
        values.collect::<Option<Vec<f64>>>()
    };
    let engines = medians.engines.iter();
    let series: Vec<_> = engines
        .filter_map(|(engine, figures)| Some((engine.name(), values(figures)?)))
        .collect();
    lines(title, &points.map(|(label, _)| label), &series)
}
