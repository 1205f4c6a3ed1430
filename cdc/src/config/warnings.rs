//! Applies the property table: refuses what must be refused, collects what is only warned about.

use std::collections::BTreeMap;

use super::Treatment;
use super::properties::treatment;
use super::reader::{ConfigProblem, Reader};

/// Walks all properties; problems go to `reader`, warnings are returned.
pub(super) fn treat_all(
    props: &BTreeMap<String, String>,
    reader: &mut Reader<'_>,
) -> Vec<ConfigProblem> {
    let mut warnings = Vec::new();
    let mut warn = |property: &str, message: String| {
        warnings.push(ConfigProblem {
            property: property.into(),
            message,
        });
    };
    for (property, value) in props {
        match treatment(property) {
            Some(Treatment::Honoured) => {}
            Some(Treatment::NoEffect(why)) => warn(property, format!("has no effect here: {why}")),
            Some(Treatment::Only(allowed, instead)) if !same(value, allowed) => {
                let message = format!(
                    "The '{property}' value is invalid: Walcast supports only {}; {instead}",
                    if allowed.is_empty() {
                        "the property left out"
                    } else {
                        allowed
                    }
                );
                reader.problem(property, message);
            }
            Some(Treatment::Only(..)) => {}
            None => warn(
                property,
                "is not a property Walcast knows; check its spelling".into(),
            ),
        }
    }
    warnings
}

/// Whether a given value is the one allowed; a simple class name equals its full name.
fn same(value: &str, allowed: &str) -> bool {
    let value = value.trim();
    value.eq_ignore_ascii_case(allowed)
        || (!value.is_empty() && allowed.rsplit('.').next() == Some(value))
}
