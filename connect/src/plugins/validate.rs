//! Validating a connector's configuration, answered in Connect's shape: every property with its
//! definition, its value and its errors.
//!
//! The catalogue speaks Debezium's words. The engine's problems are added to properties of which the
//! catalogue has nothing to say: what Walcast does not support, and a source that cannot be reached.

use indexmap::IndexMap;
use serde::Serialize;

use super::catalog::{self, Definition, Property};
use super::{CONNECTOR_CLASS, chain, checks, converters};
use crate::config::providers::ProviderError;
use crate::config::{GivenProperties, Properties};
use crate::engine::Problem;
use crate::herder::Shared;
use crate::java_map;
use crate::plugins;
use crate::refusal::Refusal;

/// The answer of `PUT /connector-plugins/{plugin}/config/validate`.
#[derive(Debug, Serialize)]
pub(crate) struct ConfigInfos {
    name: String,
    error_count: usize,
    groups: Vec<String>,
    configs: Vec<ConfigInfo>,
}

/// One property: what it is and what was given.
#[derive(Debug, Serialize)]
pub(super) struct ConfigInfo {
    pub(super) definition: Option<Definition>,
    pub(super) value: ConfigValue,
}

/// What was given for a property, and what is wrong with it.
#[derive(Debug, Serialize)]
pub(super) struct ConfigValue {
    pub(super) name: String,
    pub(super) value: Option<String>,
    pub(super) recommended_values: Vec<String>,
    pub(super) errors: Vec<String>,
    pub(super) visible: bool,
}

/// Validates for the endpoint of that name.
///
/// # Errors
/// 400 when the class is another than the path's; 500, as Connect answers, when there is none.
pub(crate) async fn answer(
    shared: &Shared,
    plugin: &str,
    given: &GivenProperties,
) -> Result<ConfigInfos, Refusal> {
    if let Some(included) = given.get("connector.class").and_then(Option::as_deref)
        && !normalized(included).ends_with(normalized(plugin))
    {
        return Err(Refusal::bad_request(format!(
            "Included connector type {included} does not match request type {plugin}"
        )));
    }
    infos(shared, given).await.map_err(|refusal| {
        let class = "org.apache.kafka.connect.runtime.rest.errors.BadRequestException";
        Refusal::new(500, format!("{class}: {}", refusal.message))
    })
}

fn normalized(class: &str) -> &str {
    class
        .strip_suffix("Connector")
        .filter(|rest| !rest.is_empty())
        .unwrap_or(class)
}

/// The properties when they are valid.
///
/// # Errors
/// 400 with every error, in the order of the properties.
pub(crate) async fn refuse_invalid(
    shared: &Shared,
    given: &GivenProperties,
) -> Result<Properties, Refusal> {
    let infos = infos(shared, given).await?;
    if infos.error_count > 0 {
        let errors = infos.configs.iter().flat_map(|config| &config.value.errors);
        let errors: String = errors.map(|error| format!("\n{error}")).collect();
        return Err(Refusal::bad_request(format!(
            "Connector configuration is invalid and contains the following {} error(s):{errors}\nYou can also find the above list of errors at the endpoint `/connector-plugins/{{connectorType}}/config/validate`",
            infos.error_count
        )));
    }
    Ok(present(given))
}

fn present(given: &GivenProperties) -> Properties {
    let present = |(key, value): (&String, &Option<String>)| Some((key.clone(), value.clone()?));
    given.iter().filter_map(present).collect()
}

