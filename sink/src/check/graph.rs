//! Tables, the views that read them, and where those write. Pure.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

/// A table's full name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct TableName {
    pub(super) database: String,
    pub(super) name: String,
}

impl fmt::Display for TableName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", quoted(&self.database), quoted(&self.name))
    }
}

/// An identifier as SQL takes it: in backquotes where it is not plain.
fn quoted(name: &str) -> Cow<'_, str> {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if name.starts_with(|c: char| c.is_ascii_alphabetic()) && name.chars().all(plain) {
        return Cow::Borrowed(name);
    }
    Cow::Owned(format!(
        "`{}`",
        name.replace('\\', "\\\\").replace('`', "\\`")
    ))
}

/// What `system.tables` says of a table.
#[derive(Debug)]
pub(super) struct Table {
    pub(super) uuid: String,
    pub(super) engine: String,
    pub(super) engine_full: String,
    pub(super) create_query: String,
    pub(super) dependents: Vec<TableName>,
}

/// What the statement that cures a table sets; ten thousand blocks are hours of batches.
const WINDOW: u32 = 10_000;

/// How long a replicated table must remember a token, besides: as long as Kafka keeps records by
/// default, a week.
const WINDOW_SECONDS: u64 = 604_800;

fn forgets(name: &TableName, cure: &str) -> String {
    format!(
        "{name}, which rows of the landing table reach, would land a batch twice that is sent \
         twice; run: ALTER TABLE {name} MODIFY SETTING {cure}"
    )
}

impl Table {
    /// What reads from the table whenever a block is inserted.
    pub(super) fn dependents(&self) -> impl Iterator<Item = TableName> {
        self.dependents.iter().cloned()
    }

    /// How many blocks the table remembers the tokens of; none where it keeps no rows itself.
    /// Refuses one that forgets them at once, with the statement that cures it.
    pub(super) fn check_window(
        &self,
        name: &TableName,
        defaults: &BTreeMap<String, String>,
    ) -> Result<Option<u64>, String> {
        if self.engine == "Null" {
            return Ok(None);
        }
        if !self.engine.ends_with("MergeTree") {
            return Err(format!(
                "{name}, which rows of the landing table reach, has the engine {}, which does not \
                 drop a batch that is sent twice: use one of the MergeTree family",
                self.engine
            ));
        }
        let replicated = ["Replicated", "Shared"]
            .iter()
            .any(|kind| self.engine.starts_with(kind));
        if replicated {
            let (blocks, seconds) = (
                "replicated_deduplication_window",
                "replicated_deduplication_window_seconds",
            );
            let window = self.number(blocks, defaults);
            if window == 0 || self.number(seconds, defaults) < WINDOW_SECONDS {
                return Err(forgets(
                    name,
                    &format!("{blocks} = {WINDOW}, {seconds} = {WINDOW_SECONDS}"),
                ));
            }
            return Ok(Some(window));
        }
        let blocks = "non_replicated_deduplication_window";
        match self.number(blocks, defaults) {
            0 => Err(forgets(name, &format!("{blocks} = {WINDOW}"))),
            window => Ok(Some(window)),
        }
    }

    /// The setting's value, or the server's own.
    fn number(&self, setting: &str, defaults: &BTreeMap<String, String>) -> u64 {
        let default = || defaults.get(setting).map(String::as_str);
        let value = self.setting(setting).or_else(default);
        value.and_then(|value| value.parse().ok()).unwrap_or(0)
    }

    /// The value of `name` in `… SETTINGS name = value, …`.
    fn setting(&self, name: &str) -> Option<&str> {
        let (_, settings) = self.engine_full.rsplit_once(" SETTINGS ")?;
        settings.split(", ").find_map(|pair| {
            let (key, value) = pair.split_once(" = ")?;
            (key == name).then_some(value)
        })
    }

    /// Where a materialized view of the name `view` writes; none for what does not on insert.
    pub(super) fn target(&self, view: &TableName) -> Option<TableName> {
        if self.engine != "MaterializedView" {
            return None;
        }
        let head = self.create_query.split(" AS SELECT ").next()?;
        if head.contains(" REFRESH ") {
            return None;
        }
        let Some((_, rest)) = head.split_once(" TO ") else {
            let name = match self.uuid.starts_with("00000000-") {
                true => format!(".inner.{}", view.name),
                false => format!(".inner_id.{}", self.uuid),
            };
            return Some(TableName {
                database: view.database.clone(),
                name,
            });
        };
        let (database, rest) = identifier(rest)?;
        match rest.strip_prefix('.').and_then(identifier) {
            Some((name, _)) => Some(TableName { database, name }),
            None => Some(TableName {
                database: view.database.clone(),
                name: database,
            }),
        }
    }
}

