//! Artifacts of Maven repositories, through `mvn`.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};

use crate::bring::need::Need;
use crate::bring::run;
use crate::config;

/// Maven itself.
pub(crate) const NEED: Need = Need {
    name: "Maven",
    packages: &["default-jre-headless", "maven"],
    is_met: || config::on_path("mvn").is_some(),
};

/// Copies `artifacts` (`group:artifact:version`) and all that they need at run time to `dir`.
pub(crate) fn copy_with_dependencies(artifacts: &[String], dir: &Path) -> Result<()> {
    let pom = dir.join("pom.xml");
    fs::write(&pom, project(artifacts)).with_context(|| format!("write {}", pom.display()))?;
    mvn(
        dir,
        &[
            "dependency:copy-dependencies".into(),
            "-DincludeScope=runtime".into(),
            format!("-DoutputDirectory={}", dir.display()),
        ],
    )
}

/// Unpacks one artifact (`group:artifact:version:type[:classifier]`) to `dir`.
pub(crate) fn unpack(artifact: &str, dir: &Path) -> Result<()> {
    mvn(
        dir,
        &[
            "dependency:unpack".into(),
            format!("-Dartifact={artifact}"),
            format!("-DoutputDirectory={}", dir.display()),
        ],
    )?;
    // Without a project Maven notes what it unpacked in a folder of this very name.
    let notes = dir.join("${project.basedir}");
    if notes.exists() {
        fs::remove_dir_all(&notes).with_context(|| format!("remove {}", notes.display()))?;
    }
    Ok(())
}

fn mvn(dir: &Path, arguments: &[String]) -> Result<()> {
    let mut mvn = Command::new("mvn");
    mvn.args(["--quiet", "--batch-mode"])
        .args(arguments)
        .current_dir(dir);
    run(mvn).map(drop)
}

/// A project that depends on `artifacts` and is nothing else.
fn project(artifacts: &[String]) -> String {
    let dependencies: String = artifacts
        .iter()
        .map(|artifact| {
            let mut parts = artifact.splitn(3, ':');
            let mut tag = |name| {
                let value = parts.next().unwrap_or_default();
                format!("<{name}>{value}</{name}>")
            };
            let (group, id, version) = (tag("groupId"), tag("artifactId"), tag("version"));
            format!("<dependency>{group}{id}{version}</dependency>\n")
        })
        .collect();
    format!(
        "<project>\n<modelVersion>4.0.0</modelVersion>\n\
         <groupId>walcast</groupId><artifactId>lab</artifactId><version>1</version>\n\
         <dependencies>\n{dependencies}</dependencies>\n</project>\n"
    )
}
