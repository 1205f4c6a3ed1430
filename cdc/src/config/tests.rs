//! Reading a connector's properties: defaults, refusals, warnings.

use std::collections::BTreeMap;

use super::*;

fn props(extra: &[(&str, &str)]) -> BTreeMap<String, String> {
    let base = [
        ("name", "c"),
        ("connector.class", CONNECTOR_CLASS),
        ("database.hostname", "db"),
        ("database.user", "u"),
        ("database.dbname", "d"),
        ("topic.prefix", "p"),
    ];
    base.iter()
        .chain(extra)
        .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
        .collect()
}

/// A configuration of what is required and `extra`.
pub(crate) fn parse(extra: &[(&str, &str)]) -> Result<ConnectorConfig, Vec<ConfigProblem>> {
    ConnectorConfig::parse(&props(extra), &BTreeMap::new())
}

/// The one problem that `extra` causes.
pub(crate) fn refused(extra: &[(&str, &str)]) -> (String, String) {
    let problems = parse(extra).expect_err(&format!("{extra:?} should be refused"));
    assert_eq!(problems.len(), 1, "{problems:?}");
    (problems[0].property.clone(), problems[0].message.clone())
}

#[test]
fn defaults_are_debeziums() {
    let config = parse(&[]).unwrap();
    assert_eq!(config.slot.name, "debezium");
    assert_eq!(config.publication.name, "dbz_publication");
    assert_eq!(config.publication.mode, PublicationMode::AllTables);
    assert_eq!(config.snapshot.mode, SnapshotMode::Initial);
    assert_eq!(config.database.port, 5432);
    assert_eq!(config.retries.max_retries, None);
    assert!(config.encoder.value_schemas_enable && config.encoder.key_schemas_enable);
    assert!(config.warnings.is_empty());
}

#[test]
fn a_transforms_option_that_only_its_start_would_refuse_is_taken() {
    for (class, option, value) in [
        (
            "io.debezium.transforms.outbox.EventRouter",
            "table.op.invalid.behavior",
            "x",
        ),
        (
            "org.apache.kafka.connect.transforms.TimestampRouter",
            "timestamp.format",
            "foo",
        ),
    ] {
        let option = format!("transforms.t.{option}");
        let config = parse(&[
            ("transforms", "t"),
            ("transforms.t.type", class),
            (&option, value),
        ]);
        let at_start = config.unwrap().at_start;
        assert_eq!(at_start.len(), 1, "{at_start:?}");
        assert_eq!(at_start[0].property, option);
    }
    let unknown = [
        ("transforms", "t"),
        ("transforms.t.type", "io.debezium.transforms.Filter"),
        ("transforms.t.language", "jsr223.graal.js"),
        ("transforms.t.condition", "true"),
    ];
    assert_eq!(refused(&unknown).0, "transforms.t.language");
}

#[test]
fn wrong_values_are_told_in_connects_words() {
    for (property, value, words) in [
        ("database.port", "x", "An integer is expected"),
        (
            "slot.name",
            "No-Caps",
            "only digits, lowercase characters and underscores",
        ),
        ("topic.prefix", "a b/c", "has invalid format"),
        ("tasks.max", "0", "Value must be at least 1"),
        ("snapshot.mode", "never", "always, initial_only"),
        ("decimal.handling.mode", "exact", "string, double, precise"),
        ("plugin.name", "wal2json", "decoderbufs, pgoutput"),
        ("table.include.list", "public.(a", "regular expressions"),
        (
            "transforms",
            "t",
            "Missing required configuration \"transforms.t.type\"",
        ),
        (
            "predicates",
            "p",
            "Missing required configuration \"predicates.p.type\"",
        ),
        ("value.converter", "no.such.Conv", "no.such.Conv"),
    ] {
        let (_, message) = refused(&[(property, value)]);
        assert!(message.contains(words), "{property}={value}: {message}");
    }
}

