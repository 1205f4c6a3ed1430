//! What expressions are worth, and which are refused.

use std::sync::Arc;

use super::super::sample::{event, list_header, shown, tombstone};
use super::*;
use crate::data::{Field, Header, Kind, Schema, Struct, Value};

/// An update with a row of many types, and headers.
fn record() -> DataRecord {
    let mut price = Schema::new(Kind::Bytes).named(crate::data::DECIMAL);
    price.parameters.push(("scale".into(), "2".into()));
    let fields = vec![
        Field::new("id", Schema::new(Kind::Int64)),
        Field::new("small", Schema::new(Kind::Int16)),
        Field::new("name", Schema::new(Kind::String)),
        Field::new("price", price),
        Field::new("rate", Schema::new(Kind::Float64)),
        Field::new("on", Schema::new(Kind::Boolean)),
        Field::new("none", Schema::new(Kind::String).optional()),
        Field::new("schema", Schema::new(Kind::String)),
    ];
    let schema = Schema::new(Kind::Struct(fields)).optional();
    let values = vec![
        Value::Int64(7),
        Value::Int16(2),
        "Ann".into(),
        Value::Bytes(vec![0x01, 0x4a]),
        Value::Float64(0.5),
        Value::Boolean(true),
        Value::Null,
        "public".into(),
    ];
    let row = Value::Struct(Struct::of(Arc::new(schema.clone()), values));
    let value = super::super::sample::envelope(schema, None, Some(row), "c");
    let mut record = event("c", 1, "");
    record.value_schema = Some(Arc::clone(value.schema()));
    record.value = Value::Struct(value);
    record.headers.push(list_header("changed", &["name"]));
    record.headers.push(Header {
        name: "a-b".into(),
        schema: Some(Arc::new(Schema::new(Kind::String))),
        value: "x".into(),
    });
    record
}

fn result(text: &str, record: &DataRecord) -> String {
    let script = match Script::parse(text) {
        Ok(script) => script,
        Err(why) => return format!("refused: {why}"),
    };
    match script.eval(record) {
        Ok(Val::Bool(value)) => value.to_string(),
        Ok(Val::Text(text)) => format!("'{text}'"),
        Ok(Val::Whole(number, width)) => format!("{number} {width:?}"),
        Ok(Val::Null) => "null".to_owned(),
        Ok(other) => other.kind().to_owned(),
        Err(error) => {
            let start =
                format!("Error while evaluating expression '{text}' for a record of topic ");
            let text = error
                .0
                .strip_prefix(&start)
                .expect("the start of the error");
            format!("error: {}", text.trim_start_matches("`s.public.t`: "))
        }
    }
}

fn check(table: &[(&str, &str)]) {
    let record = record();
    for (text, expected) in table {
        assert_eq!(result(text, &record), *expected, "{text}");
    }
}

#[test]
fn fields_are_found() {
    check(&[
        ("value.op", "'c'"),
        ("value.op == 'c'", "true"),
        ("return value.op != \"c\";", "false"),
        ("value.after.id", "7 Long"),
        ("value.before", "null"),
        ("value.before?.id == null", "true"),
        ("value.after?.name", "'Ann'"),
        ("value.after.'name'", "'Ann'"),
        ("value['after']['name']", "'Ann'"),
        ("value.source.snapshot", "'false'"),
        ("value.source.getWithoutDefault('snapshot')", "null"),
        ("value.getStruct('after').getString('name')", "'Ann'"),
        ("value.after.get('schema')", "'public'"),
        ("key.id == 1", "true"),
        ("topic", "'s.public.t'"),
        ("header.changed.value.contains('name')", "true"),
        ("header['a-b'].value == 'x'", "true"),
        ("header.containsKey('nope')", "false"),
        ("header.nope?.value", "null"),
        ("valueSchema.name()", "'s.public.t.Envelope'"),
        ("keySchema.field('id') != null", "true"),
        ("valueSchema.field('nope') != null", "false"),
        (
            "value.before.id",
            "error: Cannot get property 'id' on null object; write ?.id if it may be null",
        ),
        ("value.nope", "error: nope is not a valid field name"),
        (
            "value.getString('after')",
            "error: Field 'after' is not of type STRING",
        ),
    ]);
}

