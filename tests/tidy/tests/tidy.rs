//! The house's rules on its own sources. Enters: every file that git knows. Leaves: what breaks one.

mod functions;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

/// Lines that a Rust file may have.
const FILE_LINES_MAX: usize = 400;

/// Lines that a function may have, from its signature to its closing brace.
const FUNCTION_LINES_MAX: usize = 70;

/// What no file may hold, and why. Put together here, so that this file does not hold it either.
const FORBIDDEN: [(&str, &str); 9] = [
    (concat!("TO", "DO"), "do it or leave it out"),
    (concat!("FIX", "ME"), "mend it or leave it out"),
    (concat!("/wo", "rk/"), "a path of one machine"),
    (concat!("/ro", "ot/"), "a path of one machine"),
    (
        concat!("://registry", "."),
        "packages come through their clients",
    ),
    (
        concat!("://repo", "."),
        "packages come through their clients",
    ),
    (
        concat!("://repo1", "."),
        "packages come through their clients",
    ),
    (
        concat!("://index", ".crates"),
        "packages come through their clients",
    ),
    (
        concat!("://static", ".crates"),
        "packages come through their clients",
    ),
];

/// What other tools write: not ours to tidy.
const GENERATED: [&str; 1] = ["Cargo.lock"];

#[test]
fn rust_files_and_functions_are_small() -> Result<()> {
    let mut broken = Vec::new();
    for file in sources()?.iter().filter(|file| is_rust(file)) {
        let text = fs::read_to_string(file)?;
        let name = relative(file);
        let lines = text.lines().count();
        if lines > FILE_LINES_MAX {
            broken.push(format!(
                "{name} has {lines} lines, more than {FILE_LINES_MAX}"
            ));
        }
        let functions = functions::lines(&text).with_context(|| format!("parse {name}"))?;
        for (function, first, lines) in functions {
            if lines > FUNCTION_LINES_MAX {
                broken.push(format!(
                    "{name}:{first} fn {function} has {lines} lines, more than {FUNCTION_LINES_MAX}"
                ));
            }
        }
    }
    report(&broken);
    Ok(())
}

#[test]
fn every_rust_file_begins_by_saying_what_it_is_for() -> Result<()> {
    let mut broken = Vec::new();
    for file in sources()?.iter().filter(|file| is_rust(file)) {
        if !fs::read_to_string(file)?.starts_with("//!") {
            broken.push(format!(
                "{} does not begin with a module doc (//!)",
                relative(file)
            ));
        }
    }
    report(&broken);
    Ok(())
}

#[test]
fn nothing_is_left_over_and_no_machine_is_named() -> Result<()> {
    let mut broken = Vec::new();
    for file in sources()? {
        // A file that is no text holds no such thing.
        let Ok(text) = fs::read_to_string(&file) else {
            continue;
        };
        for (number, line) in text.lines().enumerate() {
            for (word, why) in FORBIDDEN.iter().filter(|(word, _)| holds(line, word)) {
                broken.push(format!(
                    "{}:{} holds {word}: {why}",
                    relative(&file),
                    number + 1
                ));
            }
        }
    }
    report(&broken);
    Ok(())
}

#[test]
fn a_forbidden_word_counts_only_as_a_word_of_its_own() {
    let path = FORBIDDEN[2].0;
    assert!(holds(&format!("see {path}x"), path));
    assert!(holds(path, path));
    assert!(!holds(&format!("frame{path}x"), path));
    assert!(!holds(concat!("MASTO", "DON"), FORBIDDEN[0].0));
}

/// Whether `line` holds `word`, and neither letters nor digits before it.
fn holds(line: &str, word: &str) -> bool {
    line.match_indices(word).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        word.starts_with(':')
            || !before.is_some_and(|before| before.is_alphanumeric() || before == '.')
    })
}

fn report(broken: &[String]) {
    assert!(
        broken.is_empty(),
        "{} rules broken:\n{}",
        broken.len(),
        broken.join("\n")
    );
}

/// Every file that git tracks or would track.
fn sources() -> Result<Vec<PathBuf>> {
    let listed = Command::new("git")
        .args([
            "ls-files",
            "-z",
            "--cached",
            "--others",
            "--exclude-standard",
        ])
        .current_dir(root())
        .output()
        .context("run git ls-files")?;
    ensure!(listed.status.success(), "git ls-files failed");
    let names = String::from_utf8(listed.stdout).context("a file name is not UTF-8")?;
    let files: Vec<PathBuf> = names
        .split_terminator('\0')
        .filter(|name| !GENERATED.iter().any(|generated| name.ends_with(generated)))
        .map(|name| root().join(name))
        .filter(|file| file.is_file())
        .collect();
    ensure!(!files.is_empty(), "git lists no file");
    Ok(files)
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn relative(file: &Path) -> String {
    file.strip_prefix(root())
        .unwrap_or(file)
        .display()
        .to_string()
}

fn is_rust(file: &Path) -> bool {
    file.extension().is_some_and(|extension| extension == "rs")
}
