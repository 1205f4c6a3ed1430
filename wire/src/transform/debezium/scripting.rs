//! `io.debezium.transforms.Filter` and `io.debezium.transforms.ContentBasedRouter`: records kept, and
//! topics chosen, by an expression.

use super::super::{Options, Transform, TransformError};
use super::script::{Script, Val};
use crate::data::DataRecord;
use crate::pattern::Pattern;

/// Keeps the records for which `condition` is true.
#[derive(Debug)]
pub(crate) struct Filter(Scripting);

/// Sends records to the topic that `topic.expression` names.
#[derive(Debug)]
pub(crate) struct ContentBasedRouter(Scripting);

/// What both have.
#[derive(Debug)]
struct Scripting {
    topics: Option<Pattern>,
    nulls: Nulls,
    script: Option<Script>,
}

/// What becomes of records without a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Nulls {
    Drop,
    Keep,
    Evaluate,
}

/// What is to be done with a record.
enum Decision {
    Keep,
    Drop,
    Evaluate,
}

impl Filter {
    /// Reads its options.
    pub(crate) fn build(options: &mut Options) -> Self {
        Self(Scripting::build(options, "condition"))
    }
}

impl ContentBasedRouter {
    /// Reads its options.
    pub(crate) fn build(options: &mut Options) -> Self {
        Self(Scripting::build(options, "topic.expression"))
    }
}

impl Scripting {
    fn build(options: &mut Options, expression: &str) -> Self {
        let topics = options.raw("topic.regex").filter(|text| !text.is_empty());
        let topics = topics.and_then(|text| {
            let pattern = Pattern::with_case(&text);
            pattern
                .map_err(|error| {
                    let why = format!(
                        "The 'topic.regex' value is invalid: A valid regular expressions is \
                         expected, but {error}"
                    );
                    options.invalid("topic.regex", &text, why);
                })
                .ok()
        });
        let language = required(options, "language");
        if let Some(language) = language {
            check_language(options, &language);
        }
        let script = required(options, expression).and_then(|text| {
            Script::parse(&text)
                .map_err(|why| {
                    options.unsupported(
                        expression,
                        format!(
                            "Failed to parse expression '{text}': {why}. Only simple Groovy \
                             expressions are understood"
                        ),
                    );
                })
                .ok()
        });
        let modes = [
            ("drop", Nulls::Drop),
            ("keep", Nulls::Keep),
            ("evaluate", Nulls::Evaluate),
        ];
        Self {
            topics,
            nulls: options.one_of("null.handling.mode", &modes, Nulls::Keep),
            script,
        }
    }

    fn decide(&self, record: &DataRecord) -> Decision {
        let topics = self.topics.as_ref();
        if topics.is_some_and(|topics| !topics.matches(&record.topic)) {
            return Decision::Keep;
        }
        match (record.value.is_null(), self.nulls) {
            (true, Nulls::Keep) => Decision::Keep,
            (true, Nulls::Drop) => Decision::Drop,
            _ => Decision::Evaluate,
        }
    }
}

fn required(options: &mut Options, option: &str) -> Option<String> {
    let given = options.raw(option).filter(|text| !text.trim().is_empty());
    if given.is_none() {
        let why = format!("The '{option}' value is invalid: A value is required");
        options.invalid(option, "null", why);
    }
    given
}

fn check_language(options: &mut Options, language: &str) {
    let known = ["jsr223.", "wasm."];
    if !known.iter().any(|prefix| language.starts_with(prefix)) {
        options.problem(
            "language",
            "Value for option 'language' must begin with 'jsr223.' or 'wasm', e.g. 'jsr223.groovy'",
        );
    } else if language != "jsr223.groovy" {
        options.unsupported(
            "language",
            format!(
                "The language {language} is not supported: write the expression in Groovy and set \
                 language=jsr223.groovy"
            ),
        );
    }
}

impl Transform for Filter {
    fn apply(&mut self, record: DataRecord) -> Result<Option<DataRecord>, TransformError> {
        match (self.0.decide(&record), &self.0.script) {
            (Decision::Drop, _) => Ok(None),
            (Decision::Evaluate, Some(script)) => {
                let kept = match script.eval(&record)? {
                    Val::Bool(kept) => kept,
                    other => {
                        let why = format!("{} is returned, not a Boolean", other.kind());
                        return Err(script.error(&record, &why));
                    }
                };
                Ok(kept.then_some(record))
            }
            (Decision::Keep, _) | (_, None) => Ok(Some(record)),
        }
    }
}

