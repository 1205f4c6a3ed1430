//! Opens the way out: the publisher, and the checkpoint to go on from.
//!
//! With exactly-once the transactional id is taken over first: only then is it certain that no older
//! instance can still write, and that the offset read is the last one.

use std::sync::Arc;

use walcast_wire::connect_offset::Offset;

use super::{Output, TaskContext};
use crate::error::Result;
use crate::postgres::server::System;
use crate::publish::at_least_once::AtLeastOnce;
use crate::publish::exactly_once::{self, ExactlyOnce};
use crate::publish::offsets::{self, OffsetRecord};
use crate::publish::stdout::{self, Stdout};
use crate::publish::topics::Topics;
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
        Output::Kafka(settings) => open_kafka(context, settings, system).await,
    }
}

async fn open_kafka(
    context: &TaskContext,
    settings: &Arc<WorkerSettings>,
    system: Option<System>,
) -> Result<Opened> {
    let config = &context.config;
    offsets::ensure_topic(settings).await?;
    let record = OffsetRecord::new(settings, &config.name, &config.topic_prefix, system);
    let topics = Topics::new(Arc::clone(settings), config.topic_creation.clone());
    let publisher: Box<dyn Publisher> = if settings.exactly_once {
        let id = exactly_once::transactional_id(&settings.group_id, &config.name);
        let producer = producer::make(settings, config, Some(&id))?;
        exactly_once::take_over(&producer).await?;
        Box::new(ExactlyOnce::new(
            producer,
            topics,
            record,
            Arc::clone(settings),
        ))
    } else {
        let producer = producer::make(settings, config, None)?;
        Box::new(AtLeastOnce::new(
            producer,
            topics,
            record,
            Arc::clone(settings),
        ))
    };
    let stored = offsets::load(settings, &config.name, &config.topic_prefix).await?;
    let (offset, seen) = stored.map_or((None, None), |stored| (Some(stored.offset), stored.system));
    Ok(Opened {
        publisher,
        offset,
        seen,
    })
}
