//! `walcast cdc` with a Debezium Server configuration.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use walcast_lab::{Lab, Port, Service, Spec, http};
use walcast_tests::binary;

use super::{QUIET, arrived, insert, lab, topic};

/// The program, running with `application.properties`.
struct Server {
    service: Service,
    url: String,
    offsets: PathBuf,
    _port: Port,
}

impl Server {
    fn start(lab: &Lab, name: &str, extra: &str) -> Result<Self> {
        let dir = lab.dir().join("server");
        fs::create_dir_all(&dir)?;
        let port = Port::reserve()?;
        let offsets = dir.join("offsets.dat");
        let file = dir.join("application.properties");
        let text = format!(
            "debezium.sink.type=kafka\n\
             debezium.sink.kafka.producer.bootstrap.servers={}\n\
             debezium.sink.kafka.producer.key.serializer=org.apache.kafka.common.serialization.StringSerializer\n\
             debezium.sink.kafka.producer.value.serializer=org.apache.kafka.common.serialization.StringSerializer\n\
             debezium.source.connector.class=io.debezium.connector.postgresql.PostgresConnector\n\
             debezium.source.offset.flush.interval.ms=0\n\
             debezium.source.database.hostname=127.0.0.1\n\
             debezium.source.database.port={}\n\
             debezium.source.database.user=postgres\n\
             debezium.source.database.password=${{PGPASSWORD_OF_TEST}}\n\
             debezium.source.database.dbname={name}\n\
             debezium.source.topic.prefix=overridden\n\
             debezium.source.plugin.name=pgoutput\n\
             debezium.source.slot.name={name}\n\
             debezium.source.publication.name={name}\n\
             debezium.format.schemas.enable=false\n\
             quarkus.http.host=127.0.0.1\n\
             quarkus.http.port={}\n{extra}",
            lab.kafka().bootstrap,
            lab.postgres().port,
            port.number(),
        );
        fs::write(
            &file,
            text.replace("OFFSETS", &offsets.display().to_string()),
        )?;
        let spec = Spec::new("server", binary::walcast()?, &dir)
            .args(["cdc", "--config"])
            .arg(&file)
            .env("PGPASSWORD_OF_TEST", "postgres")
            .env("DEBEZIUM_SOURCE_TOPIC_PREFIX", name);
        let url = format!("http://127.0.0.1:{}", port.number());
        let health = format!("{url}/q/health");
        let answers = move |_| Ok(http::get(&health).is_ok_and(|answer| answer.status == 200));
        let service = Service::new(spec, Box::new(answers));
        service.start()?;
        Ok(Self {
            service,
            url,
            offsets,
            _port: port,
        })
    }
}

/// Rows that a snapshot has read.
fn snapshot_rows(lab: &Lab, name: &str) -> Result<usize> {
    let mut records = topic(lab, name)?;
    let all = records.read_until(QUIET, |_| true)?;
    Ok(all
        .iter()
        .filter(|record| record.value["op"] == "r")
        .count())
}

#[test]
fn a_server_goes_on_from_its_file_of_offsets() -> Result<()> {
    let lab = lab("server", 18)?;
    insert(&lab, "server", 0..50, 10)?;
    let file = "debezium.source.offset.storage.file.filename=OFFSETS\n";
    let server = Server::start(&lab, "server", file)?;
    insert(&lab, "server", 50..100, 7)?;
    arrived(&lab, "server", 0..100)?;
    let health: Value =
        serde_json::from_str(&http::get(&format!("{}/q/health/live", server.url))?.ok()?)?;
    let check = json!([{"name": "debezium", "status": "UP"}]);
    ensure!(
        health == json!({"status": "UP", "checks": check}),
        "{health}"
    );
    server.service.stop()?;
    let kept = fs::read(&server.offsets)?;
    let key = b"[\"kafka\",{\"server\":\"server\"}]";
    ensure!(kept.starts_with(&[0xAC, 0xED, 0, 5]), "{kept:?}");
    ensure!(kept.windows(key.len()).any(|w| w == key), "{kept:?}");

    insert(&lab, "server", 100..150, 30)?;
    server.service.start()?;
    insert(&lab, "server", 150..200, 30)?;
    server.service.kill9()?;
    server.service.start()?;
    arrived(&lab, "server", 0..200)?;
    let read = snapshot_rows(&lab, "server")?;
    ensure!(read == 50, "{read} rows were read by snapshots");
    Ok(())
}

#[test]
fn a_server_keeps_offsets_in_kafka_and_takes_transforms() -> Result<()> {
    let lab = lab("servertopic", 15)?;
    let extra = "debezium.source.offset.storage=org.apache.kafka.connect.storage.KafkaOffsetBackingStore\n\
        debezium.source.offset.storage.topic=server-offsets\n\
        debezium.source.offset.storage.partitions=1\n\
        debezium.source.offset.storage.replication.factor=1\n\
        debezium.transforms=r\n\
        debezium.transforms.r.type=org.apache.kafka.connect.transforms.RegexRouter\n\
        debezium.transforms.r.regex=servertopic[.](.*)\n\
        debezium.transforms.r.replacement=servertopic.$1\n";
    let server = Server::start(&lab, "servertopic", extra)?;
    insert(&lab, "servertopic", 0..100, 10)?;
    arrived(&lab, "servertopic", 0..100)?;
    server.service.stop()?;
    ensure!(!server.offsets.exists(), "a file of offsets was made");
    let mut offsets = walcast_tests::topic::Topic::open(&lab.kafka().bootstrap, "server-offsets")?;
    let stored = offsets.read(1, QUIET)?;
    let key = json!(["kafka", {"server": "servertopic"}]);
    ensure!(stored.iter().all(|record| record.key == key), "{stored:?}");
    server.service.start()?;
    insert(&lab, "servertopic", 100..110, 10)?;
    let counts = arrived(&lab, "servertopic", 0..110)?;
    ensure!(counts.values().all(|count| *count == 1), "{counts:?}");
    Ok(())
}

#[test]
fn another_sink_is_refused_with_what_to_do() -> Result<()> {
    let dir = tempfile::tempdir()?;
    let file = dir.path().join("application.properties");
    fs::write(&file, "debezium.sink.type=kinesis\n")?;
    let output = Command::new(binary::walcast()?)
        .args(["cdc", "--config"])
        .arg(&file)
        .output()
        .context("running walcast")?;
    let told = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.code() == Some(2), "{told}");
    ensure!(told.contains("debezium.sink.type=kinesis"), "{told}");
    Ok(())
}
