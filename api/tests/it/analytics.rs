//! Analytics: what the API wrote to its outbox, put into ClickHouse by its own views, read back.

use serde_json::{Value, json};

use crate::app::App;
use crate::servers::servers;

/// An API with a ClickHouse database of its own.
struct Landed {
    app: App,
    clickhouse: String,
}

impl Landed {
    async fn start() -> Self {
        let url = servers().await.clickhouse.clone();
        let database = format!("api_{}", uuid::Uuid::now_v7().simple());
        let app = App::with(&format!(
            "clickhouse_url = '{url}'\nclickhouse_database = '{database}'"
        ))
        .await;
        run(&url, &format!("CREATE DATABASE {database}"), String::new()).await;
        let clickhouse = format!("{url}/?database={database}");
        let mut files: Vec<_> =
            std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../clickhouse"))
                .expect("the schema")
                .map(|file| file.expect("a file").path())
                .filter(|path| path.extension().is_some_and(|end| end == "sql"))
                .collect();
        files.sort();
        for file in files {
            let text = std::fs::read_to_string(file).expect("a schema file");
            for statement in text.split(";\n").filter(|text| !text.trim().is_empty()) {
                run(&clickhouse, statement, String::new()).await;
            }
        }
        Self { app, clickhouse }
    }

    /// Lands every outbox row, as the sink would.
    async fn land(&self) {
        let sql = "SELECT jsonb_build_object('id', id, 'aggregate_type', aggregate_type, \
                   'aggregate_id', aggregate_id, 'event_type', event_type, 'payload', payload::text, \
                   'created_at', utc_text(created_at), 'op', 'c', 'lsn', id, 'tx_id', id, \
                   'source_ts', utc_text(created_at), 'kafka_topic', 't', 'kafka_partition', 0, \
                   'kafka_offset', id)::text FROM outbox_events ORDER BY id";
        let rows = self.app.sql.query(sql, &[]).await.expect("outbox");
        let lines: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
        let insert = "INSERT INTO outbox_events SETTINGS date_time_input_format = 'best_effort' FORMAT JSONEachRow";
        run(&self.clickhouse, insert, lines.join("\n")).await;
    }

    async fn read(&self, path: &str) -> Value {
        let answer = self
            .app
            .read
            .get(&format!("/v1/experiments/1/analytics/{path}"))
            .await;
        answer.expect_status(200).json()
    }

    async fn stop(self) {
        let database = self
            .clickhouse
            .split("database=")
            .nth(1)
            .expect("a database");
        run(
            &self.clickhouse,
            &format!("DROP DATABASE {database}"),
            String::new(),
        )
        .await;
        self.app.stop().await;
    }

    async fn event(&self, user: &str, kind: &str, second: u32, properties: Value) {
        let event = json!({
            "experiment_id": 1, "user_id": user, "event_type": kind, "properties": properties,
            "session_id": format!("s-{user}"), "occurred_at": format!("2026-03-01T10:00:{second:02}Z"),
        });
        self.app
            .write
            .post("/v1/events", &event)
            .await
            .expect_status(201);
    }
}

async fn run(url: &str, sql: &str, data: String) {
    let request = reqwest::Client::new()
        .post(url)
        .body(format!("{sql}\n{data}"));
    let response = request.send().await.expect("ClickHouse");
    let good = response.status().is_success();
    let text = response.text().await.expect("text");
    assert!(good, "{sql}: {text}");
}

async fn demo() -> Landed {
    let landed = Landed::start().await;
    landed.app.demo("u").await;
    landed.app.assign("u", 2).await;
    landed
        .event("u", "exposure", 1, json!({"page": "/landing"}))
        .await;
    landed
        .event(
            "u",
            "page_view",
            2,
            json!({"page": "/product", "duration": 15}),
        )
        .await;
    landed
        .event("u", "click", 3, json!({"value": 1.0, "element": "buy"}))
        .await;
    let conversion = json!({"value": 39.99, "currency": "USD", "score": 88});
    landed.event("u", "conversion", 4, conversion).await;
    landed
}

