//! Before anything lands: does the group's position fit what has landed, and Kafka what was read?
//!
//! Offsets can be reset by hand, expire while a group is away, or start again with a topic that
//! was made anew. Each would land rows twice, or drop new ones as copies of old tokens. The
//! landing table knows the offsets that it holds, so that such a start is refused with its cure.

use rdkafka::error::KafkaError;

use super::{Halt, Worker};
use crate::backoff::Backoff;
use crate::envelope::Origin;
use crate::error_code::classify;
use crate::range::Range;
use crate::status::State;

pub(super) fn unreadable(why: &str) -> String {
    format!(
        "the metadata of the group's committed offset {why}. It belongs to another version of the \
         sink or to another program: start that one, or give this one a group_id of its own"
    )
}

impl Worker {
    /// Nothing may have landed past the pending range, or at all past the position.
    pub(super) async fn guard(&self, offset: i64, pending: Option<Range>) -> Result<(), Halt> {
        let free = pending.map_or(offset, |range| range.last + 1);
        let mut backoff = Backoff::new();
        loop {
            let error = match self.shared.landing.landed_from(&self.origin, free).await {
                Ok(None) => return Ok(()),
                Ok(Some(landed)) => return Err(Halt::Stopped(self.landed_beyond(free, landed))),
                Err(error) => error,
            };
            let detail = format!("ClickHouse, asked what has landed: {error}");
            if !classify(&error).is_retryable() {
                return Err(Halt::Stopped(detail));
            }
            tracing::warn!(topic = %self.origin.topic, partition = self.origin.partition, "{detail}");
            self.set_state(State::Retrying, Some(detail));
            self.pause(&mut backoff).await?;
        }
    }

    fn landed_beyond(&self, free: i64, landed: u64) -> String {
        let Origin { topic, partition } = &self.origin;
        let next = landed + 1;
        let group = &self.shared.kafka.group_id;
        format!(
            "the group {group} stands at offset {free}, but {topic}/{partition} has landed up to \
             {landed}: going on would land rows twice. If the group's offsets were reset or have \
             expired, set them forward (kafka-consumer-groups --group {group} --topic \
             {topic}:{partition} --reset-offsets --to-offset {next} --execute) and start again; if \
             the topic was made anew, use another topic name or delete its rows from the landing \
             table and what follows from them"
        )
    }

    pub(super) fn range_gone(&self, range: Range, found: i64) -> String {
        let Origin { topic, partition } = &self.origin;
        format!(
            "the pending range {range} of {topic}/{partition} is not in Kafka any more (found \
             offset {found} instead), so it cannot be sent again identically. {}",
            self.range_cure(range)
        )
    }

    pub(super) fn range_ends_early(&self, range: Range) -> String {
        let Origin { topic, partition } = &self.origin;
        format!(
            "{topic}/{partition} ends before the pending range {range} does: Kafka has lost \
             committed records. {}",
            self.range_cure(range)
        )
    }

    fn range_cure(&self, Range { first, last }: Range) -> String {
        let Origin { topic, partition } = &self.origin;
        let (group, next) = (&self.shared.kafka.group_id, last + 1);
        format!(
            "Compare SELECT kafka_offset FROM outbox_events WHERE kafka_topic = '{topic}' AND \
             kafka_partition = {partition} AND kafka_offset BETWEEN {first} AND {last} with the \
             outbox table, insert what is missing by hand, then move the group past it: \
             kafka-consumer-groups --group {group} --topic {topic}:{partition} --reset-offsets \
             --to-offset {next} --execute"
        )
    }

    pub(super) fn records_gone(&self, error: &KafkaError) -> String {
        let Origin { topic, partition } = &self.origin;
        let group = &self.shared.kafka.group_id;
        format!(
            "the position of {topic}/{partition} is not in Kafka ({error}): records were deleted \
             before they were read, or the topic was made anew. Compare the landing table with the \
             outbox table, then set the group's offset (kafka-consumer-groups --group {group} \
             --topic {topic}:{partition} --reset-offsets --to-earliest --execute) and start again; \
             raise the topic's retention.ms above the longest stop of the sink"
        )
    }
}
