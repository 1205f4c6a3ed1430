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

/// The newest `java`.
///
/// # Errors
/// When there is none, or only older ones than Kafka runs on.
pub(crate) fn find() -> Result<PathBuf> {
    newest(Path::new(INSTALLED))
        .or_else(|| config::on_path("java"))
        .with_context(|| format!("no Java {OLDEST} or newer in {INSTALLED} or on the path"))
}

fn newest(installed: &Path) -> Option<PathBuf> {
    fs::read_dir(installed)
        .ok()?
        .filter_map(|entry| {
            let home = entry.ok()?.path();
            let version = major(&fs::read_to_string(home.join("release")).ok()?)?;
            let java = home.join("bin/java");
            (version >= OLDEST && java.is_file()).then_some((version, java))
        })
        .max()
        .map(|(_, java)| java)
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
