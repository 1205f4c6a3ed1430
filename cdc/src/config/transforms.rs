//! `transforms`: the chain of single message transforms.
//!
//! This version runs those that change where a record goes; any other is refused by name.

use walcast_wire::route::{ByLogicalTableRouter, RegexRouter, Router};

use super::reader::Reader;

/// The routers in order; `None` when one cannot be used.
pub(super) fn read(r: &mut Reader<'_>) -> Option<Vec<Router>> {
    let Some(names) = r.text("transforms") else {
        return Some(Vec::new());
    };
    let names = names
        .split(',')
        .map(str::trim)
        .filter(|name| !name.is_empty());
    // Every transform is read, so that all problems are told at once.
    let routers: Vec<Option<Router>> = names.map(|name| router(r, name)).collect();
    routers.into_iter().collect()
}

fn router(r: &mut Reader<'_>, name: &str) -> Option<Router> {
    let prefix = format!("transforms.{name}.");
    let option = |option: &str| format!("{prefix}{option}");
    let Some(class) = r.text(&option("type")) else {
        let property = option("type");
        let message =
            format!("Missing required configuration \"{property}\" which has no default value.");
        r.problem(&property, message);
        return None;
    };
    let known: &[&str] = match class {
        "org.apache.kafka.connect.transforms.RegexRouter" => &["regex", "replacement"],
        "io.debezium.transforms.ByLogicalTableRouter" => &[
            "topic.regex",
            "topic.replacement",
            "key.enforce.uniqueness",
            "key.field.name",
            "key.field.regex",
            "key.field.replacement",
            "schema.name.adjustment.mode",
            "logical.table.cache.size",
        ],
        other => {
            let message = format!(
                "Invalid value {other} for configuration {prefix}type: Class {other} could not be found. This version of Walcast runs RegexRouter and ByLogicalTableRouter"
            );
            r.problem(&option("type"), message);
            return None;
        }
    };
    refuse_unknown(r, &prefix, known);
    if class.ends_with("RegexRouter") {
        regex(r, &option("regex"), &option("replacement")).map(Router::Regex)
    } else {
        by_logical_table(r, &prefix).map(Router::ByLogicalTable)
    }
}

fn refuse_unknown(r: &mut Reader<'_>, prefix: &str, known: &[&str]) {
    for name in r.with_prefix(prefix).into_keys() {
        if name != "type" && !known.contains(&name.as_str()) {
            let message =
                "is not an option of this transform in this version of Walcast; remove it";
            r.problem(&format!("{prefix}{name}"), message);
        }
    }
}

fn regex(r: &mut Reader<'_>, regex: &str, replacement: &str) -> Option<RegexRouter> {
    let (pattern, new) = (r.required(regex), r.raw(replacement));
    let Some(new) = new else {
        r.required(replacement);
        return None;
    };
    match RegexRouter::new(&pattern, new) {
        Ok(router) => Some(router),
        Err(error) => {
            r.problem(
                regex,
                format!("Invalid value {pattern} for configuration {regex}: {error}"),
            );
            None
        }
    }
}

fn by_logical_table(r: &mut Reader<'_>, prefix: &str) -> Option<ByLogicalTableRouter> {
    let option = |option: &str| format!("{prefix}{option}");
    let topic = regex(r, &option("topic.regex"), &option("topic.replacement"));
    let key_field = match r.text(&option("key.field.regex")) {
        Some(_) => Some(regex(
            r,
            &option("key.field.regex"),
            &option("key.field.replacement"),
        )?),
        None => None,
    };
    Some(ByLogicalTableRouter {
        topic: topic?,
        key_enforce_uniqueness: r.bool_or(&option("key.enforce.uniqueness"), true),
        key_field_name: r.text_or(&option("key.field.name"), "__dbz__physicalTableIdentifier"),
        key_field,
    })
}
