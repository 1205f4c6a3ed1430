//! The catalogue of plugins, read once from the file beside this one.

use std::sync::OnceLock;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::CONNECTOR_CLASS;

/// The definition of a property, in Connect's shape.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Definition {
    pub(crate) name: String,
    pub(crate) r#type: String,
    pub(crate) required: bool,
    pub(crate) default_value: Option<String>,
    pub(crate) importance: String,
    pub(crate) documentation: String,
    pub(crate) group: Option<String>,
    pub(crate) width: String,
    pub(crate) display_name: String,
    pub(crate) dependents: Vec<String>,
    pub(crate) order: i32,
}

/// A property: its definition, the values that are offered, and how a value is checked.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Property {
    pub(crate) definition: Definition,
    #[serde(default)]
    pub(crate) recommended: Vec<String>,
    /// Names of checks, in order; see [`super::checks`].
    #[serde(default)]
    pub(crate) checks: Vec<String>,
}

/// A plugin and its properties.
#[derive(Debug, Deserialize)]
pub(crate) struct Plugin {
    pub(crate) class: String,
    pub(crate) r#type: String,
    pub(crate) properties: Vec<Property>,
}

/// All there is.
#[derive(Debug, Deserialize)]
pub(crate) struct Catalog {
    /// Properties that Connect itself gives every source connector.
    pub(crate) framework: Vec<Property>,
    plugins: Vec<Plugin>,
}

/// The catalogue.
pub(crate) fn catalog() -> &'static Catalog {
    static CATALOG: OnceLock<Catalog> = OnceLock::new();
    CATALOG.get_or_init(|| {
        let parsed = serde_json::from_str(include_str!("catalog.json"));
        parsed.unwrap_or_else(|error| unreachable!("the catalogue is checked by a test: {error}"))
    })
}

/// The connector plugin.
pub(crate) fn connector() -> &'static Plugin {
    let found = catalog()
        .plugins
        .iter()
        .find(|plugin| plugin.class == CONNECTOR_CLASS);
    found.unwrap_or_else(|| unreachable!("a test checks that the catalogue has the connector"))
}

/// A plugin by class name or alias, of any type.
pub(crate) fn find(name: &str) -> Option<&'static Plugin> {
    catalog()
        .plugins
        .iter()
        .find(|plugin| plugin.answers_to(name))
}

/// A plugin of one type by class name or alias.
pub(crate) fn find_of(r#type: &str, name: &str) -> Option<&'static Plugin> {
    of_type(r#type).find(|plugin| plugin.answers_to(name))
}

/// All plugins of one type.
pub(crate) fn of_type(r#type: &str) -> impl Iterator<Item = &'static Plugin> {
    catalog()
        .plugins
        .iter()
        .filter(move |plugin| plugin.r#type == r#type)
}

/// What `GET /connector-plugins` lists: connectors, or everything.
pub(crate) fn list(all: bool, version: &str) -> Vec<Value> {
    let plugins = catalog()
        .plugins
        .iter()
        .filter(|plugin| all || plugin.r#type == "source");
    plugins
        .map(|plugin| json!({"class": plugin.class, "type": plugin.r#type, "version": version}))
        .collect()
}

impl Plugin {
    /// Whether `name` is the class, its simple name, or the simple name without its type, as Connect
    /// shortens them.
    fn answers_to(&self, name: &str) -> bool {
        let simple = self.class.rsplit('.').next().unwrap_or_default();
        let suffix = match self.r#type.as_str() {
            "source" => "Connector",
            "converter" => "Converter",
            "header_converter" => "HeaderConverter",
            "transformation" => "Transformation",
            _ => "Predicate",
        };
        let short = simple
            .strip_suffix(suffix)
            .filter(|short| !short.is_empty());
        name == self.class || name == simple || short == Some(name)
    }

    /// The definitions of its properties; a connector's end with those of the framework.
    pub(crate) fn definitions(&'static self) -> Vec<&'static Definition> {
        let framework: &[Property] = if self.r#type == "source" {
            &catalog().framework
        } else {
            &[]
        };
        self.properties
            .iter()
            .chain(framework)
            .map(|property| &property.definition)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_catalogue_is_read_and_has_the_connector() {
        assert_eq!(catalog().framework.len(), 24);
        assert_eq!(connector().properties.len(), 141);
        assert_eq!(connector().definitions()[0].name, "database.hostname");
        assert_eq!(list(false, "1")[0]["class"], CONNECTOR_CLASS);
    }

    #[test]
    fn plugins_are_found_by_class_simple_name_and_short_name() {
        for name in [CONNECTOR_CLASS, "PostgresConnector", "Postgres"] {
            assert!(std::ptr::eq(find(name).unwrap(), connector()), "{name}");
        }
        let json = "org.apache.kafka.connect.json.JsonConverter";
        assert_eq!(find_of("converter", "Json").unwrap().class, json);
        assert!(find_of("predicate", "RegexRouter").is_none());
        assert!(find("nope").is_none());
    }
}
