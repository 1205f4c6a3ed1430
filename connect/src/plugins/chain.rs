//! Transforms and predicates: the properties that their aliases bring into a configuration.

use indexmap::IndexMap;

use super::catalog::{self, Definition, Plugin, Property};
use super::smt_checks;
use super::validate::{ConfigInfo, ConfigValue, missing};
use crate::config::Properties;

/// A kind of plugin that is chained by aliases.
struct Kind {
    /// The property that lists the aliases, also the prefix of theirs.
    list: &'static str,
    plugin_type: &'static str,
    group: &'static str,
    noun: &'static str,
    display: &'static str,
    /// The Java interface that its plugins implement.
    interface: &'static str,
    /// What every plugin of the kind takes besides its own properties.
    common: fn() -> Vec<Property>,
}

const KINDS: [Kind; 2] = [
    Kind {
        list: "transforms",
        plugin_type: "transformation",
        group: "Transforms",
        noun: "transformation",
        display: "Transformation",
        interface: "Transformation",
        common: transform_properties,
    },
    Kind {
        list: "predicates",
        plugin_type: "predicate",
        group: "Predicates",
        noun: "predicate",
        display: "Predicate",
        interface: "Predicate",
        common: Vec::new,
    },
];

/// Adds the properties of every alias.
pub(super) fn add(configs: &mut IndexMap<String, ConfigInfo>, props: &Properties, version: &str) {
    for kind in &KINDS {
        let given = props.get(kind.list).map(String::as_str).unwrap_or_default();
        let aliases: Vec<&str> = given
            .split(',')
            .map(str::trim)
            .filter(|a| !a.is_empty())
            .collect();
        let unique: std::collections::BTreeSet<_> = aliases.iter().collect();
        if unique.len() < aliases.len()
            && let Some(list) = configs.get_mut(kind.list)
        {
            let shown = aliases.join(", ");
            list.value.errors.push(format!(
                "Invalid value [{shown}] for configuration {}: Duplicate alias provided.",
                kind.list
            ));
        }
        for alias in aliases {
            add_alias(configs, kind, alias, props, version);
        }
    }
}

/// The converters that can be given for a framework property; empty for any other.
pub(super) fn converters(property: &str) -> Vec<String> {
    let plugin_type = match property {
        "key.converter" | "value.converter" => "converter",
        "header.converter" => "header_converter",
        _ => return Vec::new(),
    };
    catalog::of_type(plugin_type)
        .map(|plugin| plugin.class.clone())
        .collect()
}

fn add_alias(
    configs: &mut IndexMap<String, ConfigInfo>,
    kind: &Kind,
    alias: &str,
    props: &Properties,
    version: &str,
) {
    let prefix = format!("{}.{alias}.", kind.list);
    let group = format!("{}: {alias}", kind.group);
    let name = format!("{prefix}type");
    let given = props.get(&name);
    let plugin = given.and_then(|class| catalog::find_of(kind.plugin_type, class));
    let mut errors = match (given, plugin) {
        (None, _) => vec![missing(&name)],
        (Some(class), None) => vec![no_such(&name, class, kind.interface)],
        (Some(_), Some(_)) => Vec::new(),
    };
    let [negate, predicate] = ["negate", "predicate"].map(|option| format!("{prefix}{option}"));
    if props.contains_key(&negate) && !props.contains_key(&predicate) {
        errors.push(format!("Config '{negate}' was provided but there is no config '{predicate}' defining a predicate to be negated."));
    }
    let classes = catalog::of_type(kind.plugin_type)
        .map(|plugin| plugin.class.clone())
        .collect();
    let definition = definition(
        &name,
        &group,
        format!("Class for the '{alias}' {}.", kind.noun),
        format!("{} type for {alias}", kind.display),
    );
    let value = plugin.map(|plugin| plugin.class.clone());
    insert(configs, definition, value, classes, errors);
    let name = format!("{prefix}plugin.version");
    let mut versioned = self::definition(
        &name,
        &group,
        format!("Version of the '{alias}' {}.", kind.noun),
        format!("{} version for {alias}", kind.display),
    );
    versioned.r#type = "STRING".into();
    versioned.required = false;
    versioned.order = 1;
    versioned.default_value = Some(version.to_owned());
    insert(
        configs,
        versioned,
        Some(version.to_owned()),
        vec![version.to_owned()],
        Vec::new(),
    );
    let Some(plugin) = plugin else { return };
    add_options(
        configs,
        (&prefix, &group),
        sorted(plugin, (kind.common)()),
        props,
    );
}

