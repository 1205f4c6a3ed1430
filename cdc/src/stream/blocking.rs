//! Blocking snapshots: `execute-snapshot` of type `blocking`. While one is taken the stream waits.
//!
//! The rows are as of a moment after all that was streamed; what was committed between the two is
//! streamed afterwards, so the last record of each key is what the table holds.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;
use walcast_wire::config::EncoderConfig;
use walcast_wire::encoder::Encoder;

use super::Reader;
use super::facts::Facts;
use super::relations::Relations;
use crate::batch::{Mark, Urgency};
use crate::config::{DatabaseConfig, SnapshotConfig};
use crate::error::Result;
use crate::notify::Notifier;
use crate::postgres::catalog::{self, CapturedTable};
use crate::progress::Stage;
use crate::signal::request::{Tables, expand};
use crate::snapshot::Snapshot;
use crate::snapshot::keeper::Keeper;
use crate::snapshot::metrics::SnapshotMetrics;

/// What a stream needs for snapshots that are asked for.
pub(crate) struct OnDemand {
    pub(crate) config: SnapshotConfig,
    pub(crate) database: Arc<DatabaseConfig>,
    pub(crate) encoder: EncoderConfig,
    pub(crate) metrics: Arc<SnapshotMetrics>,
    pub(crate) notifier: Notifier,
    /// Those that wait for the end of the transaction at hand.
    pub(crate) waiting: Vec<Tables>,
}

impl Reader<'_> {
    /// Whether a snapshot is asked for, and the stream stands between two transactions.
    pub(super) fn blocking_is_due(&self) -> bool {
        !self.signals.on_demand.waiting.is_empty() && self.cursor.boundary().is_some()
    }

    /// Takes the snapshots that are asked for. As in Debezium, one that fails is not tried again, and
    /// the stream goes on.
    pub(super) async fn take_blocking(&mut self, stop: &CancellationToken) -> Result<()> {
        for tables in std::mem::take(&mut self.signals.on_demand.waiting) {
            self.settle().await;
            self.signals.on_demand.metrics.started(false);
            let taken = tokio::select! {
                biased;
                () = stop.cancelled() => return Ok(()),
                taken = self.blocking(&tables) => taken,
            };
            self.signals.on_demand.metrics.ended(taken.is_ok());
            self.seq = self.chain.at(Stage::Received);
            if let Err(error) = taken {
                tracing::error!(
                    error = error.trace(),
                    "the blocking snapshot failed; send the signal again when the cause is cured"
                );
            }
        }
        Ok(())
    }

    async fn blocking(&mut self, tables: &Tables) -> Result<()> {
        let keeper = {
            let on_demand = &self.signals.on_demand;
            Keeper::open(&on_demand.database, None, &self.clock).await?
        };
        let encoder = self.relations.encoder();
        let captured = |schema: &str, table: &str| encoder.captured(schema, table);
        let captured = catalog::tables(keeper.session(), captured).await?;
        let (config, chosen) = self.chosen(tables, captured);
        let mut offset = self.cursor.offset().clone();
        self.describe(&mut offset);
        let point = self.cursor.snapshot_point(keeper.taken_us);
        let done = Mark {
            offset,
            confirm: point.lsn,
            urgency: Urgency::Interval,
        };
        let on_demand = &self.signals.on_demand;
        // The stream's own plans stay: they are as the stream announced them.
        let encoder = Encoder::new(on_demand.encoder.clone());
        let mut relations = Relations::new(Facts::of(Arc::clone(&on_demand.database)), encoder);
        let snapshot = Snapshot {
            config: &config,
            database: Arc::clone(&on_demand.database),
            encoder: on_demand.encoder.clone(),
            keeper: &keeper,
            point,
            relations: &mut relations,
            output: &self.output,
            chain: Arc::clone(&self.chain),
            metrics: Arc::clone(&on_demand.metrics),
            clock: Arc::clone(&self.clock),
            notifier: on_demand.notifier.clone(),
            bar: false,
            seq: self.seq,
        };
        Box::pin(snapshot.run(&chosen, None, done))
            .await
            .map(|_| ())
    }

    /// The tables that are asked for, and the SELECTs that the signal gives for some of them.
    fn chosen(
        &self,
        tables: &Tables,
        captured: Vec<CapturedTable>,
    ) -> (SnapshotConfig, Vec<CapturedTable>) {
        let names: Vec<String> = captured.iter().map(CapturedTable::id).collect();
        let wanted = expand(&tables.collections, &names).unwrap_or_default();
        let mut config = self.signals.on_demand.config.clone();
        config.overrides.clear();
        let mut chosen = captured;
        chosen.retain(|table| wanted.contains(&table.id()));
        for table in &chosen {
            let id = table.id();
            let mut conditions = tables.conditions.iter();
            let select =
                conditions.find(|one| one.collection.matches(&id) && !one.filter.is_empty());
            if let Some(select) = select {
                let select = select.filter.trim_end_matches(';').to_owned();
                let key = (table.schema.clone(), table.name.clone());
                config.overrides.insert(key, select);
            }
        }
        (config, chosen)
    }
}
