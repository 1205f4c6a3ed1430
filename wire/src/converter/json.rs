//! `org.apache.kafka.connect.json.JsonConverter`.

use std::collections::HashMap;
use std::sync::Arc;

use super::{ConvertError, JsonOptions};
use crate::data::{DECIMAL, Kind, Schema, Struct, Value, decimal};
use crate::json::{self, Alphabet};
use crate::value::{write_f32, write_f64};

/// How many rendered schemas are kept: the default of `schemas.cache.size`.
const SCHEMAS_MAX: usize = 1000;

/// A JSON converter and the schemas it has rendered.
#[derive(Debug)]
pub(crate) struct JsonConverter {
    options: JsonOptions,
    /// By address; the schema is held, so that its address stays its own.
    rendered: HashMap<usize, (Arc<Schema>, Vec<u8>)>,
}

impl JsonConverter {
    pub(crate) fn new(options: JsonOptions) -> Self {
        Self {
            options,
            rendered: HashMap::new(),
        }
    }

    /// Appends a value; `false` when there is nothing to write.
    pub(crate) fn convert(
        &mut self,
        schema: Option<&Arc<Schema>>,
        value: &Value,
        out: &mut Vec<u8>,
    ) -> Result<bool, ConvertError> {
        if schema.is_none() && value.is_null() {
            return Ok(false);
        }
        let writer = Writer {
            options: self.options,
        };
        if !self.options.schemas {
            writer.value(schema, value, out)?;
            return Ok(true);
        }
        out.extend_from_slice(b"{\"schema\":");
        match schema {
            Some(schema) => out.extend_from_slice(self.rendered(schema)?),
            None => out.extend_from_slice(b"null"),
        }
        out.extend_from_slice(b",\"payload\":");
        writer.value(schema, value, out)?;
        out.push(b'}');
        Ok(true)
    }

    fn rendered(&mut self, schema: &Arc<Schema>) -> Result<&[u8], ConvertError> {
        let address = Arc::as_ptr(schema).addr();
        if !self.rendered.contains_key(&address) {
            if self.rendered.len() >= SCHEMAS_MAX {
                self.rendered.clear();
            }
            let writer = Writer {
                options: self.options,
            };
            let mut text = Vec::new();
            writer.schema(schema, None, &mut text)?;
            self.rendered.insert(address, (Arc::clone(schema), text));
        }
        let text = self.rendered.get(&address).map(|(_, text)| &**text);
        Ok(text.unwrap_or_default())
    }
}

/// Writes schemas and values as the options say.
#[derive(Debug, Clone, Copy)]
struct Writer {
    options: JsonOptions,
}

impl Writer {
    fn schema(
        self,
        schema: &Schema,
        field: Option<&str>,
        out: &mut Vec<u8>,
    ) -> Result<(), ConvertError> {
        out.extend_from_slice(b"{\"type\":");
        self.kind(&schema.kind, out)?;
        out.extend_from_slice(b",\"optional\":");
        json::bool(schema.optional, out);
        if let Some(name) = &schema.name {
            out.extend_from_slice(b",\"name\":");
            json::string(name.as_bytes(), out);
        }
        if let Some(version) = schema.version {
            out.extend_from_slice(b",\"version\":");
            json::int(version, out);
        }
        if let Some(doc) = &schema.doc {
            out.extend_from_slice(b",\"doc\":");
            json::string(doc.as_bytes(), out);
        }
        for (index, (name, value)) in schema.parameters.iter().enumerate() {
            let opening: &[u8] = if index == 0 {
                b",\"parameters\":{"
            } else {
                b","
            };
            out.extend_from_slice(opening);
            json::string(name.as_bytes(), out);
            out.push(b':');
            json::string(value.as_bytes(), out);
        }
        if !schema.parameters.is_empty() {
            out.push(b'}');
        }
        if let Some(default) = &schema.default {
            out.extend_from_slice(b",\"default\":");
            self.present(Some(schema), default, out)?;
        }
        if let Some(field) = field {
            out.extend_from_slice(b",\"field\":");
            json::string(field.as_bytes(), out);
        }
        out.push(b'}');
        Ok(())
    }

