//! A setting that never shows itself, given in place or as a file that holds it.

use std::convert::Infallible;
use std::fmt;
use std::path::Path;
use std::str::FromStr;

use walcast_wire::usage::UsageError;

/// Text that must not be printed: its `Debug` form hides it and it has no other.
#[derive(Clone, Default, serde::Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// The text itself, for the call that needs it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl FromStr for Secret {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// The secret `key`, given in place or in a file (without the line break at its end).
///
/// # Errors
/// Both are given, or the file cannot be read.
pub(crate) fn pick(
    key: &str,
    value: Option<Secret>,
    file: Option<&Path>,
) -> Result<Option<Secret>, UsageError> {
    match (value, file) {
        (Some(_), Some(_)) => Err(UsageError::new(format!(
            "{key} and {key}_file are both set; keep one of them"
        ))),
        (value, None) => Ok(value),
        (None, Some(path)) => {
            let text = std::fs::read_to_string(path).map_err(|e| {
                UsageError::new(format!("{key}_file: cannot read {}: {e}", path.display()))
            })?;
            Ok(Some(Secret(text.trim_end_matches(['\r', '\n']).to_owned())))
        }
    }
}
