//! Tables that an incremental snapshot is asked for, and the offset's fields that tell how far it is.
//!
//! Fields and forms are those of Debezium's `AbstractIncrementalSnapshotContext`, so that it can go
//! on from here and the other way round.

use std::collections::VecDeque;

use serde_json::{Map, Value, json};
use walcast_wire::connect_offset::Offset;

use super::java;
use super::key::Key;

/// What all fields begin with.
const PREFIX: &str = "incremental_snapshot";
const POSITION: &str = "incremental_snapshot_primary_key";
const MAXIMUM: &str = "incremental_snapshot_maximum_key";
const CORRELATION: &str = "incremental_snapshot_correlation_id";
const COLLECTIONS: &str = "incremental_snapshot_collections";

/// A table to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Collection {
    /// `schema.table`.
    pub(crate) id: String,
    /// Which of its rows, in parentheses.
    pub(crate) condition: Option<String>,
    /// The column that orders it in place of its key.
    pub(crate) surrogate: Option<String>,
    /// The id of the signal that asked for it.
    pub(crate) correlation: Option<String>,
}

impl Collection {
    /// Schema and table.
    pub(crate) fn names(&self) -> (&str, &str) {
        self.id.split_once('.').unwrap_or(("", &self.id))
    }

    fn to_json(&self) -> Value {
        json!({
            "incremental_snapshot_collections_id": self.id,
            "incremental_snapshot_collections_additional_condition": self.condition,
            "incremental_snapshot_collections_surrogate_key": self.surrogate,
            "incremental_snapshot_collections_correlation_id": self.correlation,
        })
    }

    fn from_json(value: &Value) -> Option<Self> {
        let text = |name: &str| {
            let text = value.get(format!("{COLLECTIONS}_{name}"))?.as_str()?;
            (!text.is_empty()).then(|| text.to_owned())
        };
        Some(Self {
            id: text("id")?,
            condition: text("additional_condition"),
            surrogate: text("surrogate_key"),
            correlation: text("correlation_id"),
        })
    }
}

/// How far an incremental snapshot is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Progress {
    /// The tables that are left; the first is being read. None: no snapshot runs.
    pub(crate) collections: VecDeque<Collection>,
    /// The key of the last row that was read of the first table.
    pub(crate) position: Option<Key>,
    /// The key of the last row of it that was emitted.
    pub(crate) sent: Option<Key>,
    /// The first table's greatest key when its snapshot began.
    pub(crate) maximum: Option<Key>,
    /// The id of the latest signal that asked for tables.
    pub(crate) correlation: Option<String>,
}

impl Progress {
    /// Whether a snapshot runs.
    pub(crate) fn is_running(&self) -> bool {
        !self.collections.is_empty()
    }

    /// The first table is done.
    pub(crate) fn next(&mut self) {
        self.collections.pop_front();
        self.restart();
    }

    /// The first table is read from its beginning.
    pub(crate) fn restart(&mut self) {
        (self.position, self.sent, self.maximum) = (None, None, None);
    }

    /// The tables that are left, by name.
    pub(crate) fn names(&self) -> String {
        let names: Vec<_> = self.collections.iter().map(|one| &*one.id).collect();
        names.join(",")
    }

    /// Says in `offset` how far it is.
    pub(crate) fn describe(&self, offset: &mut Offset) {
        offset.extra.retain(|name, _| !name.starts_with(PREFIX));
        if !self.is_running() {
            return;
        }
        let collections: Vec<_> = self.collections.iter().map(Collection::to_json).collect();
        let fields = [
            (POSITION, java::write(self.sent.as_deref()).into()),
            (MAXIMUM, java::write(self.maximum.as_deref()).into()),
            (COLLECTIONS, Value::from(collections).to_string().into()),
            (CORRELATION, json!(self.correlation)),
        ];
        for (name, value) in fields {
            offset.extra.insert(name.to_owned(), value);
        }
    }

