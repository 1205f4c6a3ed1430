//! A producer's way in: the records of batches.

use std::collections::HashMap;
use std::ffi::{c_int, c_void};
use std::mem;
use std::ptr;
use std::sync::Arc;

use rdkafka::bindings::{self as sys, rd_kafka_vtype_t as Argument};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::Producer;
use rdkafka::types::RDKafkaRespErr;

use super::handles::{Headers, Topic, raw};
use super::{Client, Returned};
use crate::batch::{Batch, Published};
use crate::error::Result;
use crate::publish::client::fault;
use crate::publish::deliveries::Tag;

/// So many records in a row with the same headers tell that nearly all will have them.
const COMMON_AFTER: usize = 3;

/// Without a choice of ours, the client chooses the partition by the key.
const ANY_PARTITION: i32 = -1;

/// Hands records to a producer. One batch at a time is begun, and gone on with until it is all in.
pub(in crate::publish) struct Outbox {
    /// The batch at hand, and how many of its records are in.
    current: Option<(Arc<Batch>, usize)>,
    topics: HashMap<Arc<str>, Topic>,
    /// The headers that records have as a rule, once that was seen: names and values.
    common: Option<Vec<(String, Option<Vec<u8>>)>>,
    /// Lists of those headers that no record uses.
    spare: Vec<Headers>,
    returned: Returned,
    // Last, since the topics' handles must be let go before their client is.
    client: Client,
}

impl Outbox {
    pub(super) fn new(client: Client, returned: Returned) -> Self {
        Self {
            current: None,
            topics: HashMap::new(),
            common: None,
            spare: Vec::new(),
            returned,
            client,
        }
    }

    /// Begins with `batch`; the one before it is in.
    pub(in crate::publish) fn begin(&mut self, batch: Batch) {
        let batch = Arc::new(batch);
        self.client.client().context().begin(&batch);
        self.current = Some((batch, 0));
    }

    /// Hands over what is left of the batch; `false` when the client's queue was full before its end.
    ///
    /// # Errors
    /// When the client refuses a record.
    pub(in crate::publish) fn go_on(&mut self) -> Result<bool> {
        let Some((batch, done)) = self.current.take() else {
            return Ok(true);
        };
        let mut alike = Alike::default();
        let mut last = None;
        for (index, record) in batch.iter().enumerate().skip(done) {
            let topic = match last {
                Some((name, topic)) if Arc::ptr_eq(name, record.topic()) => topic,
                _ => self.topic(record.topic())?,
            };
            last = Some((record.topic(), topic));
            let headers = self.headers(record, &mut alike)?;
            let tag = Tag {
                seq: batch.seq,
                reuse_headers: alike.common,
            };
            match self.produce(topic, record, headers, tag.pack()?) {
                Ok(()) => {}
                Err(RDKafkaErrorCode::QueueFull) => {
                    self.current = Some((Arc::clone(&batch), index));
                    return Ok(false);
                }
                Err(code) => return Err(refused(record, code)),
            }
        }
        Ok(true)
    }

    fn topic(&mut self, name: &Arc<str>) -> Result<*mut sys::rd_kafka_topic_t> {
        if let Some(topic) = self.topics.get(name) {
            return Ok(topic.handle());
        }
        let topic = Topic::open(&self.client, name)?;
        let handle = topic.handle();
        self.topics.insert(Arc::clone(name), topic);
        Ok(handle)
    }

    /// The record's headers as a list of its own: one that was used before, when they are the common
    /// ones.
    fn headers<'a>(
        &mut self,
        record: Published<'a>,
        alike: &mut Alike<'a>,
    ) -> Result<Option<Headers>> {
        if alike.is_news(record) {
            if self.common.is_none() && alike.in_a_row == COMMON_AFTER {
                let owned = |(name, value): (&str, Option<&[u8]>)| {
                    (name.to_owned(), value.map(<[u8]>::to_vec))
                };
                self.common = Some(record.headers().map(owned).collect());
            }
            alike.common = self.common.as_ref().is_some_and(|common| {
                let common = common.iter().map(|(n, value)| (&**n, value.as_deref()));
                record.headers().eq(common)
            });
        }
        if record.headers().len() == 0 {
            return Ok(None);
        }
        if alike.common && self.spare.is_empty() {
            mem::swap(&mut self.spare, &mut self.returned.lists());
        }
        match self.spare.pop_if(|_| alike.common) {
            Some(spare) => Ok(Some(spare)),
            None => Headers::of(&record).map(Some),
        }
    }

    /// Gives one record to the client.
    ///
    /// # Errors
    /// The code with which it refuses the record.
    fn produce(
        &mut self,
        topic: *mut sys::rd_kafka_topic_t,
        record: Published<'_>,
        headers: Option<Headers>,
        tag: usize,
    ) -> Result<(), RDKafkaErrorCode> {
        let (value, value_len) = raw(record.value());
        let (key, key_len) = raw(record.key());
        let headers = headers.map_or(ptr::null_mut(), Headers::into_raw);
        let no_flags: c_int = 0;
        // SAFETY: each argument is a tag and then what `rd_kafka_producev` reads after that tag, by
        // number and type, and the last tag is END. The client lives as long as `self`, and so does
        // `topic`, which is in `self.topics`. The key is copied. The value is not: it lies in the batch
        // at hand, which `begin` has made the deliveries keep until this record's comes in; the client
        // only reads it, and nobody writes to it, since it is behind an `Arc`. The list of headers is
        // ours to give away.
        let code = unsafe {
            sys::rd_kafka_producev(
                self.client.client().native_ptr(),
                Argument::RD_KAFKA_VTYPE_RKT,
                topic,
                Argument::RD_KAFKA_VTYPE_PARTITION,
                record.partition().unwrap_or(ANY_PARTITION),
                Argument::RD_KAFKA_VTYPE_MSGFLAGS,
                no_flags,
                Argument::RD_KAFKA_VTYPE_VALUE,
                value,
                value_len,
                Argument::RD_KAFKA_VTYPE_KEY,
                key,
                key_len,
                Argument::RD_KAFKA_VTYPE_OPAQUE,
                ptr::without_provenance_mut::<c_void>(tag),
                Argument::RD_KAFKA_VTYPE_TIMESTAMP,
                record.timestamp().unwrap_or(0),
                Argument::RD_KAFKA_VTYPE_HEADERS,
                headers,
                Argument::RD_KAFKA_VTYPE_END,
            )
        };
        if code == RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR {
            return Ok(());
        }
        // SAFETY: null, or the list from above, which a refused record leaves with us.
        drop(unsafe { Headers::from_raw(headers) });
        Err(code.into())
    }
}

/// How the headers of records in a row compare.
#[derive(Default)]
struct Alike<'a> {
    before: Option<Published<'a>>,
    in_a_row: usize,
    /// Whether these are the common headers.
    common: bool,
}

impl<'a> Alike<'a> {
    /// Counts the record; whether its headers are to be compared with the common ones.
    fn is_news(&mut self, record: Published<'a>) -> bool {
        let before = self.before.replace(record);
        let same = before.is_some_and(|before| before.shares_headers_with(record));
        self.in_a_row = if same { self.in_a_row + 1 } else { 1 };
        !same || self.in_a_row == COMMON_AFTER
    }
}

fn refused(record: Published<'_>, code: RDKafkaErrorCode) -> crate::error::EngineError {
    let size = record.value().map_or(0, <[u8]>::len);
    let topic = record.topic();
    let doing = format!("handing a record of {size} bytes for topic {topic} to Kafka's client");
    fault(&doing, KafkaError::MessageProduction(code))
}
