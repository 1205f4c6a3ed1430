//! Two workers of one group: requests find the owner, whichever worker they reach.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::listeners::Certificates;
use crate::world::{Answer, World, props};

const CONNECTORS: usize = 8;

/// A request to the worker's last listener, which is plain.
async fn ask(world: &World, method: &str, path: &str, body: &Value) -> Answer {
    let address = world.addresses().last().expect("it listens");
    let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
    let request = reqwest::Client::new().request(method, format!("http://{address}{path}"));
    world.send(request.json(body)).await
}

fn running(world: &World) -> BTreeSet<String> {
    world.fake.seen.lock().unwrap().running.clone()
}

/// Creates connectors on both in turn and waits until they are shared.
async fn share(worlds: [&World; 2]) {
    for i in 0..CONNECTORS {
        let name = format!("c{i}");
        let body = json!({"name": name, "config": props(json!({}))});
        let created = ask(worlds[i % 2], "POST", "/connectors", &body).await;
        assert_eq!(created.status, 201, "{created:?}");
        // Where the client asked, not where the owner is.
        assert!(created.location.is_some(), "{created:?}");
    }
    let shared = || {
        let (first, second) = (running(worlds[0]), running(worlds[1]));
        assert!(
            first.is_disjoint(&second),
            "run twice: {first:?} {second:?}"
        );
        !first.is_empty() && !second.is_empty() && first.len() + second.len() == CONNECTORS
    };
    let last = worlds[1].addresses().len() - 1;
    worlds[1].until_at(last, "/connectors", |_| shared()).await;
}

/// Every request that only an owner can fulfil, on a worker that owns none of `names`.
async fn drive(other: &World, names: &BTreeSet<String>) {
    let last = other.addresses().len() - 1;
    for name in names {
        let path = format!("/connectors/{name}");
        let none = json!({});
        let snapshot = ask(other, "GET", &format!("{path}/snapshot"), &none).await;
        assert_eq!(snapshot.status, 200, "{snapshot:?}");
        for (action, state) in [
            ("pause", "PAUSED"),
            ("resume", "RUNNING"),
            ("stop", "STOPPED"),
        ] {
            let done = ask(other, "PUT", &format!("{path}/{action}"), &none).await;
            assert!(done.status < 300, "{action}: {done:?}");
            let status = format!("{path}/status");
            let reached = |a: &Answer| a.body["connector"]["state"] == state;
            other.until_at(last, &status, reached).await;
        }
        let reset = ask(other, "DELETE", &format!("{path}/offsets"), &none).await;
        assert_eq!(reset.status, 200, "{reset:?}");
        let gone = ask(other, "DELETE", &path, &none).await;
        assert_eq!(gone.status, 204, "{gone:?}");
        let again = ask(other, "DELETE", &path, &none).await;
        assert_eq!(again.status, 404, "{again:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_find_the_owner() {
    let first = World::start().await;
    let mut second = first.beside();
    second.start_worker().await;
    share([&first, &second]).await;
    drive(&first, &running(&second)).await;
    drive(&second, &running(&first)).await;
    second.stop_worker().await;
    first.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn workers_meet_with_certificates() {
    let certificates = Certificates::make();
    let mut first = World::new();
    for (name, value) in [
        ("listeners", "https://127.0.0.1:0,http://127.0.0.1:0"),
        ("rest.advertised.listener", "https"),
        ("rest.advertised.host.name", "localhost"),
        ("ssl.keystore.location", &certificates.path("worker.pem")),
        (
            "ssl.truststore.location",
            &certificates.path("authority.pem"),
        ),
        ("ssl.client.auth", "required"),
    ] {
        first.props.insert(name.into(), value.into());
    }
    let mut second = first.beside();
    first.start_worker().await;
    second.start_worker().await;
    share([&first, &second]).await;
    drive(&first, &running(&second)).await;
    second.stop_worker().await;
    first.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_stops_hands_over() {
    let first = World::start().await;
    let mut second = first.beside();
    second.start_worker().await;
    share([&first, &second]).await;
    second.stop_worker().await;
    first
        .until("/connectors", |_| running(&first).len() == CONNECTORS)
        .await;
    let owner = first.addresses()[0].to_string();
    for i in 0..CONNECTORS {
        let path = format!("/connectors/c{i}/status");
        let here = |a: &Answer| a.body["tasks"][0]["worker_id"] == owner.as_str();
        first.until(&path, here).await;
    }
    first.end().await;
}
