//! The parts of the system and what each needs.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use anyhow::{Result, bail};

/// A part of the system, component or role.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Part {
    /// PostgreSQL.
    Postgres,
    /// The Kafka broker.
    Kafka,
    /// ClickHouse.
    Clickhouse,
    /// Redis.
    Redis,
    /// `walcast connect`.
    Connect,
    /// `walcast sink`.
    Sink,
    /// `walcast api`.
    Api,
}

impl Part {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Postgres,
        Self::Kafka,
        Self::Clickhouse,
        Self::Redis,
        Self::Connect,
        Self::Sink,
        Self::Api,
    ];

    /// Its name in options and in the ready file.
    pub fn name(self) -> &'static str {
        match self {
            Self::Postgres => "postgres",
            Self::Kafka => "kafka",
            Self::Clickhouse => "clickhouse",
            Self::Redis => "redis",
            Self::Connect => "connect",
            Self::Sink => "sink",
            Self::Api => "api",
        }
    }

    /// Whether it is one of Walcast's own roles.
    pub fn is_role(self) -> bool {
        matches!(self, Self::Connect | Self::Sink | Self::Api)
    }

    fn needs(self) -> &'static [Self] {
        match self {
            Self::Connect => &[Self::Postgres, Self::Kafka],
            Self::Sink => &[Self::Kafka, Self::Clickhouse],
            Self::Api => &[Self::Postgres, Self::Clickhouse, Self::Redis],
            Self::Postgres | Self::Kafka | Self::Clickhouse | Self::Redis => &[],
        }
    }
}

impl fmt::Display for Part {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

impl FromStr for Part {
    type Err = anyhow::Error;

    fn from_str(name: &str) -> Result<Self> {
        match Self::ALL.into_iter().find(|part| part.name() == name) {
            Some(part) => Ok(part),
            None => bail!(
                "no part {name}: the parts are {}",
                Self::ALL.map(Self::name).join(", ")
            ),
        }
    }
}

/// These parts and all that they need, components first.
pub(crate) fn with_needs(parts: &[Part]) -> BTreeSet<Part> {
    let needed = parts.iter().flat_map(|part| part.needs());
    parts.iter().chain(needed).copied().collect()
}
