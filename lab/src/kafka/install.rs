//! Kafka's jars, brought once, and what makes it start fast, made once.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::bring::need::{Need, ensure};
use crate::bring::{cached, is_cached, maven, run};
use crate::kafka::{Ports, broker, properties};
use crate::service::Spec;
use crate::{java, versions};

/// What `kafka.tools.StorageTool` writes to a broker's empty data folder.
const FORMATTED: [&str; 2] = ["bootstrap.checkpoint", "meta.properties"];

/// The classes that a broker loads, as Java keeps them for its next start.
const ARCHIVE: &str = "classes.jsa";

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
            let kafka = [
                "kafka_2.13",
                "kafka-tools",
                "connect-runtime",
                "connect-json",
            ];
            let kafka = kafka.map(|name| format!("org.apache.kafka:{name}:{}", versions::KAFKA));
            let logging = "org.apache.logging.log4j:log4j-slf4j-impl";
            let logging = format!("{logging}:{}", versions::LOG4J);
            maven::copy_with_dependencies(&[&kafka[..], &[logging]].concat(), dir)?;
            fs::write(dir.join("log4j2.yaml"), LOGGING).context("write log4j2.yaml")
        })?;
        let java = java::find()?;
        Ok(Self { java, jars })
    }

    /// A Java process with Kafka on its class path; add options, the class and its arguments.
    pub(crate) fn java(&self, name: &str, dir: &Path) -> Spec {
        Spec::new(name, &self.java, dir).args(self.options())
    }

    /// A Java with Kafka on its class path that can compile, too.
    pub(crate) fn compiling_java(&self) -> Result<Command> {
        ensure(&[java::COMPILER])?;
        let mut command = Command::new(java::find_with_compiler()?);
        command.args(self.options());
        Ok(command)
    }

    fn options(&self) -> [String; 3] {
        let logging = self.jars.join("log4j2.yaml");
        [
            format!("-Dlog4j2.configurationFile={}", logging.display()),
            "-cp".into(),
            format!("{}/*", self.jars.display()),
        ]
    }

    /// Finds what makes brokers start fast, or makes it.
    pub(crate) fn prepared(&self) -> Result<Prepared> {
        // An archive of classes belongs to the Java that wrote it.
        let java = self.java.to_string_lossy().replace('/', "-");
        let dir = cached(&format!("{}-for{java}", name()), |dir| self.rehearse(dir))?;
        let classes = dir.join(ARCHIVE);
        Ok(Prepared { dir, classes })
    }

    /// Formats a data folder, and runs a broker once so that Java can note the classes it loads.
    fn rehearse(&self, dir: &Path) -> Result<()> {
        let ports = Ports::reserve()?;
        let data = dir.join("data");
        let settings = dir.join("server.properties");
        let text = properties(&ports, &data);
        fs::write(&settings, text).with_context(|| format!("write {}", settings.display()))?;
        let format = self
            .java("format", dir)
            .args([
                "-XX:TieredStopAtLevel=1",
                "kafka.tools.StorageTool",
                "format",
            ])
            .args(["--cluster-id", "walcast-lab-cluster-01", "--config"])
            .arg(&settings);
        run(format.command()?)?;
        copy_formatted(&data, dir)?;

        let archive = dir.join(ARCHIVE);
        let option = format!("-XX:ArchiveClassesAtExit={}", archive.display());
        let rehearsal = broker(
            self.java("rehearsal", dir).arg(option),
            &settings,
            &ports.broker,
        );
        rehearsal.start()?;
        rehearsal.stop()?;
        anyhow::ensure!(archive.is_file(), "Java wrote no {}", archive.display());
        fs::remove_dir_all(&data).with_context(|| format!("remove {}", data.display()))
    }
}

/// What makes brokers start fast.
pub(crate) struct Prepared {
    dir: PathBuf,
    /// The archive of classes; it halves a broker's start.
    pub(crate) classes: PathBuf,
}

impl Prepared {
    /// Formats a broker's data folder.
    pub(crate) fn format(&self, data: &Path) -> Result<()> {
        copy_formatted(&self.dir, data)
    }
}

fn copy_formatted(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to).with_context(|| format!("create {}", to.display()))?;
    for name in FORMATTED {
        let file = from.join(name);
        fs::copy(&file, to.join(name)).with_context(|| format!("copy {}", file.display()))?;
    }
    Ok(())
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
