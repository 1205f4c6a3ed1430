//! The keys as they are written, before they mean anything; each source lays over the one before.

use std::collections::BTreeMap;
use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use clap::Args;
use serde::Deserialize;
use walcast_wire::usage::UsageError;

/// Options of `walcast sink`; each can stand in the file and in the environment as well.
#[derive(Debug, Default, Args)]
pub struct SinkArgs {
    /// TOML file with the keys below, in snake case.
    #[arg(long, env = "WALCAST_SINK_CONFIG", value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Where /healthz, /readyz, /metrics and /status listen [default: 127.0.0.1:8084].
    #[arg(long, env = "WALCAST_SINK_LISTEN", value_name = "HOST:PORT")]
    pub listen: Option<SocketAddr>,
    /// Kafka brokers, comma-separated; no default.
    #[arg(
        long,
        env = "WALCAST_SINK_BOOTSTRAP_SERVERS",
        value_name = "HOST:PORT,..."
    )]
    pub bootstrap_servers: Option<String>,
    /// Consumer group that holds the position [default: walcast-sink].
    #[arg(long, env = "WALCAST_SINK_GROUP_ID", value_name = "NAME")]
    pub group_id: Option<String>,
    /// Topics with the outbox's changes, comma-separated [default: experiments_events].
    #[arg(
        long,
        env = "WALCAST_SINK_TOPICS",
        value_name = "NAME,...",
        value_delimiter = ','
    )]
    pub topics: Option<Vec<String>>,
    /// Topic for records that no table can take [default: experiments_events.dead-letter].
    #[arg(long, env = "WALCAST_SINK_DEAD_LETTER_TOPIC", value_name = "NAME")]
    pub dead_letter_topic: Option<String>,
    /// Table whose changes the topics carry [default: public.outbox_events].
    #[arg(long, env = "WALCAST_SINK_OUTBOX_TABLE", value_name = "SCHEMA.TABLE")]
    pub outbox_table: Option<String>,
    /// ClickHouse's HTTP interface; no default.
    #[arg(long, env = "WALCAST_SINK_CLICKHOUSE_URL", value_name = "URL")]
    pub clickhouse_url: Option<String>,
    /// Database with the tables that `walcast migrate clickhouse` makes [default: experiments].
    #[arg(long, env = "WALCAST_SINK_CLICKHOUSE_DATABASE", value_name = "NAME")]
    pub clickhouse_database: Option<String>,
    /// ClickHouse user [default: default].
    #[arg(long, env = "WALCAST_SINK_CLICKHOUSE_USER", value_name = "NAME")]
    pub clickhouse_user: Option<String>,
    /// ClickHouse password; better in a file [default: none].
    #[arg(long, env = "WALCAST_SINK_CLICKHOUSE_PASSWORD", hide_env_values = true)]
    pub clickhouse_password: Option<String>,
    /// File that holds the ClickHouse password.
    #[arg(
        long,
        env = "WALCAST_SINK_CLICKHOUSE_PASSWORD_FILE",
        value_name = "FILE"
    )]
    pub clickhouse_password_file: Option<PathBuf>,
    /// Records in a batch, at most [default: 50000].
    #[arg(long, env = "WALCAST_SINK_BATCH_ROWS_MAX", value_name = "N")]
    pub batch_rows_max: Option<usize>,
    /// Bytes of keys and values in a batch, at most; a partition holds about three times this
    /// [default: 16777216].
    #[arg(long, env = "WALCAST_SINK_BATCH_BYTES_MAX", value_name = "BYTES")]
    pub batch_bytes_max: Option<usize>,
    /// How long a record may wait for company, in milliseconds [default: 100].
    #[arg(long, env = "WALCAST_SINK_BATCH_AGE_MS_MAX", value_name = "MS")]
    pub batch_age_ms_max: Option<u64>,
    /// Further property of librdkafka, repeatable; the file has a table `kafka` for them.
    #[arg(long = "kafka", value_name = "KEY=VALUE")]
    pub kafka: Vec<String>,
}

/// The file; every key has a default but the addresses.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Values {
    pub(super) listen: SocketAddr,
    pub(super) bootstrap_servers: Option<String>,
    pub(super) group_id: String,
    pub(super) topics: Vec<String>,
    pub(super) dead_letter_topic: String,
    pub(super) outbox_table: String,
    pub(super) clickhouse_url: Option<String>,
    pub(super) clickhouse_database: String,
    pub(super) clickhouse_user: String,
    pub(super) clickhouse_password: Option<String>,
    pub(super) clickhouse_password_file: Option<PathBuf>,
    pub(super) batch_rows_max: usize,
    pub(super) batch_bytes_max: usize,
    pub(super) batch_age_ms_max: u64,
    pub(super) kafka: BTreeMap<String, Scalar>,
}

