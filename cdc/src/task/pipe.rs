//! Joins what reads and what publishes: the queue between them, and the end of both.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use crate::batch::Batch;
use crate::error::{EngineError, Result};
use crate::metrics::TaskMetrics;
use crate::progress::Chain;
use crate::publish::{Durable, Publisher, QUEUE_BATCHES, Wiring};
use crate::stream::Ended;

/// How long a stop waits for what is in flight.
const STOP_TIMEOUT: Duration = Duration::from_secs(30);

/// A publisher that runs.
pub(crate) struct Pipe {
    publisher: JoinSet<Result<()>>,
    /// What is durable.
    pub(crate) durable: watch::Receiver<Durable>,
}

impl Pipe {
    /// Starts `publisher`; it takes what is sent into the queue.
    pub(crate) fn open(
        publisher: Box<dyn Publisher>,
        chain: &Arc<Chain>,
        metrics: &Arc<TaskMetrics>,
    ) -> (Self, mpsc::Sender<Batch>) {
        let (output, input) = mpsc::channel(QUEUE_BATCHES);
        let (report, durable) = watch::channel(Durable::default());
        let wiring = Wiring {
            input,
            durable: report,
            chain: Arc::clone(chain),
            metrics: Arc::clone(metrics),
        };
        let mut running = JoinSet::new();
        running.spawn(publisher.run(wiring));
        let pipe = Self {
            publisher: running,
            durable,
        };
        (pipe, output)
    }

    /// Ends it once reading has ended, and the queue is closed: what was taken is finished, and the
    /// slot is told.
    pub(crate) async fn close(mut self, read: Result<Option<Ended>>) -> Result<()> {
        // The publisher's error is the cause when it went first.
        finish(&mut self.publisher).await?;
        if let Some(ended) = read? {
            ended.source.confirm(self.durable.borrow().confirm);
            ended.source.stop().await?;
        }
        Ok(())
    }
}

/// Waits for the publisher to finish what it has; its input is closed by now.
async fn finish(publisher: &mut JoinSet<Result<()>>) -> Result<()> {
    match tokio::time::timeout(STOP_TIMEOUT, publisher.join_next()).await {
        Ok(Some(Ok(ended))) => ended,
        Ok(Some(Err(panic))) => {
            Err(EngineError::transient("the publisher stopped unexpectedly").because(panic))
        }
        Ok(None) => Ok(()),
        Err(_) => {
            publisher.abort_all();
            Err(EngineError::transient(
                "Kafka did not take what was in flight within 30 s; it will be sent again from the checkpoint",
            ))
        }
    }
}
