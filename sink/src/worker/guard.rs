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

/// A block that spans months becomes a part for each, and each part takes a place in the window;
/// more than this many on average are not reckoned with.
const PARTS_PER_BLOCK: u64 = 4;

pub(super) fn unreadable(why: &str) -> String {
    format!(
        "the metadata of the group's committed offset {why}. It belongs to another version of the \
         sink or to another program: start that one, or give this one a group_id of its own"
    )
}

impl Worker {
    /// Nothing may have landed past the pending range, or at all past the position.
    pub(super) async fn guard(&self, offset: i64, pending: Option<Range>) -> Result<(), Halt> {
        let mut backoff = Backoff::new();
        loop {
            let error = match self.doubt(offset, pending).await {
                Ok(None) => return Ok(()),
                Ok(Some(doubt)) => return Err(Halt::Stopped(doubt)),
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

    /// Why going on could double rows; none when it cannot.
    async fn doubt(
        &self,
        offset: i64,
        pending: Option<Range>,
    ) -> Result<Option<String>, clickhouse::error::Error> {
        let landing = &self.shared.landing;
        let free = pending.map_or(offset, |range| range.last + 1);
        if let Some(landed) = landing.landed_from(&self.origin, free).await? {
            return Ok(Some(self.landed_beyond(free, landed)));
        }
        let Some(range) = pending else {
            return Ok(None);
        };
        let blocks_max = self.shared.token_window / PARTS_PER_BLOCK;
        let since = landing
            .blocks_since(&self.origin, range, blocks_max + 1)
            .await?;
        Ok(since
            .filter(|since| *since > blocks_max)
            .map(|_| self.token_forgotten(range)))
    }

    fn token_forgotten(&self, range: Range) -> String {
        let Origin { topic, partition } = &self.origin;
        let window = self.shared.token_window;
        format!(
            "the pending range {range} of {topic}/{partition} has landed, but so many batches since \
             that ClickHouse, whose tables remember {window} blocks, may have forgotten its token: \
             sending it again could double rows, and not sending it could leave a view without \
             them. {}",
            self.range_cure(range)
        )
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
             outbox table and with the tables behind the landing table, insert what is missing by \
             hand, then move the group past it: \
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
