//! What a Debezium Server configuration comes to mean, and what is refused.

use std::path::Path;
use std::time::Duration;

use indexmap::IndexMap;

use super::meaning::{HttpConfig, ServerConfig};
use super::sources::put_together;
use crate::config::{Properties, properties};

/// As the distribution's example has it, but for the sink.
const EXAMPLE: &str = "\
debezium.sink.type=kafka
debezium.sink.kafka.producer.bootstrap.servers=k:9092
debezium.sink.kafka.producer.key.serializer=org.apache.kafka.common.serialization.StringSerializer
debezium.sink.kafka.producer.value.serializer=org.apache.kafka.common.serialization.StringSerializer
debezium.sink.kafka.producer.linger.ms=5
debezium.sink.kafka.producer.security.protocol=SASL_SSL
debezium.source.connector.class=io.debezium.connector.postgresql.PostgresConnector
debezium.source.offset.storage.file.filename=data/offsets.dat
debezium.source.offset.flush.interval.ms=0
debezium.source.database.hostname=localhost
debezium.source.database.port=5432
debezium.source.database.user=postgres
debezium.source.database.password=postgres
debezium.source.database.dbname=postgres
debezium.source.topic.prefix=tutorial
debezium.source.schema.include.list=inventory
quarkus.log.console.json=false
";

fn sources(extra: &str, variables: &[(&str, &str)]) -> Result<Properties, String> {
    let file = properties::parse(&format!("{EXAMPLE}{extra}")).unwrap();
    let variables: IndexMap<String, String> = variables
        .iter()
        .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
        .collect();
    put_together(file.into_iter().collect(), variables).map_err(|e| e.to_string())
}

fn read(extra: &str, variables: &[(&str, &str)]) -> Result<ServerConfig, String> {
    ServerConfig::read(&sources(extra, variables)?).map_err(|e| e.to_string())
}

#[test]
fn the_distributions_example_is_read_as_it_is() {
    let config = read("", &[]).unwrap();
    assert_eq!(config.connector.name, "kafka");
    assert_eq!(config.connector.topic_prefix, "tutorial");
    let worker = &config.worker;
    assert_eq!(worker.bootstrap_servers, "k:9092");
    assert_eq!(
        worker.producer.get("linger.ms").map(String::as_str),
        Some("5")
    );
    assert_eq!(worker.producer.len(), 1);
    assert_eq!(worker.kafka.len(), 1);
    assert_eq!(
        worker.offsets_file.as_deref(),
        Some(Path::new("data/offsets.dat"))
    );
    assert_eq!(worker.offset_flush_interval, Duration::from_millis(1));
    assert!(!worker.exactly_once && !config.signals);
    let http = HttpConfig {
        enabled: true,
        host: "0.0.0.0".into(),
        port: 8080,
    };
    assert_eq!(config.http, http);
    assert_eq!(config.warnings, []);
}

#[test]
fn offsets_may_be_in_kafka_on_the_same_cluster() {
    let kafka = "debezium.source.offset.storage=org.apache.kafka.connect.storage.KafkaOffsetBackingStore\n\
        debezium.source.offset.storage.topic=o\n\
        debezium.source.offset.storage.partitions=1\n\
        debezium.source.offset.storage.replication.factor=1\n\
        debezium.source.bootstrap.servers=k:9092\n";
    let worker = read(kafka, &[]).unwrap().worker;
    let offsets = (
        &*worker.offsets_topic,
        worker.offsets_partitions,
        worker.offsets_replication,
    );
    assert_eq!(offsets, ("o", 1, 1));
    assert!(worker.offsets_file.is_none());
    let other = read(&kafka.replace("servers=k", "servers=other"), &[]).unwrap_err();
    assert!(
        other.starts_with("debezium.source.bootstrap.servers"),
        "{other}"
    );
}

#[test]
fn variables_count_more_than_the_file() {
    let variables = [
        ("DEBEZIUM_SOURCE_TOPIC_PREFIX", "other"),
        ("DEBEZIUM_SOURCE_TABLE_INCLUDE_LIST", "inventory.a"),
        ("DEBEZIUM_SOURCE_MESSAGE_KEY_COLUMNS", "inventory.a:b"),
        ("QUARKUS_HTTP_PORT", "0"),
        ("QUARKUS_LOG_LEVEL", "fine"),
        ("HOME", "/x"),
    ];
    let config = read("", &variables).unwrap();
    assert_eq!(
        (config.connector.topic_prefix.as_str(), config.http.port),
        ("other", 0)
    );
    assert_eq!(config.log_levels, [("root".to_owned(), "DEBUG")]);
    // A property whose name has more than dots is found by the file's spelling.
    let extra = "debezium.transforms=toLower\ndebezium.transforms.toLower.type=x\n";
    let props = sources(extra, &[("DEBEZIUM_TRANSFORMS_TOLOWER_TYPE", "y")]).unwrap();
    assert_eq!(props["debezium.transforms.toLower.type"], "y");
}

