//! Events through the API, as many as so many connections can write, beside the same two inserts by
//! SQL: what the API adds.

use std::fs;

use anyhow::{Context, Result};
use serde_json::{Value, json};
use tokio_postgres::Statement;
use walcast_lab::{Port, Service, Spec, http};

use super::closed_loop::{self, Written};
use super::http::Poster;
use super::sink::walcast;
use super::{Turn, set_cost};
use crate::database::Database;
use crate::engine::Engine;
use crate::figures::{Figures, Metric, percentile};
use crate::sampler::{Cpu, Sampler};
use crate::scenario::Scenario;
use crate::stage::Stage;

/// Users that events are of.
const USERS: u64 = 50;

/// What one event makes: the row and the outbox row, in one statement and so in one transaction.
const INSERTS: &str = "WITH written AS (INSERT INTO events (id, experiment_id, user_id, variant_id, \
    variant_key, event_type, properties, session_id, occurred_at) \
    VALUES ($1, $2, $3, $4, $5, 'click', '{\"page\": \"/x\", \"duration\": 15.2}', $6, now()) \
    RETURNING *) \
    INSERT INTO outbox_events (aggregate_type, aggregate_id, event_type, payload) \
    SELECT 'event', id, 'EVENT_CREATED', jsonb_build_object('id', id, 'experiment_id', \
    experiment_id, 'user_id', user_id, 'variant_id', variant_id, 'variant_key', variant_key, \
    'event_type', event_type, 'properties', properties::text, 'session_id', session_id, \
    'occurred_at', utc_text(occurred_at)) FROM written";

/// A running API and an experiment to write events of.
pub(crate) struct Running {
    database: String,
    url: String,
    token: String,
    experiment: i64,
    variant: (i64, String),
    service: Service,
    _port: Port,
}

/// Starts the API on a database of its own.
pub(super) fn start(stage: &Stage, scenario: Scenario) -> Result<Running> {
    let database = format!("bench_{}", scenario.name().replace('-', "_"));
    stage.control.run(&format!("CREATE DATABASE {database}"))?;
    let postgres = stage.lab.postgres().url_of(&database);
    let to = ["--postgres-url", &postgres];
    walcast(stage, &[&["migrate", "postgres"], &to[..]].concat())?;
    let token = ["token", "create", "--name", "bench", "--scope", "admin"];
    let token = walcast(stage, &[&token, &to[..]].concat())?
        .trim()
        .to_owned();
    let port = Port::reserve()?;
    let address = format!("127.0.0.1:{}", port.number());
    let file = stage.lab.dir().join("bench-api.toml");
    // Limits of the rate would be what is measured.
    let text = format!(
        "listen = \"{address}\"\npostgres_url = \"{postgres}\"\nredis_url = \"{}\"\n\
         clickhouse_url = \"{}\"\nrate_per_second_max = 1000000\nrate_burst_max = 1000000\n",
        stage.lab.redis().url,
        stage.lab.clickhouse().url,
    );
    fs::write(&file, text).with_context(|| format!("write {}", file.display()))?;
    let spec = Spec::new("bench-api", stage.walcast(), stage.lab.dir())
        .args(["api", "--config"])
        .arg(&file);
    let url = format!("http://{address}");
    let ready = format!("{url}/readyz");
    let is_ready = move |_| Ok(http::get(&ready).is_ok_and(|answer| answer.status == 200));
    let service = Service::new(spec, Box::new(is_ready));
    service.start()?;
    let (experiment, variant) = populate(&url, &token)?;
    Ok(Running {
        database,
        url,
        token,
        experiment,
        variant,
        service,
        _port: port,
    })
}

