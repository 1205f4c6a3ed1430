//! A table is added to a running connector by one call, and what is missing is said with its cure.

use anyhow::{Context, Result};
use serde_json::{Value, json};
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinSet;
use tokio_postgres::{Client, NoTls};
use walcast_lab::Lab;
use walcast_tests::topic::Topic;
use walcast_tests::worker::{Worker, connector};

use super::{QUIET, insert, lab, topic};

/// A session that can leave a transaction open.
struct Held {
    runtime: Runtime,
    client: Client,
    _driver: JoinSet<()>,
}

impl Held {
    fn open(lab: &Lab, database: &str) -> Result<Self> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()?;
        let url = lab.postgres().url_of(database);
        let (client, connection) = runtime.block_on(tokio_postgres::connect(&url, NoTls))?;
        let mut driver = JoinSet::new();
        driver.spawn_on(async move { drop(connection.await) }, runtime.handle());
        Ok(Self {
            runtime,
            client,
            _driver: driver,
        })
    }

    fn run(&self, sql: &str) -> Result<()> {
        Ok(self.runtime.block_on(self.client.batch_execute(sql))?)
    }

    fn pid(&self) -> Result<i32> {
        let asked = self.client.query_one("select pg_backend_pid()", &[]);
        Ok(self.runtime.block_on(asked)?.get(0))
    }
}

/// Asks the worker; gives the status and the body.
fn post(worker: &Worker, name: &str, path: &str, body: &Value) -> Result<(u16, Value)> {
    let answer = worker.rest("POST", &format!("/connectors/{name}/{path}"), Some(body))?;
    let body = serde_json::from_str(&answer.body).context(answer.body.clone())?;
    Ok((answer.status, body))
}

fn message(body: &Value) -> &str {
    body["message"].as_str().unwrap_or_default()
}

/// Reads the topic until a row of this id comes.
fn await_row(lab: &Lab, name: &str, id: i64) -> Result<()> {
    let mut topic = Topic::open(&lab.kafka().bootstrap, name)?;
    let mut found = false;
    topic.read_until(QUIET, |record| {
        found |= record.value["after"]["id"] == id;
        found
    })?;
    anyhow::ensure!(found, "row {id} did not come on {name}");
    Ok(())
}

#[test]
fn a_login_without_rights_is_told_what_an_owner_must_run() -> Result<()> {
    let lab = lab("addright", 18)?;
    let sql = |sql: &str| lab.postgres().query("addright", sql).map(drop);
    sql(
        "create role capture login replication password 'x'; grant select on t to capture; \
         create publication addright for table t",
    )?;
    let worker = Worker::start(&lab, "worker", "addright", false)?;
    let extra = [
        ("database.user", "capture"),
        ("database.password", "x"),
        ("publication.autocreate.mode", "disabled"),
    ];
    worker.put("addright", &connector(&lab, "addright", "addright", &extra))?;
    worker.wait_state("addright", "RUNNING")?;
    insert(&lab, "addright", 0..1, 1)?;
    topic(&lab, "addright")?.read(1, QUIET)?;
    sql("create table u(id bigint primary key, v text); insert into u values (1, 'old')")?;

    let (status, body) = post(
        &worker,
        "addright",
        "tables",
        &json!({"table": "public.nope"}),
    )?;
    assert_eq!(status, 404, "{body}");
    let request = json!({"table": "public.u", "timeout-ms": 300});
    let (status, body) = post(&worker, "addright", "tables", &request)?;
    assert_eq!(status, 422, "{body}");
    let cure = r#"GRANT SELECT ON "public"."u" TO "capture"; ALTER PUBLICATION "addright" ADD TABLE "public"."u";"#;
    assert_eq!(body["sql"], cure);
    assert!(message(&body).contains(cure), "{body}");
    sql("grant select on u to capture")?;
    let (status, body) = post(&worker, "addright", "tables", &request)?;
    let cure = r#"ALTER PUBLICATION "addright" ADD TABLE "public"."u";"#;
    assert_eq!((status, &body["sql"]), (422, &json!(cure)), "{body}");

    let held = Held::open(&lab, "addright")?;
    held.run("begin; insert into u values (2, 'before it was published')")?;
    sql(cure)?;
    let (status, body) = post(&worker, "addright", "tables", &request)?;
    assert_eq!(status, 409, "{body}");
    let pid = format!("pid {}", held.pid()?);
    assert!(message(&body).contains(&pid), "{pid}: {body}");
    held.run("commit")?;
    for _ in 0..2 {
        let (status, body) = post(&worker, "addright", "tables", &request)?;
        assert_eq!(
            (status, &body["publication"]),
            (202, &json!("present")),
            "{body}"
        );
        assert!(body["backfill"]["signal"].is_string(), "{body}");
    }
    sql("insert into u values (3, 'after')")?;
    await_row(&lab, "addright.public.u", 3)
}

