//! Offsets over REST (KIP-875).

use serde_json::{Value, json};

use crate::world::World;

const PATH: &str = "/connectors/c/offsets";

#[tokio::test(flavor = "multi_thread")]
async fn offsets_of_a_stopped_connector_are_read_altered_and_reset() {
    let world = World::start().await;
    world.create("c", json!({})).await;
    world
        .write("offset", r#"["c",{"server":"p"}]"#, Some(r#"{"lsn":1}"#))
        .await;
    world
        .write(
            "offset",
            r#"["c",{"server":"p"}]"#,
            Some(r#"{"lsn":2,"txId":3}"#),
        )
        .await;
    world
        .write("offset", r#"["cc",{"server":"p"}]"#, Some(r#"{"lsn":9}"#))
        .await;
    let shown =
        json!({"offsets": [{"partition": {"server": "p"}, "offset": {"lsn": 2, "txId": 3}}]});
    assert_eq!(world.get(PATH).await.body, shown);

    let change = json!({"offsets": [{"partition": {"server": "p"}, "offset": {"lsn": 5}}]});
    let running = world.ask("PATCH", PATH, change.clone()).await;
    let text = "Connectors must be in the STOPPED state before their offsets can be modified. This can be done for the specified connector by issuing a 'PUT' request to the '/connectors/c/stop' endpoint";
    assert_eq!(
        (running.status, &running.body["message"]),
        (400, &json!(text))
    );
    assert_eq!(world.ask("DELETE", PATH, Value::Null).await.status, 400);

    world.put("/connectors/c/stop").await;
    world.until_state("c", "STOPPED", &[]).await;
    let altered = world.ask("PATCH", PATH, change).await;
    assert_eq!(altered.status, 200);
    assert!(
        altered.body["message"]
            .as_str()
            .unwrap()
            .contains("altered successfully")
    );
    let more = json!({"offsets": [
        {"partition": {"server": "q"}, "offset": {"lsn": 1}},
        {"partition": {"server": "p"}, "offset": null},
        {"offset": {"lsn": 7}},
    ]});
    assert_eq!(world.ask("PATCH", PATH, more).await.status, 200);
    let shown = json!({"offsets": [{"partition": {"server": "q"}, "offset": {"lsn": 1}}]});
    assert_eq!(world.get(PATH).await.body, shown);

    assert_eq!(world.ask("DELETE", PATH, Value::Null).await.status, 200);
    assert_eq!(world.ask("DELETE", PATH, Value::Null).await.status, 200);
    assert_eq!(world.get(PATH).await.body, json!({"offsets": []}));
    let records = world.records("offset").await;
    assert!(
        records.contains(&(r#"["c",null]"#.into(), None)),
        "{records:?}"
    );
    assert!(records.contains(&(
        r#"["cc",{"server":"p"}]"#.into(),
        Some(r#"{"lsn":9}"#.into())
    )));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn values_that_no_connector_could_read_back_are_refused() {
    let world = World::start().await;
    for (offset, kind) in [
        (json!({"o": {"x": 1}}), "MAP"),
        (json!({"o": [1]}), "ARRAY"),
        (json!({"o": u64::MAX}), "class java.math.BigInteger"),
    ] {
        let body = json!({"offsets": [{"partition": {"server": "p"}, "offset": offset}]});
        let refused = world.ask("PATCH", PATH, body).await;
        let text = format!(
            "Offsets may only contain primitive types as values, but field o contains {kind}"
        );
        assert_eq!(
            (refused.status, &refused.body["message"]),
            (500, &json!(text))
        );
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_of_nothing_is_refused_before_the_connector_is_looked_for() {
    let world = World::start().await;
    for body in [json!({"offsets": []}), json!({})] {
        let answer = world.ask("PATCH", "/connectors/x/offsets", body).await;
        let text = "Partitions / offsets need to be provided for an alter offsets request";
        assert_eq!(
            (answer.status, &answer.body["message"]),
            (400, &json!(text))
        );
    }
    world.end().await;
}
