//! The `walcast` program under test: the one `WALCAST_BINARY` names, else one built with the profile
//! of the tests themselves.

use std::path::PathBuf;
use std::sync::OnceLock;

use anyhow::{Context, Result, ensure};

/// The program's path; built once per test process.
///
/// # Errors
/// When it cannot be built.
pub fn walcast() -> Result<PathBuf> {
    static BUILT: OnceLock<std::result::Result<PathBuf, String>> = OnceLock::new();
    let built = BUILT.get_or_init(|| build().map_err(|e| format!("{e:#}")));
    built.clone().map_err(anyhow::Error::msg)
}

/// Builds the program beside this test: `<target>/<profile>/deps/<test>` tells the profile.
fn build() -> Result<PathBuf> {
    if let Some(given) = given() {
        return Ok(given);
    }
    let this = std::env::current_exe().context("finding this test's program")?;
    let folder = this
        .ancestors()
        .nth(2)
        .context("this test lies outside a target folder")?;
    let name = folder
        .file_name()
        .and_then(|name| name.to_str())
        .unwrap_or("debug");
    let profile = if name == "debug" { "dev" } else { name };
    let status = walcast_lab::cargo()
        .args([
            "build",
            "--quiet",
            "--package",
            "walcast",
            "--profile",
            profile,
        ])
        .current_dir(walcast_lab::workspace_dir())
        .status()
        .context("running cargo build")?;
    ensure!(status.success(), "walcast does not build");
    Ok(folder.join("walcast"))
}

/// The program that the caller has built already.
#[expect(
    clippy::disallowed_methods,
    reason = "the one variable that the tests read"
)]
fn given() -> Option<PathBuf> {
    std::env::var("WALCAST_BINARY").ok().map(PathBuf::from)
}