#[test]
fn what_is_not_supported_is_refused_by_name_unless_it_is_the_default() {
    for (property, value) in [
        ("heartbeat.interval.ms", "-1"),
        ("provide.transaction.metadata", "maybe"),
        ("transaction.metadata.factory", "com.example.Mine"),
        ("column.mask.with.many.chars", "public.t.c"),
        ("column.mask.hash.CRC.with.salt.x", "public.t.c"),
        ("column.truncate.to.2.chars", "public.(t"),
        ("message.key.columns", "public.t"),
        ("message.prefix.include.list", "(a"),
        ("topic.delimiter", "/"),
        ("topic.transaction", "a b"),
        ("topic.heartbeat.name", "a b"),
        ("topic.naming.strategy", "com.example.Mine"),
        ("signal.data.collection", "signals"),
    ] {
        assert_eq!(refused(&[(property, value)]).0, property);
    }
    for (property, value) in [
        ("heartbeat.interval.ms", "0"),
        ("errors.tolerance", "none"),
        (
            "topic.naming.strategy",
            "io.debezium.schema.SchemaTopicNamingStrategy",
        ),
    ] {
        assert!(parse(&[(property, value)]).is_ok(), "{property}={value}");
    }
}

#[test]
fn what_cannot_change_a_record_is_accepted_with_a_warning() {
    let config = parse(&[("max.queue.size", "8192"), ("no.such.property", "1")]).unwrap();
    let named: Vec<_> = config
        .warnings
        .iter()
        .map(|w| w.property.as_str())
        .collect();
    assert_eq!(named, ["max.queue.size", "no.such.property"]);
}

#[test]
fn a_connectors_converter_takes_none_of_the_workers_options() {
    let worker: BTreeMap<_, _> = [
        (
            "value.converter",
            "org.apache.kafka.connect.json.JsonConverter",
        ),
        ("value.converter.schemas.enable", "false"),
    ]
    .iter()
    .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
    .collect();
    let inherited = ConnectorConfig::parse(&props(&[]), &worker).unwrap();
    assert!(!inherited.encoder.value_schemas_enable);
    let own = [(
        "value.converter",
        "org.apache.kafka.connect.json.JsonConverter",
    )];
    let own = ConnectorConfig::parse(&props(&own), &worker).unwrap();
    assert!(own.encoder.value_schemas_enable);
}

#[test]
fn topic_creation_is_read() {
    let config = parse(&[
        ("topic.creation.default.partitions", "3"),
        ("topic.creation.default.replication.factor", "1"),
        ("topic.creation.default.cleanup.policy", "compact"),
    ])
    .unwrap();
    let groups = config.topic_creation.unwrap();
    let creation = groups.of("p.public.t");
    assert_eq!((creation.partitions, creation.replication_factor), (3, 1));
    assert_eq!(
        creation.configs.get("cleanup.policy").map(String::as_str),
        Some("compact")
    );
}

const CREATION: [(&str, &str); 2] = [
    ("topic.creation.default.partitions", "3"),
    ("topic.creation.default.replication.factor", "1"),
];

#[test]
fn topics_are_created_by_the_first_group_they_are_in() {
    let groups = [
        ("topic.creation.groups", "small, rest"),
        ("topic.creation.small.include", ".*t2,.*t3"),
        ("topic.creation.small.exclude", ".*s9.*"),
        ("topic.creation.small.partitions", "2"),
        ("topic.creation.rest.include", "p\\.s9\\..*"),
        ("topic.creation.rest.retention.ms", "5"),
    ];
    let config = parse(&[&CREATION[..], &groups].concat()).unwrap();
    let creation = config.topic_creation.unwrap();
    for (topic, partitions) in [("p.a.t2", 2), ("p.a.t3", 2), ("p.s9.t2", 3), ("p.a.t4", 3)] {
        assert_eq!(creation.of(topic).partitions, partitions, "{topic}");
    }
    assert_eq!(creation.of("p.a.t2").replication_factor, 1);
    assert_eq!(creation.of("p.s9.t2").configs.len(), 1);
}

#[test]
fn topic_creation_that_would_do_nothing_is_refused() {
    for extra in [
        ("topic.creation.small.partitions", "2"),
        ("topic.creation.default.partitions", "0"),
    ] {
        let mut all: BTreeMap<_, _> = CREATION.into_iter().collect();
        all.insert(extra.0, extra.1);
        let all: Vec<_> = all.into_iter().collect();
        assert_eq!(refused(&all).0, extra.0);
    }
    let only = [("topic.creation.default.partitions", "1")];
    assert_eq!(
        refused(&only).0,
        "topic.creation.default.replication.factor"
    );
}

#[test]
fn the_password_is_never_shown() {
    let config = parse(&[("database.password", "s3cret")]).unwrap();
    assert!(!format!("{config:?}").contains("s3cret"));
}