/// A running experiment and users that are assigned to it. Gives the experiment and a variant.
fn populate(url: &str, token: &str) -> Result<(i64, (i64, String))> {
    let post = |path: &str, body: &Value| -> Result<Value> {
        let mut poster = Poster::connect(&format!("{url}{path}"), token)?;
        let answer = poster.post(&body.to_string());
        serde_json::from_slice(answer.with_context(|| format!("POST {path}"))?).context("an answer")
    };
    let variant = |key, is_control| json!({ "key": key, "weight": 1, "is_control": is_control, "config": {} });
    let experiment = json!({
        "key": "bench", "name": "Bench", "traffic_allocation": 1.0,
        "variants": [variant("treatment", false), variant("control", true)],
    });
    let experiment = post("/v1/experiments", &experiment)?;
    let id = experiment["id"].as_i64().context("the experiment's id")?;
    post(&format!("/v1/experiments/{id}/start"), &json!({}))?;
    for number in 0..USERS {
        let user = user(number);
        post("/v1/users", &json!({ "id": user, "attributes": {} }))?;
        post(
            "/v1/assignments",
            &json!({ "experiment_id": id, "user_id": user }),
        )?;
    }
    let variant = &experiment["variants"][0];
    let variant_id = variant["id"].as_i64().context("the variant's id")?;
    let key = variant["key"].as_str().unwrap_or_default().to_owned();
    Ok((id, (variant_id, key)))
}

/// Writes for as long as a live scenario lasts.
pub(super) fn run(turn: &Turn<'_>, api: &Running, connections: u32) -> Result<Figures> {
    let sampler = turn.stage.sampler(&api.database)?;
    let length = turn.options.live();
    if turn.engine == Engine::WalcastApi {
        // Its pool was there before the sampler, and serves it all the same.
        sampler.all_serve();
        sampler.engine_is(api.service.pid().context("the API has ended")?);
        let url = format!("{}/v1/events", api.url);
        let posters = (0..connections).map(|writer| poster(turn, api, &url, writer));
        let posters = posters.collect::<Result<Vec<_>>>()?;
        let before = sampler.cpu();
        let written = closed_loop::run(posters, length)?;
        return Ok(figures(&sampler, before, sampler.cpu(), &written));
    }
    let url = turn.stage.lab.postgres().url_of(&api.database);
    let inserters = (0..connections).map(|writer| inserter(turn, api, &url, writer));
    let inserters = inserters.collect::<Result<Vec<_>>>()?;
    let before = sampler.cpu();
    let written = closed_loop::run(inserters, length)?;
    Ok(figures(&sampler, before, sampler.cpu(), &written))
}

/// A writer through the API.
fn poster(
    turn: &Turn<'_>,
    api: &Running,
    url: &str,
    writer: u32,
) -> Result<impl FnMut(u64) -> Result<()> + Send> {
    let mut poster = Poster::connect(url, &api.token)?;
    let (experiment, name) = (api.experiment, turn.name.clone());
    Ok(move |number| {
        let body = format!(
            "{{\"id\":\"{name}-{writer}-{number}\",\"experiment_id\":{experiment},\
             \"user_id\":\"{}\",\"event_type\":\"click\",\"session_id\":\"session-{writer}\",\
             \"properties\":{{\"page\":\"/x\",\"duration\":15.2}}}}",
            user(number % USERS)
        );
        poster.post(&body).map(drop)
    })
}

/// A writer by SQL.
fn inserter(
    turn: &Turn<'_>,
    api: &Running,
    url: &str,
    writer: u32,
) -> Result<impl FnMut(u64) -> Result<()> + Send> {
    let database = Database::connect(url)?;
    let insert: Statement = database.prepare(INSERTS)?;
    let (experiment, name) = (api.experiment, turn.name.clone());
    let (variant, key) = api.variant.clone();
    Ok(move |number| {
        let id = format!("{name}-{writer}-{number}");
        let session = format!("session-{writer}");
        let user = user(number % USERS);
        database
            .execute(
                &insert,
                &[&id, &experiment, &user, &variant, &key, &session],
            )
            .map(drop)
    })
}

fn user(number: u64) -> String {
    format!("bench-{number}")
}

fn figures(sampler: &Sampler, before: Cpu, after: Cpu, written: &Written) -> Figures {
    let rows = written.answers_ms.len();
    let mut figures = Figures::default();
    figures.set(Metric::Rows, rows as f64);
    figures.set(Metric::RowsPerS, rows as f64 / written.seconds);
    figures.set(Metric::Seconds, written.seconds);
    let shares = [
        (Metric::P50Ms, 0.5),
        (Metric::P99Ms, 0.99),
        (Metric::MaxMs, 1.0),
    ];
    for (metric, share) in shares {
        figures.set_if(metric, percentile(&written.answers_ms, share));
    }
    set_cost(&mut figures, sampler, before, after, Some(rows as u64));
    // It has no part in this.
    figures.leave_out(Metric::BrokerCpuS);
    figures.leave_out(Metric::BrokerUsPerRow);
    figures
}
