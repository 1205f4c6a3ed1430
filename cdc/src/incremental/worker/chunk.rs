//! The queries of one window: the next table that has rows, and a chunk of them.

use std::pin::pin;

use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use walcast_wire::catalog::Table;
use walcast_wire::lsn::Lsn;
use walcast_wire::pgoutput::Datum;

use super::{Chunk, Job, Reading, ScanStatus, Step};
use crate::error::{EngineError, Kind, Result};
use crate::incremental::collection::Collection;
use crate::incremental::identity::identity;
use crate::incremental::key::{self, Key, Part};
use crate::incremental::query::{Columns, Shape};
use crate::incremental::visibility::Visibility;
use crate::incremental::window::Rows;
use crate::postgres::connect::Session;
use crate::postgres::{catalog, fault};
use crate::snapshot::copy_text::Row;

/// Bytes after which a chunk ends although it has fewer rows than it may.
const CHUNK_BYTES_MAX: usize = 64 << 20;

/// How often the queries of a table are tried before it is left out.
const TRIES: u32 = 5;

const FIND: &str = "select c.oid from pg_catalog.pg_class c \
    join pg_catalog.pg_namespace n on n.oid = c.relnamespace \
    where n.nspname = $1 and c.relname = $2 and c.relkind in ('r', 'p')";

/// What a query that follows in the same transaction sees, and where the log ends then. The
/// snapshot is taken before the position is looked up, so all it shows is committed before that.
const SEEN: &str = "select txid_current_snapshot()::text, \
    (case when pg_is_in_recovery() then pg_last_wal_replay_lsn() else pg_current_wal_insert_lsn() end)::text, \
    pg_is_in_recovery()";

/// Where a table goes on.
#[derive(Clone, Default)]
struct Place {
    position: Option<Key>,
    maximum: Option<Key>,
}

/// A chunk's rows and what their query saw.
type Found = (Rows, Visibility, Lsn);

impl Reading {
    /// Reads the next rows of the job's tables.
    pub(super) async fn chunk(&mut self, job: &Job) -> Result<Chunk> {
        let mut chunk = Chunk {
            id: job.id.clone(),
            steps: Vec::new(),
            rows: None,
            seen: Visibility::default(),
            end: Lsn::ZERO,
        };
        let mut place = Place {
            position: job.position.clone(),
            maximum: job.maximum.clone(),
        };
        for collection in &job.collections {
            let at = std::mem::take(&mut place);
            match self.patiently(collection, at, &mut chunk.steps).await? {
                Ok((rows, seen, end)) => {
                    (chunk.rows, chunk.seen, chunk.end) = (Some(rows), seen, end);
                    return Ok(chunk);
                }
                Err(status) => chunk.steps.push(Step::Scanned(status)),
            }
        }
        Ok(chunk)
    }

    /// Reads a chunk of one table, again where the table is altered between its definition and its
    /// rows; only transient errors are left.
    async fn patiently(
        &mut self,
        collection: &Collection,
        place: Place,
        steps: &mut Vec<Step>,
    ) -> Result<Result<Found, ScanStatus>> {
        let mut tries = 0;
        loop {
            tries += 1;
            match self.collection(collection, place.clone(), steps).await {
                Ok(found) => return Ok(found),
                Err(error) if error.kind() == Kind::Transient => return Err(error),
                // The transaction that failed ends with its session.
                Err(_) if tries < TRIES => self.session = None,
                Err(error) => {
                    tracing::warn!(
                        table = collection.id,
                        error = error.trace(),
                        "the incremental snapshot leaves out a table; mend what the error names and send the signal again"
                    );
                    self.session = None;
                    return Ok(Err(ScanStatus::SqlException));
                }
            }
        }
    }