#[tokio::test]
async fn the_demo_journey() {
    let landed = demo().await;
    landed.land().await;
    let journey = landed.read("journeys/u").await;
    let steps = journey["journey"].as_array().expect("steps");
    let kinds: Vec<&str> = steps
        .iter()
        .filter_map(|step| step["event_type"].as_str())
        .collect();
    assert_eq!(kinds, ["exposure", "page_view", "click", "conversion"]);
    assert_eq!(
        (&steps[0]["page"], &steps[1]["duration"]),
        (&json!("/landing"), &json!(15))
    );
    assert_eq!(steps[0]["occurred_at"], "2026-03-01T10:00:01.000000Z");
    assert_eq!(
        steps[2]["properties"],
        json!({"value": 1.0, "element": "buy"})
    );
    assert_eq!(
        (&journey["user_id"], &journey["variant_key"]),
        (&json!("u"), &json!("control"))
    );
    assert_eq!(
        (&journey["total_events"], &journey["sessions"]),
        (&json!(4), &json!(1))
    );
    assert_eq!(journey["total_value"].to_string(), "40.99");
    assert_eq!(journey["conversion_score"].to_string(), "88");
    let other = landed
        .app
        .read
        .get("/v1/experiments/demo/analytics/journeys/x")
        .await;
    other.expect_problem(404, "not-found", "user \"x\"");
    landed.stop().await;
}

#[tokio::test]
async fn nothing_landed_yet_is_zeros_and_no_error() {
    let landed = demo().await;
    let journey = landed.read("journeys/u").await;
    assert_eq!(
        (&journey["total_events"], &journey["conversion_score"]),
        (&json!(0), &Value::Null)
    );
    assert_eq!(
        landed.read("breakdown").await["variants"][1]["total_events"],
        0
    );
    assert_eq!(
        landed.read("funnel?steps=click").await["variants"][0]["steps"][0]["rate"],
        Value::Null
    );
    assert_eq!(
        landed.read("revenue").await["variants"][0]["revenue"],
        json!([])
    );
    assert_eq!(
        landed.read("results").await["variants"][0]["conversion"]["mean"],
        Value::Null
    );
    assert_eq!(landed.read("sessions").await["variants"][0]["sessions"], 0);
    assert_eq!(
        landed.read("timeseries").await["variants"][0]["points"],
        json!([])
    );
    landed.stop().await;
}

#[tokio::test]
async fn breakdown_funnel_and_revenue_by_variant() {
    let landed = demo().await;
    seed(&landed).await;
    check_breakdown(&landed).await;
    check_funnel(&landed).await;
    check_revenue(&landed).await;
    landed.stop().await;
}

/// Users of both variants: `a` buys twice; `b` clicks before seeing the page, and once more after;
/// `c` is never exposed.
async fn seed(landed: &Landed) {
    let eur = |value: f64| json!({"value": value, "currency": "EUR"});
    for (user, variant) in [("a", 1), ("b", 1), ("c", 2)] {
        landed.app.user(user).await;
        landed.app.assign(user, variant).await;
    }
    landed
        .event("a", "exposure", 1, json!({"page": "/landing"}))
        .await;
    landed
        .event("a", "page_view", 2, json!({"page": "/product"}))
        .await;
    landed.event("a", "click", 3, json!({})).await;
    landed.event("a", "conversion", 4, eur(0.1)).await;
    landed.event("a", "conversion", 5, eur(0.2)).await;
    landed.event("b", "click", 1, json!({})).await;
    landed.event("b", "exposure", 2, json!({})).await;
    landed.event("b", "page_view", 3, json!({})).await;
    landed.event("c", "page_view", 1, json!({})).await;
    landed
        .event(
            "c",
            "conversion",
            2,
            json!({"value": 1000, "currency": "USD"}),
        )
        .await;
    landed.land().await;
}

async fn check_breakdown(landed: &Landed) {
    let breakdown = landed.read("breakdown").await;
    let [treatment, control] = [&breakdown["variants"][0], &breakdown["variants"][1]];
    assert_eq!(
        (
            &treatment["variant_key"],
            &treatment["assigned_users"],
            &treatment["exposed_users"]
        ),
        (&json!("treatment"), &json!(2), &json!(2))
    );
    assert_eq!(
        (
            &control["assigned_users"],
            &control["exposed_users"],
            &control["total_events"]
        ),
        (&json!(2), &json!(1), &json!(6))
    );
    let conversions = treatment["groups"]
        .as_array()
        .expect("groups")
        .iter()
        .find(|g| g["key"] == "conversion");
    assert_eq!(
        conversions,
        Some(&json!({"key": "conversion", "events": 2, "users": 1, "value": 0.3}))
    );
    let pages = landed.read("breakdown?by=page").await;
    let keys: Vec<_> = pages["variants"][1]["groups"]
        .as_array()
        .expect("groups")
        .iter()
        .map(|g| &g["key"])
        .collect();
    assert!(
        keys.contains(&&json!("/landing")) && keys.contains(&&json!("/product")),
        "{keys:?}"
    );
}

