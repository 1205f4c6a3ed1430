//! Connect schemas, as JsonConverter prints them.
//!
//! Enters a type's description, leaves its JSON. Only plans render schemas, once for each
//! relation; no row ever does.

/// A schema without what the field decides: whether it is optional, its default and name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Schema {
    /// Type and structure: `"type":"int32"`, `"type":"array","items":{…}`.
    kind: String,
    /// Name, version and documentation, each with a comma before it.
    logical: String,
    parameters: Vec<(String, String)>,
}

/// What a field adds to a schema.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Place<'a> {
    pub(crate) optional: bool,
    /// The default, as JSON.
    pub(crate) default: Option<&'a [u8]>,
    /// The field's name, as a JSON string.
    pub(crate) field: Option<&'a str>,
}

impl Schema {
    /// A primitive without a logical type, by Connect's name for it in JSON.
    pub(crate) fn plain(kind: &str) -> Self {
        Self {
            kind: format!("\"type\":\"{kind}\""),
            logical: String::new(),
            parameters: Vec::new(),
        }
    }

    /// A logical type in version 1.
    pub(crate) fn named(kind: &str, name: &str) -> Self {
        Self {
            logical: format!(",\"name\":\"{name}\",\"version\":1"),
            ..Self::plain(kind)
        }
    }

    /// A struct: `fields` is the inside of its list of fields.
    pub(crate) fn structure(fields: &str, logical: &str) -> Self {
        let kind = format!("\"type\":\"struct\",\"fields\":[{fields}]");
        Self {
            kind,
            logical: logical.to_owned(),
            parameters: Vec::new(),
        }
    }

    /// A list of elements.
    pub(crate) fn array(element: &Self, optional: bool) -> Self {
        let items = element.render(Place {
            optional,
            ..Place::default()
        });
        Self {
            kind: format!("\"type\":\"array\",\"items\":{items}"),
            logical: String::new(),
            parameters: Vec::new(),
        }
    }

    /// A map from text to optional text.
    pub(crate) fn text_map() -> Self {
        let kind = "\"type\":\"map\",\"keys\":{\"type\":\"string\",\"optional\":false},\
                    \"values\":{\"type\":\"string\",\"optional\":true}";
        Self {
            kind: kind.to_owned(),
            logical: String::new(),
            parameters: Vec::new(),
        }
    }

    /// Gives a list or map a logical name in version 1.
    pub(crate) fn with_name(mut self, name: &str) -> Self {
        self.logical = format!(",\"name\":\"{name}\",\"version\":1");
        self
    }

    /// Adds parameters (names and values as plain text).
    pub(crate) fn with_parameters(mut self, parameters: &[(&str, String)]) -> Self {
        let owned = |(name, value): &(&str, String)| ((*name).to_owned(), value.clone());
        self.parameters.extend(parameters.iter().map(owned));
        self
    }

    /// Whether its values are Connect's bytes.
    pub(crate) fn is_bytes(&self) -> bool {
        self.kind == "\"type\":\"bytes\""
    }

    /// The JSON of the schema in its place.
    pub(crate) fn render(&self, place: Place<'_>) -> String {
        let mut json = format!(
            "{{{},\"optional\":{}{}",
            self.kind, place.optional, self.logical
        );
        if !self.parameters.is_empty() {
            let one =
                |(name, value): &(String, String)| format!("{}:{}", quoted(name), quoted(value));
            let list = self
                .parameters
                .iter()
                .map(one)
                .collect::<Vec<_>>()
                .join(",");
            json.push_str(&format!(",\"parameters\":{{{list}}}"));
        }
        if let Some(default) = place.default {
            json.push_str(",\"default\":");
            json.push_str(&String::from_utf8_lossy(default));
        }
        if let Some(field) = place.field {
            json.push_str(",\"field\":");
            json.push_str(field);
        }
        json.push('}');
        json
    }
}

/// What stands before a payload that its schema wraps.
pub(crate) fn wrapping(schema: &str) -> Vec<u8> {
    format!("{{\"schema\":{schema},\"payload\":").into_bytes()
}

/// A JSON string.
pub(crate) fn quoted(text: &str) -> String {
    let mut out = Vec::new();
    crate::json::string(text.as_bytes(), &mut out);
    String::from_utf8_lossy(&out).into_owned()
}

/// Fields of `io.debezium.data.geometry.Point`.
pub(crate) const POINT_FIELDS: &str = r#"{"type":"double","optional":false,"field":"x"},{"type":"double","optional":false,"field":"y"},{"type":"bytes","optional":true,"field":"wkb"},{"type":"int32","optional":true,"field":"srid"}"#;
/// Its name and the rest.
pub(crate) const POINT: &str =
    r#","name":"io.debezium.data.geometry.Point","version":1,"doc":"Geometry (POINT)""#;