async fn infos(shared: &Shared, given: &GivenProperties) -> Result<ConfigInfos, Refusal> {
    let class = find_class(shared, given)?;
    let unresolved = |error: ProviderError| Refusal::bad_request(error.to_string());
    let props = present(given);
    let for_engine = plugins::for_engine(&props, &shared.config.providers).map_err(unresolved)?;
    let props = shared
        .config
        .providers
        .resolve(&props)
        .map_err(unresolved)?;
    let version = shared.engine.version();
    let mut configs: IndexMap<String, ConfigInfo> = IndexMap::new();
    for name in given
        .iter()
        .filter(|(_, value)| value.is_none())
        .map(|(name, _)| name)
    {
        let error = "Null value can not be supplied as the configuration value.".into();
        configs.insert(name.clone(), unknown(name, None, vec![error]));
    }
    for property in &catalog::catalog().framework {
        configs.insert(
            property.definition.name.clone(),
            framework(shared, property, &props),
        );
    }
    chain::add(&mut configs, &props, version);
    for property in &catalog::connector().properties {
        configs.insert(property.definition.name.clone(), own(property, &props));
    }
    check_overrides(shared, &props, &mut configs);
    check_source(shared, &props, &mut configs);
    converters::add(&mut configs, &props);
    let own_errors = catalog::connector().properties.iter().any(|property| {
        configs
            .get(&property.definition.name)
            .is_some_and(|c| !c.value.errors.is_empty())
    });
    let problems = if own_errors {
        shared.engine.check(&for_engine)
    } else {
        shared.engine.validate(&for_engine).await
    };
    add_problems(&mut configs, problems);
    let configs: Vec<ConfigInfo> = configs.into_values().collect();
    Ok(ConfigInfos {
        name: class,
        error_count: configs.iter().map(|config| config.value.errors.len()).sum(),
        groups: groups(&configs),
        configs,
    })
}

/// The class as it was given, when it names the connector.
fn find_class(shared: &Shared, given: &GivenProperties) -> Result<String, Refusal> {
    let Some(class) = given.get("connector.class").and_then(Option::as_deref) else {
        let shown = java_map::as_copied(given);
        let shown = shown
            .iter()
            .map(|(k, v)| format!("{k}={}", v.as_deref().unwrap_or("null")));
        return Err(Refusal::bad_request(format!(
            "Connector config {{{}}} contains no connector type",
            shown.collect::<Vec<_>>().join(", ")
        )));
    };
    if catalog::find_of("source", class).is_some() {
        return Ok(class.to_owned());
    }
    let version = shared.engine.version();
    Err(Refusal::bad_request(format!(
        "org.apache.kafka.connect.errors.ConnectException: Failed to find any class that implements Connector and which name matches {class}, available connectors are: PluginDesc{{klass=class {CONNECTOR_CLASS}, name='{CONNECTOR_CLASS}', version='{version}', encodedVersion={version}, type=source, typeName='source', location='classpath'}}"
    )))
}

