//! ClickHouse as the npm package that carries it as a library, run by our launcher.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::bring::{cached, is_cached, run};
use crate::service::Spec;
use crate::{config, versions};

pub(crate) fn bring() -> Result<()> {
    library().map(drop)
}

pub(crate) fn spec(dir: &Path, http: u16, native: u16) -> Result<Spec> {
    let library = library()?;
    Ok(Spec::new("clickhouse", launcher()?, dir)
        .arg("--library")
        .arg(library)
        .arg("--data")
        .arg(dir.join("data"))
        .args(["--http-port", &http.to_string()])
        .args(["--tcp-port", &native.to_string()]))
}

/// Whether the library has been brought already.
pub(crate) fn is_here() -> bool {
    is_cached(&name())
}

fn name() -> String {
    format!("clickhouse-{}", versions::CLICKHOUSE_VERSION)
}

/// The library, brought once and compared with its known checksum.
fn library() -> Result<PathBuf> {
    let (package, version) = (versions::CLICKHOUSE_PACKAGE, versions::CLICKHOUSE_VERSION);
    let library = Path::new("node_modules").join(package).join("libchdb.so");
    let dir = cached(&name(), |dir| {
        let mut npm = Command::new("npm");
        npm.args([
            "install",
            "--no-audit",
            "--no-fund",
            "--ignore-scripts",
            "--prefix",
        ])
        .arg(dir)
        .arg(format!("{package}@{version}"));
        run(npm)?;
        verify(&dir.join(&library))
    })?;
    Ok(dir.join(library))
}

fn verify(library: &Path) -> Result<()> {
    let mut sha256sum = Command::new("sha256sum");
    sha256sum.arg("--binary").arg(library);
    let printed = run(sha256sum)?;
    let sum = printed.split_whitespace().next().unwrap_or_default();
    anyhow::ensure!(
        sum == versions::CLICKHOUSE_SHA256,
        "{} has the SHA-256 {sum}, not the known {}: do not use it",
        library.display(),
        versions::CLICKHOUSE_SHA256
    );
    Ok(())
}

/// The launcher of this checkout, built when it is not up to date.
fn launcher() -> Result<PathBuf> {
    let name = "walcast-clickhouse-embedded";
    let target = config::target_dir();
    let mut build = config::cargo();
    build
        .args([
            "build",
            "--quiet",
            "--locked",
            "--package",
            name,
            "--target-dir",
        ])
        .arg(&target)
        .current_dir(config::workspace_dir());
    run(build).context("build the launcher of ClickHouse")?;
    Ok(target.join("debug").join(name))
}
