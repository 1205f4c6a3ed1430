//! What a seed makes: tables, writes, and what happens to the connector.

use std::time::Duration;

use serde_json::Value;

use crate::engine::chance::Chance;

/// A table `(id, name, v, big)`, where `big` is stored out of line when it is long.
#[derive(Debug)]
pub(super) struct Table {
    pub(super) name: String,
    key: &'static str,
    rows: u64,
    fill_factor: u64,
}

impl Table {
    fn of(seed: u64, index: u64, chance: &mut Chance) -> Self {
        Self {
            name: format!("s{seed}_t{index}"),
            key: ["id", "name", "id, name"][chance.below(3) as usize],
            rows: chance.below(3000),
            fill_factor: 30 + chance.below(71),
        }
    }

    fn setup(&self) -> String {
        let Self {
            name,
            key,
            rows,
            fill_factor,
        } = self;
        format!(
            "create table {name}(id bigint not null, name text not null, v text, big text, primary key({key})) with (fillfactor = {fill_factor}); \
             alter table {name} alter big set storage external; \
             insert into {name} select i, 'n' || i, 'v', case when i % 7 = 0 then repeat(md5(i::text), 90) end from generate_series(1, {rows}) i; "
        )
    }

    /// A transaction of a writer.
    pub(super) fn change(&self, chance: &mut Chance) -> String {
        let name = &self.name;
        let mut id = || 1 + chance.below(self.rows + 200);
        let (from, to, other) = (id(), id(), id());
        let (low, high) = (from, from + 1 + to % 40);
        let made = chance.below(1_000_000);
        let range = format!("id between {low} and {high}");
        match chance.below(10) {
            0..=4 => format!("update {name} set v = 'u{made}' where {range}"),
            5 => format!("update {name} set big = repeat('{made}', 500) where id = {other}"),
            6 => format!("delete from {name} where {range}"),
            7 => format!(
                "update {name} set id = {made} + 10000, name = 'k{made}' where id = {other}"
            ),
            _ => format!(
                "insert into {name} select i, 'n' || i, 'i{made}', case when i % 3 = 0 then repeat('y', 2500) end \
                 from generate_series({low}, {high}) i on conflict do nothing"
            ),
        }
    }

    /// All rows: the key as [`key_text`] writes it, `v`, `big`.
    pub(super) fn all(&self) -> String {
        let key = match self.key {
            "id" => "id::text",
            "name" => "name",
            _ => "id::text || '/' || name",
        };
        format!("select {key}, v, big from {}", self.name)
    }
}

/// A record's key: its fields' values, with slashes between.
pub(super) fn key_text(key: &Value) -> String {
    let fields = key.as_object().into_iter().flatten();
    let values = fields.map(|(_, value)| match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    });
    values.collect::<Vec<_>>().join("/")
}

/// What a seed does.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) seed: u64,
    pub(super) tables: Vec<Table>,
    pub(super) writers: u64,
    pub(super) exactly_once: bool,
    /// Rows come by an incremental snapshot that a signal asks for, not by the initial one.
    pub(super) incremental: bool,
    pub(super) properties: Vec<(String, String)>,
    /// The pauses before each kill.
    pub(super) kills: Vec<Duration>,
}

impl Plan {
    pub(super) fn of(seed: u64) -> Self {
        let mut chance = Chance::new(seed);
        let tables = (0..1 + chance.below(3))
            .map(|index| Table::of(seed, index, &mut chance))
            .collect();
        let incremental = chance.one_in(2);
        let kills = (0..chance.below(3))
            .map(|_| Duration::from_millis(chance.below(900)))
            .collect();
        let mut plan = Self {
            seed,
            tables,
            writers: 1 + chance.below(2),
            exactly_once: chance.one_in(2),
            incremental,
            properties: Vec::new(),
            kills,
        };
        plan.properties = plan.choose(&mut chance);
        plan
    }

    fn choose(&self, chance: &mut Chance) -> Vec<(String, String)> {
        let mut chosen = vec![("producer.override.batch.size", "4000".to_owned())];
        if self.incremental {
            let size = (5 + chance.below(300)).to_string();
            chosen.push(("snapshot.mode", "no_data".to_owned()));
            chosen.push(("incremental.snapshot.chunk.size", size));
            if chance.one_in(2) {
                chosen.push(("read.only", "true".to_owned()));
            } else {
                let strategy = chance.of(&["insert_insert", "insert_delete"]);
                chosen.push((
                    "signal.data.collection",
                    format!("public.{}_signal", self.name()),
                ));
                chosen.push((
                    "incremental.snapshot.watermarking.strategy",
                    strategy.to_owned(),
                ));
            }
        } else {
            chosen.push(("snapshot.max.threads", (1 + chance.below(3)).to_string()));
            chosen.push((
                "walcast.snapshot.chunk.blocks",
                (1 + chance.below(6)).to_string(),
            ));
        }
        let owned = chosen.into_iter();
        owned
            .map(|(name, value)| (name.to_owned(), value))
            .collect()
    }

    /// The connector, its slot and its publication.
    pub(super) fn name(&self) -> String {
        format!("s{}", self.seed)
    }

    pub(super) fn setup(&self) -> String {
        let name = self.name();
        let tables: String = self.tables.iter().map(Table::setup).collect();
        format!(
            "create table {name}_signal(id varchar(64) primary key, type varchar(32) not null, data varchar(2048)); {tables}"
        )
    }

    pub(super) fn teardown(&self) -> String {
        let name = self.name();
        let tables: Vec<_> = self.tables.iter().map(|t| t.name.clone()).collect();
        format!(
            "drop publication {name}; drop table {name}_signal, {}; \
             select pg_drop_replication_slot(slot_name) from pg_replication_slots where slot_name = '{name}'",
            tables.join(", ")
        )
    }

    /// An expression for all its tables.
    pub(super) fn pattern(&self) -> String {
        format!("public.s{}_t.*", self.seed)
    }

    pub(super) fn include_list(&self) -> String {
        format!("{},public.{}_signal", self.pattern(), self.name())
    }
}
