//! What the encoder is told once: names, modes and switches.
//!
//! Values are already parsed; the shell reads them from a connector's configuration. Defaults are
//! Debezium's.

use std::sync::Arc;

use crate::filter::{Filters, KeyColumns, NameFilter};
use crate::mapper::ColumnMappers;
use crate::modes::{
    BinaryMode, DecimalMode, HstoreMode, IntervalMode, NameAdjustment, TimePrecisionMode,
};
use crate::pipeline::PipelineConfig;
use crate::route::{Router, TopicNaming};

/// The version of Debezium whose records these are, byte for byte. Consumers read it as the version
/// of the format; it stands in texts (of `StringConverter`, of CloudEvents) too, where nobody could
/// tell it from the rest.
pub const DEBEZIUM_VERSION: &str = "3.7.0.Final";

/// How to turn changes into records.
#[derive(Debug, Clone)]
pub struct EncoderConfig {
    /// `source.version`: by default [`DEBEZIUM_VERSION`].
    pub connector_version: String,
    /// `topic.prefix`, Debezium's logical name.
    pub logical_name: String,
    /// `database.dbname`.
    pub database: String,
    /// `topic.delimiter`.
    pub topic_delimiter: String,
    /// `topic.naming.strategy`.
    pub topic_naming: TopicNaming,
    /// Where `BEGIN` and `END` records go with `provide.transaction.metadata`; `None` without it.
    pub transaction_topic: Option<String>,
    /// Where heartbeats go.
    pub heartbeat_topic: String,
    /// `notification.sink.topic.name`, when notifications become records.
    pub notification_topic: Option<String>,
    /// `decimal.handling.mode`.
    pub decimal: DecimalMode,
    /// `time.precision.mode`.
    pub time_precision: TimePrecisionMode,
    /// `interval.handling.mode`.
    pub interval: IntervalMode,
    /// `hstore.handling.mode`.
    pub hstore: HstoreMode,
    /// `binary.handling.mode`.
    pub binary: BinaryMode,
    /// `schema.name.adjustment.mode`.
    pub schema_name_adjustment: NameAdjustment,
    /// `field.name.adjustment.mode`.
    pub field_name_adjustment: NameAdjustment,
    /// The key converter's `schemas.enable`.
    pub key_schemas_enable: bool,
    /// The value converter's `schemas.enable`.
    pub value_schemas_enable: bool,
    /// `tombstones.on.delete`.
    pub tombstones_on_delete: bool,
    /// `skipped.operations`.
    pub skipped: SkippedOperations,
    /// `skip.messages.without.change`.
    pub skip_messages_without_change: bool,
    /// `unavailable.value.placeholder`, after its `hex:` form was decoded.
    pub unavailable_value_placeholder: Vec<u8>,
    /// `include.unknown.datatypes`.
    pub include_unknown_datatypes: bool,
    /// `money.fraction.digits`.
    pub money_fraction_digits: u16,
    /// The converters' `replace.null.with.default`.
    pub replace_null_with_default: bool,
    /// `extended.headers.enabled`.
    pub extended_headers: bool,
    /// Number of the task, for a header.
    pub task_id: String,
    /// Debezium's short name of the connector's class, for `source.connector` and a header.
    pub connector_name: String,
    /// UUID (version 7) of this start of the task, for a header.
    pub run_id: String,
    /// Masks, truncations and the like.
    pub mappers: ColumnMappers,
    /// `message.prefix.include.list` or `message.prefix.exclude.list`.
    pub message_prefixes: NameFilter,
    /// `message.key.columns`.
    pub message_key_columns: KeyColumns,
    /// The transforms that change topics, in order, where there is no pipeline.
    pub routers: Vec<Router>,
    /// Transforms and converters; `None` when records go out as the encoder writes them.
    pub pipeline: Option<Arc<PipelineConfig>>,
    /// Which schemas, tables and columns are captured.
    pub filters: Filters,
}

/// `skipped.operations`: kinds of changes that make no record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SkippedOperations {
    /// `c`
    pub create: bool,
    /// `u`
    pub update: bool,
    /// `d`
    pub delete: bool,
    /// `t`; skipped by default.
    pub truncate: bool,
}

impl Default for SkippedOperations {
    fn default() -> Self {
        Self {
            create: false,
            update: false,
            delete: false,
            truncate: true,
        }
    }
}

impl EncoderConfig {
    /// What the encoder itself goes by: a pipeline takes plain JSON, its converters do the rest.
    pub(crate) fn for_encoding(mut self) -> Self {
        if self.pipeline.is_some() {
            self.key_schemas_enable = false;
            self.value_schemas_enable = false;
            self.replace_null_with_default = false;
            self.routers.clear();
        }
        self
    }
}

impl Default for EncoderConfig {
    fn default() -> Self {
        Self {
            connector_version: DEBEZIUM_VERSION.to_owned(),
            logical_name: String::new(),
            database: String::new(),
            topic_delimiter: ".".to_owned(),
            topic_naming: TopicNaming::default(),
            transaction_topic: None,
            heartbeat_topic: String::new(),
            notification_topic: None,
            decimal: DecimalMode::default(),
            time_precision: TimePrecisionMode::default(),
            interval: IntervalMode::default(),
            hstore: HstoreMode::default(),
            binary: BinaryMode::default(),
            schema_name_adjustment: NameAdjustment::default(),
            field_name_adjustment: NameAdjustment::default(),
            key_schemas_enable: false,
            value_schemas_enable: false,
            tombstones_on_delete: true,
            skipped: SkippedOperations::default(),
            skip_messages_without_change: false,
            unavailable_value_placeholder: b"__debezium_unavailable_value".to_vec(),
            include_unknown_datatypes: false,
            money_fraction_digits: 2,
            replace_null_with_default: true,
            extended_headers: true,
            task_id: "0".to_owned(),
            connector_name: "postgresql".to_owned(),
            run_id: String::new(),
            mappers: ColumnMappers::default(),
            message_prefixes: NameFilter::default(),
            message_key_columns: KeyColumns::default(),
            routers: Vec::new(),
            pipeline: None,
            filters: Filters::default(),
        }
    }
}