#[test]
fn a_table_that_would_refuse_updates_is_not_published_as_it_is() -> Result<()> {
    let lab = lab("addbare", 15)?;
    let sql = |sql: &str| lab.postgres().query("addbare", sql).map(drop);
    let worker = Worker::start(&lab, "worker", "addbare", false)?;
    worker.put("addbare", &connector(&lab, "addbare", "addbare", &[]))?;
    worker.wait_state("addbare", "RUNNING")?;
    sql("create table bare(id bigint, v text); create view seen as select 1 as id")?;
    let request = json!({"table": "public.bare"});
    let (status, body) = post(&worker, "addbare", "tables", &request)?;
    assert_eq!(status, 422, "{body}");
    let cure = r#"ALTER TABLE "public"."bare" REPLICA IDENTITY FULL; ALTER PUBLICATION "addbare" ADD TABLE "public"."bare";"#;
    assert_eq!(body["sql"], cure);
    sql(r#"ALTER TABLE "public"."bare" REPLICA IDENTITY FULL"#)?;
    let (status, body) = post(&worker, "addbare", "tables", &request)?;
    assert_eq!(
        (status, &body["publication"]),
        (202, &json!("added")),
        "{body}"
    );
    let note = body["notes"][0].as_str().unwrap_or_default();
    assert!(note.contains("without deduplication"), "{body}");
    sql("insert into bare values (7, 'x')")?;
    await_row(&lab, "addbare.public.bare", 7)?;
    let (status, body) = post(
        &worker,
        "addbare",
        "tables",
        &json!({"table": "public.seen"}),
    )?;
    assert_eq!(status, 409, "{body}");
    Ok(())
}

#[test]
fn a_table_that_the_list_lacks_is_added_to_it() -> Result<()> {
    let lab = lab("addlist", 18)?;
    let sql = |sql: &str| lab.postgres().query("addlist", sql).map(drop);
    let worker = Worker::start(&lab, "worker", "addlist", false)?;
    let extra = [("table.include.list", "public.t")];
    worker.put("addlist", &connector(&lab, "addlist", "addlist", &extra))?;
    worker.wait_state("addlist", "RUNNING")?;
    sql("create table u(id bigint primary key, v text)")?;
    let (status, body) = post(&worker, "addlist", "tables", &json!({"table": "public.u"}))?;
    assert_eq!(status, 202, "{body}");
    let list = r"public.t,public\.u";
    assert_eq!(
        body["config"],
        json!({"table.include.list": list}),
        "{body}"
    );
    sql("insert into u values (5, 'x')")?;
    await_row(&lab, "addlist.public.u", 5)?;
    let signal = json!({"id": "s1", "type": "log", "data": {"message": "hi"}});
    let answer = post(&worker, "addlist", "signals", &signal)?;
    assert_eq!(answer, (202, json!({"id": "s1"})));
    Ok(())
}
