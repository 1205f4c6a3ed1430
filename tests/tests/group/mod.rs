//! Several workers with one `group.id`: they share connectors and survive each other's death.

mod cluster;
mod deaths;
mod joins;

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Result, ensure};
use serde_json::{Value, json};
use walcast_lab::wait_for;
use walcast_tests::SOON;

use cluster::{Cluster, NOBODY};

#[test]
fn any_worker_answers_for_all_connectors() -> Result<()> {
    let cluster = Cluster::start("anyworker", 2, 6)?;
    // The second has joined after the first had begun.
    let owners = wait_for("both workers to run connectors", SOON, || {
        let owners = cluster.owners(NOBODY).unwrap_or_default();
        let all = owners.values().collect::<BTreeSet<_>>().len() == 2;
        Ok(all.then_some(owners))
    })?;
    for (name, owner) in &owners {
        for worker in &cluster.workers {
            let asked = worker.url().trim_start_matches("http://") == owner;
            let path = format!("/connectors/{name}");
            // What only the running task knows, and changes: on the owner and on the other.
            let snapshot = worker
                .rest("GET", &format!("{path}/snapshot"), None)?
                .ok()?;
            ensure!(snapshot.contains("\"state\""), "{name} {asked}: {snapshot}");
            let restart = format!("{path}/restart?includeTasks=true");
            let answer = worker.rest("POST", &restart, None)?;
            ensure!(answer.status == 202, "{name} {asked}: {}", answer.body);
            cluster.wait_running(NOBODY)?;
            worker.rest("PUT", &format!("{path}/pause"), None)?.ok()?;
            wait_for("the pause", SOON, || {
                let paused = cluster.workers.iter().all(|w| {
                    w.status(name)
                        .is_ok_and(|s| s["connector"]["state"] == "PAUSED")
                });
                Ok(paused.then_some(()))
            })?;
            worker.rest("PUT", &format!("{path}/resume"), None)?.ok()?;
            cluster.wait_running(NOBODY)?;
        }
    }
    cluster.created_once()?;
    cluster.survives_a_stop()
}

impl Cluster {
    /// A connector is created on whichever worker, once; errors are the owner's.
    fn created_once(&self) -> Result<()> {
        let config = self.config(0);
        let again = json!({"name": self.connectors()[0], "config": config});
        for worker in &self.workers {
            let answer = worker.rest("POST", "/connectors", Some(&again))?;
            ensure!(answer.status == 409, "{}", answer.body);
            ensure!(answer.body.contains("already exists"), "{}", answer.body);
            let answer = worker.rest("PUT", "/connectors/none/pause", None)?;
            ensure!(answer.status == 404, "{}", answer.body);
        }
        Ok(())
    }

    /// A worker that is stopped hands its connectors over at once, and all goes on.
    fn survives_a_stop(&self) -> Result<()> {
        let begun = std::time::Instant::now();
        self.workers[0].stop()?;
        self.wait_running(0)?;
        ensure!(
            begun.elapsed() < Duration::from_secs(15),
            "moving took {:?}",
            begun.elapsed()
        );
        let name = &self.connectors()[0];
        let status = self.workers[1].status(name)?;
        ensure!(status["tasks"][0]["worker_id"] != Value::Null, "{status}");
        Ok(())
    }
}
