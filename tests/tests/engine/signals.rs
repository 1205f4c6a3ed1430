//! Signals from a topic and a file are taken once, and it is kept that they were.

use std::fs;
use std::time::Duration;

use anyhow::{Context, Result};
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::{Offset, TopicPartitionList};
use walcast_lab::{Lab, wait_for};
use walcast_tests::SOON;
use walcast_tests::worker::{Worker, connector};

use super::lab;

const CALL: Duration = Duration::from_secs(20);

fn client(lab: &Lab) -> ClientConfig {
    let mut client = ClientConfig::new();
    client
        .set("bootstrap.servers", &lab.kafka().bootstrap)
        .set("group.id", "kafka-signal");
    client
}

/// Writes a record to partition 0 of a topic.
fn send(lab: &Lab, topic: &str, key: &str, value: &str) -> Result<()> {
    let producer: BaseProducer = client(lab).create()?;
    let record = BaseRecord::to(topic).partition(0).key(key).payload(value);
    producer.send(record).map_err(|(error, _)| error)?;
    Ok(producer.flush(CALL)?)
}

/// The offset that the group keeps for partition 0.
fn kept(consumer: &BaseConsumer, topic: &str) -> Result<Option<i64>> {
    let mut plan = TopicPartitionList::new();
    plan.add_partition(topic, 0);
    let kept = consumer.committed_offsets(plan, CALL)?;
    let place = kept.elements().first().map(|element| element.offset());
    Ok(match place.context("a partition")? {
        Offset::Offset(offset) => Some(offset),
        _ => None,
    })
}

#[test]
fn signals_of_a_topic_and_of_a_file_are_taken() -> Result<()> {
    let lab = lab("signals", 18)?;
    let topic = "signals-signal";
    let log = r#"{"id":"1","type":"log","data":{"message":"hello"}}"#;
    send(&lab, topic, "another", log)?;
    send(&lab, topic, "signals", log)?;
    let file = lab.dir().join("signals.txt");
    fs::write(&file, format!("{log}\n{log}\n"))?;
    let path = file.display().to_string();
    let worker = Worker::start(&lab, "worker", "signals", true)?;
    let extra = [
        ("signal.enabled.channels", "kafka,file"),
        ("signal.poll.interval.ms", "100"),
        ("signal.file", &path),
    ];
    worker.put("signals", &connector(&lab, "signals", "signals", &extra))?;
    worker.wait_state("signals", "RUNNING")?;
    wait_for("the file to be emptied", SOON, || {
        Ok(fs::read(&file)?.is_empty().then_some(()))
    })?;
    let consumer: BaseConsumer = client(&lab).create()?;
    wait_for("the offset to be kept", SOON, || {
        Ok(kept(&consumer, topic)?.filter(|offset| *offset == 2))
    })?;
    send(&lab, topic, "signals", "no signal")?;
    wait_for("the offset to pass what is no signal", SOON, || {
        Ok(kept(&consumer, topic)?.filter(|offset| *offset == 3))
    })
    .map(drop)
}
