//! What happens to a record after it is encoded: transforms, predicates and converters.
//!
//! Transforms that only rename topics, with JSON converters, are done by the encoder once per table;
//! anything else takes the pipeline.

use std::collections::BTreeMap;
use std::sync::Arc;

use walcast_wire::config::EncoderConfig;
use walcast_wire::converter::{CONVERTERS, Form, JsonOptions};
use walcast_wire::pipeline::PipelineConfig;
use walcast_wire::record::LogSkipped;
use walcast_wire::route::Router;
use walcast_wire::transform::{Grade, Options, routers};

use super::reader::{ConfigProblem, Reader};
use super::transforms;

const JSON_CONVERTER: &str = "org.apache.kafka.connect.json.JsonConverter";
const SIMPLE_HEADERS: &str = "org.apache.kafka.connect.storage.SimpleHeaderConverter";

/// A connector's properties and the worker's converter settings.
type Sources<'a> = (&'a BTreeMap<String, String>, &'a BTreeMap<String, String>);

/// How records leave.
pub(super) enum Records {
    /// As the encoder writes them.
    Encoded {
        key: JsonOptions,
        value: JsonOptions,
        routers: Vec<Router>,
    },
    /// Through transforms and converters.
    Piped(PipelineConfig),
}

impl Records {
    pub(super) fn into_encoder(self, base: EncoderConfig) -> EncoderConfig {
        match self {
            Self::Encoded {
                key,
                value,
                routers,
            } => EncoderConfig {
                key_schemas_enable: key.schemas,
                value_schemas_enable: value.schemas,
                replace_null_with_default: value.replace_null_with_default,
                routers,
                ..base
            },
            Self::Piped(config) => EncoderConfig {
                pipeline: Some(Arc::new(config)),
                ..base
            },
        }
    }
}

/// Reads transforms and converters; `None` when something is wrong with them.
pub(super) fn read(
    r: &mut Reader<'_>,
    sources: Sources<'_>,
    warnings: &mut Vec<ConfigProblem>,
) -> Option<Records> {
    let key = converter(r, "key.converter", sources, warnings);
    let value = converter(r, "value.converter", sources, warnings);
    let header = header(r, sources, warnings);
    let links = transforms::read(r)?;
    let config = PipelineConfig {
        key: key?,
        value: value?,
        header: header?,
        links,
        tolerance: tolerance(r, warnings),
    };
    let mut wrong = false;
    for problem in config.check() {
        match problem.grade {
            Grade::Warning => warnings.push(ConfigProblem {
                property: problem.property,
                message: problem.message,
            }),
            Grade::AtStart => r.problem_at_start(&problem.property, problem.message),
            Grade::Refused => {
                wrong = true;
                r.problem(&problem.property, problem.message);
            }
        }
    }
    (!wrong).then(|| without_pipeline(&config).unwrap_or(Records::Piped(config)))
}

/// `errors.tolerance` and what it logs (KIP-298), for transforms and converters.
fn tolerance(r: &mut Reader<'_>, warnings: &mut Vec<ConfigProblem>) -> Option<LogSkipped> {
    const NAME: &str = "errors.tolerance";
    let tolerant = r.one_of(NAME, &[("none", false), ("all", true)], false);
    let log = r.bool_or("errors.log.enable", false);
    let with_record = r.bool_or("errors.log.include.messages", false);
    if !tolerant {
        return None;
    }
    warnings.push(ConfigProblem {
        property: NAME.into(),
        message: "is all: records that a transform or converter refuses are left out; the metric walcast_cdc_records_skipped_total counts them".into(),
    });
    Some(match (log, with_record) {
        (false, _) => LogSkipped::Nothing,
        (true, false) => LogSkipped::Error,
        (true, true) => LogSkipped::WithRecord,
    })
}

/// Whether the encoder alone can do it.
fn without_pipeline(config: &PipelineConfig) -> Option<Records> {
    let (Form::Json(key), Form::Json(value), None) = (&config.key, &config.value, &config.header)
    else {
        return None;
    };
    let alike = key.replace_null_with_default == value.replace_null_with_default;
    let plain = !key.numeric_decimals && !value.numeric_decimals;
    Some(Records::Encoded {
        key: *key,
        value: *value,
        routers: routers(&config.links).filter(|_| alike && plain)?,
    })
}

/// Reads one converter. The connector's own settings come before the worker's, as in Connect: a
/// connector that names a converter takes none of the worker's options.
fn converter(
    r: &mut Reader<'_>,
    name: &str,
    (props, defaults): Sources<'_>,
    warnings: &mut Vec<ConfigProblem>,
) -> Option<Form> {
    let source = match props.contains_key(name) {
        true => props,
        false => defaults,
    };
    let class = source
        .get(name)
        .map_or(JSON_CONVERTER, |class| class.trim());
    let class = full_name(class);
    let prefix = format!("{name}.");
    let given = source.iter().filter_map(|(property, value)| {
        Some((property.strip_prefix(&prefix)?.to_owned(), value.clone()))
    });
    let mut options = Options::new(&prefix, given.collect());
    options.ignore(&["plugin.version"]);
    let Some(form) = Form::read(class, &mut options) else {
        let message = format!(
            "Invalid value {class} for configuration {name}: Class {class} could not be found. Walcast has {}",
            CONVERTERS.join(", ")
        );
        r.problem(name, message);
        return None;
    };
    let (problems, unknown) = options.finish();
    let wrong = !problems.is_empty();
    for problem in problems {
        r.problem(&format!("{prefix}{}", problem.option), problem.message);
    }
    warnings.extend(unknown.into_iter().map(|option| ConfigProblem {
        property: format!("{prefix}{option}"),
        message: format!("is no option of {class}; check its spelling"),
    }));
    (!wrong).then_some(form)
}

/// The header converter; `Some(None)` is Connect's default.
fn header(
    r: &mut Reader<'_>,
    sources: Sources<'_>,
    warnings: &mut Vec<ConfigProblem>,
) -> Option<Option<Form>> {
    const NAME: &str = "header.converter";
    let (props, defaults) = sources;
    let class = props.get(NAME).or_else(|| defaults.get(NAME));
    let class = class.map_or("", |class| class.trim());
    if class.is_empty() || SIMPLE_HEADERS.ends_with(class) {
        return Some(None);
    }
    converter(r, NAME, sources, warnings).map(Some)
}

/// A converter's full name, where a simple one is given.
fn full_name(class: &str) -> &str {
    let known = CONVERTERS
        .iter()
        .find(|known| known.rsplit('.').next() == Some(class));
    known.copied().unwrap_or(class)
}
