//! Where Debezium Server's properties come from, as SmallRye Config puts them together.
//!
//! The file first, the environment's variables over it, then profiles (`%prod.`), then expressions
//! (`${name}`, `${name:default}`). Text enters, properties with their final values leave.

use std::path::Path;

use indexmap::IndexMap;
use walcast_wire::usage::UsageError;

use crate::config::{Properties, properties};

/// How deep expressions may refer to each other.
const DEPTH_MAX: usize = 16;

/// The profile that Quarkus runs a packaged program with.
const PROFILE: &str = "%prod.";

/// Reads `file`, if any, and the environment.
///
/// # Errors
/// A [`UsageError`] that names the file or property.
pub(super) fn load(file: Option<&Path>) -> Result<Properties, UsageError> {
    let mut given = Properties::new();
    if let Some(path) = file {
        let wrong = |what: String| UsageError::new(format!("{}: {what}", path.display()));
        let text =
            std::fs::read_to_string(path).map_err(|e| wrong(format!("cannot be read: {e}")))?;
        given.extend(properties::parse(&text).map_err(|e| wrong(e.to_string()))?);
    }
    put_together(given, crate::config::env::all().collect())
}

/// The rules themselves.
pub(super) fn put_together(
    file: Properties,
    variables: IndexMap<String, String>,
) -> Result<Properties, UsageError> {
    let mut props = Properties::new();
    for (name, value) in file {
        // Debezium Server reads names as a shell writes them in every source.
        let name = from_shell(&name).unwrap_or(name);
        props.insert(name, value);
    }
    overlay(&mut props, &variables);
    profiles(&mut props);
    let resolver = Resolver {
        props: &props,
        variables: &variables,
    };
    let resolved = props
        .iter()
        .filter(|(name, _)| is_ours(name))
        .map(|(name, value)| {
            let value = resolver.resolve(value, 0);
            let value = value.map_err(|why| UsageError::new(format!("{name}: {why}")))?;
            Ok((name.clone(), value))
        });
    resolved.collect()
}

fn is_ours(name: &str) -> bool {
    name.starts_with("debezium.") || name.starts_with("quarkus.")
}

/// `DEBEZIUM_SOURCE_TOPIC_PREFIX` is `debezium.source.topic.prefix`; `None` for another form of name.
fn from_shell(name: &str) -> Option<String> {
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if !name.contains('_') || !name.chars().all(word) {
        return None;
    }
    let name = name.replace('_', ".").to_lowercase();
    is_ours(&name).then_some(name)
}

/// A property's name as a variable: everything but letters and digits an underscore, upper case.
fn as_variable(property: &str) -> String {
    let c = |c: char| {
        if c.is_ascii_alphanumeric() {
            c.to_ascii_uppercase()
        } else {
            '_'
        }
    };
    property.chars().map(c).collect()
}

/// Variables count more than the file. One that stands for a property of the file sets that, whatever
/// its dashes and capitals; any other names its property itself.
fn overlay(props: &mut Properties, variables: &IndexMap<String, String>) {
    let known: IndexMap<String, String> = props
        .keys()
        .map(|name| (as_variable(name), name.clone()))
        .collect();
    for (variable, value) in variables {
        let property = known
            .get(variable)
            .cloned()
            .or_else(|| from_shell(variable));
        if let Some(property) = property {
            props.insert(property, value.clone());
        }
    }
}

/// A property of the profile counts more than the plain one; other profiles' do not count.
fn profiles(props: &mut Properties) {
    let ours: Vec<_> = props
        .iter()
        .filter_map(|(name, value)| Some((name.strip_prefix(PROFILE)?.to_owned(), value.clone())))
        .collect();
    props.extend(ours);
    props.retain(|name, _| !name.starts_with('%'));
}

struct Resolver<'a> {
    props: &'a Properties,
    variables: &'a IndexMap<String, String>,
}

impl Resolver<'_> {
    /// The text with its expressions replaced; `\${` and `$${` stand for `${`.
    fn resolve(&self, text: &str, depth: usize) -> Result<String, String> {
        if depth > DEPTH_MAX {
            return Err(format!("{text} refers to itself"));
        }
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(start) = rest.find("${") {
            let before = &rest[..start];
            if let Some(before) = before.strip_suffix(['\\', '$']) {
                out.push_str(before);
                out.push_str("${");
                rest = &rest[start + 2..];
                continue;
            }
            out.push_str(before);
            let inner = &rest[start + 2..];
            let end = closing(inner).ok_or_else(|| format!("{text} has no closing brace"))?;
            out.push_str(&self.expression(&inner[..end], depth)?);
            rest = &inner[end + 1..];
        }
        out.push_str(rest);
        Ok(out)
    }

    fn expression(&self, text: &str, depth: usize) -> Result<String, String> {
        let (name, default) = match text.split_once(':') {
            Some((name, default)) => (name, Some(default)),
            None => (text, None),
        };
        let name = self.resolve(name, depth + 1)?;
        let found = self.props.get(&name).or_else(|| self.variables.get(&name));
        let found = found.or_else(|| self.variables.get(&as_variable(&name)));
        match found.map(String::as_str).or(default) {
            Some(value) => self.resolve(value, depth + 1),
            None => Err(format!(
                "${{{name}}} is neither a property nor a variable; set it, or write \\\\${{{name}}} in the file when it is meant for the connector"
            )),
        }
    }
}

/// Where the brace that closes the expression is.
fn closing(text: &str) -> Option<usize> {
    let mut depth = 0usize;
    for (index, c) in text.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => return Some(index),
            '}' => depth -= 1,
            _ => {}
        }
    }
    None
}
