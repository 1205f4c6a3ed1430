//! Relations of the stream: facts are asked for when the server announces one.

use std::collections::{HashMap, HashSet};

use walcast_wire::catalog::{Table, Types};
use walcast_wire::encoder::Encoder;
use walcast_wire::java;
use walcast_wire::pgoutput::{Message, Relation};

use super::facts::Facts;
use crate::error::{EngineError, Result};
use crate::postgres::catalog::CapturedTable;

/// The encoder, and what answers its questions.
pub(crate) struct Relations {
    facts: Facts,
    types: Types,
    encoder: Encoder,
    /// Tables as they were installed, by OID.
    installed: HashMap<u32, Table>,
    /// Relations that the lists leave out.
    left_out: HashSet<u32>,
    /// Relations that were there when the session began, or have been seen since.
    settled: HashSet<u32>,
}

impl Relations {
    pub(crate) fn new(facts: Facts, encoder: Encoder) -> Self {
        Self {
            facts,
            types: Types::new(),
            encoder,
            installed: HashMap::new(),
            left_out: HashSet::new(),
            settled: HashSet::new(),
        }
    }

    /// Takes note of the tables that there are.
    pub(crate) fn found(&mut self, oids: impl Iterator<Item = u32>) {
        self.settled.extend(oids);
    }

    /// Whether a relation that the lists let through is seen for the first time: it was made a
    /// moment ago, and its definition may still be in the making.
    pub(crate) fn is_fresh(&mut self, relation: &Relation<'_>) -> bool {
        self.encoder.captured(relation.schema, relation.name) && self.settled.insert(relation.oid)
    }

    /// Whether a change is of relations that the lists leave out.
    pub(crate) fn leaves_out(&self, change: &Message<'_>) -> bool {
        if self.left_out.is_empty() {
            return false;
        }
        match change {
            Message::Insert(insert) => self.left_out.contains(&insert.relation),
            Message::Update(update) => self.left_out.contains(&update.relation),
            Message::Delete(delete) => self.left_out.contains(&delete.relation),
            Message::Truncate(truncate) => {
                truncate.relations().all(|oid| self.left_out.contains(&oid))
            }
            _ => false,
        }
    }

    pub(crate) fn encoder(&mut self) -> &mut Encoder {
        &mut self.encoder
    }

    /// Compiles the plan of a relation the server announced.
    ///
    /// A relation that was dropped since is described by its message alone: the rows still to come
    /// were written while it existed.
    pub(crate) async fn learn(&mut self, relation: &Relation<'_>) -> Result<()> {
        if !self.encoder.captured(relation.schema, relation.name) {
            self.left_out.insert(relation.oid);
            return Ok(());
        }
        let oid = relation.oid;
        self.left_out.remove(&oid);
        let table = match self.facts.table(oid).await? {
            Some(facts) => facts.with_relation(relation),
            None => {
                tracing::warn!(
                    schema = relation.schema,
                    table = relation.name,
                    "the table no longer exists; its key and defaults are taken from the stream"
                );
                let bare = Table {
                    oid,
                    ..Table::default()
                };
                bare.with_relation(relation)
            }
        };
        self.install(&table).await
    }

    /// A relation as it was installed last.
    pub(crate) fn table(&self, oid: u32) -> Option<&Table> {
        self.installed.get(&oid)
    }

    /// Takes `table` for the definition of its relation, and gives the one it had, if that is another.
    pub(crate) async fn replace(&mut self, table: &Table) -> Result<Option<Table>> {
        let known = self.installed.get(&table.oid).cloned();
        if known
            .as_ref()
            .is_some_and(|known| known.columns == table.columns)
        {
            return Ok(None);
        }
        self.install(table).await?;
        Ok(known)
    }

    /// The names of all tables that the lists let through, `schema.table`, in the order in which
    /// Debezium goes through them.
    pub(crate) async fn names(&mut self) -> Result<Vec<String>> {
        let encoder = &self.encoder;
        let captured = |schema: &str, table: &str| encoder.captured(schema, table);
        let tables = self.facts.tables(captured).await?;
        let names = tables.iter().map(CapturedTable::id);
        let mut names: Vec<_> = names.collect();
        java::in_concurrent_map_order(&mut names);
        Ok(names)
    }

    /// Compiles the plan of a table as the catalog describes it, for a snapshot.
    pub(crate) async fn learn_table(&mut self, oid: u32) -> Result<Option<Table>> {
        let Some(table) = self.facts.table(oid).await? else {
            return Ok(None);
        };
        self.install(&table).await?;
        Ok(Some(table))
    }

    /// As [`Self::learn_table`], unless the table is known.
    pub(crate) async fn need_table(&mut self, oid: u32) -> Result<()> {
        if self.installed.contains_key(&oid) {
            return Ok(());
        }
        self.learn_table(oid).await.map(|_| ())
    }

    /// Reads an enum's labels again, because a value was seen that was added since.
    pub(crate) async fn refresh_enum(&mut self, oid: u32) -> Result<()> {
        self.facts.refresh_type(&mut self.types, oid).await?;
        let tables: Vec<Table> = self.installed.values().cloned().collect();
        for table in &tables {
            self.install(table).await?;
        }
        Ok(())
    }

    async fn install(&mut self, table: &Table) -> Result<()> {
        let oids: Vec<u32> = table.columns.iter().map(|c| c.type_oid).collect();
        self.facts.add_types(&mut self.types, &oids).await?;
        self.encoder.install(table, &self.types).map_err(|e| {
            let text = format!(
                "table {}.{} cannot be captured: {e}",
                table.schema, table.name
            );
            EngineError::definite(text).because(e)
        })?;
        self.installed.insert(table.oid, table.clone());
        Ok(())
    }
}
