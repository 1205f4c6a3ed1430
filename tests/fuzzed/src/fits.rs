//! Whether a payload is what its Connect schema says, as a reader of JsonConverter's output sees it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

/// Panics when `value` does not fit `schema`; `place` says where.
pub(crate) fn fits(schema: &Value, value: &Value, place: &str) {
    if let Some(default) = schema.get("default") {
        let mut bare = schema.clone();
        bare.as_object_mut().expect("an object").remove("default");
        fits(&bare, default, &format!("{place}, default"));
    }
    if value.is_null() {
        assert_eq!(schema["optional"], true, "{place}: null for {schema}");
        return;
    }
    let fit = match schema["type"].as_str().expect("a schema's type") {
        "boolean" => value.is_boolean(),
        "int8" | "int16" | "int32" | "int64" => value.is_i64(),
        "float" | "double" => {
            value.is_number() || matches!(value.as_str(), Some("NaN" | "Infinity" | "-Infinity"))
        }
        "string" => value.is_string(),
        "bytes" => value
            .as_str()
            .is_some_and(|text| STANDARD.decode(text).is_ok()),
        "array" => return list(schema, value, place),
        "map" => return map(schema, value, place),
        "struct" => return structure(schema, value, place),
        other => panic!("{place}: no type {other}"),
    };
    assert!(fit, "{place}: {value} for {schema}");
}

fn list(schema: &Value, value: &Value, place: &str) {
    let items = value
        .as_array()
        .unwrap_or_else(|| panic!("{place}: {value} is no list"));
    for item in items {
        fits(&schema["items"], item, &format!("{place}[]"));
    }
}

/// A map is an object when its keys are text, and a list of pairs otherwise.
fn map(schema: &Value, value: &Value, place: &str) {
    if schema["keys"]["type"] == "string" {
        let entries = value
            .as_object()
            .unwrap_or_else(|| panic!("{place}: {value} is no object"));
        for (key, value) in entries {
            fits(&schema["values"], value, &format!("{place}.{key}"));
        }
        return;
    }
    let pairs = value
        .as_array()
        .unwrap_or_else(|| panic!("{place}: {value} is no list"));
    for pair in pairs {
        assert_eq!(
            pair.as_array().map(Vec::len),
            Some(2),
            "{place}: {pair} is no pair"
        );
        fits(&schema["keys"], &pair[0], &format!("{place}, a key"));
        fits(&schema["values"], &pair[1], &format!("{place}, a value"));
    }
}

fn structure(schema: &Value, value: &Value, place: &str) {
    let object = value
        .as_object()
        .unwrap_or_else(|| panic!("{place}: {value} is no object"));
    let fields = schema["fields"].as_array().expect("a struct's fields");
    let names: Vec<_> = fields.iter().map(|field| field["field"].as_str()).collect();
    let present: Vec<_> = object.keys().map(|key| Some(key.as_str())).collect();
    assert_eq!(present, names, "{place}: other fields than the schema's");
    for (field, (name, value)) in fields.iter().zip(object) {
        fits(field, value, &format!("{place}.{name}"));
    }
}