impl Transform for ContentBasedRouter {
    fn apply(&mut self, mut record: DataRecord) -> Result<Option<DataRecord>, TransformError> {
        match (self.0.decide(&record), &self.0.script) {
            (Decision::Drop, _) => Ok(None),
            (Decision::Evaluate, Some(script)) => {
                let topic = match script.eval(&record)? {
                    Val::Text(topic) => Some(topic.into_owned()),
                    Val::Null => None,
                    other => {
                        let why = format!("{} is returned, not a String", other.kind());
                        return Err(script.error(&record, &why));
                    }
                };
                if let Some(topic) = topic {
                    record.topic = topic.into();
                }
                Ok(Some(record))
            }
            (Decision::Keep, _) | (_, None) => Ok(Some(record)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::sample::{event, run, tombstone};
    use super::*;

    const GROOVY: &str = "language=jsr223.groovy";

    fn records() -> Vec<DataRecord> {
        vec![event("c", 1, "A"), event("d", 2, ""), tombstone(2)]
    }

    /// What becomes of the records: their topics, or that they were dropped, or the error.
    fn check<T: Transform>(build: fn(&mut Options) -> T, lines: &str, expected: &[&str]) {
        let lines = format!("{GROOVY}\n{lines}");
        let actual = run(build, &lines, records());
        let first = |line: &str| match line.starts_with("s.") || line.starts_with("x ") {
            true => line.split(' ').next().unwrap_or_default().to_owned(),
            false => line.to_owned(),
        };
        let actual: Vec<_> = actual.lines().map(first).collect();
        assert_eq!(actual, expected, "{lines}");
    }

    #[test]
    fn a_condition_keeps_records() {
        let (kept, gone) = ("s.public.t", "dropped");
        let deletes = "condition=value.op == 'd'";
        check(Filter::build, deletes, &[gone, kept, kept]);
        let table = [
            ("null.handling.mode=drop", [gone, kept, gone]),
            ("topic.regex=other.*", [kept, kept, kept]),
            ("topic.regex=s\\..*", [gone, kept, kept]),
        ];
        for (more, expected) in &table {
            check(Filter::build, &format!("{deletes}\n{more}"), expected);
        }
        let evaluated = "null.handling.mode=EVALUATE\ncondition=value?.op == 'c'";
        check(Filter::build, evaluated, &[kept, gone, gone]);
        let error = "error: Error while evaluating expression 'value.op' for a record of topic \
                     `s.public.t`: a text is returned, not a Boolean";
        check(Filter::build, "condition=value.op", &[error, error, kept]);
    }

    #[test]
    fn an_expression_routes() {
        let expression = "topic.expression=value.op == 'd' ? 'x' : null";
        check(
            ContentBasedRouter::build,
            expression,
            &["s.public.t", "x", "s.public.t"],
        );
        let error = "error: Error while evaluating expression 'key.id' for a record of topic \
                     `s.public.t`: a number is returned, not a String";
        check(
            ContentBasedRouter::build,
            "topic.expression=key.id",
            &[error, error, "s.public.t"],
        );
    }

    #[test]
    fn wrong_options_are_named() {
        let missing = |option: &str| {
            format!(
                "Invalid value null for configuration transforms.t.{option}: The '{option}' value \
                 is invalid: A value is required"
            )
        };
        let table = [
            ("", format!("{}\n{}", missing("language"), missing("condition"))),
            (
                "language=groovy\ncondition=true",
                "Value for option 'language' must begin with 'jsr223.' or 'wasm', e.g. \
                 'jsr223.groovy'"
                    .to_owned(),
            ),
            (
                "language=jsr223.graal.js\ncondition=true",
                "The language jsr223.graal.js is not supported: write the expression in Groovy and \
                 set language=jsr223.groovy"
                    .to_owned(),
            ),
            (
                "language=jsr223.groovy\ncondition=value.op === 'c'",
                "Failed to parse expression 'value.op === 'c'': `===` at character 10 is not \
                 supported. Only simple Groovy expressions are understood"
                    .to_owned(),
            ),
        ];
        for (lines, expected) in table {
            assert_eq!(run(Filter::build, lines, Vec::new()), expected, "{lines}");
        }
    }
}