/// Adds the options of one alias; `place` is the prefix of its properties and its group.
fn add_options(
    configs: &mut IndexMap<String, ConfigInfo>,
    place: (&str, &str),
    properties: Vec<Property>,
    props: &Properties,
) {
    let (prefix, group) = place;
    for (order, property) in (2..).zip(properties) {
        let checks = property.checks;
        let mut definition = property.definition;
        let option = definition.name.clone();
        definition.name = format!("{prefix}{}", definition.name);
        definition.order = order;
        definition.group = Some(match definition.group {
            Some(own) => format!("{group}: {own}"),
            None => group.to_owned(),
        });
        let given = props.get(&definition.name);
        let mut errors = type_errors(&definition, given.map(String::as_str));
        if definition.required && given.is_none() {
            errors.push(missing(&definition.name));
        }
        let checked = given.or(definition.default_value.as_ref());
        let checked = checked.map(String::as_str);
        errors.extend(
            checks
                .iter()
                .filter_map(|check| smt_checks::fault(check, &option, checked)),
        );
        let value = given.cloned().or_else(|| definition.default_value.clone());
        let value = value.filter(|_| errors.is_empty());
        insert(configs, definition, value, Vec::new(), errors);
    }
}

/// A class that is none of the kind that is asked for.
pub(super) fn no_such(name: &str, class: &str, interface: &str) -> String {
    match catalog::find(class.trim()) {
        Some(other) => format!(
            "Class class {} does not implement the {interface} interface",
            other.class
        ),
        None => format!(
            "Invalid value {class} for configuration {name}: Class {class} could not be found."
        ),
    }
}

fn definition(name: &str, group: &str, documentation: String, display_name: String) -> Definition {
    Definition {
        name: name.to_owned(),
        r#type: "CLASS".into(),
        required: true,
        default_value: None,
        importance: "HIGH".into(),
        documentation,
        group: Some(group.to_owned()),
        width: "LONG".into(),
        display_name,
        dependents: Vec::new(),
        order: 0,
    }
}

fn insert(
    configs: &mut IndexMap<String, ConfigInfo>,
    definition: Definition,
    value: Option<String>,
    recommended_values: Vec<String>,
    errors: Vec<String>,
) {
    let name = definition.name.clone();
    let value = ConfigValue {
        name: name.clone(),
        value,
        recommended_values,
        errors,
        visible: true,
    };
    configs.insert(
        name,
        ConfigInfo {
            definition: Some(definition),
            value,
        },
    );
}

/// As `ConfigDef` sorts: by group and order, then what has no default, importance and name.
fn sorted(plugin: &Plugin, common: Vec<Property>) -> Vec<Property> {
    let mut groups: Vec<&str> = Vec::new();
    for group in plugin
        .properties
        .iter()
        .filter_map(|p| p.definition.group.as_deref())
    {
        if !groups.contains(&group) {
            groups.push(group);
        }
    }
    let place = |definition: &Definition| {
        let group = definition.group.as_deref();
        let group = group.map(|group| groups.iter().position(|g| *g == group));
        let importance = match definition.importance.as_str() {
            "HIGH" => 0,
            "MEDIUM" => 1,
            _ => 2,
        };
        (
            group,
            definition.order,
            !definition.required,
            importance,
            definition.name.clone(),
        )
    };
    let mut all: Vec<Property> = plugin.properties.iter().cloned().chain(common).collect();
    all.sort_by_key(|property| place(&property.definition));
    all
}

/// `negate` and `predicate`, which Connect adds to every transform.
fn transform_properties() -> Vec<Property> {
    let property =
        |name: &str, r#type: &str, default: Option<&str>, documentation: &str| Property {
            definition: Definition {
                name: name.into(),
                r#type: r#type.into(),
                required: false,
                default_value: default.map(str::to_owned),
                importance: "MEDIUM".into(),
                documentation: documentation.into(),
                group: None,
                width: "NONE".into(),
                display_name: name.into(),
                dependents: Vec::new(),
                order: -1,
            },
            recommended: Vec::new(),
            checks: Vec::new(),
        };
    vec![
        property(
            "negate",
            "BOOLEAN",
            Some("false"),
            "Whether the configured predicate should be negated.",
        ),
        property(
            "predicate",
            "STRING",
            None,
            "The alias of a predicate used to determine whether to apply this transformation.",
        ),
    ]
}

pub(super) fn type_errors(definition: &Definition, given: Option<&str>) -> Vec<String> {
    let Some(value) = given else {
        return Vec::new();
    };
    let name = &definition.name;
    let trimmed = value.trim();
    let bad = match definition.r#type.as_str() {
        "BOOLEAN" if !matches!(trimmed.to_ascii_lowercase().as_str(), "true" | "false") => {
            "Expected value to be either true or false"
        }
        "INT" if trimmed.parse::<i32>().is_err() => "Not a number of type INT",
        "DOUBLE" if trimmed.parse::<f64>().is_err() => "Not a number of type DOUBLE",
        "LONG" if trimmed.parse::<i64>().is_err() => "Not a number of type LONG",
        _ => return Vec::new(),
    };
    vec![format!(
        "Invalid value {value} for configuration {name}: {bad}"
    )]
}
