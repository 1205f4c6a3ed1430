//! Paths to fields: a name, or in syntax `V2` names between dots, with backticks around dots.

use std::sync::Arc;

use crate::data::{Field, Schema, Struct, Value};
use crate::transform::TransformError;

use super::part;

/// The steps to a field; there is at least one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct FieldPath {
    parents: Vec<String>,
    last: String,
}

impl FieldPath {
    /// Syntax `V1`: one name, dots and all.
    pub(super) const fn name(name: String) -> Self {
        Self {
            parents: Vec::new(),
            last: name,
        }
    }

    /// Syntax `V2`.
    pub(super) fn nested(path: &str) -> Result<Self, String> {
        let mut steps = Vec::new();
        let mut rest = Some(path).filter(|path| !path.is_empty());
        while let Some(left) = rest {
            let (step, after) = match left.strip_prefix('`') {
                Some(quoted) => {
                    let position = path.len() - left.len();
                    backticked(quoted).ok_or_else(|| incomplete(path, position))?
                }
                None => match left.split_once('.') {
                    Some((step, after)) => (step.to_owned(), Some(after)),
                    None => (left.to_owned(), None),
                },
            };
            steps.push(step);
            rest = after.filter(|after| !after.is_empty());
        }
        if path.ends_with('.') {
            steps.push(String::new());
        }
        let last = steps.pop().unwrap_or_default();
        Ok(Self {
            parents: steps,
            last,
        })
    }

    /// The field of a schema that the path leads to.
    pub(super) fn field<'s>(
        &self,
        schema: &'s Schema,
    ) -> Result<Option<&'s Field>, TransformError> {
        let mut current = schema;
        for parent in &self.parents {
            let Some(field) = look_up(current, parent)? else {
                return Ok(None);
            };
            current = &field.schema;
        }
        look_up(current, &self.last)
    }

    /// The value that the path leads to; null where a parent is null or missing.
    pub(super) fn value(&self, from: Struct, with_default: bool) -> Result<Value, TransformError> {
        let mut current = from;
        for parent in &self.parents {
            let Some((schema, value)) = child(current, parent, true) else {
                return Ok(Value::Null);
            };
            current = match value {
                Value::Null => return Ok(Value::Null),
                Value::Struct(inner) => inner,
                other => return Err(no_struct(&schema, &other)),
            };
        }
        let last = child(current, &self.last, with_default);
        Ok(last.map(|(_, value)| value).unwrap_or_default())
    }
}

/// Takes a field out of a struct.
fn child(from: Struct, name: &str, with_default: bool) -> Option<(Arc<Schema>, Value)> {
    let position = from.schema().position(name)?;
    let schema = Arc::clone(&from.schema().fields().get(position)?.schema);
    let value = from.into_values().into_iter().nth(position)?;
    let value = part::or_default(&schema, value, with_default);
    Some((schema, value))
}

fn no_struct(schema: &Arc<Schema>, value: &Value) -> TransformError {
    let found = part::class(Some(schema), value);
    TransformError::new(format!(
        "Only Struct objects supported for [nested field access], found: {found}"
    ))
}

fn look_up<'s>(schema: &'s Schema, name: &str) -> Result<Option<&'s Field>, TransformError> {
    if !schema.is_struct() {
        let text = "Cannot look up fields on non-struct type";
        return Err(TransformError::new(text));
    }
    Ok(schema.fields().iter().find(|field| &*field.name == name))
}

fn incomplete(path: &str, position: usize) -> String {
    format!(
        "Incomplete backtick pair in path: [{path}], consider adding a backslash before backtick \
         at position {position} to escape it"
    )
}

/// A step after its first backtick, and what follows it. Only a backtick before a dot or the end
/// closes it, unless a backslash is before it.
fn backticked(quoted: &str) -> Option<(String, Option<&str>)> {
    let mut step = String::new();
    let mut start = 0;
    for (at, _) in quoted.match_indices('`') {
        let before = quoted.get(start..at)?;
        let escaped = quoted.get(..at)?.ends_with('\\');
        match quoted.get(at + 1..)? {
            "" if escaped => return None,
            "" => return Some((step + before, None)),
            after if !after.starts_with('.') => {}
            _ if escaped => {
                step.push_str(before.strip_suffix('\\').unwrap_or(before));
                step.push('`');
                start = at + 1;
            }
            after => return Some((step + before, after.get(1..))),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_taken_apart_as_kafka_does() {
        let check = |path: &str, steps: &[&str]| {
            let path = FieldPath::nested(path).map(|path| {
                let mut steps = path.parents;
                steps.push(path.last);
                steps
            });
            let steps = steps.iter().map(|step| (*step).to_owned()).collect();
            assert_eq!(path, Ok(steps));
        };
        check("foo", &["foo"]);
        check("foo.bar.baz", &["foo", "bar", "baz"]);
        check("`foo.bar`.baz", &["foo.bar", "baz"]);
        check("foo.`bar.baz`", &["foo", "bar.baz"]);
        check("foo.", &["foo", ""]);
        check("fo`o.bar", &["fo`o", "bar"]);
        check("`foo`bar`.x", &["foo`bar", "x"]);
        check("`foo\\`.bar`.x", &["foo`.bar", "x"]);
        let broken = FieldPath::nested("a.`b.c");
        assert_eq!(broken, Err(incomplete("a.`b.c", 2)));
    }
}
