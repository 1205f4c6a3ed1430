//! The plugins a connector can name, their properties, and checking a configuration against them.
//!
//! The catalogue is Kafka Connect's and Debezium's own: names, defaults, documentation and order as
//! Kafka Connect 4.1.0 with Debezium 3.7.0.Final lists them (Apache-2.0), so that user interfaces
//! show the same forms. What Walcast itself does not support is refused by the engine, by name.

use std::collections::BTreeMap;

use crate::config::Properties;
use crate::config::providers::{ProviderError, Providers};

pub(crate) mod catalog;
mod chain;
mod checks;
mod converters;
mod java_regex;
mod smt_checks;
pub(crate) mod validate;

/// The only connector there is.
pub(crate) const CONNECTOR_CLASS: &str = "io.debezium.connector.postgresql.PostgresConnector";

/// The class of its task, which Connect keeps with the task's configuration.
pub(crate) const TASK_CLASS: &str = "io.debezium.connector.postgresql.PostgresConnectorTask";

/// A connector's properties as the engine takes them: references resolved, classes by full name.
///
/// # Errors
/// A reference that cannot be resolved.
pub(crate) fn for_engine(
    props: &Properties,
    providers: &Providers,
) -> Result<BTreeMap<String, String>, ProviderError> {
    let resolved = providers.resolve(props)?.into_iter();
    let full = |(name, value): (String, String)| {
        let plugin = plugin_type(&name).and_then(|kind| catalog::find_of(kind, value.trim()));
        let value = plugin.map_or(value, |plugin| plugin.class.clone());
        (name, value)
    };
    Ok(resolved.map(full).collect())
}

/// What a property names a class of, when it does.
fn plugin_type(property: &str) -> Option<&'static str> {
    match property {
        "connector.class" => Some("source"),
        "key.converter" | "value.converter" => Some("converter"),
        "header.converter" => Some("header_converter"),
        _ if !property.ends_with(".type") => None,
        _ if property.starts_with("transforms.") => Some("transformation"),
        _ if property.starts_with("predicates.") => Some("predicate"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_engine_sees_classes_by_their_full_names() {
        let given = [
            ("connector.class", "PostgresConnector"),
            ("value.converter", "Json"),
            ("transforms.t.type", "RegexRouter"),
            ("predicates.p.type", "TopicNameMatches"),
            ("transforms.u.type", "no.such.Class"),
            ("topic.type", "RegexRouter"),
        ];
        let given = given.map(|(k, v)| (k.to_owned(), v.to_owned())).into();
        let got = for_engine(&given, &Providers::default()).unwrap();
        for (name, value) in [
            ("connector.class", CONNECTOR_CLASS),
            (
                "value.converter",
                "org.apache.kafka.connect.json.JsonConverter",
            ),
            (
                "transforms.t.type",
                "org.apache.kafka.connect.transforms.RegexRouter",
            ),
            (
                "predicates.p.type",
                "org.apache.kafka.connect.transforms.predicates.TopicNameMatches",
            ),
            ("transforms.u.type", "no.such.Class"),
            ("topic.type", "RegexRouter"),
        ] {
            assert_eq!(got[name], value, "{name}");
        }
    }
}