impl Default for Values {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 8084)),
            bootstrap_servers: None,
            group_id: "walcast-sink".into(),
            topics: vec!["experiments_events".into()],
            dead_letter_topic: "experiments_events.dead-letter".into(),
            outbox_table: "public.outbox_events".into(),
            clickhouse_url: None,
            clickhouse_database: "experiments".into(),
            clickhouse_user: "default".into(),
            clickhouse_password: None,
            clickhouse_password_file: None,
            batch_rows_max: 50_000,
            batch_bytes_max: 16 * 1024 * 1024,
            batch_age_ms_max: 100,
            kafka: BTreeMap::new(),
        }
    }
}

/// A property's value as TOML may write it; librdkafka takes text.
#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum Scalar {
    Text(String),
    Number(i64),
    Flag(bool),
}

impl fmt::Display for Scalar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Scalar::Text(text) => f.write_str(text),
            Scalar::Number(number) => write!(f, "{number}"),
            Scalar::Flag(flag) => write!(f, "{flag}"),
        }
    }
}

impl fmt::Debug for Scalar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(hidden)")
    }
}

/// File, then environment and flags, which clap has already laid over each other.
pub(super) fn merge(args: SinkArgs) -> Result<Values, UsageError> {
    let mut values = match &args.config {
        Some(path) => {
            let text = std::fs::read_to_string(path).map_err(|error| {
                UsageError::new(format!("--config {}: {error}", path.display()))
            })?;
            parse(&text).map_err(|error| UsageError::new(format!("{}: {error}", path.display())))?
        }
        None => Values::default(),
    };
    if args.clickhouse_password.is_some() || args.clickhouse_password_file.is_some() {
        values.clickhouse_password = None;
        values.clickhouse_password_file = None;
    }
    set(&mut values.listen, args.listen);
    set(
        &mut values.bootstrap_servers,
        args.bootstrap_servers.map(Some),
    );
    set(&mut values.group_id, args.group_id);
    set(&mut values.topics, args.topics);
    set(&mut values.dead_letter_topic, args.dead_letter_topic);
    set(&mut values.outbox_table, args.outbox_table);
    set(&mut values.clickhouse_url, args.clickhouse_url.map(Some));
    set(&mut values.clickhouse_database, args.clickhouse_database);
    set(&mut values.clickhouse_user, args.clickhouse_user);
    set(
        &mut values.clickhouse_password,
        args.clickhouse_password.map(Some),
    );
    set(
        &mut values.clickhouse_password_file,
        args.clickhouse_password_file.map(Some),
    );
    set(&mut values.batch_rows_max, args.batch_rows_max);
    set(&mut values.batch_bytes_max, args.batch_bytes_max);
    set(&mut values.batch_age_ms_max, args.batch_age_ms_max);
    for property in args.kafka {
        let (key, value) = property
            .split_once('=')
            .ok_or_else(|| UsageError::new(format!("--kafka {property}: write it as KEY=VALUE")))?;
        values
            .kafka
            .insert(key.to_owned(), Scalar::Text(value.to_owned()));
    }
    Ok(values)
}

/// Reads the file's text; `[kafka]` may be written with dotted keys, as librdkafka names them.
pub(super) fn parse(text: &str) -> Result<Values, toml::de::Error> {
    let mut document: toml::Table = toml::from_str(text)?;
    if let Some(toml::Value::Table(kafka)) = document.get_mut("kafka") {
        *kafka = flatten(std::mem::take(kafka));
    }
    document.try_into()
}

/// `sasl.password = ".."` is a table in TOML; its dotted name is what is meant.
fn flatten(table: toml::Table) -> toml::Table {
    let mut flat = toml::Table::new();
    for (key, value) in table {
        match value {
            toml::Value::Table(inner) => flat.extend(
                flatten(inner)
                    .into_iter()
                    .map(|(rest, value)| (format!("{key}.{rest}"), value)),
            ),
            value => {
                flat.insert(key, value);
            }
        }
    }
    flat
}

fn set<T>(value: &mut T, given: Option<T>) {
    if let Some(given) = given {
        *value = given;
    }
}