    /// What `offset` says.
    pub(crate) fn restore(offset: &Offset) -> Self {
        let fields = &offset.extra;
        let text = |name: &str| fields.get(name).and_then(Value::as_str);
        let collections = text(COLLECTIONS).map(serde_json::from_str::<Vec<Map<String, Value>>>);
        let collections = match collections {
            None => return Self::default(),
            Some(Ok(found)) => found,
            Some(Err(error)) => {
                tracing::warn!(%error, "{COLLECTIONS} of the stored offset cannot be read: the incremental snapshot does not go on; send its signal again");
                return Self::default();
            }
        };
        let collections = collections.into_iter().map(Value::Object);
        let mut progress = Self {
            collections: collections
                .filter_map(|one| Collection::from_json(&one))
                .collect(),
            correlation: text(CORRELATION).map(str::to_owned),
            ..Self::default()
        };
        let key = |name: &str| text(name).map_or(Some(None), java::read);
        match (key(POSITION), key(MAXIMUM)) {
            (Some(position), Some(maximum)) => {
                progress.position.clone_from(&position);
                progress.sent = position;
                progress.maximum = maximum;
            }
            _ => {
                let table = progress.collections.front().map(|one| &*one.id);
                tracing::warn!(
                    table,
                    "the stored key of the incremental snapshot is of a Java class that is not known here: the table is read again from its beginning"
                );
            }
        }
        progress
    }
}

#[cfg(test)]
mod tests {
    use super::super::key::Part;
    use super::*;

    fn running() -> Progress {
        let collection = |id: &str, condition: Option<&str>| Collection {
            id: id.into(),
            condition: condition.map(str::to_owned),
            surrogate: None,
            correlation: Some("sig-1".into()),
        };
        let key = Some(vec![Part::Integer(3)]);
        Progress {
            collections: [
                collection("public.inc", Some("(id>5)")),
                collection("public.a.b", None),
            ]
            .into(),
            position: key.clone(),
            sent: key,
            maximum: Some(vec![Part::Integer(8)]),
            correlation: Some("sig-1".into()),
        }
    }

    #[test]
    fn an_offset_tells_how_far_it_is_in_debeziums_fields() {
        let mut offset = Offset::default();
        running().describe(&mut offset);
        assert_eq!(
            offset.extra[COLLECTIONS],
            r#"[{"incremental_snapshot_collections_id":"public.inc","incremental_snapshot_collections_additional_condition":"(id>5)","incremental_snapshot_collections_surrogate_key":null,"incremental_snapshot_collections_correlation_id":"sig-1"},{"incremental_snapshot_collections_id":"public.a.b","incremental_snapshot_collections_additional_condition":null,"incremental_snapshot_collections_surrogate_key":null,"incremental_snapshot_collections_correlation_id":"sig-1"}]"#
        );
        let stored = Offset::parse(&offset.to_json()).unwrap();
        assert_eq!(Progress::restore(&stored), running());
        let mut offset = stored;
        Progress::default().describe(&mut offset);
        assert_eq!(offset, Offset::default());
        assert_eq!(Progress::restore(&offset), Progress::default());
    }

    #[test]
    fn a_table_whose_key_cannot_be_read_begins_again() {
        let mut offset = Offset::default();
        running().describe(&mut offset);
        offset.extra.insert(POSITION.into(), "aced000573".into());
        let mut expected = running();
        expected.restart();
        assert_eq!(Progress::restore(&offset), expected);
        offset.extra.insert(COLLECTIONS.into(), "no list".into());
        assert_eq!(Progress::restore(&offset), Progress::default());
    }

    #[test]
    fn a_table_is_named_by_schema_and_name() {
        let ids = ["public.inc", "public.a.b", "alone"];
        let mut progress = running();
        let one = progress.collections.pop_front().unwrap();
        let names = ids.map(|id| Collection {
            id: id.into(),
            ..one.clone()
        });
        let names = names.each_ref().map(Collection::names);
        assert_eq!(names, [("public", "inc"), ("public", "a.b"), ("", "alone")]);
    }
}
