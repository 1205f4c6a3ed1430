//! Methods that scripts can call.

use super::value::Val;
use crate::data::{Kind, Value};

/// A method.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Method {
    StartsWith,
    EndsWith,
    Contains,
    Equals,
    EqualsIgnoreCase,
    Matches,
    IsEmpty,
    Size,
    ToLowerCase,
    ToUpperCase,
    Trim,
    ToText,
    Get,
    GetWithoutDefault,
    GetTyped(&'static str),
    ContainsKey,
    Name,
    Field,
}

impl Method {
    /// A method by its name and the number of its arguments.
    pub(super) fn named(name: &str, arguments: usize) -> Option<Self> {
        Some(match (name, arguments) {
            ("startsWith", 1) => Self::StartsWith,
            ("endsWith", 1) => Self::EndsWith,
            ("contains", 1) => Self::Contains,
            ("equals", 1) => Self::Equals,
            ("equalsIgnoreCase", 1) => Self::EqualsIgnoreCase,
            ("matches", 1) => Self::Matches,
            ("isEmpty", 0) => Self::IsEmpty,
            ("length" | "size", 0) => Self::Size,
            ("toLowerCase", 0) => Self::ToLowerCase,
            ("toUpperCase", 0) => Self::ToUpperCase,
            ("trim", 0) => Self::Trim,
            ("toString", 0) => Self::ToText,
            ("get", 1) => Self::Get,
            ("getWithoutDefault", 1) => Self::GetWithoutDefault,
            ("getString", 1) => Self::GetTyped("STRING"),
            ("getBoolean", 1) => Self::GetTyped("BOOLEAN"),
            ("getInt16", 1) => Self::GetTyped("INT16"),
            ("getInt32", 1) => Self::GetTyped("INT32"),
            ("getInt64", 1) => Self::GetTyped("INT64"),
            ("getFloat64", 1) => Self::GetTyped("FLOAT64"),
            ("getStruct", 1) => Self::GetTyped("STRUCT"),
            ("containsKey", 1) => Self::ContainsKey,
            ("name", 0) => Self::Name,
            ("field", 1) => Self::Field,
            _ => return None,
        })
    }
}

/// What a method of a value returns.
pub(super) fn call<'r>(
    of: Val<'r>,
    method: Method,
    arguments: Vec<Val<'r>>,
) -> Result<Val<'r>, String> {
    let argument = arguments.into_iter().next().unwrap_or(Val::Null);
    match (of, method) {
        (Val::Null, _) => Err("Cannot invoke a method on null object; write ?. before it".into()),
        (of, Method::Equals) => Ok(Val::Bool(of.equals(&argument))),
        (Val::Text(text), _) => of_text(&text, method, &argument),
        (Val::Array(item, items), Method::Contains) => {
            let found = items
                .iter()
                .any(|value| Val::of(item, value).equals(&argument));
            Ok(Val::Bool(found))
        }
        (Val::Array(_, items), Method::IsEmpty) => Ok(Val::Bool(items.is_empty())),
        (Val::Array(_, items), Method::Size) => Ok(Val::count(items.len())),
        (Val::List(items), Method::Contains) => {
            Ok(Val::Bool(items.iter().any(|item| item.equals(&argument))))
        }
        (of @ Val::Struct(_), Method::Get) => of.property(&text_of(&argument)?),
        (Val::Struct(of), Method::GetWithoutDefault | Method::GetTyped(_)) => {
            let name = text_of(&argument)?;
            let schema = of.schema().field(&name);
            let schema = schema.ok_or_else(|| format!("{name} is not a valid field name"))?;
            match method {
                Method::GetTyped(kind) if schema.type_name() != kind => {
                    Err(format!("Field '{name}' is not of type {kind}"))
                }
                _ => {
                    let value = of.get_without_default(&name);
                    Ok(Val::of(schema, value.unwrap_or(&Value::Null)))
                }
            }
        }
        (of @ (Val::Headers(_) | Val::Map(..)), Method::Get) => of.property(&text_of(&argument)?),
        (of @ Val::Headers(_), Method::ContainsKey) => {
            let header = of.property(&text_of(&argument)?)?;
            Ok(Val::Bool(!matches!(header, Val::Null)))
        }
        (of @ Val::Schema(_), Method::Name) => of.property("name"),
        (Val::Schema(schema), Method::Field) if matches!(schema.kind, Kind::Struct(_)) => {
            let field = schema.field(&text_of(&argument)?);
            Ok(field.map_or(Val::Null, |field| Val::Schema(field)))
        }
        (of, Method::ToText) => Ok(Val::Text(of.joined()?.into())),
        (of, _) => Err(format!("{} has no such method", of.kind())),
    }
}

fn of_text<'r>(text: &str, method: Method, argument: &Val<'_>) -> Result<Val<'r>, String> {
    let with = || text_of(argument);
    Ok(match method {
        Method::StartsWith => Val::Bool(text.starts_with(&with()?)),
        Method::EndsWith => Val::Bool(text.ends_with(&with()?)),
        Method::Contains => Val::Bool(text.contains(&with()?)),
        Method::EqualsIgnoreCase => Val::Bool(match argument {
            Val::Null => false,
            _ => text.to_lowercase() == with()?.to_lowercase(),
        }),
        Method::Matches => {
            let pattern = crate::pattern::Pattern::with_case(&with()?);
            Val::Bool(pattern.map_err(|error| error.to_string())?.matches(text))
        }
        Method::IsEmpty => Val::Bool(text.is_empty()),
        Method::Size => Val::count(text.encode_utf16().count()),
        Method::ToLowerCase => Val::Text(text.to_lowercase().into()),
        Method::ToUpperCase => Val::Text(text.to_uppercase().into()),
        Method::Trim => Val::Text(text.trim_matches(|c| c <= ' ').to_owned().into()),
        Method::ToText => Val::Text(text.to_owned().into()),
        _ => return Err("A text has no such method".into()),
    })
}

fn text_of(value: &Val<'_>) -> Result<String, String> {
    match value {
        Val::Text(text) => Ok(text.to_string()),
        other => Err(format!("{} is given where a text is needed", other.kind())),
    }
}
