//! Validation: the catalogue's words, the engine's, and secrets that come from elsewhere.

use serde_json::{Value, json};

use crate::world::{World, props};

const VALIDATE: &str = "/connector-plugins/PostgresConnector/config/validate";

fn errors(body: &Value) -> Vec<(String, Vec<String>)> {
    let configs = body["configs"].as_array().unwrap().iter();
    let value = |config: &Value| {
        let errors = config["value"]["errors"].as_array().unwrap().iter();
        let errors: Vec<String> = errors.map(|e| e.as_str().unwrap().to_owned()).collect();
        (config["value"]["name"].as_str().unwrap().to_owned(), errors)
    };
    configs
        .map(value)
        .filter(|(_, errors)| !errors.is_empty())
        .collect()
}

/// A property and its errors.
type Expected = (&'static str, Vec<&'static str>);

/// Properties that are given, and the errors that are expected.
fn cases() -> Vec<(Value, Vec<Expected>)> {
    vec![
        (json!({}), vec![]),
        (
            json!({"database.port": "abc"}),
            vec![(
                "database.port",
                vec!["The 'database.port' value is invalid: An integer is expected"; 2],
            )],
        ),
        (
            json!({"snapshot.mode": "never"}),
            vec![(
                "snapshot.mode",
                vec![
                    "The 'snapshot.mode' value is invalid: Value must be one of always, initial_only, configuration_based, when_needed, initial, custom, no_data",
                ],
            )],
        ),
        (
            json!({"max.batch.size": "100", "max.queue.size": "50"}),
            vec![(
                "max.queue.size",
                vec![
                    "The 'max.queue.size' value is invalid: Must be larger than the maximum batch size",
                ],
            )],
        ),
        (
            json!({"table.include.list": "a", "table.exclude.list": "b"}),
            vec![(
                "table.exclude.list",
                vec![
                    "The 'table.exclude.list' value is invalid: \"table.include.list\" is already specified",
                ],
            )],
        ),
        (
            json!({"transforms": "t"}),
            vec![(
                "transforms.t.type",
                vec![
                    "Missing required configuration \"transforms.t.type\" which has no default value.",
                ],
            )],
        ),
        (
            json!({"transforms": "t", "transforms.t.type": "RegexRouter", "transforms.t.regex": "a"}),
            vec![(
                "transforms.t.replacement",
                vec![
                    "Missing required configuration \"transforms.t.replacement\" which has no default value.",
                ],
            )],
        ),
        (
            json!({"value.converter": "no.such.Conv"}),
            vec![(
                "value.converter",
                vec![
                    "Invalid value no.such.Conv for configuration value.converter: Class no.such.Conv could not be found.",
                ],
            )],
        ),
    ]
}

