//! A client that nobody here wrote drives a worker: `kafka-connect-py`, from PyPI.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};
use serde::Deserialize;
use serde_json::{Value, json};
use walcast_lab::{Lab, cached, run};
use walcast_tests::worker::{Worker, connector};

const SCRIPT: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/tests/witness/connect_client.py"
);

/// The client and what it needs, as wheels that run anywhere.
const REQUIREMENTS: &str = "\
kafka-connect-py==1.0.0 --hash=sha256:5e51201caa94eddfaa3b4723465aa602601e74959817bd03ccdf8e82808466f5
certifi==2026.10.19.post1 --hash=sha256:1324c476b4811eff41a8bc2122cd0bbd4d9c7234c725446d99ab1612b3a7fdd2
charset_normalizer==3.5.3 --hash=sha256:96e268b0cbda016ac519513294fcd17032264085b600abaac58b93049477e132
click==8.5.1 --hash=sha256:8bb5376d2006950386f8c6427613334a2acadc5f559cb80e638d00b4df957e37
idna==3.20 --hash=sha256:ab7ae7122974553370f0bdb919e1a960b2cd1bc1ef0276416d896db81c14582c
requests==2.34.2 --hash=sha256:2a0d60c172f83ac6ab31e4554906c0f3b3588d37b5cb939b1c061f4907e278e0
urllib3==2.8.0 --hash=sha256:0cf3cae568d36aa9576b28dfb35f11328f1cb974ca7647d9475ebb86c75ac6e3
";

/// What the client did, and what it returned.
#[derive(Debug, Deserialize)]
struct Did {
    did: String,
    result: Value,
}

#[test]
fn a_client_of_others_drives_the_worker() -> Result<()> {
    let lab = Lab::builder("client").postgres(18).kafka().start()?;
    lab.postgres().query("postgres", "create database client")?;
    lab.postgres().query(
        "client",
        "create table t(id bigint primary key, v text); insert into t values (1, 'x')",
    )?;
    let worker = Worker::start(&lab, "worker", "client", false)?;
    let mut config = connector(&lab, "client", "client", &[]);
    config["name"] = json!("client");
    let file = lab.dir().join("connector.json");
    fs::write(
        &file,
        json!({"name": "client", "config": config}).to_string(),
    )?;

    let mut client = Command::new("python3");
    client.env("PYTHONPATH", installed()?);
    client.arg(SCRIPT).arg(worker.url()).arg(&file);
    let printed = run(client)?;
    let did: Vec<Did> = printed
        .lines()
        .map(|line| serde_json::from_str(line).with_context(|| format!("read {line}")))
        .collect::<Result<_>>()?;
    judge(&did);
    Ok(())
}

fn judge(did: &[Did]) {
    let results = |name: &str| -> Vec<&Value> {
        let named = did.iter().filter(|done| done.did == name);
        named.map(|done| &done.result).collect()
    };
    let only = |name: &str| {
        let found = results(name);
        assert_eq!(found.len(), 1, "{name}");
        found[0].clone()
    };
    assert!(only("cluster")["kafka_cluster_id"].is_string());
    assert_eq!(only("plugins")[0]["type"], "source");
    assert_eq!(only("validate"), 0);
    assert_eq!(
        results("list"),
        [&json!([]), &json!(["client"]), &json!([])]
    );
    assert_eq!(only("create")["name"], "client");
    assert_eq!(
        only("list expanded")["client"]["status"]["connector"]["state"],
        "RUNNING"
    );
    assert_eq!(
        only("get")["tasks"],
        json!([{"connector": "client", "task": 0}])
    );
    assert_eq!(only("tasks")[0]["id"]["task"], 0);
    assert_eq!(only("task")["state"], "RUNNING");
    assert!(only("topics")["client"]["topics"].is_array());
    assert_eq!(only("restart")["tasks"][0]["state"], "RESTARTING");
    assert_eq!(only("update")["config"]["poll.interval.ms"], "77");
    assert_eq!(only("config"), "77");
    assert_eq!(results("running").len(), 4);
    let counted: BTreeMap<&str, usize> = did.iter().fold(BTreeMap::new(), |mut counted, done| {
        *counted.entry(done.did.as_str()).or_default() += 1;
        counted
    });
    for done in [
        "pause",
        "paused",
        "resume",
        "restart task",
        "reset topics",
        "stop",
        "stopped",
        "delete",
    ] {
        assert_eq!(counted.get(done), Some(&1), "{done}");
    }
}

/// Where the client is, brought once.
fn installed() -> Result<PathBuf> {
    cached("kafka-connect-py-1.0.0", |dir| {
        let requirements = dir.join("requirements.txt");
        fs::write(&requirements, REQUIREMENTS)?;
        let mut pip = Command::new("python3");
        pip.args([
            "-m",
            "pip",
            "install",
            "--quiet",
            "--no-deps",
            "--require-hashes",
        ])
        .args(["--only-binary", ":all:", "--platform", "any", "--target"])
        .arg(dir)
        .arg("--requirement")
        .arg(requirements);
        run(pip)
            .map(drop)
            .context("install kafka-connect-py; pip must be there")
    })
}
