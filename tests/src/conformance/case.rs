//! A case: a folder with what to run and what a real Debezium made of it.
//!
//! Enters: a folder. Leaves: its parsed files, or which of them is wrong and why.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::case_options::Options;
use super::record::Record;
use super::steps::{Step, usual};

/// A case, without what was expected of it.
#[derive(Debug, Clone)]
pub struct Case {
    /// Its folder's name.
    pub id: String,
    pub(super) dir: PathBuf,
    pub(super) options: Options,
    pub(super) steps: Vec<Step>,
    pub(super) connector: Connector,
    /// Statements that run before the connector is created.
    pub(super) setup: Option<String>,
}

/// The body of the POST that creates the connector.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Connector {
    pub(super) name: String,
    pub(super) config: Map<String, Value>,
}

/// What Debezium made of a case.
#[derive(Debug, Clone)]
pub(super) struct Expected {
    pub(super) outcome: ExpectedOutcome,
    pub(super) records: Vec<Record>,
}

/// What `expected.json` tells beside the records.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct ExpectedOutcome {
    /// Begin and end of the run, in milliseconds since 1970.
    pub(super) window: [i64; 2],
    /// How many records there were.
    pub(super) count: usize,
    /// The topics with their number of partitions.
    pub(super) topics: BTreeMap<String, usize>,
    /// Connectors with their state, the states of their tasks, the first line of each trace.
    #[serde(rename = "final")]
    pub(super) last: Value,
    /// Answers of the REST interface and of queries.
    pub(super) recordings: Vec<Value>,
    /// Number and hash of the records of a large case.
    #[serde(default)]
    pub(super) digest: Value,
}

impl Case {
    /// Reads the case in `dir`.
    ///
    /// # Errors
    /// When one of its files cannot be read or is not as it should be.
    pub fn load(dir: &Path) -> Result<Self> {
        let name = dir.file_name().context("a case without a name")?;
        let steps = json_if_there(&dir.join("steps.json"))?;
        Ok(Self {
            id: name.to_string_lossy().into_owned(),
            options: json(&dir.join("case.json"))?,
            steps: steps.unwrap_or_else(usual),
            connector: json(&dir.join("connector.json"))?,
            setup: text_if_there(&dir.join("setup.sql"))?,
            dir: dir.to_owned(),
        })
    }

    /// All cases in `root`, by name.
    ///
    /// # Errors
    /// As [`Case::load`], or when there is none.
    pub fn all(root: &Path) -> Result<Vec<Self>> {
        let entries = fs::read_dir(root).with_context(|| format!("read {}", root.display()))?;
        let mut dirs = Vec::new();
        for entry in entries {
            let dir = entry?.path();
            if dir.join("case.json").is_file() {
                dirs.push(dir);
            }
        }
        ensure!(!dirs.is_empty(), "no case in {}", root.display());
        dirs.sort();
        dirs.iter().map(|dir| Self::load(dir)).collect()
    }

    /// What the case shows.
    pub fn title(&self) -> &str {
        &self.options.title
    }

    /// What is expected on PostgreSQL `major`.
    ///
    /// # Errors
    /// When the files cannot be read.
    pub(super) fn expected(&self, major: u32) -> Result<Expected> {
        let outcome = json(&self.of_version("expected", "json", major))?;
        let file = self.of_version("expected", "jsonl", major);
        let lines = fs::read_to_string(&file);
        let lines = lines.with_context(|| format!("read {}", file.display()))?;
        let records = lines.split('\n').filter(|line| !line.is_empty());
        let records = records
            .map(serde_json::from_str)
            .collect::<Result<_, _>>()
            .with_context(|| format!("read a record of {}", file.display()))?;
        Ok(Expected { outcome, records })
    }

    /// The statements of one of the case's files.
    ///
    /// # Errors
    /// When it cannot be read.
    pub(super) fn script(&self, file: &str) -> Result<String> {
        let file = self.dir.join(file);
        fs::read_to_string(&file).with_context(|| format!("read {}", file.display()))
    }

    /// `name.pg15.json` if there is one for this version, else `name.json`.
    fn of_version(&self, name: &str, extension: &str, major: u32) -> PathBuf {
        let special = self.dir.join(format!("{name}.pg{major}.{extension}"));
        if special.is_file() {
            return special;
        }
        self.dir.join(format!("{name}.{extension}"))
    }
}

fn json<T: DeserializeOwned>(file: &Path) -> Result<T> {
    let read = json_if_there(file)?;
    read.with_context(|| format!("there is no {}", file.display()))
}

fn json_if_there<T: DeserializeOwned>(file: &Path) -> Result<Option<T>> {
    let Some(text) = text_if_there(file)? else {
        return Ok(None);
    };
    let parsed = serde_json::from_str(&text);
    parsed
        .map(Some)
        .with_context(|| format!("{} is not as it should be", file.display()))
}

fn text_if_there(file: &Path) -> Result<Option<String>> {
    if !file.is_file() {
        return Ok(None);
    }
    let text = fs::read_to_string(file);
    text.map(Some)
        .with_context(|| format!("read {}", file.display()))
}