#[test]
fn comparisons_are_groovys() {
    check(&[
        ("value.after.id == 7", "true"),
        ("value.after.id == 7.0", "true"),
        ("value.after.small == 2L", "true"),
        ("value.after.id >= 8 || value.after.id < 8", "true"),
        ("value.after.price == 3.3", "true"),
        ("value.after.price > 3", "true"),
        ("value.after.price < -3.5", "false"),
        ("value.after.rate <= 0.5", "true"),
        ("value.after.rate == 1.5d", "false"),
        ("value.after.none > 5", "false"),
        ("value.after.none < 5", "true"),
        ("value.after.name > 'Aaa'", "true"),
        ("value.after.name == 5", "false"),
        ("50 == '2'", "true"),
        ("value.after.on == true", "true"),
        (
            "value.after.on > 1",
            "error: Cannot compare a boolean with a number",
        ),
        // `in` asks Java's equals: an Integer is no Long.
        ("value.op in ['c', 'u']", "true"),
        ("value.op !in ['c', 'u']", "false"),
        ("value.after.id in [7]", "false"),
        ("value.after.id in [7L]", "true"),
        ("value.after.price in [3.3]", "false"),
        ("value.after.price in [3.30]", "true"),
        ("value.op in 'c'", "error: `in` needs a list, not a text"),
        ("value.after.name ==~ /A.*/", "true"),
        ("value.after.name ==~ 'n+'", "false"),
        ("value.after.none ==~ /.*/", "false"),
        ("!(value.after.name =~ /n+$/)", "false"),
        ("value.after.name =~ /n/", "a matcher"),
    ]);
}

#[test]
fn logic_texts_and_choices() {
    check(&[
        ("true || false && false", "true"),
        ("(true || false) && false", "false"),
        ("!value.after.none && value.after", "true"),
        ("!!''", "false"),
        (
            "value.op == 'd' ? 'gone' : topic + '.kept'",
            "'s.public.t.kept'",
        ),
        ("value.op == 'c' ? value.op == 'u' ? 1 : 2 : 3", "2 Int"),
        ("value.after.none ?: 'else'", "'else'"),
        ("'a' + 1 + true + null", "'a1truenull'"),
        ("1 + 2147483647", "-2147483648 Int"),
        ("value.after.id + 1", "8 Long"),
        ("topic.startsWith('s.') && topic.endsWith(\".t\")", "true"),
        ("topic.toUpperCase().length()", "10 Int"),
        ("' x '.trim().isEmpty()", "false"),
        ("topic.matches('s.*')", "true"),
        ("value.after.name.equalsIgnoreCase('ANN')", "true"),
        (
            "value.after.none.isEmpty()",
            "error: Cannot invoke a method on null object; write ?. before it",
        ),
        ("value.after.none?.isEmpty()", "null"),
        (
            "value.after.id.startsWith('7')",
            "error: a number has no such method",
        ),
        (
            "'a' + value.after",
            "error: a struct cannot be made a text here",
        ),
        ("'it''s'", "refused: 's' at character 5 is not supported"),
        (r"'it\'s\n'", "'it's\n'"),
    ]);
}

#[test]
fn the_rest_is_refused_with_its_place() {
    check(&[
        ("", "refused: The expression ends too early"),
        (
            "value.op =",
            "refused: `=` at character 10 is not supported",
        ),
        (
            "value.op === 'c'",
            "refused: `===` at character 10 is not supported",
        ),
        (
            "value.after.id * 2 > 3",
            "refused: `*` at character 16 is not supported",
        ),
        (
            "value.after.id - 2",
            "refused: `-` at character 16 is not supported",
        ),
        (
            "op == 'c'",
            "refused: The name `op` at character 1 is not known: use value, key, topic, \
                       header, valueSchema or keySchema",
        ),
        (
            "topic.substring(2)",
            "refused: The method `substring` with 1 arguments at character 7 is \
                               not supported",
        ),
        (
            "\"${topic}\"",
            "refused: The text at character 1 has a `$`: join texts with + instead",
        ),
        (
            "topic == 'x",
            "refused: The text at character 10 has no end",
        ),
        (
            "if (true) 'x'",
            "refused: The name `if` at character 1 is not known: use value, key, topic, \
                          header, valueSchema or keySchema",
        ),
        (
            "(value.op",
            "refused: The expression ends too early; `)` is missing there",
        ),
        (
            "value.source.schema",
            "refused: `schema` at character 14 is not the field in Groovy, but a \
                                part of the Java object: write get('schema')",
        ),
        (
            "topic ==~ topic",
            "refused: `topic` at character 11 is not supported; a literal pattern is \
                            needed there",
        ),
        (
            "1 == 07",
            "refused: The number 07 at character 6 is not understood",
        ),
        (
            "header.a-b.value",
            "refused: `-` at character 9 is not supported",
        ),
        ("topic # x", "refused: `#` at character 7 is not understood"),
    ]);
}

#[test]
fn endless_and_wrong_patterns_are_refused() {
    let nested = "(".repeat(200);
    assert_eq!(
        result(&nested, &record()),
        "refused: The expression is nested more than 30 times"
    );
    let long = "1 == ".repeat(600) + "1";
    assert_eq!(
        result(&long, &record()),
        "refused: The expression has more than 1000 parts"
    );
    let pattern = result("topic ==~ /(/", &record());
    assert!(
        pattern.starts_with("refused: The pattern at character 11 is wrong: "),
        "{pattern}"
    );
}

#[test]
fn a_tombstone_has_no_value() {
    assert_eq!(result("value == null", &tombstone(1)), "true");
    assert_eq!(
        result("valueSchema == null && key.id == 1", &tombstone(1)),
        "true"
    );
    assert_eq!(shown(&tombstone(1).value), "null");
}
