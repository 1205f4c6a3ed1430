//! The book's property table is the code's, and what it calls honoured is read.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::properties::{PREFIXES, PROPERTIES, Treatment, treatment};
use super::reader::asked;
use super::{CONNECTOR_CLASS, ConnectorConfig};

/// Rewrites the book's table.
const REWRITE: &str =
    "cargo test -p walcast-cdc --lib rewrite_the_books_property_table -- --ignored";

fn page() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/src/properties.md")
}

/// The words for a treatment, as the table has them.
fn words(treatment: Treatment) -> String {
    match treatment {
        Treatment::Honoured => "honoured".to_owned(),
        Treatment::NoEffect(why) => format!("no effect: {why}"),
        Treatment::Only("", instead) => format!("refused: {instead}"),
        Treatment::Only(value, instead) => format!("only `{value}`: {instead}"),
    }
}

/// How the code treats what a row names: a property, or a family `prefix.*`.
fn treated(name: &str) -> Option<Treatment> {
    let Some(prefix) = name.strip_suffix('*') else {
        return treatment(name);
    };
    let family = PREFIXES.iter().find(|(known, _)| *known == prefix);
    family.map(|(_, treatment)| *treatment)
}

/// Every name that the code's table has, as a row has it.
fn names() -> impl Iterator<Item = String> {
    let exact = PROPERTIES.iter().map(|(name, _)| (*name).to_owned());
    exact.chain(PREFIXES.iter().map(|(prefix, _)| format!("{prefix}*")))
}

/// A row's cells; nothing for a line that is no row of a property.
fn row(line: &str) -> Option<[&str; 4]> {
    let cells = line.strip_prefix("| `")?.strip_suffix(" |")?;
    let (name, rest) = cells.split_once("` | ")?;
    let cells: Vec<_> = rest.splitn(3, " | ").collect();
    let [default, meaning, treatment] = cells[..] else {
        panic!("{name}: a row has four cells");
    };
    Some([name, default, meaning, treatment])
}

#[test]
fn the_books_property_table_is_the_codes() {
    let text = std::fs::read_to_string(page()).unwrap();
    let mut wrong = Vec::new();
    let mut listed = Vec::new();
    for [name, _, _, said] in text.lines().filter_map(row) {
        listed.push(name.to_owned());
        match treated(name).map(words) {
            None => wrong.push(format!("{name} is in the book, but not known to the code")),
            Some(is) if is != said => wrong.push(format!("{name} is \"{is}\", not \"{said}\"")),
            Some(_) => {}
        }
    }
    let missing = names().filter(|name| !listed.contains(name));
    wrong.extend(missing.map(|name| format!("{name} is not in the book")));
    listed.sort_unstable();
    let twice = listed.windows(2).filter(|pair| pair[0] == pair[1]);
    wrong.extend(twice.map(|pair| format!("{} is in the book twice", pair[0])));
    assert!(
        wrong.is_empty(),
        "docs/src/properties.md is out of date; `{REWRITE}` mends it:\n{}",
        wrong.join("\n")
    );
}

#[test]
#[ignore = "rewrites docs/src/properties.md from the code's table"]
fn rewrite_the_books_property_table() {
    let text = std::fs::read_to_string(page()).unwrap();
    let mut listed = Vec::new();
    let mut lines = Vec::new();
    for line in text.lines() {
        let Some([name, default, meaning, _]) = row(line) else {
            lines.push(line.to_owned());
            continue;
        };
        listed.push(name.to_owned());
        if let Some(treatment) = treated(name) {
            let words = words(treatment);
            lines.push(format!("| `{name}` | {default} | {meaning} | {words} |"));
        }
    }
    // What is new goes behind what stands before it in the code.
    let code: Vec<_> = names().collect();
    for pair in code.windows(2).filter(|pair| !listed.contains(&pair[1])) {
        let before = format!("| `{}` |", pair[0]);
        let place = lines.iter().position(|line| line.starts_with(&before));
        let words = words(treated(&pair[1]).unwrap());
        let new = format!("| `{}` | – | – | {words} |", pair[1]);
        lines.insert(place.unwrap() + 1, new);
    }
    std::fs::write(page(), lines.join("\n") + "\n").unwrap();
}

/// Honoured properties that are not asked for through the reader, and who reads them.
const READ_ELSEWHERE: &[(&str, &str)] = &[
    (
        "key.converter",
        "pipeline::converter, as the worker's may count instead",
    ),
    ("value.converter", "pipeline::converter"),
    ("header.converter", "pipeline::header"),
    ("key.converter.", "pipeline::converter"),
    ("header.converter.", "pipeline::header"),
    ("value.converter.", "pipeline::converter"),
    ("column.mask.", "ColumnMappers, which takes all properties"),
    ("column.truncate.", "ColumnMappers"),
    ("column.propagate.", "ColumnMappers"),
    ("datatype.propagate.", "ColumnMappers"),
];

/// Properties without which others are not read.
const OPENING_OTHERS: &[&[(&str, &str)]] = &[
    &[],
    &[
        ("transforms", "t"),
        (
            "transforms.t.type",
            "org.apache.kafka.connect.transforms.Filter",
        ),
        ("transforms.t.predicate", "p"),
        ("predicates", "p"),
        (
            "predicates.p.type",
            "org.apache.kafka.connect.transforms.predicates.RecordIsTombstone",
        ),
    ],
    &[
        (
            "topic.naming.strategy",
            "io.debezium.schema.SchemaRegexTopicNamingStrategy",
        ),
        ("topic.regex", "a"),
        ("topic.replacement", "b"),
        ("topic.key.field.regex", "a"),
        ("topic.key.field.replacement", "b"),
    ],
    &[
        ("topic.creation.groups", "g"),
        ("topic.creation.g.include", "a"),
    ],
    &[
        ("heartbeat.interval.ms", "1000"),
        ("provide.transaction.metadata", "true"),
    ],
    &[
        ("signal.data.collection", "public.signals"),
        ("snapshot.select.statement.overrides", "a.b"),
    ],
];

#[test]
fn what_is_called_honoured_is_read() {
    for given in OPENING_OTHERS {
        let class = [("connector.class", CONNECTOR_CLASS)];
        let props: BTreeMap<_, _> = class
            .iter()
            .chain(*given)
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        // Refused or not, all of it is read.
        let _ = ConnectorConfig::parse(&props, &BTreeMap::new());
    }
    let asked = asked::all();
    let read = |name: &str, family: bool| {
        let elsewhere = READ_ELSEWHERE.iter().any(|(known, _)| *known == name);
        let within = |asked: &String| family && asked.starts_with(name);
        elsewhere || asked.contains(name) || asked.iter().any(within)
    };
    let exact = PROPERTIES
        .iter()
        .map(|&(name, treatment)| (name, treatment, false));
    let families = PREFIXES
        .iter()
        .map(|&(name, treatment)| (name, treatment, true));
    let unread: Vec<_> = exact
        .chain(families)
        .filter(|&(name, treatment, family)| {
            treatment == Treatment::Honoured && !read(name, family)
        })
        .map(|(name, ..)| name)
        .collect();
    assert!(
        unread.is_empty(),
        "called honoured, but nothing reads {unread:?}: read them through `Reader`, treat them \
         otherwise, or say in READ_ELSEWHERE who reads them"
    );
}
