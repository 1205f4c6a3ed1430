//! Cases of configuration: what is written, and what it means or why it is refused.

use super::*;

fn load(file: &str) -> Result<Config, UsageError> {
    load_with(file, SinkArgs::default())
}

fn load_with(file: &str, mut args: SinkArgs) -> Result<Config, UsageError> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("sink.toml");
    std::fs::write(&path, file).unwrap();
    args.config = Some(path);
    Config::load(args)
}

const SMALLEST: &str = "bootstrap_servers = 'k:9092'\nclickhouse_url = 'http://c:8123'\n";

#[test]
fn two_addresses_are_enough() {
    let config = load(SMALLEST).unwrap();
    assert_eq!(config.listen.to_string(), "127.0.0.1:8084");
    assert_eq!(config.kafka.topics, ["experiments_events"]);
    assert_eq!(
        config.kafka.dead_letter_topic,
        "experiments_events.dead-letter"
    );
    assert_eq!(config.clickhouse.database, "experiments");
    assert_eq!(config.batch_age_max, Duration::from_millis(100));
    assert_eq!(config.outbox.table, "outbox_events");
}

#[test]
fn flags_lie_over_the_file() {
    let args = SinkArgs {
        group_id: Some("other".into()),
        kafka: vec!["fetch.min.bytes=2".into()],
        ..SinkArgs::default()
    };
    let file = format!("{SMALLEST}group_id = 'file'\n[kafka]\nsecurity.protocol = 'SSL'\n");
    let config = load_with(&file, args).unwrap();
    assert_eq!(config.kafka.group_id, "other");
    assert_eq!(config.kafka.properties.0["security.protocol"], "SSL");
    assert_eq!(config.kafka.properties.0["fetch.min.bytes"], "2");
}

#[test]
fn secrets_come_from_files_and_are_not_printed() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("password");
    std::fs::write(&path, "s3cret\n").unwrap();
    let path = path.display();
    let file = format!(
        "{SMALLEST}clickhouse_password_file = '{path}'\n[kafka]\n\"sasl.password_file\" = '{path}'\n"
    );
    let config = load(&file).unwrap();
    assert_eq!(config.clickhouse.password.expose(), "s3cret");
    assert_eq!(config.kafka.properties.0["sasl.password"], "s3cret");
    assert!(!format!("{config:?}").contains("s3cret"));
}

#[test]
fn what_cannot_be_meant_is_refused_by_name() {
    for (added, says) in [
        ("clickhouse_passwort = 'x'", "clickhouse_passwort"),
        ("batch_rows_max = 0", "batch_rows_max is 0"),
        ("batch_rows_max = 1000001", "batch_rows_max is 1000001"),
        ("batch_age_ms_max = -1", "batch_age_ms_max"),
        ("topics = []", "topics is empty"),
        ("topics = ['^outbox.*']", "pattern"),
        ("topics = ['a']\ndead_letter_topic = 'a'", "one of topics"),
        ("group_id = ' '", "group_id is not set"),
        ("outbox_table = 'outbox'", "schema.table"),
        (
            "clickhouse_password = 'a'\nclickhouse_password_file = 'b'",
            "both",
        ),
        (
            "clickhouse_password_file = '/nowhere'",
            "clickhouse_password_file /nowhere",
        ),
        (
            "[kafka]\nisolation.level = 'read_uncommitted'",
            "kafka.isolation.level",
        ),
        (
            "[kafka]\nenable.auto.commit = true",
            "kafka.enable.auto.commit",
        ),
        ("[kafka]\ngroup.id = 'x'", "group_id"),
    ] {
        let error = load(&format!("{SMALLEST}{added}\n"))
            .unwrap_err()
            .to_string();
        assert!(error.contains(says), "{added}: {error}");
    }
    let error = load("clickhouse_url = 'http://c'").unwrap_err().to_string();
    assert!(error.contains("WALCAST_SINK_BOOTSTRAP_SERVERS"), "{error}");
    let error = load(&SMALLEST.replace("http:", "tcp:"))
        .unwrap_err()
        .to_string();
    assert!(error.contains("HTTP interface"), "{error}");
}