#[test]
fn what_shapes_columns_keys_and_messages_is_read() {
    let config = parse(&[
        ("column.mask.with.3.chars", "public.t.secret"),
        ("column.truncate.to.2.chars", "public.t.long"),
        ("column.propagate.source.type", ".*"),
        ("message.key.columns", "public.t:b,a"),
        ("skip.messages.without.change", "true"),
        ("message.prefix.exclude.list", "noise.*"),
    ])
    .unwrap();
    let encoder = &config.encoder;
    assert!(encoder.skip_messages_without_change);
    assert_eq!(
        encoder.message_key_columns.of("public.t", &["a", "b", "c"]),
        ["b", "a"]
    );
    assert!(!encoder.message_prefixes.passes("Noise2"));
    assert!(encoder.message_prefixes.passes("signal"));
    assert!(config.warnings.is_empty(), "{:?}", config.warnings);
    let both = [
        ("message.prefix.include.list", "a"),
        ("message.prefix.exclude.list", "b"),
    ];
    assert_eq!(refused(&both).0, "message.prefix.exclude.list");
}

#[test]
fn topics_are_named_as_the_strategy_says() {
    let encoder = |extra: &[(&str, &str)]| parse(extra).unwrap().encoder;
    assert_eq!(encoder(&[]).heartbeat_topic, "__debezium-heartbeat.p");
    let named = encoder(&[
        ("topic.delimiter", "_"),
        ("topic.heartbeat.prefix", "hb"),
        (
            "topic.naming.strategy",
            "io.debezium.schema.DefaultTopicNamingStrategy",
        ),
    ]);
    assert_eq!(named.heartbeat_topic, "hb_p");
    assert!(named.topic_naming.without_schema);
    let whole = encoder(&[("topic.heartbeat.name", "beats")]);
    assert_eq!(whole.heartbeat_topic, "beats");

    let regex = |extra: &[(&'static str, &'static str)]| {
        let strategy = (
            "topic.naming.strategy",
            "io.debezium.schema.SchemaRegexTopicNamingStrategy",
        );
        [&[strategy], extra].concat()
    };
    let read = encoder(&regex(&[
        ("topic.regex", "(.*)"),
        ("topic.replacement", "x"),
    ]));
    let router = read.topic_naming.regex.as_ref().unwrap();
    assert!(router.key_enforce_uniqueness && router.key_field.is_none());
    let missing = refused(&regex(&[("topic.regex", "(.*)")]));
    assert!(missing.1.contains("must be non-empty"), "{missing:?}");
}

#[test]
fn channels_of_signals_and_notifications_are_read() {
    let config = parse(&[]).unwrap();
    assert!(config.signal_channels.source && config.signal_channels.kafka.is_none());
    assert_eq!(config.notifications, Notifications::default());
    let config = parse(&[
        ("signal.enabled.channels", "kafka, file"),
        ("signal.consumer.fetch.min.bytes", "1"),
        ("notification.enabled.channels", "sink,log"),
        ("notification.sink.topic.name", "told"),
    ])
    .unwrap();
    let channels = config.signal_channels;
    assert!(!channels.source);
    let kafka = channels.kafka.unwrap();
    assert_eq!(
        (&*kafka.topic, &*kafka.group_id),
        ("p-signal", "kafka-signal")
    );
    assert_eq!(kafka.consumer.len(), 1);
    let file = channels.file.unwrap();
    assert_eq!(file.path.to_str(), Some("file-signals.txt"));
    assert_eq!(config.encoder.notification_topic.as_deref(), Some("told"));
    assert!(config.notifications.log);
    assert_eq!(config.warnings, []);
}

#[test]
fn channels_that_are_not_there_are_refused_and_those_of_the_jvm_left_out() {
    for (property, value, words) in [
        (
            "signal.enabled.channels",
            "source,smoke",
            "no channel smoke",
        ),
        ("notification.enabled.channels", "http", "no channel http"),
    ] {
        let (named, message) = refused(&[(property, value)]);
        assert_eq!(named, property);
        assert!(message.contains(words), "{message}");
    }
    let (named, message) = refused(&[("notification.enabled.channels", "sink")]);
    assert_eq!(named, "notification.sink.topic.name");
    assert!(
        message.ends_with(
            "Notification topic name must be provided when kafka notification channel is enabled"
        ),
        "{message}"
    );
    let config = parse(&[
        ("signal.enabled.channels", "jmx"),
        ("notification.enabled.channels", "jmx"),
    ])
    .unwrap();
    assert_eq!(config.warnings.len(), 2);
}
