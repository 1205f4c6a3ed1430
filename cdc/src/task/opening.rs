//! Opens the way out: the publisher, and the checkpoint to go on from.
//!
//! The transactional id is taken over first: only then is it certain that no older instance can still
//! write a checkpoint, and that the offset read is the last one.

use std::path::Path;
use std::sync::Arc;

use walcast_wire::connect_offset::Offset;

use super::{Output, TaskContext};
use crate::error::{EngineError, Result};
use crate::postgres::server::System;
use crate::publish::at_least_once::{AtLeastOnce, Checkpoints};
use crate::publish::exactly_once::ExactlyOnce;
use crate::publish::fenced::FencedOffsets;
use crate::publish::offset_file::OffsetFile;
use crate::publish::offsets::{self, OffsetRecord};
use crate::publish::stdout::{self, Stdout};
use crate::publish::topics::Topics;
use crate::publish::transactions::{CALL_ATTEMPTS, Transactions, transactional_id};
use crate::publish::{Publisher, producer};
use crate::settings::WorkerSettings;

/// A publisher that is ready, and the stored offset.
pub(super) struct Opened {
    pub(super) publisher: Box<dyn Publisher>,
    pub(super) offset: Option<Offset>,
    /// The system that the offset was stored with, where that is known.
    pub(super) seen: Option<System>,
}

/// Opens the publisher the context asks for; `system` is stored with each offset.
pub(super) async fn open(context: &TaskContext, system: Option<System>) -> Result<Opened> {
    match &context.output {
        Output::Stdout { offset_file } => Ok(Opened {
            offset: stdout::load(offset_file)?,
            seen: stdout::load_system(offset_file)?,
            publisher: Box::new(Stdout::new(offset_file.clone(), system)),
        }),
        Output::Kafka(settings) => match &settings.offsets_file {
            Some(path) => open_with_file(context, settings, path, system),
            None => open_kafka(context, settings, system).await,
        },
    }
}

/// Records go to Kafka, checkpoints into a file.
fn open_with_file(
    context: &TaskContext,
    settings: &Arc<WorkerSettings>,
    path: &Path,
    system: Option<System>,
) -> Result<Opened> {
    let config = &context.config;
    if settings.exactly_once {
        return Err(EngineError::definite(
            "exactly-once needs checkpoints in Kafka, beside the records; keep them in a topic",
        ));
    }
    let file = OffsetFile::new(path, &config.name, &config.topic_prefix, system);
    let stored = file.load()?;
    let (offset, seen) = stored.map_or((None, None), |stored| (Some(stored.offset), stored.system));
    let producer = producer::make(settings, config, None)?;
    let topics = Topics::new(
        Arc::clone(settings),
        config.topic_creation.clone(),
        context.topics_used.clone(),
    );
    let publisher = AtLeastOnce::<Transactions>::new(
        producer,
        topics,
        Checkpoints::File(file),
        Arc::clone(settings),
    );
    Ok(Opened {
        publisher: Box::new(publisher),
        offset,
        seen,
    })
}

async fn open_kafka(
    context: &TaskContext,
    settings: &Arc<WorkerSettings>,
    system: Option<System>,
) -> Result<Opened> {
    let config = &context.config;
    check_ownership(settings, config.connector()).await?;
    offsets::ensure_topic(settings).await?;
    let record = OffsetRecord::new(settings, config.offset_key(), system);
    let topics = Topics::new(
        Arc::clone(settings),
        config.topic_creation.clone(),
        context.topics_used.clone(),
    );
    let publisher: Box<dyn Publisher> = if settings.exactly_once {
        let id = transactional_id(&settings.group_id, config);
        let producer = producer::make(settings, config, Some(&id))?;
        let transactions = Transactions::take_over(producer, CALL_ATTEMPTS).await?;
        Box::new(ExactlyOnce::new(
            transactions,
            topics,
            record,
            Arc::clone(settings),
            config.transaction_boundary,
        ))
    } else {
        let producer = producer::make(settings, config, None)?;
        let offsets = FencedOffsets::open(settings, config, record).await?;
        Box::new(AtLeastOnce::new(
            producer,
            topics,
            Checkpoints::Topic(Box::new(offsets)),
            Arc::clone(settings),
        ))
    };
    let stored = offsets::load(settings, config).await?;
    if config.lane.is_none() {
        let slots = config.slots;
        slots.check_stored(&config.name, stored.own.is_some(), &stored.lanes)?;
    }
    let (offset, seen) = (stored.own).map_or((None, None), |own| (Some(own.offset), own.system));
    Ok(Opened {
        publisher,
        offset,
        seen,
    })
}

/// Refuses to fence the connector's rightful owner.
async fn check_ownership(settings: &WorkerSettings, connector: &str) -> Result<()> {
    let Some(ownership) = &settings.ownership else {
        return Ok(());
    };
    match ownership.holds(connector).await {
        Ok(true) => Ok(()),
        Ok(false) => Err(EngineError::transient(
            "another worker of the group runs this connector now",
        )),
        Err(why) => Err(EngineError::transient(format!(
            "cannot tell whether this worker still runs the connector: {why}"
        ))),
    }
}