/// Fields of `io.debezium.data.geometry.Line`.
pub(crate) const LINE_FIELDS: &str = r#"{"type":"double","optional":false,"field":"a"},{"type":"double","optional":false,"field":"b"},{"type":"double","optional":false,"field":"c"}"#;
/// Its name and the rest.
pub(crate) const LINE: &str =
    r#","name":"io.debezium.data.geometry.Line","version":1,"doc":"Geometry (LINE)""#;
/// Fields of `io.debezium.data.geometry.Geometry`.
pub(crate) const GEOMETRY_FIELDS: &str = r#"{"type":"bytes","optional":false,"field":"wkb"},{"type":"int32","optional":true,"field":"srid"},{"type":"map","keys":{"type":"string","optional":false},"values":{"type":"string","optional":false},"optional":true,"field":"extensions"}"#;
/// Its name and the rest.
pub(crate) const GEOMETRY: &str =
    r#","name":"io.debezium.data.geometry.Geometry","version":2,"doc":"Geometry""#;
/// Fields of `io.debezium.data.geometry.Geography`.
pub(crate) const GEOGRAPHY_FIELDS: &str = r#"{"type":"bytes","optional":false,"field":"wkb"},{"type":"int32","optional":true,"field":"srid"}"#;
/// Its name and the rest.
pub(crate) const GEOGRAPHY: &str =
    r#","name":"io.debezium.data.geometry.Geography","version":1,"doc":"Geography""#;
/// Fields of `io.debezium.data.VariableScaleDecimal`.
pub(crate) const VARIABLE_DECIMAL_FIELDS: &str = r#"{"type":"int32","optional":false,"field":"scale"},{"type":"bytes","optional":false,"field":"value"}"#;
/// Its name and the rest.
pub(crate) const VARIABLE_DECIMAL: &str = r#","name":"io.debezium.data.VariableScaleDecimal","version":1,"doc":"Variable scaled decimal""#;
/// Fields of `io.debezium.data.SparseDoubleVector`.
pub(crate) const SPARSE_VECTOR_FIELDS: &str = r#"{"type":"int16","optional":false,"field":"dimensions"},{"type":"map","keys":{"type":"int16","optional":false},"values":{"type":"double","optional":false},"optional":false,"field":"vector"}"#;
/// Its name and the rest.
pub(crate) const SPARSE_VECTOR: &str =
    r#","name":"io.debezium.data.SparseDoubleVector","version":1,"doc":"Sparse double vector""#;

/// The envelope's `source` field.
pub(crate) const SOURCE: &str = r#"{"type":"struct","fields":[{"type":"string","optional":false,"field":"version"},{"type":"string","optional":false,"field":"connector"},{"type":"string","optional":false,"field":"name"},{"type":"int64","optional":false,"field":"ts_ms"},{"type":"string","optional":true,"name":"io.debezium.data.Enum","version":1,"parameters":{"allowed":"true,first,first_in_data_collection,last_in_data_collection,last,false,incremental"},"default":"false","field":"snapshot"},{"type":"string","optional":false,"field":"db"},{"type":"string","optional":true,"field":"sequence"},{"type":"int64","optional":true,"field":"ts_us"},{"type":"int64","optional":true,"field":"ts_ns"},{"type":"string","optional":false,"field":"schema"},{"type":"string","optional":false,"field":"table"},{"type":"int64","optional":true,"field":"txId"},{"type":"int64","optional":true,"field":"lsn"},{"type":"int64","optional":true,"field":"xmin"},{"type":"string","optional":true,"field":"origin"},{"type":"int64","optional":true,"field":"origin_lsn"}],"optional":false,"name":"io.debezium.connector.postgresql.Source","version":1,"field":"source"}"#;
/// The envelope's `transaction` field.
pub(crate) const TRANSACTION: &str = r#"{"type":"struct","fields":[{"type":"string","optional":false,"field":"id"},{"type":"int64","optional":false,"field":"total_order"},{"type":"int64","optional":false,"field":"data_collection_order"}],"optional":true,"name":"event.block","version":1,"field":"transaction"}"#;

/// The parts of a structured temporal type: name of each field and its type.
pub(crate) fn structured(name: &str, fields: &[(&str, &str)]) -> Schema {
    let one = |(field, kind): &(&str, &str)| {
        format!("{{\"type\":\"{kind}\",\"optional\":true,\"field\":\"{field}\"}}")
    };
    let fields = fields.iter().map(one).collect::<Vec<_>>().join(",");
    let logical = format!(",\"name\":\"io.debezium.time.{name}\",\"version\":1");
    Schema::structure(&fields, &logical)
}
