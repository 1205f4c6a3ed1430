//! What happens to a record between its encoding and the publisher when a connector transforms
//! records or converts them to something else than JSON.
//!
//! Enters a record as the encoder made it, plain JSON beside its schemas; it is read into the data
//! model, goes through the chain and the converters, and leaves as bytes. A connector without
//! transforms and with JSON converters has no pipeline, and its records never come here.

use std::sync::Arc;

use crate::converter::{ConvertError, Converter, Form, HeaderConverter};
use crate::data::{DataRecord, Header, Kind, Schema, Value, read};
use crate::encoder::EncodeError;
use crate::record::{Headers, LogSkipped, Record, RecordSink, Skipped};
use crate::transform::{Chain, ChainProblem, Link};

/// A pipeline as it is configured.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PipelineConfig {
    /// `transforms`, in order.
    pub links: Vec<Link>,
    /// `key.converter`
    pub key: Form,
    /// `value.converter`
    pub value: Form,
    /// `header.converter`; `None` is Connect's `SimpleHeaderConverter`.
    pub header: Option<Form>,
    /// `errors.tolerance=all`: a record that a transform or converter refuses is left out, and the
    /// sink is told. `None` makes it an error.
    pub tolerance: Option<LogSkipped>,
}

impl PipelineConfig {
    /// What is wrong or odd with it; without anything wrong an encoder can be made with it.
    pub fn check(&self) -> Vec<ChainProblem> {
        Chain::build(&self.links).1
    }
}

/// The schemas of a record that the encoder wrote without them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Schemas {
    pub(crate) key: Option<Arc<Schema>>,
    pub(crate) value: Option<Arc<Schema>>,
}

impl Schemas {
    /// From their JSON, as JsonConverter prints them.
    pub(crate) fn read(key: Option<&str>, value: &str) -> Result<Self, read::Unreadable> {
        let key = key.map(read::schema).transpose()?;
        Ok(Self {
            key: key.map(Arc::new),
            value: Some(Arc::new(read::schema(value)?)),
        })
    }
}

/// Chain and converters, with the buffers they write into.
#[derive(Debug)]
pub(crate) struct Pipeline {
    /// `None` is a chain that could not be built; checking the configuration told why.
    chain: Option<Chain>,
    key: Converter,
    value: Converter,
    header: HeaderConverter,
    key_bytes: Vec<u8>,
    value_bytes: Vec<u8>,
    text: Arc<Schema>,
    tolerance: Option<LogSkipped>,
}

impl Pipeline {
    pub(crate) fn new(config: &PipelineConfig) -> Self {
        Self {
            chain: Chain::build(&config.links).0,
            key: Converter::new(&config.key),
            value: Converter::new(&config.value),
            header: HeaderConverter::new(config.header.as_ref()),
            key_bytes: Vec::new(),
            value_bytes: Vec::new(),
            text: Arc::new(Schema::new(Kind::String)),
            tolerance: config.tolerance,
        }
    }

    /// Sends a record through and hands over what comes out, or tells the sink that it was left out.
    pub(crate) fn send(
        &mut self,
        record: Record<'_>,
        schemas: &Schemas,
        sink: &mut impl RecordSink,
    ) -> Result<(), EncodeError> {
        match (self.apply(record, schemas, sink), self.tolerance) {
            (Err(EncodeError::Transform(error)), Some(log)) => {
                sink.skipped(Skipped { record, error, log });
                Ok(())
            }
            (ended, _) => ended,
        }
    }

    fn apply(
        &mut self,
        record: Record<'_>,
        schemas: &Schemas,
        sink: &mut impl RecordSink,
    ) -> Result<(), EncodeError> {
        let record = self.read(record, schemas)?;
        let chain = self.chain.as_mut();
        let chain = chain.ok_or_else(|| {
            EncodeError::Transform("the chain of transforms could not be built".to_owned())
        })?;
        let applied = chain.apply(record);
        let applied = applied.map_err(|error| EncodeError::Transform(error.to_string()))?;
        match applied {
            Some(record) => self.hand_over(&record, sink),
            None => Ok(()),
        }
    }

    fn read(&self, record: Record<'_>, schemas: &Schemas) -> Result<DataRecord, EncodeError> {
        let unreadable = |error: read::Unreadable| {
            EncodeError::Transform(format!("a record of topic {}: {error}", record.topic))
        };
        let part = |bytes: Option<&[u8]>, schema: &Option<Arc<Schema>>| match (bytes, schema) {
            (Some(bytes), Some(schema)) => {
                let value = read::value(bytes, schema)?;
                Ok((Some(Arc::clone(schema)), value))
            }
            _ => Ok((None, Value::Null)),
        };
        let (key_schema, key) = part(record.key, &schemas.key).map_err(unreadable)?;
        let (value_schema, value) = part(record.value, &schemas.value).map_err(unreadable)?;
        Ok(DataRecord {
            topic: Arc::clone(record.topic),
            partition: record.partition,
            timestamp: record.timestamp,
            key_schema,
            key,
            value_schema,
            value,
            headers: self.headers(record.headers, schemas).map_err(unreadable)?,
        })
    }

    /// The headers as Debezium gives them to transforms: text, and keys as structs.
    fn headers(
        &self,
        headers: &Headers,
        schemas: &Schemas,
    ) -> Result<Vec<Header>, read::Unreadable> {
        let mut read = Vec::with_capacity(headers.len());
        if let (Some((name, key)), Some(schema)) = (headers.key_change(), &schemas.key) {
            read.push(Header {
                name: name.into(),
                value: read::value(key, schema)?,
                schema: Some(Arc::clone(schema)),
            });
        }
        for (name, value) in headers.context() {
            read.push(Header {
                name: name.into(),
                schema: Some(Arc::clone(&self.text)),
                value: match value {
                    Some(value) => Value::String(String::from_utf8_lossy(value).into_owned()),
                    None => Value::Null,
                },
            });
        }
        Ok(read)
    }

    fn hand_over(
        &mut self,
        record: &DataRecord,
        sink: &mut impl RecordSink,
    ) -> Result<(), EncodeError> {
        let refused = |part: &str, error: ConvertError| {
            let topic = &record.topic;
            EncodeError::Transform(format!("the {part} of a record of topic {topic}: {error}"))
        };
        let key = self
            .key
            .convert(record.key_schema.as_ref(), &record.key, &mut self.key_bytes)
            .map_err(|error| refused("key", error))?;
        let value = self
            .value
            .convert(
                record.value_schema.as_ref(),
                &record.value,
                &mut self.value_bytes,
            )
            .map_err(|error| refused("value", error))?;
        let mut headers = Vec::with_capacity(record.headers.len());
        for header in &record.headers {
            let bytes = self
                .header
                .convert(header.schema.as_ref(), &header.value)
                .map_err(|error| refused(&format!("header {}", header.name), error))?;
            headers.push((header.name.to_string(), bytes));
        }
        sink.record(Record {
            topic: &record.topic,
            partition: record.partition,
            timestamp: record.timestamp,
            key: key.then_some(&*self.key_bytes),
            value: value.then_some(&*self.value_bytes),
            headers: &Headers::of(headers),
        });
        Ok(())
    }
}
