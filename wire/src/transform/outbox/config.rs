//! The options of `EventRouter`: `EventRouterConfigDefinition`.

use super::super::json_schema::{EmptyLists, Inference, Nulls};
use super::schema::ValueSchemas;
use super::{EventRouter, Options};
use crate::modes::NameAdjustment;
use crate::route::RegexRouter;

/// `table.op.invalid.behavior`; both ways of skipping leave no record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum InvalidOperation {
    Skip,
    Fatal,
}

/// Where a field of the row goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Placement {
    Header,
    Envelope,
    Partition,
}

/// One entry of `table.fields.additional.placement`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Additional {
    pub(super) field: String,
    pub(super) placement: Placement,
    pub(super) alias: String,
}

impl EventRouter {
    pub(crate) fn build(options: &mut Options) -> Self {
        // The event's type is read by nothing but `additional.placement`; without OpenTelemetry's
        // agent in the JVM, Debezium's tracing does nothing either.
        options.ignore(&[
            "table.field.event.type",
            "tracing.span.context.field",
            "tracing.operation.name",
            "tracing.with.context.field.only",
        ]);
        let behaviours = [
            ("warn", InvalidOperation::Skip),
            ("error", InvalidOperation::Skip),
            ("fatal", InvalidOperation::Fatal),
        ];
        let missing = [("error", false), ("ignore", true)];
        Self {
            id: options.text_or("table.field.event.id", "id"),
            key: Some(options.text_or("table.field.event.key", "aggregateid")),
            payload: options.text_or("table.field.event.payload", "payload"),
            timestamp: options.text("table.field.event.timestamp"),
            schema_version: options.text("table.field.event.schema.version"),
            route_by: options.text_or("route.by.field", "aggregatetype"),
            router: router(options),
            additional: additional(options),
            missing_is_ignored: options.one_of("table.field.additional.missing", &missing, false),
            invalid_operation: options.one_of(
                "table.op.invalid.behavior",
                &behaviours,
                InvalidOperation::Skip,
            ),
            tombstone_on_empty: options.bool_or("route.tombstone.on.empty.payload", false),
            expander: expander(options),
            schemas: ValueSchemas::default(),
        }
    }
}

fn router(options: &mut Options) -> Option<RegexRouter> {
    let regex = options.text_or("route.topic.regex", "(?<routedByValue>.*)");
    let replacement = options.text_or("route.topic.replacement", "outbox.event.${routedByValue}");
    match RegexRouter::new(&regex, &replacement) {
        Ok(router) => Some(router),
        Err(error) => {
            options.invalid("route.topic.regex", &regex, error);
            None
        }
    }
}

fn additional(options: &mut Options) -> Vec<Additional> {
    const NAME: &str = "table.fields.additional.placement";
    let mut read = Vec::new();
    for entry in options.list(NAME) {
        let parts: Vec<&str> = entry.split(':').map(str::trim).collect();
        let (field, placement, alias) = match *parts.as_slice() {
            [field, placement] => (field, placement, field),
            [field, placement, alias] => (field, placement, alias),
            _ => {
                options.invalid(
                    NAME,
                    &entry,
                    "write <column>:<header|envelope|partition>[:<alias>]",
                );
                continue;
            }
        };
        let placement = match placement.to_ascii_lowercase().as_str() {
            "header" => Placement::Header,
            "envelope" => Placement::Envelope,
            "partition" => Placement::Partition,
            _ => {
                options.invalid(
                    NAME,
                    &entry,
                    "a column goes to header, envelope or partition",
                );
                continue;
            }
        };
        read.push(Additional {
            field: field.to_owned(),
            placement,
            alias: alias.to_owned(),
        });
    }
    read
}

fn expander(options: &mut Options) -> Option<Inference> {
    let nulls = [
        ("ignore", Nulls::Ignore),
        ("optional_bytes", Nulls::OptionalBytes),
    ];
    let arrays = [
        ("ignore", EmptyLists::Ignore),
        ("optional_string", EmptyLists::OptionalString),
    ];
    let adjustments = [
        ("none", NameAdjustment::None),
        ("avro", NameAdjustment::Avro),
        ("avro_unicode", NameAdjustment::AvroUnicode),
    ];
    let inference = Inference {
        nulls: options.one_of("table.json.payload.null.behavior", &nulls, Nulls::Ignore),
        empty_lists: options.one_of(
            "table.json.payload.empty.array.behavior",
            &arrays,
            EmptyLists::Ignore,
        ),
        names: options.one_of(
            "field.name.adjustment.mode",
            &adjustments,
            NameAdjustment::None,
        ),
    };
    options
        .bool_or("table.expand.json.payload", false)
        .then_some(inference)
}
