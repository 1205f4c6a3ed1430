//! Kafka's jars, brought once, and the command that runs one of its programs.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::bring::need::Need;
use crate::bring::{cached, is_cached, maven};
use crate::service::Spec;
use crate::{java, versions};

/// Where Java and Kafka's jars are.
pub(crate) struct Kafka {
    java: PathBuf,
    jars: PathBuf,
}

impl Kafka {
    pub(crate) fn needs() -> Vec<Need> {
        let maven = (!is_cached(&name())).then_some(maven::NEED);
        [java::NEED].into_iter().chain(maven).collect()
    }

    /// Finds the jars, or brings them.
    pub(crate) fn find() -> Result<Self> {
        let jars = cached(&name(), |dir| {
            let artifacts = [
                "kafka_2.13",
                "kafka-tools",
                "connect-runtime",
                "connect-json",
            ];
            let version = versions::KAFKA;
            let artifacts = artifacts.map(|name| format!("org.apache.kafka:{name}:{version}"));
            maven::copy_with_dependencies(&artifacts, dir)?;
            fs::write(dir.join("log4j2.yaml"), LOGGING).context("write log4j2.yaml")
        })?;
        Ok(Self {
            java: java::find()?,
            jars,
        })
    }

    /// A Java process with Kafka on its class path; add options, the class and its arguments.
    pub(crate) fn java(&self, name: &str, dir: &Path) -> Spec {
        let logging = self.jars.join("log4j2.yaml");
        Spec::new(name, &self.java, dir)
            .arg(format!("-Dlog4j2.configurationFile={}", logging.display()))
            .arg("-cp")
            .arg(format!("{}/*", self.jars.display()))
    }
}

/// The folder of the jars in the cache.
fn name() -> String {
    format!("kafka-{}", versions::KAFKA)
}

/// Warnings and errors to standard output.
const LOGGING: &str = "\
Configuration:
  Appenders:
    Console:
      name: console
      PatternLayout: {Pattern: \"[%d] %p %m (%c)%n\"}
  Loggers:
    Root: {level: warn, AppenderRef: {ref: console}}
";
