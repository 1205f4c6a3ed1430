//! `snapshot.*`.

use std::collections::BTreeMap;
use std::time::Duration;

use super::reader::Reader;

/// Blocks of a piece: 16 MB with blocks of 8 kB.
const CHUNK_BLOCKS: u32 = 2048;

/// `snapshot.mode`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SnapshotMode {
    /// At every start.
    Always,
    /// When there is no offset yet.
    Initial,
    /// When there is no offset yet; nothing is streamed.
    InitialOnly,
    /// Never; only what is committed after the slot was made is streamed.
    NoData,
    /// When there is no offset yet, or the slot no longer has what comes after it.
    WhenNeeded,
    /// As `snapshot.mode.configuration.based.*` say, at every start.
    ConfigurationBased {
        /// `….snapshot.data`: take a snapshot.
        data: bool,
        /// `….start.stream`: stream afterwards.
        stream: bool,
        /// `….snapshot.on.data.error`: take one when the slot no longer has what comes next.
        on_data_error: bool,
    },
}

/// `snapshot.tables.order.by.row.count`, which counts with several threads only, as in Debezium.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TableOrder {
    /// By name.
    Name,
    /// Small tables first.
    Ascending,
    /// Large tables first.
    Descending,
}

/// How a snapshot is taken.
#[derive(Debug, Clone)]
pub struct SnapshotConfig {
    /// `snapshot.mode`.
    pub mode: SnapshotMode,
    /// `snapshot.include.collection.list`: tables the snapshot reads; empty reads all captured.
    pub include: String,
    /// `snapshot.delay.ms`.
    pub delay: Duration,
    /// `snapshot.max.threads`: how many streams read at the same time.
    pub threads: usize,
    /// `walcast.snapshot.chunk.blocks`: blocks of a table that are read as one piece, after which a
    /// checkpoint can be written.
    pub chunk_blocks: u32,
    /// `snapshot.tables.order.by.row.count`.
    pub order: TableOrder,
    /// `snapshot.select.statement.overrides`: a SELECT by schema and table.
    pub overrides: BTreeMap<(String, String), String>,
    /// `snapshot.locking.mode=shared`: how long to wait for the locks; `None` takes none.
    pub lock_timeout: Option<Duration>,
}

impl TableOrder {
    /// Sorts by `rows`; equal ones stay as they are.
    pub(crate) fn sort<T>(self, tables: &mut [T], rows: impl Fn(&T) -> i64) {
        match self {
            Self::Name => {}
            Self::Ascending => tables.sort_by_key(|t| rows(t)),
            Self::Descending => tables.sort_by_key(|t| std::cmp::Reverse(rows(t))),
        }
    }
}

pub(super) fn read(r: &mut Reader<'_>) -> SnapshotConfig {
    let orders = [
        ("disabled", TableOrder::Name),
        ("ascending", TableOrder::Ascending),
        ("descending", TableOrder::Descending),
    ];
    let shared = r.one_of(
        "snapshot.locking.mode",
        &[("none", false), ("shared", true)],
        false,
    );
    let lock_timeout = r.millis_or("snapshot.lock.timeout.ms", 10_000);
    SnapshotConfig {
        mode: read_mode(r),
        include: r.text_or("snapshot.include.collection.list", ""),
        delay: r.millis_or("snapshot.delay.ms", 0),
        threads: read_threads(r),
        chunk_blocks: r
            .parse_or("walcast.snapshot.chunk.blocks", CHUNK_BLOCKS)
            .max(1),
        order: r.one_of(
            "snapshot.tables.order.by.row.count",
            &orders,
            TableOrder::Name,
        ),
        overrides: read_overrides(r),
        lock_timeout: shared.then_some(lock_timeout),
    }
}

fn read_mode(r: &mut Reader<'_>) -> SnapshotMode {
    let by_configuration = SnapshotMode::ConfigurationBased {
        data: r.bool_or("snapshot.mode.configuration.based.snapshot.data", false),
        stream: r.bool_or("snapshot.mode.configuration.based.start.stream", false),
        on_data_error: r.bool_or(
            "snapshot.mode.configuration.based.snapshot.on.data.error",
            false,
        ),
    };
    if let Some("custom") = r.text("snapshot.mode") {
        let message = "snapshot.mode=custom is not supported: Walcast loads no Java class; use initial, always, initial_only, no_data, when_needed or configuration_based";
        r.problem("snapshot.mode", message);
        return SnapshotMode::Initial;
    }
    let modes = [
        ("always", SnapshotMode::Always),
        ("initial_only", SnapshotMode::InitialOnly),
        ("when_needed", SnapshotMode::WhenNeeded),
        ("configuration_based", by_configuration),
        ("initial", SnapshotMode::Initial),
        ("no_data", SnapshotMode::NoData),
    ];
    r.one_of("snapshot.mode", &modes, SnapshotMode::Initial)
}