/// A property of Connect's own: shown with its default.
fn framework(shared: &Shared, property: &Property, props: &Properties) -> ConfigInfo {
    let mut definition = property.definition.clone();
    let name = definition.name.clone();
    let worker = match name.as_str() {
        "key.converter" => shared.config.key_converter.get(&name),
        "value.converter" => shared.config.value_converter.get(&name),
        _ => None,
    };
    let version = name
        .ends_with("plugin.version")
        .then(|| shared.engine.version().to_owned());
    if let Some(default) = worker.cloned().or_else(|| version.clone()) {
        definition.default_value = Some(default);
    }
    let given = props.get(&name);
    let mut errors = checks::run_all(property, given.map(String::as_str), props);
    if definition.required && given.is_none() {
        errors.push(missing(&name));
    }
    let value = if errors.is_empty() {
        let given = given.map(|value| shown(&definition.r#type, value));
        given.or_else(|| definition.default_value.clone())
    } else {
        None
    };
    let mut recommended_values = property.recommended.clone();
    recommended_values.extend(version);
    recommended_values.extend(chain::converters(&name));
    let value = ConfigValue {
        name,
        value,
        recommended_values,
        errors,
        visible: true,
    };
    ConfigInfo {
        definition: Some(definition),
        value,
    }
}

/// A property of the connector's: Debezium shows no values.
fn own(property: &Property, props: &Properties) -> ConfigInfo {
    let name = &property.definition.name;
    let errors = checks::run_all(property, props.get(name).map(String::as_str), props);
    let value = ConfigValue {
        name: name.clone(),
        value: None,
        recommended_values: property.recommended.clone(),
        errors,
        visible: name != "schema.exclude.list",
    };
    ConfigInfo {
        definition: Some(property.definition.clone()),
        value,
    }
}

/// A value as Connect shows it: lists without the spaces around their elements.
fn shown(r#type: &str, value: &str) -> String {
    match r#type {
        "LIST" => value
            .split(',')
            .map(str::trim)
            .collect::<Vec<_>>()
            .join(","),
        _ => value.to_owned(),
    }
}

fn unknown(name: &str, value: Option<String>, errors: Vec<String>) -> ConfigInfo {
    let name = name.to_owned();
    let value = ConfigValue {
        name,
        value,
        recommended_values: Vec::new(),
        errors,
        visible: true,
    };
    ConfigInfo {
        definition: None,
        value,
    }
}

/// `connector.client.config.override.policy=None` forbids `producer.override.*`.
fn check_overrides(
    shared: &Shared,
    props: &Properties,
    configs: &mut IndexMap<String, ConfigInfo>,
) {
    if shared.config.client_overrides {
        return;
    }
    for (name, value) in props
        .iter()
        .filter(|(name, _)| name.starts_with("producer.override."))
    {
        let error = "None policy doesn't allow to override any client config; set connector.client.config.override.policy=All in the worker's properties".into();
        let value = if is_secret(name) {
            "[hidden]".to_owned()
        } else {
            value.clone()
        };
        configs.insert(name.clone(), unknown(name, Some(value), vec![error]));
    }
}

/// Whether a Kafka client's property holds a secret: `ConfigDef.Type.PASSWORD` in Kafka.
fn is_secret(name: &str) -> bool {
    let secret = [
        "password",
        "sasl.jaas.config",
        "ssl.keystore.key",
        "ssl.keystore.certificate.chain",
        "ssl.truststore.certificates",
        "secret",
    ];
    secret.iter().any(|ending| name.ends_with(ending))
}

/// What Connect itself asks of a source connector besides single values.
fn check_source(shared: &Shared, props: &Properties, configs: &mut IndexMap<String, ConfigInfo>) {
    let is = |property: &str, word: &str| {
        let value = props.get(property).map(|value| value.trim());
        value.is_some_and(|value| value.eq_ignore_ascii_case(word))
    };
    let mut tell = |property: &str, error: &str| {
        if let Some(config) = configs.get_mut(property) {
            config.value.errors.push(error.to_owned());
        }
    };
    if is("exactly.once.support", "required") && !shared.config.exactly_once {
        tell(
            "exactly.once.support",
            "This worker does not have exactly-once source support enabled.",
        );
    }
    if is("transaction.boundary", "connector") {
        tell(
            "transaction.boundary",
            "The connector does not support connector-defined transaction boundaries with the given configuration. Please reconfigure it to use a different transaction boundary definition.",
        );
    }
    let groups = props.get("topic.creation.groups").map(String::as_str);
    let groups: Vec<&str> = groups
        .unwrap_or_default()
        .split(',')
        .map(str::trim)
        .collect();
    let unique: std::collections::BTreeSet<_> = groups.iter().collect();
    if unique.len() < groups.len() {
        let shown = groups.join(", ");
        tell(
            "topic.creation.groups",
            &format!(
                "Invalid value [{shown}] for configuration topic.creation.groups: Duplicate alias provided."
            ),
        );
    }
}

pub(super) fn missing(name: &str) -> String {
    format!("Missing required configuration \"{name}\" which has no default value.")
}

/// Adds what the engine has found where the catalogue has found nothing.
fn add_problems(configs: &mut IndexMap<String, ConfigInfo>, problems: Vec<Problem>) {
    let silent: Vec<Problem> = problems
        .into_iter()
        .filter(|p| {
            configs
                .get(&p.property)
                .is_none_or(|c| c.value.errors.is_empty())
        })
        .collect();
    for Problem { property, message } in silent {
        let config = configs
            .entry(property)
            .or_insert_with_key(|name| unknown(name, None, Vec::new()));
        config.value.errors.push(message);
    }
}

fn groups(configs: &[ConfigInfo]) -> Vec<String> {
    let mut groups: Vec<String> = Vec::new();
    let definitions = configs
        .iter()
        .filter_map(|config| config.definition.as_ref());
    for group in definitions.filter_map(|definition| definition.group.as_ref()) {
        if !groups.contains(group) {
            groups.push(group.clone());
        }
    }
    groups
}
