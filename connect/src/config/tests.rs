//! What a worker's properties come to mean, and what is refused.

use super::WorkerConfig;
use super::listeners::{AdminListeners, Listener, Scheme};
use std::time::Duration;
use walcast_wire::usage::UsageError;

fn parse(pairs: &[(&str, &str)]) -> Result<WorkerConfig, UsageError> {
    let props = pairs
        .iter()
        .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()));
    WorkerConfig::from_properties(props.collect())
}

fn listener(host: &str, port: u16) -> Listener {
    Listener {
        scheme: Scheme::Http,
        host: host.into(),
        port,
    }
}

#[test]
fn defaults_are_kafka_connects() {
    let config = parse(&[]).unwrap();
    assert_eq!(config.rest.listeners.ordinary, [listener("", 8083)]);
    assert_eq!(config.rest.listeners.admin, AdminListeners::Ordinary);
    assert!(config.rest.users.is_none() && config.rest.tls.is_none());
    assert_eq!(
        (
            config.config_topic.partitions,
            config.config_topic.replication
        ),
        (1, 3)
    );
    assert_eq!(
        (
            config.offset_topic.partitions,
            config.status_topic.partitions
        ),
        (25, 5)
    );
    assert_eq!(config.offset_flush_interval, Duration::from_secs(60));
    assert!(!config.exactly_once && config.warnings.is_empty());
}

#[test]
fn a_workers_file_is_read_as_it_is() {
    let config = parse(&[
        ("bootstrap.servers", "a:1,b:2"),
        (
            "key.converter",
            "org.apache.kafka.connect.json.JsonConverter",
        ),
        ("key.converter.schemas.enable", "false"),
        ("config.storage.topic", "c"),
        ("config.storage.min.insync.replicas", "2"),
        ("listeners", "HTTP://127.0.0.1:0"),
        ("producer.compression.type", "lz4"),
        ("sasl.mechanism", "PLAIN"),
        ("exactly.once.source.support", "enabled"),
        ("plugin.path", "/x"),
        ("bogus", "1"),
    ])
    .unwrap();
    assert_eq!(
        config.key_converter["key.converter.schemas.enable"],
        "false"
    );
    assert_eq!(config.config_topic.settings["min.insync.replicas"], "2");
    assert_eq!(config.rest.listeners.ordinary, [listener("127.0.0.1", 0)]);
    assert_eq!(config.producer["compression.type"], "lz4");
    assert_eq!(config.kafka["sasl.mechanism"], "PLAIN");
    assert!(config.exactly_once);
    let warned: Vec<_> = config.warnings.iter().map(|(n, _)| n.as_str()).collect();
    assert_eq!(warned, ["plugin.path", "bogus"]);
}

#[test]
fn what_cannot_be_honoured_is_refused_by_name() {
    for (name, value) in [
        ("listeners", "nonsense"),
        ("admin.listeners", "http://a"),
        ("rest.advertised.listener", "ftp"),
        ("rest.extension.classes", "x.Auth"),
        ("walcast.rest.basic.auth.file", "/no/such/file"),
        ("response.http.headers.config", "put X:1"),
        ("access.control.allow.origin", "("),
        ("offset.storage.partitions", "0"),
        ("offset.flush.interval.ms", "soon"),
        ("exactly.once.source.support", "yes"),
        ("topic.tracking.enable", "maybe"),
        ("connector.client.config.override.policy", "Principal"),
    ] {
        let error = parse(&[(name, value)]).unwrap_err().to_string();
        assert!(error.starts_with(name), "{error}");
    }
}

#[test]
fn a_plain_kafka_client_is_not_given_the_listeners_keys() {
    let pairs = [
        ("ssl.keystore.location", "/x.p12"),
        ("ssl.client.auth", "required"),
    ];
    assert!(parse(&pairs).unwrap().kafka.is_empty());
    let mut pairs = pairs.to_vec();
    pairs.push(("security.protocol", "sasl_ssl"));
    let names: Vec<_> = parse(&pairs).unwrap().kafka.into_keys().collect();
    assert_eq!(names, ["ssl.keystore.location", "security.protocol"]);
}
