//! `TimestampRouter`: makes the topic of the old one and the record's time.

use crate::data::DataRecord;
use crate::transform::{Options, Transform, TransformError};

use super::date_format::DateFormat;

/// The transform.
#[derive(Debug)]
pub(crate) struct TimestampRouter {
    topic: String,
    timestamp: Option<DateFormat>,
}

pub(crate) fn build(options: &mut Options) -> TimestampRouter {
    let topic = options.text_or("topic.format", "${topic}-${timestamp}");
    let pattern = options.text_or("timestamp.format", "yyyyMMdd");
    let timestamp = match DateFormat::new(&pattern) {
        Ok(format) => Some(format),
        Err(why) => {
            options.invalid_at_start("timestamp.format", &pattern, why);
            None
        }
    };
    TimestampRouter { topic, timestamp }
}

impl Transform for TimestampRouter {
    fn apply(&mut self, mut record: DataRecord) -> Result<Option<DataRecord>, TransformError> {
        let Some(timestamp) = record.timestamp else {
            return Err(TransformError::new(format!(
                "Timestamp missing on record: ConnectRecord{{topic='{}'}}",
                record.topic
            )));
        };
        let format = self.timestamp.as_ref();
        let formatted = format
            .map(|format| format.format(timestamp))
            .unwrap_or_default();
        let topic = self.topic.replace("${topic}", &record.topic);
        record.topic = topic.replace("${timestamp}", &formatted).into();
        Ok(Some(record))
    }
}
