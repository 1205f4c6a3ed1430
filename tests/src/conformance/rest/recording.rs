//! What is kept of an answer to compare it.

use serde_json::{Map, Value, json};

use super::{Answer, mask};
use crate::conformance::python::dumps;
use crate::conformance::steps::{Names, Reduce, Request};
use crate::conformance::target::Target;

/// The recording of `answer` to `request`; `look_for` are the request's names without placeholders.
pub(in super::super) fn recording(
    target: &Target,
    request: &Request,
    look_for: &[(String, String)],
    answer: &Answer,
) -> Value {
    let id = request.id.clone();
    let id = id.unwrap_or_else(|| format!("{} {}", request.method, request.path));
    let mut recording = json!({
        "id": id,
        "method": request.method,
        "path": request.path,
        "status": answer.status,
        "content_type": answer.header("content-type"),
        "body": body(target, request, look_for, &answer.body),
    });
    let kept = answer.headers.iter();
    let kept = kept.filter(|(name, _)| request.headers.contains(name));
    let kept: Map<_, _> = kept
        .map(|(name, value)| (name.clone(), mask::body(target, &value.as_str().into())))
        .collect();
    if !kept.is_empty() {
        recording["headers"] = kept.into();
    }
    recording
}

fn body(target: &Target, request: &Request, look_for: &[(String, String)], body: &Value) -> Value {
    match (request.reduce, body) {
        (Some(Reduce::StatusOnly), _) => Value::Null,
        (Some(Reduce::Validate), Value::Object(fields)) if fields.contains_key("configs") => {
            mask::body(target, &validation(request, body))
        }
        (Some(Reduce::Names), Value::Array(elements)) => elements.iter().map(name).collect(),
        (Some(Reduce::Debezium), Value::Array(_)) => match mask::body(target, body) {
            Value::Array(plugins) => plugins.into_iter().filter(is_ours).collect(),
            other => other,
        },
        (Some(Reduce::Has), _) => {
            let text = dumps(body);
            let found = look_for.iter().map(|(name, filled)| {
                let holds = text.contains(filled.as_str());
                (name.clone(), holds.into())
            });
            Value::Object(found.collect())
        }
        _ => mask::body(target, body),
    }
}

fn name(element: &Value) -> Value {
    let name = ["name", "class"].into_iter().find_map(|field| {
        let value = element.get(field)?.as_str()?;
        (!value.is_empty()).then(|| value.into())
    });
    name.unwrap_or(Value::Null)
}

fn is_ours(plugin: &Value) -> bool {
    plugin["class"]
        .as_str()
        .is_some_and(|class| class.contains("Postgres"))
}

/// The errors of a validation, by setting.
fn validation(request: &Request, body: &Value) -> Value {
    let configs = body["configs"]
        .as_array()
        .map(Vec::as_slice)
        .unwrap_or_default();
    let errors = configs.iter().filter_map(|config| {
        let (name, errors) = (
            config["value"]["name"].as_str()?,
            &config["value"]["errors"],
        );
        let has_some = errors.as_array().is_some_and(|errors| !errors.is_empty());
        has_some.then(|| (name.to_owned(), errors.clone()))
    });
    let mut kept = json!({
        "name": body["name"],
        "error_count": body["error_count"],
        "groups": body["groups"],
        "errors": Value::Object(errors.collect()),
    });
    let wants_names = match &request.names {
        Names::All(all) => *all,
        Names::These(these) => !these.is_empty(),
    };
    if wants_names {
        let names = configs
            .iter()
            .map(|config| config["definition"]["name"].clone());
        kept["config_names"] = names.collect();
    }
    if !request.defs.is_empty() {
        let is_wanted = |config: &&Value| {
            let name = config["definition"]["name"].as_str();
            name.is_some_and(|name| request.defs.iter().any(|wanted| wanted == name))
        };
        kept["defs"] = configs.iter().filter(is_wanted).cloned().collect();
    }
    kept
}
