//! `walcast cdc` that writes its records on standard output, and what it has written.

use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use regex::Regex;
use serde_json::json;
use walcast_lab::{Lab, Service, Spec, wait_for};
use walcast_tests::binary;
use walcast_tests::worker::connector;

/// How long a backlog may take on a busy machine.
const LIMIT: Duration = Duration::from_secs(180);

const JSON: &str = "org.apache.kafka.connect.json.JsonConverter";

/// Catch-up in batches so small that there are many.
pub(super) const SMALL: [(&str, &str); 2] = [
    ("walcast.catchup.min.bytes", "0"),
    ("walcast.catchup.batch.bytes", "262144"),
];

/// One connector in the foreground.
pub(super) struct Run {
    pub(super) service: Service,
}

impl Run {
    /// Not started yet. The connector `name` reads the slot of that name and the publication
    /// `database`; its records are as if it were called `database`.
    pub(super) fn new(
        lab: &Lab,
        database: &str,
        name: &str,
        extra: &[(&str, &str)],
    ) -> Result<Self> {
        let mut config = connector(lab, database, name, &[]);
        config["name"] = json!(name);
        config["topic.prefix"] = json!(database);
        config["publication.name"] = json!(database);
        config["publication.autocreate.mode"] = json!("disabled");
        config["snapshot.mode"] = json!("no_data");
        for part in ["key", "value"] {
            config[format!("{part}.converter")] = json!(JSON);
            config[format!("{part}.converter.schemas.enable")] = json!("false");
        }
        for (property, value) in extra {
            config[*property] = json!(value);
        }
        let dir = lab.dir().join(name);
        fs::create_dir_all(&dir)?;
        let file = dir.join("connector.json");
        fs::write(&file, config.to_string())?;
        let spec = Spec::new(name, binary::walcast()?, &dir)
            .args(["cdc", "--publish", "stdout", "--config"])
            .arg(&file)
            .arg("--offset-file")
            .arg(dir.join("offset.json"));
        let service = Service::new(spec, Box::new(|_| Ok(true)));
        Ok(Self { service })
    }

    /// Bytes written so far, the log's among them.
    pub(super) fn written(&self) -> Result<u64> {
        let log = self.service.spec().log();
        Ok(fs::metadata(log).map_or(0, |found| found.len()))
    }

    /// Waits until it has written `bytes`.
    pub(super) fn wait_written(&self, bytes: u64) -> Result<()> {
        wait_for("records to be written", LIMIT, || {
            Ok((self.written()? >= bytes).then_some(()))
        })
    }

    /// Waits until it has written `text`.
    pub(super) fn wait_text(&self, text: &str) -> Result<()> {
        let waited = wait_text(&self.service, text);
        waited.with_context(|| self.log().unwrap_or_default())
    }

    /// The records, without what differs on every run.
    pub(super) fn records(&self) -> Result<Vec<String>> {
        let text = fs::read_to_string(self.service.spec().log())?;
        let is_record = |line: &&str| line.starts_with("{\"topic\":") && line.ends_with('}');
        let volatile = Volatile::new()?;
        let records = text.lines().filter(is_record);
        Ok(records.map(|line| volatile.strip(line)).collect())
    }

    /// What it has logged.
    pub(super) fn log(&self) -> Result<String> {
        let text = fs::read_to_string(self.service.spec().log())?;
        let lines = text.lines().filter(|line| !line.starts_with("{\"topic\":"));
        Ok(lines.collect::<Vec<_>>().join("\n"))
    }

    /// How often it has logged `text`.
    pub(super) fn logged(&self, text: &str) -> Result<usize> {
        Ok(self.log()?.matches(text).count())
    }

    /// It has logged `text`.
    pub(super) fn ensure_logged(&self, text: &str) -> Result<()> {
        ensure!(self.logged(text)? > 0, "no \"{text}\" in\n{}", self.log()?);
        Ok(())
    }
}

/// Waits until `service` has written `text` to its log.
pub(super) fn wait_text(service: &Service, text: &str) -> Result<()> {
    let (mut seen, mut tail) = (0, Vec::new());
    wait_for(&format!("\"{text}\" to be written"), LIMIT, || {
        let Ok(mut log) = File::open(service.spec().log()) else {
            return Ok(None);
        };
        log.seek(SeekFrom::Start(seen))?;
        seen += log.read_to_end(&mut tail)? as u64;
        let found = tail.windows(text.len()).any(|part| part == text.as_bytes());
        tail.drain(..tail.len().saturating_sub(text.len()));
        Ok(found.then_some(()))
    })
}

/// What differs from run to run: times of processing, and the run's id.
pub(super) struct Volatile {
    times: Regex,
    run: Regex,
}

impl Volatile {
    pub(super) fn new() -> Result<Self> {
        Ok(Self {
            times: Regex::new(r#"("op":"[a-z]"),"ts_ms":\d+(?:,"ts_us":\d+,"ts_ns":\d+)?"#)?,
            run: Regex::new(r#"\["__debezium\.context\.runId","[^"]*"\]"#)?,
        })
    }

    pub(super) fn strip(&self, line: &str) -> String {
        let line = self.times.replace(line, "$1");
        self.run.replace(&line, "").into_owned()
    }
}

/// Without what the first records after a start say otherwise: where the last transaction before
/// them ended is known only as the position that was complete.
pub(super) fn without_sequences(records: &[String]) -> Result<Vec<String>> {
    let sequence = Regex::new(r#""sequence":"[^\]]*\]","#)?;
    let without = |record: &String| sequence.replace(record, "").into_owned();
    Ok(records.iter().map(without).collect())
}
