//! What a signal asks for: Debezium's signal actions.

use serde_json::{Map, Value};
use walcast_wire::pattern::Pattern;

use super::Signal;
use crate::incremental::watermark;

/// A signal, understood.
#[derive(Debug, Clone)]
pub(crate) enum Request {
    /// `execute-snapshot` of type `incremental`.
    Incremental(Tables),
    /// `execute-snapshot` of type `blocking`.
    Blocking(Tables),
    /// `stop-snapshot`: these tables, or all where none are named.
    Stop {
        /// Expressions for `schema.table`.
        collections: Vec<String>,
    },
    /// `pause-snapshot`.
    Pause,
    /// `resume-snapshot`.
    Resume,
    /// `log`: a message; `{}` in it stands for the offset.
    Log(String),
    /// The engine's own watermark that opens a window.
    WindowOpen,
    /// The one that closes it.
    WindowClose,
}

/// The tables of an `execute-snapshot`.
#[derive(Debug, Clone)]
pub(crate) struct Tables {
    /// Expressions for `schema.table`.
    pub(crate) collections: Vec<String>,
    /// Which rows of which tables.
    pub(crate) conditions: Vec<Condition>,
    /// The column that orders the tables in place of their keys.
    pub(crate) surrogate: Option<String>,
}

/// An element of `additional-conditions`.
#[derive(Debug, Clone)]
pub(crate) struct Condition {
    /// The tables that it is for.
    pub(crate) collection: Pattern,
    /// An SQL condition (a whole query, for a blocking snapshot).
    pub(crate) filter: String,
}

/// Why a signal makes no request: it completes "the signal … is left out: ".
pub(crate) type Unfit = String;

impl Request {
    /// Reads a signal.
    pub(crate) fn read(signal: &Signal) -> Result<Self, Unfit> {
        let read: fn(&Map<String, Value>) -> Result<Self, Unfit> = match &*signal.kind {
            "execute-snapshot" => execute,
            "stop-snapshot" => stop,
            "pause-snapshot" => |_| Ok(Self::Pause),
            "resume-snapshot" => |_| Ok(Self::Resume),
            "log" => log,
            watermark::OPEN => |_| Ok(Self::WindowOpen),
            watermark::CLOSE => |_| Ok(Self::WindowClose),
            other => {
                return Err(format!(
                    "its type {other:?} is not known; send execute-snapshot, stop-snapshot, pause-snapshot, resume-snapshot or log"
                ));
            }
        };
        let text = signal.data.as_deref().filter(|text| !text.is_empty());
        let data = match text.map(serde_json::from_str::<Map<String, Value>>) {
            None => Map::new(),
            Some(Ok(data)) => data,
            Some(Err(error)) => return Err(format!("its data is no JSON object: {error}")),
        };
        read(&data)
    }
}

fn execute(data: &Map<String, Value>) -> Result<Request, Unfit> {
    let collections = collections(data)?;
    if collections.is_empty() {
        return Err("its data names no data-collections".to_owned());
    }
    let conditions = match data.get("additional-conditions") {
        Some(Value::Array(all)) => all.iter().map(condition).collect::<Result<_, _>>()?,
        _ => Vec::new(),
    };
    let surrogate = data.get("surrogate-key").and_then(Value::as_str);
    let surrogate = surrogate.filter(|name| !name.trim().is_empty());
    let tables = Tables {
        collections,
        conditions,
        surrogate: surrogate.map(str::to_owned),
    };
    Ok(match is_blocking(data)? {
        true => Request::Blocking(tables),
        false => Request::Incremental(tables),
    })
}

fn stop(data: &Map<String, Value>) -> Result<Request, Unfit> {
    let collections = collections(data)?;
    match is_blocking(data)? {
        true => Err("a blocking snapshot cannot be stopped".to_owned()),
        false => Ok(Request::Stop { collections }),
    }
}

fn log(data: &Map<String, Value>) -> Result<Request, Unfit> {
    match data.get("message").and_then(Value::as_str) {
        Some(message) if !message.is_empty() => Ok(Request::Log(message.to_owned())),
        _ => Err("its data has no message".to_owned()),
    }
}

fn is_blocking(data: &Map<String, Value>) -> Result<bool, Unfit> {
    let kind = data.get("type").and_then(Value::as_str);
    match kind.map(str::to_ascii_uppercase).as_deref() {
        None | Some("INCREMENTAL") => Ok(false),
        Some("BLOCKING") => Ok(true),
        Some(other) => Err(format!(
            "a snapshot of type {other:?} is not known; write incremental or blocking"
        )),
    }
}

/// `data-collections`; none when it is left out.
fn collections(data: &Map<String, Value>) -> Result<Vec<String>, Unfit> {
    let Some(Value::Array(all)) = data.get("data-collections") else {
        return Ok(Vec::new());
    };
    let text = |one: &Value| match one.as_str() {
        Some(text) => Ok(text.trim().to_owned()),
        None => Err("its data-collections are not all texts".to_owned()),
    };
    all.iter().map(text).collect()
}

