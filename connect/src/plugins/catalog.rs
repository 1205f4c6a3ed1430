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
    let class = class_of(name)?;
    catalog()
        .plugins
        .iter()
        .find(|plugin| plugin.class == class)
}

/// A plugin of one type by class name or alias.
pub(crate) fn find_of(r#type: &str, name: &str) -> Option<&'static Plugin> {
    let class = class_of(name)?;
    of_type(r#type).find(|plugin| plugin.class == class)
}

/// The class that `name` is or stands for. As in Connect, an alias of several classes stands for none.
fn class_of(name: &str) -> Option<&'static str> {
    let plugins = &catalog().plugins;
    if let Some(plugin) = plugins.iter().find(|plugin| plugin.class == name) {
        return Some(&plugin.class);
    }
    let mut classes = plugins.iter().filter(|plugin| plugin.answers_to(name));
    let class = classes.next()?.class.as_str();
    classes.all(|plugin| plugin.class == class).then_some(class)
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
    /// Whether `name` is its simple name, or that without its type, as Connect shortens them.
    fn answers_to(&self, name: &str) -> bool {
        let simple = self.class.rsplit(['.', '$']).next().unwrap_or_default();
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
        name == simple || short == Some(name)
    }

    /// The definitions of its properties; a connector's end with those of the framework, without
    /// what only a worker's configuration brings.
    pub(crate) fn definitions(&self, version: &str) -> Vec<Definition> {
        let framework: &[Property] = if self.r#type == "source" {
            &catalog().framework
        } else {
            &[]
        };
        self.properties
            .iter()
            .chain(framework)
            .map(|property| property.definition.clone())
            .map(|definition| match definition.name.as_str() {
                "connector.plugin.version" => Definition {
                    default_value: Some(version.to_owned()),
                    ..definition
                },
                "header.converter" if !framework.is_empty() => Definition {
                    default_value: None,
                    ..definition
                },
                _ => definition,
            })
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
        assert_eq!(connector().definitions("1")[0].name, "database.hostname");
        assert_eq!(list(false, "1")[0]["class"], CONNECTOR_CLASS);
    }

    /// Debezium has these two in an archive of their own.
    #[test]
    fn scripting_transforms_are_there() {
        for name in ["ContentBasedRouter", "io.debezium.transforms.Filter"] {
            assert!(find_of("transformation", name).is_some(), "{name}");
        }
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
        for ambiguous in ["ByteArrayConverter", "Cast", "Cast$Value", "Value"] {
            assert!(find(ambiguous).is_none(), "{ambiguous}");
        }
        assert!(find("org.apache.kafka.connect.transforms.Cast$Value").is_some());
    }
}
