//! Checkpoints outside of the records' transactions, written so that an older instance's are refused.
//!
//! A worker that was frozen or cut off may wake up with a checkpoint to write, when another has long
//! gone on. Each checkpoint is therefore a transaction of the connector's transactional id, which the
//! newer instance has taken over. Where the cluster or its rights know no transactions, checkpoints
//! are written without, as Kafka Connect does, and a warning says so.

use std::sync::Arc;

use walcast_wire::connect_offset::Offset;

use super::broker::Transactional;
use super::offsets::OffsetRecord;
use super::producer;
use super::transactions::{Transactions, transactional_id};
use crate::config::ConnectorConfig;
use crate::error::Result;
use crate::settings::WorkerSettings;

/// How often the coordinator is asked, 10 s each, before checkpoints are written without it.
const ATTEMPTS: usize = 1;

/// Writes one connector's checkpoints.
pub(crate) struct FencedOffsets<T: Transactional> {
    record: OffsetRecord,
    writer: Writer<T>,
    written: u64,
}

enum Writer<T: Transactional> {
    Fenced(T),
    Plain(Arc<T::Producer>),
}

impl FencedOffsets<Transactions> {
    /// Fences older instances of the connector. Offsets are to be read only after this.
    ///
    /// # Errors
    /// A Kafka property that the client does not take.
    pub(crate) async fn open(
        settings: &WorkerSettings,
        connector: &ConnectorConfig,
        record: OffsetRecord,
    ) -> Result<Self> {
        let id = transactional_id(&settings.group_id, connector);
        let made = producer::for_offsets(settings, &connector.name, Some(&id))?;
        let writer = match Transactions::take_over(made, ATTEMPTS).await {
            Ok(transactions) => Writer::Fenced(transactions),
            Err(error) => {
                tracing::warn!(
                    connector = connector.name,
                    transactional_id = id,
                    error = error.trace(),
                    "checkpoints cannot be fenced: a frozen worker that wakes up could write an old one, and its records would come twice; grant Write on the transactional id, and give the cluster's transaction.state.log.replication.factor as many brokers as it asks for"
                );
                Writer::Plain(producer::for_offsets(settings, &connector.name, None)?)
            }
        };
        Ok(Self::new(record, writer))
    }
}

impl<T: Transactional> FencedOffsets<T> {
    /// Checkpoints without transactions.
    #[cfg(test)]
    pub(crate) fn plain(record: OffsetRecord, producer: Arc<T::Producer>) -> Self {
        Self::new(record, Writer::Plain(producer))
    }

    /// Checkpoints in transactions that have been taken over.
    #[cfg(test)]
    pub(crate) fn fenced(record: OffsetRecord, transactions: T) -> Self {
        Self::new(record, Writer::Fenced(transactions))
    }

    fn new(record: OffsetRecord, writer: Writer<T>) -> Self {
        Self {
            record,
            writer,
            written: 0,
        }
    }

    /// Writes a checkpoint; it is durable on return.
    ///
    /// # Errors
    /// Definite when a newer instance of the connector has taken over.
    pub(crate) async fn write(&mut self, offset: &Offset) -> Result<()> {
        self.written += 1;
        match &mut self.writer {
            Writer::Plain(producer) => self.record.write(&**producer, self.written, offset).await,
            Writer::Fenced(transactions) => {
                transactions.begin().await?;
                self.record
                    .write(&**transactions.producer(), self.written, offset)
                    .await?;
                transactions.commit().await
            }
        }
    }
}
