//! Which schemas, tables and columns are captured: Debezium's include and exclude lists.
//!
//! Enters the lists as configured (regular expressions between commas), leaves yes or no for a
//! name. Lists match whole names, whatever the letter case. It never looks at a catalog.

use crate::catalog::Table;
use crate::pattern::{PatternError, PatternList};

/// One list, or none.
#[derive(Debug, Clone, Default)]
pub enum NameFilter {
    /// Everything passes.
    #[default]
    All,
    /// Only what the list matches passes.
    Include(PatternList),
    /// What the list matches does not pass.
    Exclude(PatternList),
}

impl NameFilter {
    /// From an include and an exclude list; of the two at most one may be set.
    pub fn new(include: Option<&str>, exclude: Option<&str>) -> Result<Self, PatternError> {
        match (include, exclude) {
            (Some(list), _) => Ok(Self::Include(PatternList::new(list)?)),
            (None, Some(list)) => Ok(Self::Exclude(PatternList::new(list)?)),
            (None, None) => Ok(Self::All),
        }
    }

    /// Whether the name passes.
    pub fn passes(&self, name: &str) -> bool {
        match self {
            Self::All => true,
            Self::Include(list) => list.matches(name),
            Self::Exclude(list) => !list.matches(name),
        }
    }
}

/// The three levels of filters.
#[derive(Debug, Clone, Default)]
pub struct Filters {
    /// `schema.include.list`, `schema.exclude.list`, on schema names.
    pub schemas: NameFilter,
    /// `table.include.list`, `table.exclude.list`, on `schema.table`.
    pub tables: NameFilter,
    /// `column.include.list`, `column.exclude.list`, on `schema.table.column`.
    pub columns: NameFilter,
    /// `signal.data.collection`, which is captured even when no list names it: `schema.table`.
    pub signal_table: Option<String>,
}

impl Filters {
    /// Whether a table's changes make records. System schemas never do.
    pub fn captures(&self, schema: &str, table: &str) -> bool {
        if matches!(schema, "pg_catalog" | "information_schema") {
            return false;
        }
        let name = format!("{schema}.{table}");
        self.schemas.passes(schema) && self.tables.passes(&name)
            || self.signal_table.as_deref() == Some(&*name)
    }

    /// Whether a captured table's column is in its records.
    pub fn column(&self, schema: &str, table: &str, column: &str) -> bool {
        self.columns.passes(&format!("{schema}.{table}.{column}"))
    }
}

/// A compiled `message.key.columns`.
///
/// Each column of a rule is, as in Debezium, an expression of its own for `schema.table.column`: so
/// several rules add up for one table, and a column that no table has is passed over.
#[derive(Debug, Clone, Default)]
pub struct KeyColumns {
    rules: Vec<PatternList>,
}

impl KeyColumns {
    /// From `table regex:column,column;…`.
    pub fn new(text: &str) -> Result<Self, PatternError> {
        let mut rules = Vec::new();
        for part in text.split(';').filter(|part| !part.is_empty()) {
            let expected = || {
                PatternError::new(
                    part,
                    "it has an invalid format (expecting <table regex>:<column>,<column>)",
                )
            };
            let (table, columns) = part.split_once(':').ok_or_else(expected)?;
            let malformed = |column: &str| column.trim().is_empty() || column.contains(':');
            if table.is_empty() || columns.split(',').any(malformed) {
                return Err(expected());
            }
            for column in columns.split(',') {
                rules.push(PatternList::new(&format!("{table}.{}", column.trim()))?);
            }
        }
        Ok(Self { rules })
    }

    /// Whether no rule is there.
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// The columns of the key of a table's records: those that a rule names, else the table's own key.
    pub fn names<'t>(&self, table_id: &str, table: &'t Table) -> Vec<&'t str> {
        let columns: Vec<_> = table.columns.iter().map(|column| &*column.name).collect();
        let configured = self.of(table_id, &columns);
        if configured.is_empty() {
            return table.key.iter().map(String::as_str).collect();
        }
        configured
    }

    /// Which of a table's columns make its key, in the rules' order; empty when no rule names one.
    pub fn of<'c>(&self, table_id: &str, columns: &[&'c str]) -> Vec<&'c str> {
        let named = |rule: &PatternList| {
            let matches = |column: &&&str| rule.matches(&format!("{table_id}.{column}"));
            columns.iter().filter(matches).copied().collect::<Vec<_>>()
        };
        self.rules.iter().flat_map(named).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signal_table_is_captured_whatever_the_lists_say() {
        let filters = Filters {
            tables: NameFilter::new(Some("public.t"), None).expect("a list"),
            signal_table: Some("debezium.signals".to_owned()),
            ..Filters::default()
        };
        assert!(filters.captures("public", "t") && filters.captures("debezium", "signals"));
        assert!(!filters.captures("public", "signals") && !filters.captures("public", "u"));
    }

    #[test]
    fn key_columns_are_debeziums() {
        let check = |rules: &str, table: &str, expected: &[&str]| {
            let rules = KeyColumns::new(rules).expect(rules);
            assert_eq!(
                rules.of(table, &["id", "v", "n", "No"]),
                expected,
                "{table}"
            );
        };
        let rules = "public.a:n;public.nopk:v,id; (.*).b : v ;public.a:id";
        check(rules, "public.a", &["n", "id"]);
        check(rules, "public.nopk", &["v", "id"]);
        check("(.*).b:v", "s.b", &["v"]);
        check("public.a:missing,no", "public.a", &["No"]);
        check("public.a:.*", "public.a", &["id", "v", "n", "No"]);
        check("public.a:id", "public.b", &[]);
        for wrong in ["public.a", "public.a:", ":id", "public.a:id,,v", "a:b:c"] {
            assert!(KeyColumns::new(wrong).is_err(), "{wrong}");
        }
    }
}
