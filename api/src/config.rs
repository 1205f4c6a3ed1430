//! The role's settings: file, then environment, then flags, and what they mean once validated.
//!
//! In come an optional TOML file, `WALCAST_API_*` variables and flags, all with the same keys.
//! Out comes a [`Config`] whose every value was checked. Secrets never print and never serialise.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use walcast_wire::usage::UsageError;

mod environment;
mod secret;
#[cfg(test)]
mod tests;

pub use secret::Secret;
pub(crate) use secret::pick;

/// `walcast api`: the experimentation API.
#[derive(clap::Args)]
pub struct ApiArgs {
    /// TOML file with the keys below, spelt with underscores
    #[arg(long, env = "WALCAST_API_CONFIG", value_name = "FILE")]
    pub config: Option<PathBuf>,
    #[command(flatten)]
    settings: Settings,
}

macro_rules! settings {
    ($($(#[$doc:meta])* $key:ident: $type:ty = $env:literal;)*) => {
        /// Raw settings, as one source gives them; what it leaves out is `None`.
        #[derive(Default, clap::Args, serde::Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Settings {
            $($(#[$doc])* #[arg(long, env = $env, hide_env_values = true)] $key: Option<$type>,)*
        }

        /// The variables that are read.
        const VARIABLES: &[&str] = &[$($env),*];

        impl Settings {
            /// These settings, completed by `lower` where they say nothing.
            fn or(self, lower: Self) -> Self {
                Self { $($key: self.$key.or(lower.$key),)* }
            }
        }
    };
}

settings! {
    /// Address to listen on [default: 127.0.0.1:8000]
    listen: SocketAddr = "WALCAST_API_LISTEN";
    /// PostgreSQL, such as postgres://user:password@host:5432/experiments?sslmode=verify-full
    postgres_url: Secret = "WALCAST_API_POSTGRES_URL";
    /// File that holds the PostgreSQL URL
    postgres_url_file: PathBuf = "WALCAST_API_POSTGRES_URL_FILE";
    /// Connections to PostgreSQL [default: 10]
    postgres_connections_max: usize = "WALCAST_API_POSTGRES_CONNECTIONS_MAX";
    /// Longest wait for a connection, and for one statement, in ms [default: 5000]
    postgres_timeout_ms: u64 = "WALCAST_API_POSTGRES_TIMEOUT_MS";
    /// Redis, such as redis://127.0.0.1:6379; without it nothing is cached there
    redis_url: Secret = "WALCAST_API_REDIS_URL";
    /// File that holds the Redis URL
    redis_url_file: PathBuf = "WALCAST_API_REDIS_URL_FILE";
    /// Longest wait for Redis, in ms [default: 50]
    redis_timeout_ms: u64 = "WALCAST_API_REDIS_TIMEOUT_MS";
    /// Life of a cached assignment, in s [default: 3600]
    assignment_cache_s: u64 = "WALCAST_API_ASSIGNMENT_CACHE_S";
    /// ClickHouse over HTTP, such as http://127.0.0.1:8123; without it analytics answer 503
    clickhouse_url: String = "WALCAST_API_CLICKHOUSE_URL";
    /// ClickHouse database [default: experiments]
    clickhouse_database: String = "WALCAST_API_CLICKHOUSE_DATABASE";
    /// ClickHouse user [default: default]
    clickhouse_user: String = "WALCAST_API_CLICKHOUSE_USER";
    /// Password of the ClickHouse user [default: empty]
    clickhouse_password: Secret = "WALCAST_API_CLICKHOUSE_PASSWORD";
    /// File that holds the ClickHouse password
    clickhouse_password_file: PathBuf = "WALCAST_API_CLICKHOUSE_PASSWORD_FILE";
    /// Longest wait for one analytics query, in ms [default: 10000]
    clickhouse_timeout_ms: u64 = "WALCAST_API_CLICKHOUSE_TIMEOUT_MS";
    /// Longest request body, in bytes [default: 1048576]
    body_bytes_max: usize = "WALCAST_API_BODY_BYTES_MAX";
    /// Longest body of a batch, in bytes [default: 8388608]
    batch_body_bytes_max: usize = "WALCAST_API_BATCH_BODY_BYTES_MAX";
    /// Longest properties of one event, in bytes; its Kafka record can be four times that [default: 131072]
    properties_bytes_max: usize = "WALCAST_API_PROPERTIES_BYTES_MAX";
    /// Requests per second that one token may make [default: 2000]
    rate_per_second_max: u32 = "WALCAST_API_RATE_PER_SECOND_MAX";
    /// Requests that one token may make at once [default: 4000]
    rate_burst_max: u32 = "WALCAST_API_RATE_BURST_MAX";
    /// Tokens not seen lately that one address may present per second [default: 20]
    unknown_tokens_per_second_max: u32 = "WALCAST_API_UNKNOWN_TOKENS_PER_SECOND_MAX";
    /// How long a token is trusted before it is read again, in ms [default: 10000]
    token_cache_ms: u64 = "WALCAST_API_TOKEN_CACHE_MS";
    /// Longest time for one request, in ms [default: 30000]
    request_timeout_ms: u64 = "WALCAST_API_REQUEST_TIMEOUT_MS";
    /// Longest wait for open requests when stopping, in ms [default: 10000]
    shutdown_timeout_ms: u64 = "WALCAST_API_SHUTDOWN_TIMEOUT_MS";
    /// Age at which an outbox row may be pruned, in s [default: 604800]
    outbox_retention_s: u64 = "WALCAST_API_OUTBOX_RETENTION_S";
    /// Replication slot that must have confirmed a row before it is pruned [default: experiments_slot]
    outbox_slot: String = "WALCAST_API_OUTBOX_SLOT";
    /// Pause between two rounds of pruning, in ms [default: 60000]
    housekeeping_interval_ms: u64 = "WALCAST_API_HOUSEKEEPING_INTERVAL_MS";
}

/// Validated settings of the role.
#[derive(Debug, Clone)]
pub struct Config {
    /// Address to listen on.
    pub listen: SocketAddr,
    /// Where rows are written.
    pub postgres: PostgresConfig,
    /// The assignment cache; `None` caches nothing.
    pub redis: Option<RedisConfig>,
    /// Where analytics are read; `None` answers 503 to them.
    pub clickhouse: Option<ClickhouseConfig>,
    /// Bounds on requests.
    pub limits: LimitsConfig,
    /// Longest wait for open requests when stopping.
    pub shutdown_timeout: Duration,
    /// Pruning of the outbox.
    pub outbox: OutboxConfig,
}

/// The database and how long it may take.
#[derive(Debug, Clone)]
pub struct PostgresConfig {
    /// libpq URL; `sslmode` and `sslrootcert` mean what they mean to libpq.
    pub url: Secret,
    /// Size of the connection pool.
    pub connections_max: usize,
    /// Longest wait for a connection, and for one statement.
    pub timeout: Duration,
}

/// The assignment cache.
#[derive(Debug, Clone)]
pub struct RedisConfig {
    /// `redis://` or `rediss://` URL.
    pub url: Secret,
    /// Longest wait for one answer.
    pub timeout: Duration,
    /// Life of an entry.
    pub assignment_life: Duration,
}

/// The analytics store.
#[derive(Debug, Clone)]
pub struct ClickhouseConfig {
    /// HTTP interface.
    pub url: String,
    /// Database that the sink fills.
    pub database: String,
    /// User name.
    pub user: String,
    /// Password, empty for none.
    pub password: Secret,
    /// Longest wait for one query.
    pub timeout: Duration,
}

/// Bounds on requests.
#[derive(Debug, Clone)]
pub struct LimitsConfig {
    /// Longest body.
    pub body_bytes_max: usize,
    /// Longest body of a batch.
    pub batch_body_bytes_max: usize,
    /// Longest `properties` of one event.
    pub properties_bytes_max: usize,
    /// Sustained requests per second of one token.
    pub rate_per_second_max: u32,
    /// Requests that one token may make at once.
    pub rate_burst_max: u32,
    /// Tokens not cached that one address may present per second.
    pub unknown_tokens_per_second_max: u32,
    /// How long a token is trusted before it is read again.
    pub token_cache: Duration,
    /// Longest time for one request.
    pub request_timeout: Duration,
}

/// Pruning of `outbox_events`.
#[derive(Debug, Clone)]
pub struct OutboxConfig {
    /// Rows younger than this stay.
    pub retention: Duration,
    /// Slot that must have confirmed a row before it goes.
    pub slot: String,
    /// Pause between two rounds.
    pub interval: Duration,
}

impl ApiArgs {
    /// The validated settings of file, environment and flags together.
    ///
    /// # Errors
    /// A source cannot be read, a key is unknown or a value is out of its bounds.
    pub fn load(self) -> Result<Config, UsageError> {
        environment::warn_of_unknown(VARIABLES);
        let file = self
            .config
            .as_deref()
            .map(read_file)
            .transpose()?
            .unwrap_or_default();
        self.settings.or(file).validate()
    }
}

/// The validated settings of a configuration text alone.
///
/// # Errors
/// As [`ApiArgs::load`].
pub fn from_toml(text: &str) -> Result<Config, UsageError> {
    parse(text, "the configuration")?.validate()
}

fn read_file(path: &Path) -> Result<Settings, UsageError> {
    let text = std::fs::read_to_string(path)
        .map_err(|e| UsageError::new(format!("cannot read {}: {e}", path.display())))?;
    parse(&text, &path.display().to_string())
}

fn parse(text: &str, origin: &str) -> Result<Settings, UsageError> {
    // Only the message and the line: the parser's own rendering quotes the line, secrets included.
    toml::from_str(text).map_err(|e| {
        let line = e
            .span()
            .map_or(1, |span| text[..span.start].matches('\n').count() + 1);
        UsageError::new(format!("{origin}, line {line}: {}", e.message()))
    })
}

impl Settings {
    fn validate(self) -> Result<Config, UsageError> {
        let limits = self.limits()?;
        let outbox = self.outbox()?;
        let timeout = millis("postgres_timeout_ms", self.postgres_timeout_ms, 5_000)?;
        let connections = self.postgres_connections_max.unwrap_or(10);
        let postgres_url = pick(
            "postgres_url",
            self.postgres_url.clone(),
            self.postgres_url_file.as_deref(),
        )?
        .ok_or_else(|| {
            UsageError::new(
                "postgres_url is missing: set it in the file, as WALCAST_API_POSTGRES_URL \
                         or with --postgres-url",
            )
        })?;
        Ok(Config {
            listen: self
                .listen
                .unwrap_or(SocketAddr::from(([127, 0, 0, 1], 8000))),
            postgres: PostgresConfig {
                url: postgres_url,
                connections_max: within("postgres_connections_max", connections, 1, 1_000)?,
                timeout,
            },
            redis: self.redis()?,
            shutdown_timeout: millis("shutdown_timeout_ms", self.shutdown_timeout_ms, 10_000)?,
            clickhouse: self.clickhouse()?,
            limits,
            outbox,
        })
    }

    fn redis(&self) -> Result<Option<RedisConfig>, UsageError> {
        let url = pick(
            "redis_url",
            self.redis_url.clone(),
            self.redis_url_file.as_deref(),
        )?;
        let timeout = millis("redis_timeout_ms", self.redis_timeout_ms, 50)?;
        let life_s = self.assignment_cache_s.unwrap_or(3_600);
        let life_s = within("assignment_cache_s", life_s, 1, 30 * 86_400)?;
        let assignment_life = Duration::from_secs(life_s);
        Ok(url.map(|url| RedisConfig {
            url,
            timeout,
            assignment_life,
        }))
    }

    fn clickhouse(self) -> Result<Option<ClickhouseConfig>, UsageError> {
        let timeout = millis("clickhouse_timeout_ms", self.clickhouse_timeout_ms, 10_000)?;
        let password = pick(
            "clickhouse_password",
            self.clickhouse_password,
            self.clickhouse_password_file.as_deref(),
        )?;
        let Some(url) = self.clickhouse_url else {
            return Ok(None);
        };
        if !url.starts_with("http://") && !url.starts_with("https://") {
            let text = "clickhouse_url must start with http:// or https:// (the HTTP interface, port 8123)";
            return Err(UsageError::new(text));
        }
        Ok(Some(ClickhouseConfig {
            url,
            database: self
                .clickhouse_database
                .unwrap_or_else(|| "experiments".to_owned()),
            user: self.clickhouse_user.unwrap_or_else(|| "default".to_owned()),
            password: password.unwrap_or_default(),
            timeout,
        }))
    }

    fn limits(&self) -> Result<LimitsConfig, UsageError> {
        const MIB: usize = 1 << 20;
        let rate = self.rate_per_second_max.unwrap_or(2_000);
        let burst = self.rate_burst_max.unwrap_or(4_000);
        let unknown = self.unknown_tokens_per_second_max.unwrap_or(20);
        let body = self.body_bytes_max.unwrap_or(MIB);
        let batch = self.batch_body_bytes_max.unwrap_or(8 * MIB);
        let properties = self.properties_bytes_max.unwrap_or(MIB / 8);
        Ok(LimitsConfig {
            body_bytes_max: within("body_bytes_max", body, 1_024, 64 * MIB)?,
            batch_body_bytes_max: within("batch_body_bytes_max", batch, body, 256 * MIB)?,
            properties_bytes_max: within("properties_bytes_max", properties, 2, body)?,
            rate_per_second_max: within("rate_per_second_max", rate, 1, 1_000_000)?,
            rate_burst_max: within("rate_burst_max", burst, 1, 1_000_000)?,
            unknown_tokens_per_second_max: within(
                "unknown_tokens_per_second_max",
                unknown,
                1,
                100_000,
            )?,
            token_cache: millis("token_cache_ms", self.token_cache_ms, 10_000)?,
            request_timeout: millis("request_timeout_ms", self.request_timeout_ms, 30_000)?,
        })
    }

    fn outbox(&self) -> Result<OutboxConfig, UsageError> {
        const YEARS_10_S: u64 = 10 * 366 * 86_400;
        let retention_s = self.outbox_retention_s.unwrap_or(7 * 86_400);
        Ok(OutboxConfig {
            retention: Duration::from_secs(within(
                "outbox_retention_s",
                retention_s,
                0,
                YEARS_10_S,
            )?),
            slot: self
                .outbox_slot
                .clone()
                .unwrap_or_else(|| "experiments_slot".to_owned()),
            interval: millis(
                "housekeeping_interval_ms",
                self.housekeeping_interval_ms,
                60_000,
            )?,
        })
    }
}

fn millis(key: &str, value: Option<u64>, default: u64) -> Result<Duration, UsageError> {
    const DAY_MS: u64 = 86_400_000;
    within(key, value.unwrap_or(default), 1, DAY_MS).map(Duration::from_millis)
}

fn within<T: PartialOrd + std::fmt::Display>(
    key: &str,
    value: T,
    min: T,
    max: T,
) -> Result<T, UsageError> {
    if value < min || value > max {
        return Err(UsageError::new(format!(
            "{key} is {value}; it must be from {min} to {max}"
        )));
    }
    Ok(value)
}