async fn check_funnel(landed: &Landed) {
    let funnel = landed.read("funnel?steps=page_view,click,conversion").await;
    assert_eq!(funnel["denominator"], "users with an event exposure");
    let reached = |variant: usize| {
        let steps = funnel["variants"][variant]["steps"]
            .as_array()
            .expect("steps")
            .clone();
        steps
            .iter()
            .map(|step| step["users"].as_u64().expect("users"))
            .collect::<Vec<_>>()
    };
    assert_eq!((reached(0), reached(1)), (vec![2, 1, 1], vec![1, 1, 1]));
    assert_eq!(funnel["variants"][0]["steps"][1]["rate"], 0.5);
    let named = landed.read("funnel?steps=exposure,click").await;
    assert_eq!(named["variants"][0]["steps"][0]["users"], 2);
    assert_eq!(named["variants"][0]["steps"][1]["users"], 1);
    let twice = landed.read("funnel?steps=conversion,conversion").await;
    assert_eq!(
        twice["variants"][0]["steps"][1]["users"], 1,
        "two conversions, two steps"
    );
    assert_eq!(
        twice["variants"][1]["steps"][1]["users"], 0,
        "one conversion is not two steps"
    );
}

async fn check_revenue(landed: &Landed) {
    let revenue = landed.read("revenue").await;
    assert_eq!(
        revenue["variants"][0]["revenue"],
        json!([{"currency": "EUR", "revenue": 0.3, "orders": 2,
        "buyers": 1, "revenue_per_exposed_user": 0.15, "average_order_value": 0.15}])
    );
    assert_eq!(
        revenue["variants"][1]["revenue"],
        json!([{"currency": "USD", "revenue": 39.99, "orders": 1,
        "buyers": 1, "revenue_per_exposed_user": 39.99, "average_order_value": 39.99}])
    );
}

#[tokio::test]
async fn results_sessions_and_timeseries() {
    let landed = Landed::start().await;
    landed.app.demo("t0").await;
    landed.app.assign("t0", 1).await;
    for (user, variant) in [("t1", 1), ("t2", 1), ("c0", 2), ("c1", 2), ("c2", 2)] {
        landed.app.user(user).await;
        landed.app.assign(user, variant).await;
    }
    for user in ["t0", "t1", "t2", "c0", "c1", "c2"] {
        landed.event(user, "exposure", 10, json!({})).await;
    }
    for (user, value) in [("t0", 3.0), ("t1", 5.0), ("c0", 1.0)] {
        landed
            .event(user, "conversion", 20, json!({"value": value}))
            .await;
    }
    // Before the exposure: not its effect.
    landed
        .event("c1", "conversion", 5, json!({"value": 100}))
        .await;
    landed.land().await;
    let results = landed.read("results").await;
    let [treatment, control] = [&results["variants"][0], &results["variants"][1]];
    assert_eq!(
        (&treatment["exposed_users"], &treatment["converted_users"]),
        (&json!(3), &json!(2))
    );
    assert_eq!(
        (&control["exposed_users"], &control["converted_users"]),
        (&json!(3), &json!(1))
    );
    assert_eq!(control["value"]["difference"], Value::Null);
    // Of (3, 5, 0) and (1, 0, 0): computed with scipy.stats.ttest_ind(equal_var=False).
    let value = &treatment["value"];
    let near = |found: &Value, expected: f64| {
        let found = found.as_f64().expect("a number");
        assert!(
            (found - expected).abs() < 1e-9,
            "{found} is not {expected}: {results}"
        );
    };
    near(&value["mean"], 8.0 / 3.0);
    near(&value["standard_deviation"], (19.0_f64 / 3.0).sqrt());
    near(&value["difference"]["absolute"], 7.0 / 3.0);
    let sessions = landed.read("sessions").await;
    assert_eq!(
        (
            &sessions["variants"][0]["sessions"],
            &sessions["variants"][0]["users"]
        ),
        (&json!(3), &json!(3))
    );
    near(&sessions["variants"][0]["events_per_session"], 5.0 / 3.0);
    near(&sessions["variants"][0]["seconds_per_session"], 20.0 / 3.0);
    near(&sessions["variants"][0]["conversion_rate"], 2.0 / 3.0);
    for (interval, at) in [
        ("hour", "2026-03-01T10:00:00Z"),
        ("day", "2026-03-01T00:00:00Z"),
    ] {
        let series = landed
            .read(&format!("timeseries?interval={interval}"))
            .await;
        assert_eq!(
            series["variants"][0]["points"],
            json!([{"at": at, "events": 5, "users": 3,
            "exposures": 3, "conversions": 2, "value": 8}])
        );
    }
    landed.stop().await;
}
