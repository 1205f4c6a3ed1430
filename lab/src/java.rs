//! Finds the Java that Kafka and Debezium run on: the newest installed one.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::bring::need::Need;
use crate::config;

/// The oldest Java that Kafka 4 runs on.
const OLDEST: u32 = 17;

/// Where Linux distributions install Java.
const INSTALLED: &str = "/usr/lib/jvm";

/// Java itself.
pub(crate) const NEED: Need = Need {
    name: "Java 17 or newer",
    packages: &["default-jre-headless"],
    is_met: || find().is_ok(),
};

/// Java with its compiler.
pub(crate) const COMPILER: Need = Need {
    name: "a Java compiler, 17 or newer",
    packages: &["default-jdk-headless"],
    is_met: || find_with_compiler().is_ok(),
};

/// The newest `java`.
///
/// # Errors
/// When there is none, or only older ones than Kafka runs on.
pub(crate) fn find() -> Result<PathBuf> {
    newest(Path::new(INSTALLED), "java")
        .or_else(|| config::on_path("java"))
        .with_context(|| format!("no Java {OLDEST} or newer in {INSTALLED} or on the path"))
}

/// The newest `java` that has a compiler beside it.
///
/// # Errors
/// When there is none.
pub(crate) fn find_with_compiler() -> Result<PathBuf> {
    newest(Path::new(INSTALLED), "javac")
        .or_else(|| config::on_path("javac"))
        .map(|compiler| compiler.with_file_name("java"))
        .with_context(|| {
            format!("no Java compiler {OLDEST} or newer in {INSTALLED} or on the path")
        })
}

/// `program` of the newest Java that has it.
fn newest(installed: &Path, program: &str) -> Option<PathBuf> {
    fs::read_dir(installed)
        .ok()?
        .filter_map(|entry| {
            let home = entry.ok()?.path();
            let version = major(&fs::read_to_string(home.join("release")).ok()?)?;
            let program = home.join("bin").join(program);
            (version >= OLDEST && program.is_file()).then_some((version, program))
        })
        .max()
        .map(|(_, program)| program)
}

/// The major version in a Java home's `release` file: `JAVA_VERSION="17.0.15"`.
fn major(release: &str) -> Option<u32> {
    let line = release
        .lines()
        .find_map(|line| line.strip_prefix("JAVA_VERSION="))?;
    let digits = line.trim_matches('"').split(['.', '-', '+', '_']).next()?;
    digits.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::major;

    #[test]
    fn the_major_version_is_read_from_a_release_file() {
        assert_eq!(
            major("IMPLEMENTOR=\"x\"\nJAVA_VERSION=\"17.0.15\"\n"),
            Some(17)
        );
        assert_eq!(major("JAVA_VERSION=\"25\""), Some(25));
        assert_eq!(major("JAVA_VERSION=\"\""), None);
        assert_eq!(major(""), None);
    }
}
