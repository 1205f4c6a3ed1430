//! The landing table: one insert for each batch, and whether an offset has landed.
//!
//! Enters: rows and their range's token. Leaves: a landed block, or the client's error. Never: a
//! retry; the worker decides on those, with the same rows and the same token.
//!
//! A token works only when all of a batch is one block, so the block sizes are set far above what
//! a batch can hold. Rows are checked wholly before they come here (see [`crate::envelope`]), so
//! that ClickHouse has no reason to refuse a batch for its data; splitting a refused batch would
//! make ranges, and with them tokens, depend on the history of errors. What it still refuses is a
//! matter of its schema or rights, which no smaller batch would cure.

use std::time::Duration;

use clickhouse::error::{Error, Result};
use clickhouse::{Client, Compression};

use crate::config::ClickHouse;
use crate::envelope::Origin;
use crate::range::Range;
use crate::row;
use crate::rows::Rows;

/// The landing table's name, in the configured database.
pub(crate) const TABLE: &str = "outbox_events";

/// Limits of one insert; past them it counts as lost on the way and is sent again.
const SEND_MAX: Duration = Duration::from_secs(30);
const END_MAX: Duration = Duration::from_secs(180);
/// Limit of one look-up.
const QUERY_MAX: Duration = Duration::from_secs(30);

/// Settings of every insert. Rows and bytes are above any batch that the configuration allows.
const SETTINGS: [(&str, &str); 10] = [
    ("async_insert", "0"),
    ("insert_deduplicate", "1"),
    ("deduplicate_blocks_in_dependent_materialized_views", "1"),
    ("max_insert_block_size", "16777216"),
    ("min_insert_block_size_rows", "16777216"),
    ("min_insert_block_size_bytes", "17179869184"),
    // A caller's clock may be wrong by years: many months in one batch are no error.
    ("max_partitions_per_insert_block", "0"),
    // A view's error must fail the insert: the whole batch is sent again.
    ("materialized_views_ignore_errors", "0"),
    // Answer when all is stored, not when all is read.
    ("wait_end_of_query", "1"),
    ("log_comment", "walcast-sink"),
];

/// A client of the landing table; clones share their connections.
#[derive(Clone)]
pub(crate) struct Landing {
    client: Client,
}

impl Landing {
    pub(crate) fn new(config: &ClickHouse) -> Self {
        Self {
            client: client(config).with_database(&config.database),
        }
    }

    /// Inserts `rows` as one block that ClickHouse knows by `token`.
    pub(crate) async fn insert(&self, token: &str, rows: &Rows) -> Result<()> {
        let columns = row::COLUMNS.map(|(name, _)| name).join(", ");
        let sql = format!("INSERT INTO {TABLE} ({columns}) FORMAT RowBinaryWithNamesAndTypes");
        let mut insert = self
            .client
            .insert_formatted_with(sql)
            .with_timeouts(Some(SEND_MAX), Some(END_MAX))
            .with_setting("insert_deduplication_token", token);
        for (name, value) in SETTINGS {
            insert = insert.with_setting(name, value);
        }
        for piece in rows.pieces() {
            insert.send(piece).await?;
        }
        insert.end().await
    }

    /// The highest offset at or past `offset` that has landed from `origin`'s partition.
    pub(crate) async fn landed_from(&self, origin: &Origin, offset: i64) -> Result<Option<u64>> {
        let query = self
            .client
            .query(
                "SELECT count(), max(kafka_offset) FROM outbox_events \
                 WHERE kafka_topic = ? AND kafka_partition = ? AND kafka_offset >= ?",
            )
            .bind(&*origin.topic)
            .bind(origin.partition)
            .bind(offset);
        let (rows, highest): (u64, u64) = in_time(query.fetch_one()).await?;
        Ok((rows > 0).then_some(highest))
    }

    /// How many blocks have landed since `range` did, counted up to `limit`; none when nothing of
    /// the range has landed. The rows of a block share their `landed_at`.
    pub(crate) async fn blocks_since(
        &self,
        origin: &Origin,
        range: Range,
        limit: u64,
    ) -> Result<Option<u64>> {
        let landed = self
            .client
            .query(
                "SELECT count(), max(landed_at) FROM outbox_events WHERE kafka_topic = ? AND \
                 kafka_partition = ? AND kafka_offset BETWEEN ? AND ?",
            )
            .bind(&*origin.topic)
            .bind(origin.partition)
            .bind(range.first)
            .bind(range.last);
        let (rows, landed_at): (u64, i64) = in_time(landed.fetch_one()).await?;
        if rows == 0 {
            return Ok(None);
        }
        let blocks = self
            .client
            .query(
                "SELECT count() FROM (SELECT DISTINCT landed_at FROM outbox_events \
                 WHERE landed_at > fromUnixTimestamp64Micro(?, 'UTC') LIMIT ?)",
            )
            .bind(landed_at)
            .bind(limit);
        in_time(blocks.fetch_one()).await.map(Some)
    }
}

async fn in_time<T>(answer: impl Future<Output = Result<T>>) -> Result<T> {
    tokio::time::timeout(QUERY_MAX, answer)
        .await
        .map_err(|_| Error::TimedOut)?
}

/// A client of the server, with no database chosen.
pub(crate) fn client(config: &ClickHouse) -> Client {
    Client::default()
        .with_url(&config.url)
        .with_user(&config.user)
        .with_password(config.password.expose())
        .with_compression(Compression::Lz4)
        .with_product_info("walcast-sink", env!("CARGO_PKG_VERSION"))
}