/// The identifier at the start of `text`, plain or in backquotes, and what follows it.
fn identifier(text: &str) -> Option<(String, &str)> {
    let Some(quoted) = text.strip_prefix('`') else {
        let end = text
            .find(|c: char| !c.is_alphanumeric() && c != '_')
            .unwrap_or(text.len());
        let (name, rest) = text.split_at(end);
        return (!name.is_empty()).then(|| (name.to_owned(), rest));
    };
    let mut name = String::new();
    let mut chars = quoted.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '`' => return Some((name, &quoted[at + 1..])),
            '\\' => name.push(chars.next()?.1),
            c => name.push(c),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(database: &str, name: &str) -> TableName {
        TableName {
            database: database.into(),
            name: name.into(),
        }
    }

    fn table(engine: &str, engine_full: &str, create_query: &str) -> Table {
        Table {
            uuid: "195c43d0-5e24-487f-b19c-097ff21332aa".into(),
            engine: engine.into(),
            engine_full: engine_full.into(),
            create_query: create_query.into(),
            dependents: Vec::new(),
        }
    }

    #[test]
    fn a_view_s_target_is_read_from_its_statement() {
        for (query, target) in [
            (
                "CREATE MATERIALIZED VIEW d.v TO d.t (`id` UInt64) AS SELECT 1",
                Some(name("d", "t")),
            ),
            (
                "CREATE MATERIALIZED VIEW d.v TO `d-1`.`a\\`b.c` AS SELECT 1",
                Some(name("d-1", "a`b.c")),
            ),
            (
                "CREATE MATERIALIZED VIEW d.v TO t AS SELECT 1",
                Some(name("d", "t")),
            ),
            (
                "CREATE MATERIALIZED VIEW d.v REFRESH EVERY 1 DAY TO d.t AS SELECT 1",
                None,
            ),
            (
                "CREATE MATERIALIZED VIEW d.v (`id` UInt64) ENGINE = MergeTree AS SELECT 1 TO x",
                Some(name("d", ".inner_id.195c43d0-5e24-487f-b19c-097ff21332aa")),
            ),
        ] {
            let view = table("MaterializedView", "", query);
            assert_eq!(view.target(&name("d", "v")), target, "{query}");
        }
        assert_eq!(
            table("View", "", "CREATE VIEW d.v AS SELECT 1").target(&name("d", "v")),
            None
        );
    }

    #[test]
    fn a_table_must_remember_tokens() {
        let defaults = BTreeMap::from([
            (
                "non_replicated_deduplication_window".to_owned(),
                "0".to_owned(),
            ),
            (
                "replicated_deduplication_window".to_owned(),
                "10000".to_owned(),
            ),
            (
                "replicated_deduplication_window_seconds".to_owned(),
                "3600".to_owned(),
            ),
        ]);
        let with = "MergeTree ORDER BY id SETTINGS index_granularity = 8192, \
                    non_replicated_deduplication_window = 10000";
        let without = "MergeTree ORDER BY id SETTINGS index_granularity = 8192";
        for (engine, full, says) in [
            ("MergeTree", with, None),
            ("AggregatingMergeTree", with, None),
            ("Null", "Null", None),
            (
                "SharedMergeTree",
                "SharedMergeTree ORDER BY id SETTINGS replicated_deduplication_window_seconds = 604800",
                None,
            ),
            (
                "ReplicatedMergeTree",
                without,
                Some("window_seconds = 604800"),
            ),
            (
                "MergeTree",
                without,
                Some("ALTER TABLE d.t MODIFY SETTING non_replicated_deduplication_window = 10000"),
            ),
            (
                "ReplicatedMergeTree",
                "ReplicatedMergeTree('/t') ORDER BY id SETTINGS replicated_deduplication_window = 0",
                Some("ALTER TABLE d.t MODIFY SETTING replicated_deduplication_window = 10000"),
            ),
            ("Memory", "Memory", Some("MergeTree family")),
        ] {
            let found = table(engine, full, "").check_window(&name("d", "t"), &defaults);
            match says {
                None => assert!(found.is_ok(), "{full}"),
                Some(says) => assert!(found.clone().unwrap_err().contains(says), "{found:?}"),
            }
        }
    }
}