/// Problems that the engine finds, beside those of the catalogue.
fn engine_cases() -> Vec<(Value, Vec<Expected>)> {
    vec![
        (
            json!({"fake.problem": "slot.name:is taken"}),
            vec![("slot.name", vec!["is taken"])],
        ),
        (
            json!({"fake.problem": "slot.name:is taken", "slot.name": "Bad"}),
            vec![(
                "slot.name",
                vec![
                    "The 'slot.name' value is invalid: Valid replication slot name must contain only digits, lowercase characters and underscores with length <= 63",
                ],
            )],
        ),
        (
            json!({"fake.problem": "own.property:is new"}),
            vec![("own.property", vec!["is new"])],
        ),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn every_property_is_answered_with_its_errors() {
    let world = World::start().await;
    for (extra, expected) in cases().into_iter().chain(engine_cases()) {
        let mut config = props(extra);
        config["name"] = json!("c");
        let answer = world.ask("PUT", VALIDATE, config.clone()).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let expected: Vec<(String, Vec<String>)> = expected
            .into_iter()
            .map(|(p, e)| (p.to_owned(), e.into_iter().map(str::to_owned).collect()))
            .collect();
        assert_eq!(errors(&answer.body), expected, "{config}");
        let count: usize = expected.iter().map(|(_, e)| e.len()).sum();
        assert_eq!(answer.body["error_count"], count);
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn invalid_configurations_are_refused_with_every_error() {
    let world = World::start().await;
    let config = json!({"connector.class": "PostgresConnector", "y": null});
    let answer = world
        .ask(
            "POST",
            "/connectors",
            json!({"name": "c", "config": config}),
        )
        .await;
    let text = "Connector configuration is invalid and contains the following 5 error(s):\nNull value can not be supplied as the configuration value.\nThe 'database.hostname' value is invalid: A value is required\nThe 'database.user' value is invalid: A value is required\nThe 'database.dbname' value is invalid: A value is required\nThe 'topic.prefix' value is invalid: A value is required\nYou can also find the above list of errors at the endpoint `/connector-plugins/{connectorType}/config/validate`";
    assert_eq!(
        (answer.status, &answer.body["message"]),
        (400, &json!(text))
    );
    for (name, config, text) in [
        (
            "c",
            json!({"a": "b"}),
            "Connector config {name=c, a=b} contains no connector type",
        ),
        (
            "c",
            json!({"name": "d"}),
            "Connector name configuration (d) doesn't match connector name in the URL (c)",
        ),
        (
            "",
            props(json!({})),
            "Connector configuration is invalid and contains the following 1 error(s):\nInvalid value  for configuration name: String may not be empty",
        ),
        (
            "c",
            json!({"connector.class": "x"}),
            "org.apache.kafka.connect.errors.ConnectException: Failed to find any class that implements Connector and which name matches x, available connectors are: ",
        ),
    ] {
        let answer = world
            .ask(
                "POST",
                "/connectors",
                json!({"name": name, "config": config}),
            )
            .await;
        assert_eq!(answer.status, 400, "{answer:?}");
        assert!(
            answer.body["message"].as_str().unwrap().starts_with(text),
            "{answer:?}"
        );
    }
    assert_eq!(world.get("/connectors").await.body, json!([]));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn secrets_of_a_file_reach_the_engine_and_nobody_else() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("secrets.properties");
    std::fs::write(&file, "password=hush\n").unwrap();
    let mut world = World::new();
    for (key, value) in [
        ("config.providers", "file"),
        (
            "config.providers.file.class",
            "org.apache.kafka.common.config.provider.FileConfigProvider",
        ),
    ] {
        world.props.insert(key.into(), value.into());
    }
    world.start_worker().await;
    let reference = format!("${{file:{}:password}}", file.display());
    world
        .create("c", json!({"database.password": reference}))
        .await;
    world.until_state("c", "RUNNING", &["RUNNING"]).await;
    assert_eq!(
        world.fake.seen.lock().unwrap().props["c"]["database.password"],
        "hush"
    );
    assert_eq!(
        world.get("/connectors/c/config").await.body["database.password"],
        json!(reference)
    );
    let texts = format!("{:?}", world.records("config").await);
    assert!(!texts.contains("hush"), "{texts}");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reference_that_leads_nowhere_is_refused() {
    let mut world = World::new();
    for (key, value) in [
        ("config.providers", "env"),
        (
            "config.providers.env.class",
            "org.apache.kafka.common.config.provider.EnvVarConfigProvider",
        ),
    ] {
        world.props.insert(key.into(), value.into());
    }
    world.start_worker().await;
    let config = props(json!({"name": "c", "database.password": "${env:WALCAST_IT_NOT_SET}"}));
    let answer = world.ask("PUT", "/connectors/c/config", config).await;
    let text = "database.password: environment variable WALCAST_IT_NOT_SET is not set; set it";
    assert_eq!(
        (answer.status, &answer.body["message"]),
        (400, &json!(text))
    );
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn client_overrides_are_refused_where_the_policy_says_so() {
    let mut world = World::new();
    world.props.insert(
        "connector.client.config.override.policy".into(),
        "None".into(),
    );
    world.start_worker().await;
    let config = props(json!({"name": "c", "producer.override.linger.ms": "5"}));
    let answer = world.ask("PUT", VALIDATE, config).await;
    assert_eq!(errors(&answer.body)[0].0, "producer.override.linger.ms");
    world.end().await;
}