#[test]
fn expressions_and_profiles_are_those_of_smallrye() {
    let extra = "debezium.source.database.user=${DB_USER}\n\
        debezium.source.database.dbname=${db.name:fall${DB_USER}back}\n\
        debezium.transforms.r.replacement=\\\\${routedByValue}\n\
        debezium.transforms.s.replacement=$1-$2\n\
        %prod.debezium.source.topic.prefix=p-${debezium.source.database.user}\n\
        %dev.debezium.source.topic.prefix=dev\n";
    let props = sources(extra, &[("DB_USER", "ann")]).unwrap();
    for (name, value) in [
        ("source.database.user", "ann"),
        ("source.database.dbname", "fallannback"),
        ("transforms.r.replacement", "${routedByValue}"),
        ("transforms.s.replacement", "$1-$2"),
        ("source.topic.prefix", "p-ann"),
    ] {
        assert_eq!(props[&format!("debezium.{name}")], value, "{name}");
    }
    for bad in ["${nobody}", "${debezium.source.x}", "${open"] {
        let error = sources(&format!("debezium.source.x={bad}\n"), &[]).unwrap_err();
        assert!(error.starts_with("debezium.source.x"), "{error}");
    }
}

#[test]
fn formats_become_converters() {
    let extra = "debezium.format.schemas.enable=false\n\
        debezium.format.key=simplestring\n\
        debezium.format.value.schemas.enable=true\n";
    let props = super::formats::converters(&sources(extra, &[]).unwrap()).unwrap();
    for (name, value) in [
        (
            "key.converter",
            "org.apache.kafka.connect.storage.StringConverter",
        ),
        ("key.converter.schemas.enable", "false"),
        (
            "value.converter",
            "org.apache.kafka.connect.json.JsonConverter",
        ),
        ("value.converter.schemas.enable", "true"),
        (
            "header.converter",
            "org.apache.kafka.connect.json.JsonConverter",
        ),
        ("header.converter.schemas.enable", "false"),
    ] {
        assert_eq!(props.get(name).map(String::as_str), Some(value), "{name}");
    }
    assert_eq!(props.len(), 6);
}

#[test]
fn transforms_reach_the_connector() {
    let good = "debezium.transforms=r\n\
        debezium.transforms.r.type=org.apache.kafka.connect.transforms.RegexRouter\n\
        debezium.transforms.r.regex=(.*)\n\
        debezium.transforms.r.replacement=x-$1\n";
    read(good, &[]).unwrap();
    let bad = read(&good.replace("RegexRouter", "Nonsense"), &[]).unwrap_err();
    assert!(bad.contains("transforms.r.type"), "{bad}");
}

#[test]
fn config_providers_of_the_engine_are_asked() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("user"), "ann").unwrap();
    let extra = format!(
        "debezium.source.config.providers=dir\n\
         debezium.source.config.providers.dir.class=org.apache.kafka.common.config.provider.DirectoryConfigProvider\n\
         debezium.source.database.user=\\\\${{dir:{}:user}}\n",
        dir.path().display()
    );
    assert_eq!(read(&extra, &[]).unwrap().connector.database.user, "ann");
}

#[test]
fn what_cannot_be_honoured_is_refused_or_warned_about_by_name() {
    for (line, told) in [
        ("debezium.sink.type=kinesis", "debezium.sink.type=kinesis"),
        (
            "debezium.source.offset.storage=io.debezium.storage.redis.offset.RedisOffsetBackingStore",
            "offset.storage",
        ),
        (
            "debezium.source.offset.storage.redis.address=r:1",
            "offset.storage.redis.address",
        ),
        (
            "debezium.source.offset.storage.file.filename=",
            "offset.storage.file.filename",
        ),
        (
            "debezium.source.connector.class=io.debezium.connector.mysql.MySqlConnector",
            "connector.class",
        ),
        ("debezium.format.value=avro", "debezium.format.value"),
        (
            "debezium.format.header=simplestring",
            "debezium.format.header",
        ),
        (
            "debezium.sink.kafka.producer.key.serializer=x.Y",
            "key.serializer",
        ),
        (
            "debezium.sink.kafka.producer.transactional.id=x",
            "transactional.id",
        ),
        ("quarkus.http.port=http", "quarkus.http.port"),
        ("quarkus.http.ssl.certificate.files=x", "quarkus.http.ssl"),
        ("quarkus.log.level=LOUD", "quarkus.log.level"),
        (
            "debezium.source.offset.flush.interval.ms=soon",
            "offset.flush.interval.ms",
        ),
        (
            "debezium.source.offset.commit.policy=x.Mine",
            "offset.commit.policy",
        ),
    ] {
        let error = read(line, &[]).err().unwrap_or_default();
        assert!(error.contains(told), "{line}: {error}");
    }
    let extra = "quarkus.banner.enabled=false\ndebezium.sink.kinesis.region=x\n\
        debezium.sorce.x=1\ndebezium.source.record.processing.threads=1\n\
        debezium.source.schema.history.internal.file.filename=x\n";
    let warned = read(extra, &[]).unwrap().warnings;
    assert_eq!(warned.len(), 5, "{warned:?}");
}
