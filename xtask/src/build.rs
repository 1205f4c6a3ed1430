//! Builds the `walcast` binary.

use std::path::PathBuf;
use std::thread;

use anyhow::{Context, Result, anyhow, bail};
use clap::{Args, ValueEnum};
use nix::sys::signal::Signal;
use walcast_lab::system::{self, Part};
use walcast_lab::{cargo, ensure, spawn, target_dir, workspace_dir};

use crate::tools;

/// Which `walcast` to run.
#[derive(Args)]
pub(crate) struct BuildArgs {
    /// Cargo profile to build walcast with
    #[arg(long, value_enum, default_value_t = Profile::Ci)]
    pub(crate) profile: Profile,

    /// Run this walcast instead of building one
    #[arg(long, value_name = "FILE", conflicts_with = "profile")]
    pub(crate) binary: Option<PathBuf>,
}

/// A profile of the workspace's Cargo.toml.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Profile {
    /// Optimised, without the link-time work of a release
    Ci,
    /// What users get
    Release,
    /// Quickest to build
    Dev,
}

impl Profile {
    fn name(self) -> &'static str {
        match self {
            Self::Ci => "ci",
            Self::Release => "release",
            Self::Dev => "dev",
        }
    }

    /// Cargo's folder for it.
    fn folder(self) -> &'static str {
        match self {
            Self::Ci => "ci",
            Self::Release => "release",
            Self::Dev => "debug",
        }
    }
}

impl BuildArgs {
    /// Builds walcast, if a role of `parts` needs it, while what `parts` lack is downloaded.
    /// Gives the path of the binary.
    pub(crate) fn prepare(&self, parts: &[Part]) -> Result<PathBuf> {
        thread::scope(|scope| {
            let bringing = scope.spawn(|| system::bring(parts));
            let binary = match &self.binary {
                Some(file) => file
                    .canonicalize()
                    .with_context(|| format!("find {}", file.display())),
                None if parts.iter().any(|part| part.is_role()) => self.build(),
                None => Ok(PathBuf::new()),
            };
            let brought = bringing.join();
            brought.map_err(|_| anyhow!("the thread that downloads panicked"))??;
            binary
        })
    }

    fn build(&self) -> Result<PathBuf> {
        ensure(&tools::FOR_BUILDING)?;
        let mut build = cargo();
        build
            .args([
                "build",
                "--locked",
                "--bin",
                "walcast",
                "--profile",
                self.profile.name(),
            ])
            .current_dir(workspace_dir());
        // A release has the features that its users get. The others share what the tests have built.
        if self.profile != Profile::Release {
            build.arg("--workspace");
        }
        let status = spawn(build, Some(Signal::SIGTERM))?.wait()?;
        if !status.success() {
            bail!("walcast does not build");
        }
        Ok(target_dir().join(self.profile.folder()).join("walcast"))
    }
}
