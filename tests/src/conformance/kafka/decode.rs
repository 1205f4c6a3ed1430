//! A consumed message as a record.

use rdkafka::Timestamp;
use rdkafka::message::{BorrowedMessage, Headers, Message};

use crate::conformance::names::Names;
use crate::conformance::record::{Record, header, split};

/// The message, with placeholders for the run's names.
pub(super) fn record(message: &BorrowedMessage<'_>, names: &Names) -> Record {
    let (raw_key, raw_key_b64) = split(message.key(), names);
    let (raw_value, raw_value_b64) = split(message.payload(), names);
    let (timestamp_type, timestamp) = match message.timestamp() {
        Timestamp::NotAvailable => ("NotAvailable", -1),
        Timestamp::CreateTime(time) => ("CreateTime", time),
        Timestamp::LogAppendTime(time) => ("LogAppendTime", time),
    };
    let headers = message.headers().into_iter().flat_map(Headers::iter);
    let headers = headers.map(|one| (one.key.to_owned(), header(one.value, names)));
    Record {
        topic: names.restore(message.topic()),
        partition: message.partition(),
        offset: message.offset(),
        raw_key,
        raw_key_b64,
        raw_value,
        raw_value_b64,
        headers: headers.collect(),
        timestamp_type: timestamp_type.into(),
        timestamp,
    }
}
