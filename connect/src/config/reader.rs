//! Typed access to properties: one value each, or an error that names the property.

use std::time::Duration;

use walcast_wire::usage::UsageError;

use super::worker::Properties;

/// Reads values out of properties.
pub(super) struct Reader<'a> {
    pub(super) props: &'a Properties,
}

impl Reader<'_> {
    /// The value as it stands, also when it is empty.
    pub(super) fn given(&self, name: &str) -> Option<&str> {
        self.props.get(name).map(String::as_str)
    }

    /// The value without white space around it; an empty one is none.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.given(name).map(str::trim).filter(|v| !v.is_empty())
    }

    pub(super) fn text_or(&self, name: &str, default: &str) -> String {
        self.text(name).unwrap_or(default).to_owned()
    }

    pub(super) fn number<T: std::str::FromStr>(&self, name: &str) -> Result<Option<T>, UsageError> {
        let Some(text) = self.text(name) else {
            return Ok(None);
        };
        let wrong = |_| UsageError::new(format!("{name}={text}: give a whole number in its range"));
        text.parse().map(Some).map_err(wrong)
    }

    pub(super) fn millis(&self, name: &str, default: u64) -> Result<Duration, UsageError> {
        Ok(Duration::from_millis(self.number(name)?.unwrap_or(default)))
    }

    pub(super) fn flag(&self, name: &str, default: bool) -> Result<bool, UsageError> {
        match self.text(name) {
            None => Ok(default),
            Some(t) if t.eq_ignore_ascii_case("true") => Ok(true),
            Some(t) if t.eq_ignore_ascii_case("false") => Ok(false),
            Some(t) => Err(UsageError::new(format!("{name}={t}: give true or false"))),
        }
    }

    /// Properties below `prefix`, the prefix removed.
    pub(super) fn family(&self, prefix: &str) -> Properties {
        let below =
            |(k, v): (&String, &String)| Some((k.strip_prefix(prefix)?.to_owned(), v.clone()));
        self.props.iter().filter_map(below).collect()
    }

    /// A property and its options, under their full names.
    pub(super) fn named(&self, name: &str) -> Properties {
        let options = format!("{name}.");
        let ours = |(k, _): &(&String, &String)| *k == name || k.starts_with(&options);
        self.props
            .iter()
            .filter(ours)
            .map(|(k, v)| (k.clone(), v.clone()))
            .collect()
    }
}
