//! The texts that name things, checked where they enter: in bodies, in paths and in queries.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, de::Error};
use utoipa::ToSchema;

/// Why a text cannot be a name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct BadName(&'static str);

macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $check:ident, $schema:meta) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, ToSchema)]
        #[$schema]
        pub(crate) struct $name(String);

        impl $name {
            pub(crate) fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = BadName;

            fn try_from(text: String) -> Result<Self, BadName> {
                $check(&text).map(|()| Self(text))
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                Self::try_from(String::deserialize(deserializer)?).map_err(D::Error::custom)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:?}", self.0)
            }
        }
    };
}

name!(
    /// A user's id: the caller's, opaque, 1 to 128 characters.
    UserId, opaque, schema(min_length = 1, max_length = 128, examples("user-42"))
);
name!(
    /// An event's id: the caller's, opaque, 1 to 128 characters.
    EventId, opaque, schema(min_length = 1, max_length = 128, examples("order-1001-paid"))
);
name!(
    /// A session's id: the caller's, opaque, 1 to 128 characters.
    SessionId, opaque, schema(min_length = 1, max_length = 128, examples("s-1"))
);
name!(
    /// A kind of event, 1 to 128 characters; `exposure`, `click` and `conversion` have a meaning.
    EventType, opaque, schema(min_length = 1, max_length = 128, examples("conversion"))
);
name!(
    /// A variant's key, 1 to 128 characters.
    VariantKey, opaque, schema(min_length = 1, max_length = 128, examples("control"))
);
name!(
    /// An experiment's key: `[A-Za-z0-9_.-]{1,64}`, not of digits alone.
    ExperimentKey, experiment_key, schema(pattern = "^(?=.*[^0-9])[A-Za-z0-9_.-]{1,64}$", examples("checkout-button"))
);
name!(
    /// What makes an experiment's hashing its own: `[A-Za-z0-9_-]{1,64}`.
    Salt, salt, schema(pattern = "^[A-Za-z0-9_-]{1,64}$", examples("9f2c1b7a"))
);

impl EventId {
    /// An id that sorts by its time of making (UUIDv7).
    pub(crate) fn make() -> Self {
        Self(uuid::Uuid::now_v7().to_string())
    }

    /// The id that the same `seed` always gives, in UUID form.
    pub(crate) fn derived(seed: &[u8; 32]) -> Self {
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&seed[..16]);
        Self(
            uuid::Builder::from_custom_bytes(bytes)
                .into_uuid()
                .to_string(),
        )
    }
}

/// An experiment as paths name it: by id when all digits, else by key.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum ExperimentRef {
    Id(i64),
    Key(String),
}

impl<'de> Deserialize<'de> for ExperimentRef {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let digits = text.bytes().all(|byte| byte.is_ascii_digit());
        // A number too great for an id names nothing, and nor does it as a key.
        Ok(match text.parse() {
            Ok(id) if digits => Self::Id(id),
            _ => Self::Key(text),
        })
    }
}

impl fmt::Display for ExperimentRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Id(id) => write!(f, "{id}"),
            Self::Key(key) => write!(f, "{key:?}"),
        }
    }
}

fn opaque(text: &str) -> Result<(), BadName> {
    if text.is_empty() || text.chars().nth(128).is_some() {
        return Err(BadName("must have 1 to 128 characters"));
    }
    if text.contains('\0') {
        return Err(BadName("must not hold the character U+0000"));
    }
    Ok(())
}

fn experiment_key(text: &str) -> Result<(), BadName> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte);
    if !(1..=64).contains(&text.len()) || !text.bytes().all(allowed) {
        return Err(BadName(
            "must have 1 to 64 characters of A-Z, a-z, 0-9, _, . and -",
        ));
    }
    if text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(BadName("must not be of digits alone, which would be an id"));
    }
    Ok(())
}

fn salt(text: &str) -> Result<(), BadName> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"_-".contains(&byte);
    if !(1..=64).contains(&text.len()) || !text.bytes().all(allowed) {
        return Err(BadName(
            "must have 1 to 64 characters of A-Z, a-z, 0-9, _ and -",
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_opaque_up_to_128_characters() {
        for good in ["a", "Δ/ü ?#", &"é".repeat(128)] {
            assert!(UserId::try_from(good.to_owned()).is_ok(), "{good:?}");
        }
        for bad in ["", "a\0b", &"x".repeat(129)] {
            assert!(UserId::try_from(bad.to_owned()).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn experiment_keys_are_never_mistaken_for_ids() {
        for good in ["a", "A_b.c-1", "1a", &"k".repeat(64)] {
            assert!(ExperimentKey::try_from(good.to_owned()).is_ok(), "{good:?}");
        }
        for bad in ["", "12", "a b", "a/b", "é", &"k".repeat(65)] {
            assert!(ExperimentKey::try_from(bad.to_owned()).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_path_names_an_experiment_by_id_or_key() {
        let read =
            |text: &str| serde_json::from_value::<ExperimentRef>(text.into()).expect("any text");
        assert_eq!(read("7"), ExperimentRef::Id(7));
        assert_eq!(read("7a"), ExperimentRef::Key("7a".into()));
        assert_eq!(read("+7"), ExperimentRef::Key("+7".into()));
        assert_eq!(
            read("99999999999999999999"),
            ExperimentRef::Key("99999999999999999999".into())
        );
    }
}
