//! What is judged, and the servers around it.

use std::str::FromStr;

use anyhow::{Context, Error, Result};

/// An engine behind Kafka Connect's REST interface, with its Kafka and PostgreSQL.
#[derive(Debug, Clone)]
pub(super) struct Target {
    /// The REST interface, without a slash at its end.
    pub(super) connect: String,
    /// Kafka's bootstrap servers.
    pub(super) bootstrap: String,
    /// PostgreSQL.
    pub(super) postgres: HostPort,
    /// A superuser there who needs no password.
    pub(super) user: String,
}

/// `host:port`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostPort {
    /// The host.
    pub host: String,
    /// The port.
    pub port: u16,
}

impl FromStr for HostPort {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let parts = text.rsplit_once(':');
        let (host, port) = parts.with_context(|| format!("{text} is not HOST:PORT"))?;
        Ok(Self {
            host: host.to_owned(),
            port: port
                .parse()
                .with_context(|| format!("{port} is not a port"))?,
        })
    }
}

impl Target {
    /// The REST interface without `http://`.
    pub(super) fn connect_address(&self) -> &str {
        let address = self.connect.split_once("://");
        address.map_or(&self.connect, |(_, address)| address)
    }

    #[cfg(test)]
    pub(super) fn example() -> Result<Self> {
        Ok(Self {
            connect: "http://connect.example:8083".into(),
            bootstrap: "kafka.example:9092".into(),
            postgres: "db.example:5433".parse()?,
            user: "postgres".into(),
        })
    }
}
