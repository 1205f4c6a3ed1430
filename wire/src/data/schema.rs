//! Connect's schemas.

use std::sync::Arc;

use super::Value;

/// Name of Connect's logical type of decimal numbers.
pub const DECIMAL: &str = "org.apache.kafka.connect.data.Decimal";
/// Name of Connect's logical type of days since 1970-01-01.
pub const DATE: &str = "org.apache.kafka.connect.data.Date";
/// Name of Connect's logical type of milliseconds since midnight.
pub const TIME: &str = "org.apache.kafka.connect.data.Time";
/// Name of Connect's logical type of milliseconds since 1970-01-01 UTC.
pub const TIMESTAMP: &str = "org.apache.kafka.connect.data.Timestamp";

/// What a schema's values are made of: Connect's `Schema.Type`.
#[derive(Debug, Clone, PartialEq)]
pub enum Kind {
    /// `int8`
    Int8,
    /// `int16`
    Int16,
    /// `int32`
    Int32,
    /// `int64`
    Int64,
    /// `float`
    Float32,
    /// `double`
    Float64,
    /// `boolean`
    Boolean,
    /// `string`
    String,
    /// `bytes`; a Decimal's unscaled value too.
    Bytes,
    /// A list of such elements.
    Array(Arc<Schema>),
    /// Keys and values.
    Map(Arc<Schema>, Arc<Schema>),
    /// Named fields.
    Struct(Vec<Field>),
}

/// Connect's `Schema`.
#[derive(Debug, Clone, PartialEq)]
pub struct Schema {
    /// What the values are made of.
    pub kind: Kind,
    /// Whether null is a value.
    pub optional: bool,
    /// The logical type's name.
    pub name: Option<Arc<str>>,
    /// The logical type's version.
    pub version: Option<i32>,
    /// Documentation.
    pub doc: Option<Arc<str>>,
    /// Names and values, in order.
    pub parameters: Vec<(String, String)>,
    /// What stands for a missing value.
    pub default: Option<Value>,
}

/// A field of a struct.
#[derive(Debug, Clone, PartialEq)]
pub struct Field {
    /// Its name.
    pub name: Arc<str>,
    /// Its values' schema.
    pub schema: Arc<Schema>,
}

impl Schema {
    /// A required schema without a name.
    pub const fn new(kind: Kind) -> Self {
        Self {
            kind,
            optional: false,
            name: None,
            version: None,
            doc: None,
            parameters: Vec::new(),
            default: None,
        }
    }

    /// The same, but null is a value, too.
    #[must_use]
    pub const fn optional(mut self) -> Self {
        self.optional = true;
        self
    }

    /// The same with a logical name.
    #[must_use]
    pub fn named(mut self, name: &str) -> Self {
        self.name = Some(name.into());
        self
    }

    /// The same with a version.
    #[must_use]
    pub const fn versioned(mut self, version: i32) -> Self {
        self.version = Some(version);
        self
    }

    /// The logical name, or "".
    pub fn logical(&self) -> &str {
        self.name.as_deref().unwrap_or_default()
    }

    /// Whether it is of Debezium's change envelopes: `Envelope.isEnvelopeSchema`.
    pub(crate) fn is_envelope(&self) -> bool {
        self.logical().ends_with(".Envelope")
    }

    /// The fields; none if it is no struct.
    pub fn fields(&self) -> &[Field] {
        match &self.kind {
            Kind::Struct(fields) => fields,
            _ => &[],
        }
    }

    /// Whether it is a struct.
    pub const fn is_struct(&self) -> bool {
        matches!(self.kind, Kind::Struct(_))
    }

    /// The place of a field.
    pub fn position(&self, name: &str) -> Option<usize> {
        self.fields().iter().position(|field| &*field.name == name)
    }

    /// A field's schema.
    pub fn field(&self, name: &str) -> Option<&Arc<Self>> {
        let field = self.fields().iter().find(|field| &*field.name == name)?;
        Some(&field.schema)
    }

    /// A parameter's value.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        let found = self.parameters.iter().find(|(key, _)| key == name)?;
        Some(&found.1)
    }

    /// Connect's word for the kind, as `Schema.Type` prints it.
    pub const fn type_name(&self) -> &'static str {
        match self.kind {
            Kind::Int8 => "INT8",
            Kind::Int16 => "INT16",
            Kind::Int32 => "INT32",
            Kind::Int64 => "INT64",
            Kind::Float32 => "FLOAT32",
            Kind::Float64 => "FLOAT64",
            Kind::Boolean => "BOOLEAN",
            Kind::String => "STRING",
            Kind::Bytes => "BYTES",
            Kind::Array(_) => "ARRAY",
            Kind::Map(..) => "MAP",
            Kind::Struct(_) => "STRUCT",
        }
    }
}

impl Field {
    /// A field.
    pub fn new(name: impl Into<Arc<str>>, schema: impl Into<Arc<Schema>>) -> Self {
        Self {
            name: name.into(),
            schema: schema.into(),
        }
    }
}