fn read_threads(r: &mut Reader<'_>) -> usize {
    let threads: i64 = r.parse_or("snapshot.max.threads", 1);
    match usize::try_from(threads) {
        Ok(threads) if threads > 0 => threads,
        _ => {
            let message = format!(
                "The 'snapshot.max.threads' value is invalid: A positive integer is expected, not {threads}"
            );
            r.problem("snapshot.max.threads", message);
            1
        }
    }
}

/// The tables named in the list, each with its statement.
fn read_overrides(r: &mut Reader<'_>) -> BTreeMap<(String, String), String> {
    const NAME: &str = "snapshot.select.statement.overrides";
    let list = r.text_or(NAME, "");
    let mut overrides = BTreeMap::new();
    for table in list.split(',').map(str::trim).filter(|t| !t.is_empty()) {
        let property = format!("{NAME}.{table}");
        // Debezium takes `database.schema.table` as well.
        let parts: Vec<&str> = table.rsplitn(3, '.').collect();
        let (Some(name), Some(schema)) = (parts.first(), parts.get(1)) else {
            r.problem(NAME, format!("{table} names no table: write schema.table"));
            continue;
        };
        match r.text(&property) {
            Some(select) if !select.trim().is_empty() => {
                let key = ((*schema).to_owned(), (*name).to_owned());
                overrides.insert(key, select.trim().trim_end_matches(';').to_owned());
            }
            _ => tracing::warn!(
                "{NAME} names {table}, but there is no {property}; the whole table is read"
            ),
        }
    }
    overrides
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(props: &[(&str, &str)]) -> (SnapshotConfig, Vec<String>) {
        let props = props
            .iter()
            .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()));
        let props: BTreeMap<String, String> = props.collect();
        let mut reader = Reader::new(&props);
        let config = read(&mut reader);
        let problems = reader.into_problems().into_iter();
        (config, problems.map(|problem| problem.property).collect())
    }

    #[test]
    fn statements_belong_to_the_tables_that_the_list_names() {
        let (config, problems) = config(&[
            ("snapshot.select.statement.overrides", "a.b, db.c.d,a.none"),
            ("snapshot.select.statement.overrides.a.b", " select 1; "),
            ("snapshot.select.statement.overrides.db.c.d", "select 2"),
            ("snapshot.select.statement.overrides.x.y", "select 3"),
        ]);
        assert_eq!(problems, Vec::<String>::new());
        let overrides: Vec<_> = config.overrides.into_iter().collect();
        let of = |schema: &str, table: &str| (schema.to_owned(), table.to_owned());
        let expected = [
            (of("a", "b"), "select 1".to_owned()),
            (of("c", "d"), "select 2".to_owned()),
        ];
        assert_eq!(overrides, expected);
    }

    #[test]
    fn what_cannot_be_is_refused_by_name() {
        for (property, value) in [
            ("snapshot.mode", "custom"),
            ("snapshot.mode", "never"),
            ("snapshot.max.threads", "0"),
            ("snapshot.max.threads", "many"),
            ("snapshot.locking.mode", "custom"),
            ("snapshot.tables.order.by.row.count", "random"),
            ("snapshot.select.statement.overrides", "noschema"),
        ] {
            assert_eq!(config(&[(property, value)]).1, [property], "{value}");
        }
    }

    #[test]
    fn tables_are_ordered_by_their_rows() {
        let sorted = |order: TableOrder| {
            let mut rows = vec![2, 3, 1];
            order.sort(&mut rows, |rows| *rows);
            rows
        };
        assert_eq!(sorted(TableOrder::Name), [2, 3, 1]);
        assert_eq!(sorted(TableOrder::Ascending), [1, 2, 3]);
        assert_eq!(sorted(TableOrder::Descending), [3, 2, 1]);
    }
}
