//! Adding a table to a running connector: published, captured from a certain point on, and its rows
//! of before read in the background.
//!
//! Everything is checked before anything is changed, and every step may have been done before: so a
//! call that was refused can be repeated when its cause is gone.

mod facts;
mod publish;

use std::time::Duration;

use serde_json::json;

use crate::postgres::connect;
use crate::postgres::identity;
use crate::signal::Signal;
use crate::task::{Refused, TaskHandle};

/// The table to add.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableRequest {
    /// `schema.name`, as they are in the catalog.
    pub table: String,
    /// Whether the rows that are there already are read.
    pub backfill: bool,
    /// A condition in SQL on the rows that are read.
    pub condition: Option<String>,
    /// How long transactions that wrote the table before it was published are waited for.
    pub wait: Duration,
}

/// What was done for the publication.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Publication {
    /// The table was added to it.
    Added,
    /// It had the table already.
    Present,
    /// It is for all tables.
    AllTables,
}

/// A table that is added.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableAdded {
    /// `schema.name`.
    pub table: String,
    /// What was done for the publication.
    pub publication: Publication,
    /// The id of the signal that has the table's rows read; `None` without a backfill.
    pub signal: Option<String>,
    /// What the caller should know.
    pub notes: Vec<String>,
}

/// A change of the connector's configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigChange {
    /// A property that holds a list.
    pub property: &'static str,
    /// What is to be added to the list.
    pub add: String,
}

impl TaskHandle {
    /// Adds a table to what the running connector captures.
    ///
    /// # Errors
    /// What is missing, with the cure; the call can be repeated afterwards.
    pub async fn add_table(&self, request: &TableRequest) -> Result<TableAdded, Refused> {
        let config = &self.config;
        self.needs_one_slot("add the table to table.include.list and restart the connector, which publishes it from then on")?;
        if request.backfill {
            self.streaming().await?;
        }
        let session = connect::open(&config.database, "walcast add table").await?;
        let mut table = facts::find(&session, &request.table).await?;
        let uncaptured = facts::uncaptured(config, &table);
        if let Some(refused) = uncaptured.as_ref().filter(|r| r.change.is_none()) {
            return Err(refused.clone());
        }
        if !table.identified && !config.publication.identities.is_empty() {
            let captured = [table.as_captured()];
            identity::set(&session, &config.publication.identities, &captured).await;
            table = facts::find(&session, &request.table).await?;
        }
        let publication = publish::ensure(&session, config, &table, request.backfill).await?;
        if publication != Publication::AllTables {
            publish::wait_for_writers(&session, config, &table, request.wait).await?;
        }
        if let Some(refused) = uncaptured {
            return Err(refused);
        }
        let mut notes = Vec::new();
        let signal = if request.backfill {
            if table.key.is_empty() {
                notes.push(format!(
                    "{} has no key: its rows are read without deduplication, so a row that changes meanwhile may come twice",
                    table.id()
                ));
            }
            let signal = Signal::new(None, "execute-snapshot", Some(data(&table.id(), request)));
            let id = signal.id.clone();
            self.signal(signal).await?;
            Some(id)
        } else {
            None
        };
        let id = table.id();
        tracing::info!(
            connector = config.name,
            table = id,
            ?publication,
            "table added"
        );
        Ok(TableAdded {
            table: id,
            publication,
            signal,
            notes,
        })
    }
}

/// The data of the signal that has a table read.
fn data(id: &str, request: &TableRequest) -> String {
    let named = expression(id);
    let mut data = json!({"data-collections": [named], "type": "incremental"});
    if let Some(condition) = &request.condition {
        data["additional-conditions"] = json!([{"data-collection": id, "filter": condition}]);
    }
    data.to_string()
}

/// An expression that matches this name. The point between ordinary names is left as it is, for it
/// can match nothing else there.
fn expression(id: &str) -> String {
    let ordinary = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let plain = id.split_once('.');
    if plain.is_some_and(|(schema, name)| format!("{schema}{name}").chars().all(ordinary)) {
        return id.to_owned();
    }
    escaped(id)
}

/// An expression of a list that matches this name only.
fn escaped(id: &str) -> String {
    let mut out = String::new();
    for c in id.chars() {
        match c {
            // A list is cut at commas.
            ',' => out.push_str("\\x2C"),
            c if r"\.+*?()|[]{}^$#&-~".contains(c) => {
                out.push('\\');
                out.push(c);
            }
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(condition: Option<&str>) -> TableRequest {
        TableRequest {
            table: "public.t".into(),
            backfill: true,
            condition: condition.map(str::to_owned),
            wait: Duration::ZERO,
        }
    }

    #[test]
    fn the_signal_is_debeziums() {
        assert_eq!(
            data("public.t", &request(None)),
            r#"{"data-collections":["public.t"],"type":"incremental"}"#
        );
        assert_eq!(
            data("public.T-1", &request(Some("id > 5"))),
            r#"{"data-collections":["public\\.T\\-1"],"type":"incremental","additional-conditions":[{"data-collection":"public.T-1","filter":"id > 5"}]}"#
        );
    }

    #[test]
    fn a_name_in_a_list_matches_itself_only() {
        use walcast_wire::pattern::PatternList;
        for id in [
            "public.t",
            "a.b$c",
            "s.x(y",
            "s.with space",
            "s.a,b",
            "é.ü-1",
        ] {
            let list = PatternList::new(&escaped(id)).unwrap();
            assert!(list.matches(id), "{id}");
            assert!(!list.matches(&id.replace('.', "x")), "{id}");
        }
    }
}