    fn kind(self, kind: &Kind, out: &mut Vec<u8>) -> Result<(), ConvertError> {
        let word: &[u8] = match kind {
            Kind::Int8 => b"\"int8\"",
            Kind::Int16 => b"\"int16\"",
            Kind::Int32 => b"\"int32\"",
            Kind::Int64 => b"\"int64\"",
            Kind::Float32 => b"\"float\"",
            Kind::Float64 => b"\"double\"",
            Kind::Boolean => b"\"boolean\"",
            Kind::String => b"\"string\"",
            Kind::Bytes => b"\"bytes\"",
            Kind::Array(_) => b"\"array\",\"items\":",
            Kind::Map(..) => b"\"map\",\"keys\":",
            Kind::Struct(_) => b"\"struct\",\"fields\":[",
        };
        out.extend_from_slice(word);
        match kind {
            Kind::Array(element) => self.schema(element, None, out),
            Kind::Map(key, value) => {
                self.schema(key, None, out)?;
                out.extend_from_slice(b",\"values\":");
                self.schema(value, None, out)
            }
            Kind::Struct(fields) => {
                for (index, field) in fields.iter().enumerate() {
                    if index > 0 {
                        out.push(b',');
                    }
                    self.schema(&field.schema, Some(&field.name), out)?;
                }
                out.push(b']');
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// A value or what stands for a null.
    fn value(
        self,
        schema: Option<&Arc<Schema>>,
        value: &Value,
        out: &mut Vec<u8>,
    ) -> Result<(), ConvertError> {
        let Some(schema) = schema.filter(|_| value.is_null()) else {
            return self.present(schema.map(|schema| &**schema), value, out);
        };
        match &schema.default {
            Some(default) if self.options.replace_null_with_default => {
                self.present(Some(schema), default, out)
            }
            _ if schema.optional => {
                out.extend_from_slice(b"null");
                Ok(())
            }
            _ => Err(ConvertError::new(
                "Conversion error: null value for field that is required and has no default value",
            )),
        }
    }

    /// A value that is there. Without a schema, what it is made of decides.
    fn present(
        self,
        schema: Option<&Schema>,
        value: &Value,
        out: &mut Vec<u8>,
    ) -> Result<(), ConvertError> {
        let kind = schema.map(|schema| &schema.kind);
        match (value, kind) {
            (Value::Null, _) => out.extend_from_slice(b"null"),
            (Value::Boolean(flag), Some(Kind::Boolean) | None) => json::bool(*flag, out),
            (Value::Int8(number), Some(Kind::Int8) | None) => json::int(*number, out),
            (Value::Int16(number), Some(Kind::Int16) | None) => json::int(*number, out),
            (Value::Int32(number), Some(Kind::Int32) | None) => json::int(*number, out),
            (Value::Int64(number), Some(Kind::Int64) | None) => json::int(*number, out),
            (Value::Float32(number), Some(Kind::Float32) | None) => write_f32(*number, out),
            (Value::Float64(number), Some(Kind::Float64) | None) => write_f64(*number, out),
            (Value::String(text), Some(Kind::String) | None) => json::string(text.as_bytes(), out),
            (Value::Bytes(bytes), Some(Kind::Bytes) | None) => self.bytes(schema, bytes, out),
            (Value::Array(elements), Some(Kind::Array(element))) => {
                self.array(Some(element), elements, out)?;
            }
            (Value::Array(elements), None) => self.array(None, elements, out)?,
            (Value::Map(entries), Some(Kind::Map(key, value))) => {
                self.map(Some((key, value)), entries, out)?;
            }
            (Value::Map(entries), None) => self.map(None, entries, out)?,
            (Value::Struct(inner), Some(Kind::Struct(_)) | None) => self.structure(inner, out)?,
            (value, Some(_)) => {
                let wanted = schema.map_or("", Schema::type_name);
                let found = value.java_class();
                return Err(ConvertError::new(format!(
                    "Invalid type for {wanted}: class {found}; a transform left a value that its schema does not hold (EventRouter does, for JSON with a whole number of more than 64 bits or with a list at the top: set table.expand.json.payload=false)"
                )));
            }
        }
        Ok(())
    }

    fn bytes(self, schema: Option<&Schema>, bytes: &[u8], out: &mut Vec<u8>) {
        match schema.filter(|schema| schema.logical() == DECIMAL) {
            Some(schema) if self.options.numeric_decimals => {
                // Jackson writes a BigDecimal's own text, with its exponent.
                let text = decimal::java(bytes, scale(schema));
                out.extend_from_slice(text.as_bytes());
            }
            _ => json::base64(bytes, Alphabet::Standard, out),
        }
    }

    fn array(
        self,
        element: Option<&Arc<Schema>>,
        elements: &[Value],
        out: &mut Vec<u8>,
    ) -> Result<(), ConvertError> {
        out.push(b'[');
        for (index, value) in elements.iter().enumerate() {
            if index > 0 {
                out.push(b',');
            }
            self.value(element, value, out)?;
        }
        out.push(b']');
        Ok(())
    }

    /// An object when the keys are text, else a list of pairs.
    fn map(
        self,
        schemas: Option<(&Arc<Schema>, &Arc<Schema>)>,
        entries: &[(Value, Value)],
        out: &mut Vec<u8>,
    ) -> Result<(), ConvertError> {
        let named = match schemas {
            Some((key, _)) => key.kind == Kind::String,
            None => entries.iter().all(|(key, _)| key.as_str().is_some()),
        };
        let (key_schema, value_schema) = schemas.unzip();
        out.push(if named { b'{' } else { b'[' });
        for (index, (key, value)) in entries.iter().enumerate() {
            if index > 0 {
                out.push(b',');
            }
            if !named {
                out.push(b'[');
            }
            self.value(key_schema, key, out)?;
            out.push(if named { b':' } else { b',' });
            self.value(value_schema, value, out)?;
            if !named {
                out.push(b']');
            }
        }
        out.push(if named { b'}' } else { b']' });
        Ok(())
    }

    fn structure(self, inner: &Struct, out: &mut Vec<u8>) -> Result<(), ConvertError> {
        out.push(b'{');
        for (index, (field, value)) in inner.iter().enumerate() {
            if index > 0 {
                out.push(b',');
            }
            json::string(field.name.as_bytes(), out);
            out.push(b':');
            self.value(Some(&field.schema), value, out)?;
        }
        out.push(b'}');
        Ok(())
    }
}

/// The `scale` of a Decimal's schema.
pub(super) fn scale(schema: &Schema) -> i32 {
    let scale = schema.parameter("scale");
    scale.and_then(|scale| scale.parse().ok()).unwrap_or(0)
}
