//! Connect's values.

use std::sync::Arc;

use super::Schema;

/// A value. Its schema tells what a number or bytes mean: a `Decimal` is its unscaled value as
/// big-endian two's complement, a `Timestamp` milliseconds.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Value {
    /// No value.
    #[default]
    Null,
    /// `boolean`
    Boolean(bool),
    /// `int8`
    Int8(i8),
    /// `int16`
    Int16(i16),
    /// `int32`
    Int32(i32),
    /// `int64`
    Int64(i64),
    /// `float`
    Float32(f32),
    /// `double`
    Float64(f64),
    /// `string`
    String(String),
    /// `bytes`
    Bytes(Vec<u8>),
    /// A list.
    Array(Vec<Self>),
    /// Keys and values, in order.
    Map(Vec<(Self, Self)>),
    /// Named fields.
    Struct(Struct),
}

/// Connect's `Struct`: the values of a struct schema's fields, in their order.
#[derive(Debug, Clone, PartialEq)]
pub struct Struct {
    schema: Arc<Schema>,
    values: Vec<Value>,
}

impl Value {
    /// The text, if it is one.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text),
            _ => None,
        }
    }

    /// The struct, if it is one.
    pub const fn as_struct(&self) -> Option<&Struct> {
        match self {
            Self::Struct(inner) => Some(inner),
            _ => None,
        }
    }

    /// A whole number of any width.
    pub fn as_i64(&self) -> Option<i64> {
        match *self {
            Self::Int8(number) => Some(number.into()),
            Self::Int16(number) => Some(number.into()),
            Self::Int32(number) => Some(number.into()),
            Self::Int64(number) => Some(number),
            _ => None,
        }
    }

    /// The class it has in Java, as texts name it.
    pub(crate) const fn java_class(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Boolean(_) => "java.lang.Boolean",
            Self::Int8(_) => "java.lang.Byte",
            Self::Int16(_) => "java.lang.Short",
            Self::Int32(_) => "java.lang.Integer",
            Self::Int64(_) => "java.lang.Long",
            Self::Float32(_) => "java.lang.Float",
            Self::Float64(_) => "java.lang.Double",
            Self::String(_) => "java.lang.String",
            Self::Bytes(_) => "java.nio.HeapByteBuffer",
            Self::Array(_) => "java.util.ArrayList",
            Self::Map(_) => "java.util.HashMap",
            Self::Struct(_) => "org.apache.kafka.connect.data.Struct",
        }
    }

    /// Whether it is null.
    pub const fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::String(text.to_owned())
    }
}

impl Struct {
    /// A struct whose fields are all null.
    pub fn new(schema: Arc<Schema>) -> Self {
        let values = vec![Value::Null; schema.fields().len()];
        Self { schema, values }
    }

    /// A struct of given values; those that are missing are null, those too many are dropped.
    pub fn of(schema: Arc<Schema>, mut values: Vec<Value>) -> Self {
        values.resize(schema.fields().len(), Value::Null);
        Self { schema, values }
    }

    /// Its schema.
    pub const fn schema(&self) -> &Arc<Schema> {
        &self.schema
    }

    /// Its fields' values, in order.
    pub fn values(&self) -> &[Value] {
        &self.values
    }

    /// Takes it apart.
    pub fn into_values(self) -> Vec<Value> {
        self.values
    }

    /// Whether there is such a field.
    pub fn has(&self, name: &str) -> bool {
        self.schema.position(name).is_some()
    }

    /// A field's value as Connect's `Struct.get` gives it: the default in place of null. `None` if
    /// there is no such field.
    pub fn get(&self, name: &str) -> Option<&Value> {
        let position = self.schema.position(name)?;
        let value = self.values.get(position)?;
        let field = self.schema.fields().get(position)?;
        match (value, &field.schema.default) {
            (Value::Null, Some(default)) => Some(default),
            _ => Some(value),
        }
    }

    /// A field's value as it is: Connect's `getWithoutDefault`.
    pub fn get_without_default(&self, name: &str) -> Option<&Value> {
        self.values.get(self.schema.position(name)?)
    }

    /// Sets a field; says whether there is one of that name.
    pub fn set(&mut self, name: &str, value: Value) -> bool {
        let position = self.schema.position(name);
        let place = position.and_then(|position| self.values.get_mut(position));
        place.map(|place| *place = value).is_some()
    }

    /// Fields and values, in order, without defaults.
    pub fn iter(&self) -> impl Iterator<Item = (&super::Field, &Value)> {
        self.schema.fields().iter().zip(&self.values)
    }
}
