//! Which schemas, tables and columns are captured: Debezium's include and exclude lists.
//!
//! Enters the lists as configured (regular expressions between commas), leaves yes or no for a
//! name. Lists match whole names, whatever the letter case. It never looks at a catalog.

use crate::pattern::{Pattern, PatternError, PatternList};

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
    /// The signalling table, which is read even when no list names it: `schema.table`.
    pub signal_table: Option<String>,
}

impl Filters {
    /// Whether a table's changes make records. System schemas never do.
    pub fn captures(&self, schema: &str, table: &str) -> bool {
        !matches!(schema, "pg_catalog" | "information_schema")
            && self.schemas.passes(schema)
            && self.tables.passes(&format!("{schema}.{table}"))
    }

    /// Whether a captured table's column is in its records.
    pub fn column(&self, schema: &str, table: &str, column: &str) -> bool {
        self.columns.passes(&format!("{schema}.{table}.{column}"))
    }
}

/// A compiled `message.key.columns`.
#[derive(Debug, Clone, Default)]
pub struct KeyColumns {
    rules: Vec<(Pattern, Vec<String>)>,
}

impl KeyColumns {
    /// From `table regex:column,column;…`.
    pub fn new(text: &str) -> Result<Self, PatternError> {
        let rule = |part: &str| {
            let (table, columns) = part.rsplit_once(':').ok_or_else(|| {
                PatternError::new(part, "write it as <table regex>:<column>,<column>")
            })?;
            let columns = columns
                .split(',')
                .map(|name| name.trim().to_owned())
                .collect();
            Ok((Pattern::new(table.trim())?, columns))
        };
        let parts = text
            .split(';')
            .map(str::trim)
            .filter(|part| !part.is_empty());
        Ok(Self {
            rules: parts.map(rule).collect::<Result<_, _>>()?,
        })
    }

    /// The columns that make the key of `schema.table`, when a rule names it.
    pub fn of(&self, table_id: &str) -> Option<&[String]> {
        self.rules
            .iter()
            .find(|(table, _)| table.matches(table_id))
            .map(|(_, columns)| &**columns)
    }
}
