//! Medians as Markdown: a table for each scenario. A cell that was not measured is empty.

use std::collections::BTreeSet;

use serde_json::Value;

use super::Medians;
use crate::figures::Metric;

/// What stands above the tables.
pub(super) struct Heading<'a> {
    pub(super) settings: &'a Value,
    pub(super) machine: &'a Value,
    pub(super) versions: &'a Value,
    pub(super) runs: usize,
    pub(super) unquiet: usize,
}

pub(super) fn markdown(heading: &Heading<'_>, scenarios: &[Medians]) -> String {
    let tables = scenarios.iter().map(table);
    let parts: Vec<String> = std::iter::once(head(heading)).chain(tables).collect();
    parts.join("\n")
}

fn head(heading: &Heading<'_>) -> String {
    let Heading {
        settings, machine, ..
    } = heading;
    let text = |value: &Value| {
        value
            .as_str()
            .map_or_else(|| value.to_string(), str::to_owned)
    };
    let mut head = format!(
        "# Engines side by side\n\nMedians of {} rounds; {} rows in a backlog; {} with {} cores, \
         {} MB of memory.\n\nVersions: {}.\n",
        settings["rounds"],
        settings["rows"],
        text(&machine["cpu"]),
        machine["cores"],
        machine["memory_mb"],
        heading.versions
    );
    if heading.unquiet > 0 {
        head.push_str(&format!(
            "\nThe machine was not quiet before {} of {} runs.\n",
            heading.unquiet, heading.runs
        ));
    }
    head
}

fn table(medians: &Medians) -> String {
    let figures = medians.engines.iter().map(|(_, figures)| figures);
    let metrics: BTreeSet<Metric> = figures
        .flat_map(|figures| figures.all().map(|(metric, _)| metric))
        .collect();
    let columns: Vec<(Metric, &str)> = metrics
        .into_iter()
        .filter_map(|metric| Some((metric, metric.title()?)))
        .collect();
    let mut table = format!("## {}\n\n| engine |", medians.scenario.name());
    for (_, title) in &columns {
        table.push_str(&format!(" {title} |"));
    }
    table.push_str("\n|---|");
    table.push_str(&"---:|".repeat(columns.len()));
    table.push('\n');
    for (engine, figures) in &medians.engines {
        let cells = columns.iter().map(|(metric, _)| {
            let value = figures.get(*metric);
            value.map_or_else(String::new, |value| number(value, metric.digits()))
        });
        let cells: Vec<String> = cells.collect();
        table.push_str(&format!("| {} | {} |\n", engine.name(), cells.join(" | ")));
    }
    table
}

/// A number with commas between thousands.
pub(super) fn number(value: f64, digits: usize) -> String {
    let text = format!("{value:.digits$}");
    let (whole, rest) = text.split_at(text.find('.').unwrap_or(text.len()));
    let (sign, whole) = whole.split_at(whole.len() - whole.trim_start_matches('-').len());
    let mut grouped = String::new();
    for (at, digit) in whole.chars().enumerate() {
        if at > 0 && (whole.len() - at).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    format!("{sign}{grouped}{rest}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Engine;
    use crate::figures::Figures;
    use crate::scenario::Scenario;

    #[test]
    fn numbers_are_grouped() {
        let cases = [
            (0.0, 0, "0"),
            (999.4, 0, "999"),
            (1234567.0, 0, "1,234,567"),
            (-1234.5, 1, "-1,234.5"),
            (12.345, 2, "12.35"),
        ];
        for (value, digits, expected) in cases {
            assert_eq!(number(value, digits), expected);
        }
    }

    #[test]
    fn what_was_not_measured_is_an_empty_cell() {
        let mut one = Figures::default();
        one.set(Metric::RowsPerS, 1000.0);
        let mut other = Figures::default();
        other.set(Metric::PeakMb, 7.0);
        other.set(Metric::StealS, 7.0);
        let medians = Medians {
            scenario: Scenario::Drain,
            engines: vec![(Engine::Sql, one), (Engine::Walcast, other)],
        };
        let expected = "## drain\n\n| engine | rows/s | peak RSS, MB |\n|---|---:|---:|\n\
            | sql | 1,000 |  |\n| walcast |  | 7 |\n";
        assert_eq!(table(&medians), expected);
    }
}
