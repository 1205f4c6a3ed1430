//! The ways by which signals come to a stream from outside of its database: topic, file and REST.
//!
//! They are open while the connector streams. All lead into one bounded queue, whose other end the
//! stream's reader has; who finds it full waits, or is told so.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::{Signal, file, kafka};
use crate::error::Result;
use crate::progress::Chain;
use crate::publish::Durable;
use crate::task::TaskContext;

/// Signals that may wait for the reader.
const WAITING: usize = 16;

/// How long closing may take.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);

/// The open doors of one stream; dropping them closes them at once.
pub(crate) struct Doors {
    doorway: watch::Sender<Option<mpsc::Sender<Signal>>>,
    closing: CancellationToken,
    tasks: JoinSet<()>,
}

impl Doors {
    /// Opens the doors, and gives the end of the queue that the reader takes from.
    ///
    /// # Errors
    /// Definite when the channel `kafka` is configured in a way that cannot be honoured.
    pub(crate) fn open(
        context: &TaskContext,
        durable: &watch::Receiver<Durable>,
        chain: &Arc<Chain>,
    ) -> Result<(Self, mpsc::Receiver<Signal>)> {
        let (signals, received) = mpsc::channel(WAITING);
        let closing = CancellationToken::new();
        let mut tasks = JoinSet::new();
        let channels = &context.config.signal_channels;
        if let Some(config) = &channels.kafka {
            let done = kafka::Done::new(signals.clone(), durable.clone(), Arc::clone(chain));
            kafka::spawn(&mut tasks, (config, context), done, closing.clone())?;
        }
        if let Some(config) = &channels.file {
            file::spawn(&mut tasks, config, signals.clone(), closing.clone());
        }
        context.doorway.send_replace(Some(signals));
        let doors = Self {
            doorway: context.doorway.clone(),
            closing,
            tasks,
        };
        Ok((doors, received))
    }

    /// Closes them once everything of the stream that will be durable is: which signals are done
    /// with is written down.
    pub(crate) async fn close(mut self) {
        self.doorway.send_replace(None);
        self.closing.cancel();
        let ended = async {
            while let Some(ended) = self.tasks.join_next().await {
                if let Err(error) = ended {
                    tracing::error!(%error, "a channel of signals ended unexpectedly");
                }
            }
        };
        if tokio::time::timeout(CLOSE_TIMEOUT, ended).await.is_err() {
            tracing::warn!(
                "Kafka did not take the offset of the signals within {} s; the last ones may be taken again",
                CLOSE_TIMEOUT.as_secs()
            );
        }
    }
}

impl Drop for Doors {
    fn drop(&mut self) {
        self.doorway.send_replace(None);
    }
}