    /// Reads a chunk of one table, or tells why there is none.
    async fn collection(
        &mut self,
        collection: &Collection,
        mut place: Place,
        steps: &mut Vec<Step>,
    ) -> Result<Result<Found, ScanStatus>> {
        let Some(table) = self.table(collection).await? else {
            tracing::warn!(
                table = collection.id,
                "the incremental snapshot leaves out a table that is not captured or does not exist"
            );
            return Ok(Err(ScanStatus::UnknownSchema));
        };
        let surrogate = collection.surrogate.as_deref();
        let Some(columns) = Columns::of(&table, surrogate, &self.tools.encoder) else {
            tracing::warn!(
                table = collection.id,
                surrogate,
                "the incremental snapshot leaves out a table without a key; name a unique column of it as the signal's surrogate-key"
            );
            return Ok(Err(ScanStatus::NoPrimaryKey));
        };
        let shape = Shape {
            table: &table,
            order: &columns.order,
            condition: collection.condition.as_deref(),
        };
        let rows_max = self.tools.signal.chunk_rows;
        let width = columns.order.len();
        let fits = |key: &Option<Key>| key.as_ref().is_none_or(|key| key.len() == width);
        if !fits(&place.position) || !fits(&place.maximum) {
            tracing::warn!(
                table = collection.id,
                "the table's key has changed: its incremental snapshot begins again"
            );
            place = Place::default();
            steps.push(Step::Restarted);
        }
        let session = self.session().await?;
        let maximum = match place.maximum {
            Some(maximum) => maximum,
            None => match maximum(session, &shape).await? {
                Some(maximum) => maximum,
                None => return Ok(Err(ScanStatus::Empty)),
            },
        };
        let sql = shape.chunk(place.position.as_deref(), &maximum, rows_max);
        steps.push(Step::Maximum(maximum));
        let (rows, seen, end) = rows(session, &sql, table, columns).await?;
        if rows.len() == 0 {
            return Ok(Err(ScanStatus::Succeeded));
        }
        Ok(Ok((rows, seen, end)))
    }

    /// The table's definition as it is now; `None` when there is none or it is not captured.
    async fn table(&mut self, collection: &Collection) -> Result<Option<Table>> {
        let (schema, name) = collection.names();
        if !self.tools.encoder.filters.captures(schema, name) {
            return Ok(None);
        }
        let session = self.session().await?;
        let found = session.query_opt(FIND, &[&schema, &name]).await;
        let found = found.map_err(|e| fault::sql("looking up a table by name", e))?;
        match found {
            Some(row) => catalog::table(session, row.get(0)).await,
            None => Ok(None),
        }
    }
}

/// The table's greatest key.
async fn maximum(session: &Session, shape: &Shape<'_>) -> Result<Option<Key>> {
    let mut found = None;
    let mut row = Row::default();
    let sql = shape.maximum();
    copy(session, &sql, |line| {
        row.parse(&line);
        let columns = shape.order.iter().zip(row.data());
        let part = |(place, datum): (&usize, Datum<'_>)| {
            let column = shape.table.columns.get(*place);
            Part::new(datum, column.map_or(0, |column| column.type_oid))
        };
        found = Some(columns.map(part).collect());
        Ok(true)
    })
    .await?;
    Ok(found)
}

/// The rows of a chunk, in a transaction that tells what it sees.
async fn rows(session: &Session, sql: &str, table: Table, columns: Columns) -> Result<Found> {
    let failed = |e| fault::sql("reading a chunk", e);
    let begin = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
    session.batch_execute(begin).await.map_err(failed)?;
    let told = session.query_one(SEEN, &[]).await.map_err(failed)?;
    let (seen, end): (&str, &str) = (told.get(0), told.get(1));
    let seen = Visibility::parse(seen, told.get(2)).zip(end.parse().ok());
    let (seen, end) = seen.ok_or_else(|| {
        EngineError::definite("the server's snapshot is not in the form that Walcast knows")
    })?;
    let mut rows = Rows::new(table, columns);
    let mut row = Row::default();
    let mut bytes = 0;
    copy(session, sql, |line| {
        row.parse(&line);
        let data: Vec<_> = row.data().collect();
        rows.last = key::of(row.data(), &rows.columns.order, &rows.table);
        let told = identity(data, None, &rows.columns, false);
        let told = told.ok_or_else(|| {
            EngineError::definite("a row of a chunk has fewer columns than its table")
        })?;
        bytes += line.len();
        rows.push(told, line);
        Ok(bytes < CHUNK_BYTES_MAX)
    })
    .await?;
    session.batch_execute("COMMIT").await.map_err(failed)?;
    Ok((rows, seen, end))
}

/// Hands each line of a query's result to `each`, until that wants no more.
async fn copy(
    session: &Session,
    query: &str,
    mut each: impl FnMut(Bytes) -> Result<bool>,
) -> Result<()> {
    let doing = format!("running {query}");
    let sql = format!("COPY ({query}) TO STDOUT");
    let copy = session.copy_out(&sql).await;
    let mut copy = pin!(copy.map_err(|e| fault::sql(&doing, e))?);
    let mut pending = BytesMut::new();
    while let Some(chunk) = copy.next().await {
        pending.extend_from_slice(&chunk.map_err(|e| fault::sql(&doing, e))?);
        while let Some(end) = pending.iter().position(|byte| *byte == b'\n') {
            let line = pending.split_to(end + 1).freeze().slice(..end);
            if !each(line)? {
                return Ok(());
            }
        }
    }
    Ok(())
}
