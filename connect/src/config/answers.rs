//! What is added to every answer: `response.http.headers.config` and `access.control.allow.*`.
//!
//! The forms are Jetty's, which Kafka Connect 4.1 hands them to: `HeaderFilter` for the headers
//! (checked first by `RestServerConfig.validateHttpResponseHeaderConfig`), `CrossOriginHandler` for
//! origins and methods.

use regex::Regex;
use walcast_wire::usage::UsageError;

use super::reader::Reader;

/// How a header is put into an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HeaderAction {
    /// It replaces one of its name.
    Set,
    /// It stands beside others of its name.
    Add,
}

/// What a header holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HeaderContent {
    /// This text.
    Text(String),
    /// The time of the answer and so many milliseconds, as an HTTP date.
    DateAfterMs(i64),
}

/// One rule of `response.http.headers.config`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeaderRule {
    /// Replace or add.
    pub action: HeaderAction,
    /// The header's name.
    pub name: String,
    /// Its value.
    pub content: HeaderContent,
}

/// `access.control.allow.origin` and `.methods`.
#[derive(Debug, Clone)]
pub struct CrossOrigin {
    /// Origins are matched as a whole with these; `None` allows any.
    pub origins: Option<Vec<Regex>>,
    /// Methods as they are told to a browser, with commas between.
    pub methods: String,
}

const HEADERS: &str = "response.http.headers.config";
const ORIGIN: &str = "access.control.allow.origin";

pub(super) fn header_rules(reader: &Reader<'_>) -> Result<Vec<HeaderRule>, UsageError> {
    let text = reader.text(HEADERS).unwrap_or_default();
    csv(text).iter().map(|rule| header_rule(rule)).collect()
}

pub(super) fn cross_origin(reader: &Reader<'_>) -> Result<Option<CrossOrigin>, UsageError> {
    let Some(text) = reader.text(ORIGIN) else {
        return Ok(None);
    };
    let given = || text.split(',').map(str::trim).filter(|o| !o.is_empty());
    let pattern = |origin: &str| {
        Regex::new(&format!("^(?:{origin})$")).map_err(|e| {
            UsageError::new(format!(
                "{ORIGIN}={text}: {origin} is neither * nor a pattern: {e}"
            ))
        })
    };
    let origins = if given().any(|o| o == "*") {
        None
    } else {
        Some(given().map(pattern).collect::<Result<_, _>>()?)
    };
    // Without methods Jetty's own: what needs no question beforehand.
    let methods = reader.text_or("access.control.allow.methods", "GET,POST,HEAD");
    Ok(Some(CrossOrigin { origins, methods }))
}

fn header_rule(rule: &str) -> Result<HeaderRule, UsageError> {
    let wrong = |why: String| UsageError::new(format!("{HEADERS}: '{rule}': {why}"));
    let form = || wrong("expected '[action] [header name]:[header value]'".into());
    let (action, header) = rule
        .trim()
        .split_once(char::is_whitespace)
        .ok_or_else(form)?;
    let (action, date) = match action.to_ascii_lowercase().as_str() {
        "set" => (HeaderAction::Set, false),
        "add" => (HeaderAction::Add, false),
        "setdate" => (HeaderAction::Set, true),
        "adddate" => (HeaderAction::Add, true),
        other => {
            return Err(wrong(format!(
                "{other} is none of set, add, setDate and addDate"
            )));
        }
    };
    let (name, value) = header.trim().split_once(':').ok_or_else(form)?;
    let (name, value) = (name.trim(), value.trim());
    if value.is_empty() || value.contains(':') {
        return Err(form());
    }
    if http::HeaderName::from_bytes(name.as_bytes()).is_err() {
        return Err(wrong(format!("'{name}' is no name of a header")));
    }
    if http::HeaderValue::from_str(value).is_err() {
        return Err(wrong(
            "the value holds characters that a header cannot".into(),
        ));
    }
    let content = if date {
        let ms = value
            .parse()
            .map_err(|_| wrong(format!("'{value}' is no number of milliseconds")))?;
        HeaderContent::DateAfterMs(ms)
    } else {
        HeaderContent::Text(value.to_owned())
    };
    Ok(HeaderRule {
        action,
        name: name.to_owned(),
        content,
    })
}

/// Fields between commas; double quotes around a field keep its commas.
fn csv(text: &str) -> Vec<String> {
    let mut fields = vec![String::new()];
    let mut quoted = false;
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        let field = fields.last_mut();
        match (c, field) {
            ('"', _) => quoted = !quoted,
            (',', _) if !quoted => fields.push(String::new()),
            ('\\', Some(field)) if quoted => field.extend(chars.next()),
            (c, Some(field)) => field.push(c),
            (_, None) => {}
        }
    }
    fields.retain(|field| !field.trim().is_empty());
    fields
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Properties;

    fn rules(text: &str) -> Result<Vec<HeaderRule>, UsageError> {
        let props: Properties = [(HEADERS.to_owned(), text.to_owned())]
            .into_iter()
            .collect();
        header_rules(&Reader { props: &props })
    }

    fn origins(text: &str) -> Result<Option<CrossOrigin>, UsageError> {
        let props: Properties = [(ORIGIN.to_owned(), text.to_owned())].into_iter().collect();
        cross_origin(&Reader { props: &props })
    }

    #[test]
    fn header_rules_are_read_as_jetty_writes_them() {
        let got = rules(
            "set X-Frame-Options: DENY, \"add Cache-Control: no-cache, no-store\", setDate Expires:31540000000",
        )
        .unwrap();
        let rule = |action, name: &str, content| HeaderRule {
            action,
            name: name.into(),
            content,
        };
        assert_eq!(
            got,
            [
                rule(
                    HeaderAction::Set,
                    "X-Frame-Options",
                    HeaderContent::Text("DENY".into())
                ),
                rule(
                    HeaderAction::Add,
                    "Cache-Control",
                    HeaderContent::Text("no-cache, no-store".into())
                ),
                rule(
                    HeaderAction::Set,
                    "Expires",
                    HeaderContent::DateAfterMs(31_540_000_000)
                ),
            ]
        );
        assert_eq!(rules(" ").unwrap(), []);
    }

    #[test]
    fn rules_that_connect_refuses_are_refused() {
        for text in [
            "set",
            "set X",
            "put X:1",
            "set X Y:1",
            "set X:",
            "set X:1:2",
            "setDate X:soon",
            "set :1",
        ] {
            let error = rules(text).unwrap_err().to_string();
            assert!(error.starts_with(HEADERS), "{text}: {error}");
        }
    }

    #[test]
    fn origins_are_patterns_for_the_whole_origin() {
        assert!(origins("").unwrap().is_none());
        assert!(origins("https://a, *").unwrap().unwrap().origins.is_none());
        let some = origins(r"https://.*\.example,http://b").unwrap().unwrap();
        let passes = |origin: &str| some.origins.iter().flatten().any(|p| p.is_match(origin));
        assert!(passes("https://x.example") && passes("http://b"));
        assert!(!passes("https://x.example.evil") && !passes("xhttp://b"));
        assert!(origins("(").is_err());
    }
}