fn condition(value: &Value) -> Result<Condition, Unfit> {
    let text = |name: &str| {
        let text = value.get(name).and_then(Value::as_str);
        text.ok_or_else(|| format!("one of its additional-conditions has no {name}"))
    };
    let collection = text("data-collection")?;
    Ok(Condition {
        collection: Pattern::new(collection)
            .map_err(|error| format!("the data-collection of an additional condition: {error}"))?,
        filter: text("filter")?.to_owned(),
    })
}

/// The tables among `captured` that the expressions match, each once, in their order; an expression
/// that matches none stands for itself.
pub(crate) fn expand(collections: &[String], captured: &[String]) -> Result<Vec<String>, Unfit> {
    let mut found: Vec<String> = Vec::new();
    for one in collections {
        let pattern = Pattern::with_case(one).map_err(|error| format!("{error}"))?;
        let matching = captured.iter().filter(|name| pattern.matches(name));
        let mut names: Vec<_> = matching.cloned().collect();
        if names.is_empty() {
            names.push(one.clone());
        }
        for name in names {
            if !found.contains(&name) {
                found.push(name);
            }
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::super::Channel;
    use super::*;

    fn read(kind: &str, data: &str) -> Result<Request, Unfit> {
        Request::read(&Signal {
            id: "s".into(),
            kind: kind.into(),
            data: Some(data.into()),
            channel: Channel::Source,
        })
    }

    #[test]
    fn signals_are_debeziums() {
        let data = r#"{"data-collections": [" public.a ","public.b.*"], "type": "INCREMENTAL", "surrogate-key": "v",
            "additional-conditions": [{"data-collection": "public.A", "filter": "id > 5"}]}"#;
        let Ok(Request::Incremental(tables)) = read("execute-snapshot", data) else {
            panic!("an incremental snapshot");
        };
        assert_eq!(tables.collections, ["public.a", "public.b.*"]);
        assert_eq!(tables.surrogate.as_deref(), Some("v"));
        assert!(tables.conditions[0].collection.matches("public.a"));
        assert_eq!(tables.conditions[0].filter, "id > 5");
        let blocking = read(
            "execute-snapshot",
            r#"{"data-collections":["a"],"type":"blocking"}"#,
        );
        assert!(matches!(blocking, Ok(Request::Blocking(_))));
        for (kind, data, expected) in [
            ("pause-snapshot", "", "Pause"),
            ("resume-snapshot", "{}", "Resume"),
            ("stop-snapshot", "", "Stop { collections: [] }"),
            (
                "stop-snapshot",
                r#"{"data-collections":["public.a"],"type":"incremental"}"#,
                r#"Stop { collections: ["public.a"] }"#,
            ),
            ("log", r#"{"message":"hello {}"}"#, r#"Log("hello {}")"#),
            ("snapshot-window-open", "{}", "WindowOpen"),
            ("snapshot-window-close", "{}", "WindowClose"),
        ] {
            assert_eq!(format!("{:?}", read(kind, data).unwrap()), expected);
        }
    }

    #[test]
    fn what_is_not_understood_says_why() {
        for (kind, data, why) in [
            ("nonsense", "{}", "not known"),
            ("execute-snapshot", "not json", "no JSON object"),
            ("execute-snapshot", "[1]", "no JSON object"),
            ("execute-snapshot", "{}", "names no data-collections"),
            (
                "execute-snapshot",
                r#"{"data-collections":[]}"#,
                "names no data-collections",
            ),
            (
                "execute-snapshot",
                r#"{"data-collections":[1]}"#,
                "not all texts",
            ),
            (
                "execute-snapshot",
                r#"{"data-collections":["a"],"type":"full"}"#,
                "not known",
            ),
            (
                "execute-snapshot",
                r#"{"data-collections":["a"],"additional-conditions":[{"filter":"x"}]}"#,
                "no data-collection",
            ),
            ("log", r#"{"message":""}"#, "no message"),
            (
                "stop-snapshot",
                r#"{"type":"blocking"}"#,
                "cannot be stopped",
            ),
        ] {
            let unfit = read(kind, data).unwrap_err();
            assert!(unfit.contains(why), "{kind} {data}: {unfit}");
        }
    }

    #[test]
    fn expressions_match_whole_names() {
        let captured = ["public.inc", "public.inc2", "public.Inc"].map(String::from);
        let check = |collections: &[&str], expected: &[&str]| {
            let collections: Vec<_> = collections.iter().map(|&one| one.to_owned()).collect();
            assert_eq!(expand(&collections, &captured).unwrap(), expected);
        };
        check(&["public.inc"], &["public.inc"]);
        check(&["public.in.*"], &["public.inc", "public.inc2"]);
        check(
            &["public.inc2", "public.inc.?"],
            &["public.inc2", "public.inc"],
        );
        check(&["public.doesnotexist"], &["public.doesnotexist"]);
        assert!(expand(&["(".to_owned()], &captured).is_err());
    }
}
