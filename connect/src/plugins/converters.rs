//! Converters that a connector names: the properties that they bring into its configuration.

use indexmap::IndexMap;

use super::validate::{ConfigInfo, ConfigValue};
use super::{catalog, chain, smt_checks};
use crate::config::Properties;
use crate::java_map;

/// The properties that name converters, and what `converter.type` is for each.
const KINDS: [(&str, &str); 3] = [
    ("key.converter", "converter"),
    ("value.converter", "converter"),
    ("header.converter", "header_converter"),
];

/// Adds the properties of the converters that `props` names itself; a worker's are not shown.
pub(super) fn add(configs: &mut IndexMap<String, ConfigInfo>, props: &Properties) {
    for (property, kind) in KINDS {
        let named = props.get(property).map(|class| class.trim());
        let Some(plugin) = named.and_then(|class| catalog::find_of(kind, class)) else {
            continue;
        };
        // Connect keeps them in a hash map.
        let named = plugin.properties.iter();
        let named = named.map(|described| (described.definition.name.clone(), described));
        for (option, described) in java_map::as_grown(&named.collect()) {
            let option = option.as_str();
            let mut definition = described.definition.clone();
            definition.name = format!("{property}.{option}");
            let given = match option {
                "converter.type" => property.strip_suffix(".converter"),
                _ => props.get(&definition.name).map(String::as_str),
            };
            let mut errors = chain::type_errors(&described.definition, given);
            let checked = given.or(definition.default_value.as_deref());
            let faults = described
                .checks
                .iter()
                .filter_map(|check| smt_checks::fault(check, option, checked));
            errors.extend(faults);
            let value = checked.filter(|_| errors.is_empty()).map(str::to_owned);
            let name = definition.name.clone();
            let value = ConfigValue {
                name: name.clone(),
                value,
                recommended_values: Vec::new(),
                errors,
                visible: true,
            };
            let definition = Some(definition);
            configs.insert(name, ConfigInfo { definition, value });
        }
    }
}
