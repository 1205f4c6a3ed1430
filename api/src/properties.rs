//! A JSON object kept as the text it came in, so that no number loses a digit on its way.
//!
//! In comes any JSON object. Out goes the same text. What PostgreSQL's `jsonb` cannot hold, U+0000
//! in a string and broken surrogate pairs, is refused here, where the field can still be named.

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeSeed, Error, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;
use utoipa::openapi::schema::{AdditionalProperties, ObjectBuilder, Schema};
use utoipa::openapi::{RefOr, Type};
use utoipa::{PartialSchema, ToSchema};

use crate::problem::{self, Problem};

/// A JSON object as text.
#[derive(Debug, Clone, Serialize)]
#[serde(transparent)]
pub(crate) struct Properties(Box<RawValue>);

impl Properties {
    pub(crate) fn as_str(&self) -> &str {
        self.0.get()
    }

    /// Whether the text is at most `bytes_max` long; the problem names `field`.
    pub(crate) fn fit(&self, field: &str, bytes_max: usize) -> Result<(), Problem> {
        let len = self.as_str().len();
        if len <= bytes_max {
            return Ok(());
        }
        let detail = format!("{field} has {len} bytes; at most {bytes_max} are allowed");
        Err(Problem::new(problem::TOO_LARGE, detail))
    }

    /// Text that the database gave for a `jsonb` column.
    pub(crate) fn from_database(text: String) -> Result<Self, serde_json::Error> {
        RawValue::from_string(text).map(Self)
    }
}

impl Default for Properties {
    fn default() -> Self {
        Self(RawValue::from_string("{}".to_owned()).unwrap_or_else(|_| RawValue::NULL.to_owned()))
    }
}

impl<'de> Deserialize<'de> for Properties {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = Box::<RawValue>::deserialize(deserializer)?;
        if !raw.get().starts_with('{') {
            return Err(D::Error::custom("must be a JSON object"));
        }
        let mut json = serde_json::Deserializer::from_str(raw.get());
        Storable
            .deserialize(&mut json)
            .map_err(|e| D::Error::custom(strip_place(&e)))?;
        Ok(Self(raw))
    }
}

/// The message without "at line 1 column 2", which would count from the object's start.
fn strip_place(error: &serde_json::Error) -> String {
    let text = error.to_string();
    text.rsplit_once(" at line ")
        .map_or(text.clone(), |(message, _)| message.to_owned())
}

impl PartialSchema for Properties {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::Object)
            .additional_properties(Some(AdditionalProperties::<Schema>::FreeForm(true)))
            .build()
            .into()
    }
}

impl ToSchema for Properties {}

/// Walks a value without keeping it, and refuses what `jsonb` cannot hold.
#[derive(Clone, Copy)]
struct Storable;

const NUL: &str = "holds the character U+0000, which cannot be stored";

impl<'de> DeserializeSeed<'de> for Storable {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Storable {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<(), E> {
        if text.contains('\0') {
            Err(E::custom(NUL))
        } else {
            Ok(())
        }
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        while items.next_element_seed(self)?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        while let Some(key) = members.next_key::<Cow<'de, str>>()? {
            if key.contains('\0') {
                return Err(A::Error::custom(NUL));
            }
            members.next_value_seed(self)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::Properties;

    fn check(text: &str, expected: Result<(), &str>) {
        match (serde_json::from_str::<Properties>(text), expected) {
            (Ok(read), Ok(())) => assert_eq!(read.as_str(), text),
            (Err(error), Err(part)) => assert!(error.to_string().contains(part), "{text}: {error}"),
            (got, _) => panic!("{text} gave {got:?}, expected {expected:?}"),
        }
    }

    #[test]
    fn objects_keep_their_text() {
        for text in [
            "{}",
            r#"{"a":1.10, "b":[null,true,{"c":"é\u00e9"}]}"#,
            r#"{"n":123456789012345678901234567890}"#,
        ] {
            check(text, Ok(()));
        }
    }

    #[test]
    fn what_cannot_be_stored_is_refused() {
        check("[]", Err("must be a JSON object"));
        check("null", Err("must be a JSON object"));
        check(r#"{"a":"x\u0000y"}"#, Err("U+0000"));
        check(r#"{"a\u0000":1}"#, Err("U+0000"));
        check(r#"{"a":["\ud800"]}"#, Err("hex escape"));
        check(r#"{"a":1e999}"#, Err("number out of range"));
    }
}
