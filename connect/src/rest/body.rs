//! Request bodies, read as Connect's JSON mapper reads them.
//!
//! A configuration is an object of strings; numbers and booleans are taken as their text, null is
//! kept. Anything else is an error, which Connect answers with 500.

use indexmap::IndexMap;
use serde::Deserialize;
use serde::de::{DeserializeOwned, Deserializer, Error as _};
use serde_json::value::RawValue;

use crate::config::GivenProperties;
use crate::refusal::Refusal;
use crate::store::config_record::TargetState;

/// A JSON scalar as text, or null.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Scalar(Option<String>);

/// Body of `POST /connectors`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CreateRequest {
    name: Option<Scalar>,
    config: Option<IndexMap<String, Scalar>>,
    initial_state: Option<InitialState>,
}

impl CreateRequest {
    /// The name, or what stands for none.
    pub(super) fn name(&self) -> String {
        let name = self.name.as_ref().and_then(|n| n.0.as_deref());
        name.unwrap_or_default().trim().to_owned()
    }

    /// The target state of the new connector, when one is given.
    pub(super) fn initial_state(&self) -> Option<TargetState> {
        self.initial_state.and_then(|s| s.0)
    }

    /// The configuration, when one is given.
    pub(super) fn config(self) -> Option<GivenProperties> {
        self.config.map(given)
    }
}

/// `initial_state`, in any case.
#[derive(Debug, Clone, Copy)]
struct InitialState(Option<TargetState>);

/// Body of `PATCH /connectors/{name}/offsets`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct OffsetsRequest {
    pub(super) offsets: Option<Vec<OffsetRequest>>,
}

/// One partition and its offset.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct OffsetRequest {
    pub(super) partition: Option<serde_json::Map<String, serde_json::Value>>,
    pub(super) offset: Option<serde_json::Map<String, serde_json::Value>>,
}

/// Reads a body; an empty one and `null` are no value.
///
/// # Errors
/// 500 with what is wrong and where, as Connect answers.
pub(super) fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<Option<T>, Refusal> {
    let body = body.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(body);
    if body.trim_ascii().is_empty() {
        return Ok(None);
    }
    serde_json::from_slice::<Option<T>>(body).map_err(|e| {
        Refusal::new(
            500,
            format!("The request body is not what is expected: {e}"),
        )
    })
}

/// Reads a body that must be there.
///
/// # Errors
/// 500 when it is empty or not as expected.
pub(super) fn require<T: DeserializeOwned>(body: &[u8]) -> Result<T, Refusal> {
    parse(body)?.ok_or_else(missing)
}

/// There is no body where one must be.
pub(super) fn missing() -> Refusal {
    Refusal::new(500, "The request has no body; send it as JSON")
}

/// Reads a configuration.
///
/// # Errors
/// 500 when the body is empty or no object of scalars.
pub(super) fn properties(body: &[u8]) -> Result<GivenProperties, Refusal> {
    require(body).map(given)
}

/// Reads a configuration, where there is one.
///
/// # Errors
/// 500 when it is no object of scalars.
pub(super) fn parse_properties(body: &[u8]) -> Result<Option<GivenProperties>, Refusal> {
    Ok(parse(body)?.map(given))
}

fn given(scalars: IndexMap<String, Scalar>) -> GivenProperties {
    scalars
        .into_iter()
        .map(|(key, scalar)| (key, scalar.0))
        .collect()
}

impl<'de> Deserialize<'de> for Scalar {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = Box::<RawValue>::deserialize(deserializer)?;
        let text = raw.get();
        match text.as_bytes().first() {
            Some(b'"') => serde_json::from_str(text)
                .map(|t| Self(Some(t)))
                .map_err(D::Error::custom),
            Some(b'{' | b'[') | None => Err(D::Error::custom("expected a string as the value")),
            Some(b'n') => Ok(Self(None)),
            Some(_) => Ok(Self(Some(text.to_owned()))),
        }
    }
}

impl<'de> Deserialize<'de> for InitialState {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Option::<String>::deserialize(deserializer)?;
        let Some(text) = text else {
            return Ok(Self(None));
        };
        match text.to_ascii_uppercase().as_str() {
            "RUNNING" => Ok(Self(Some(TargetState::Started))),
            "PAUSED" => Ok(Self(Some(TargetState::Paused))),
            "STOPPED" => Ok(Self(Some(TargetState::Stopped))),
            _ => Err(D::Error::custom(format!(
                "initial_state is {text}; give RUNNING, PAUSED or STOPPED"
            ))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scalars_are_taken_as_their_text() {
        let body = br#"{"a":"x\n","b":1,"c":1.50,"d":true,"e":null,"f":1e3}"#;
        let given = properties(body).unwrap();
        let got: Vec<_> = given.values().map(Option::as_deref).collect();
        assert_eq!(
            got,
            [
                Some("x\n"),
                Some("1"),
                Some("1.50"),
                Some("true"),
                None,
                Some("1e3")
            ]
        );
    }

    #[test]
    fn what_is_no_configuration_is_an_error() {
        for body in ["", "nope", "[]", r#"{"a":{}}"#, r#"{"a":[1]}"#, r#"{"a":"#] {
            let error = properties(body.as_bytes()).unwrap_err();
            assert_eq!(error.status, 500, "{body}");
        }
    }

    #[test]
    fn unknown_fields_and_states_of_a_creation_are_refused() {
        assert!(require::<CreateRequest>(br#"{"name":"x","config":{},"bogus":1}"#).is_err());
        assert!(
            require::<CreateRequest>(br#"{"name":"x","config":{},"initial_state":"x"}"#).is_err()
        );
        let good = br#"{"name":1,"config":{"a":null},"initial_state":"stopped"}"#;
        let request: CreateRequest = require(good).unwrap();
        assert_eq!(request.initial_state(), Some(TargetState::Stopped));
        assert_eq!(request.name(), "1");
    }

    proptest::proptest! {
        #[test]
        fn reading_is_total(body: Vec<u8>) {
            let _read = parse::<CreateRequest>(&body);
            let _read = parse::<OffsetsRequest>(&body);
        }
    }
}
