//! The steps of a case.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use tokio::time::sleep;

use super::Run;
use crate::conformance::kafka::admin;
use crate::conformance::poll::{INTERVAL, seconds, until};
use crate::conformance::python::dumps;
use crate::conformance::rest::recording::recording;
use crate::conformance::rest::{Answer, Ask, mask};
use crate::conformance::steps::{
    Configure, Names, Quiet, Request, Script, Step, WaitQuery, WaitRecords,
};

impl Run<'_> {
    pub(super) async fn step(&mut self, step: &Step) -> Result<()> {
        match step {
            Step::Create(how) => self.create(how).await,
            Step::PutConfig(how) => self.put_config(how).await,
            Step::Rest(request) => self.request(request).await,
            Step::Sql(script) => self.script(script).await,
            Step::Query(query) => {
                let rows = self.sql(query.db.as_deref(), &query.sql).await?;
                let rows: Vec<_> = rows.split('\n').collect();
                self.record(json!({"id": query.id, "query": query.sql, "result": rows}));
                Ok(())
            }
            Step::WaitQuery(query) => self.wait_query(query).await,
            Step::Wait(wait) => self.wait(wait).await,
            Step::WaitRecords(wait) => self.wait_records(wait).await,
            Step::Quiet(quiet) => {
                self.quiet(quiet).await;
                Ok(())
            }
            Step::Sleep(time) => {
                sleep(seconds(time.s)).await;
                Ok(())
            }
            Step::Status(status) => {
                let answer = self
                    .rest
                    .status(&self.connector(status.name.as_deref()))
                    .await?;
                let body = mask::body(self.target, &answer.body);
                self.record(json!({"id": status.id, "status": answer.status, "body": body}));
                Ok(())
            }
            Step::Kafka(record) => {
                let fill = |text: &Option<String>| text.as_ref().map(|text| self.names.fill(text));
                let (key, value) = (fill(&record.key), fill(&record.value));
                let topic = self.names.fill(&record.topic);
                admin::produce(self.target, &topic, key.as_deref(), value.as_deref()).await
            }
            Step::KafkaTopic(topic) => {
                let name = self.names.fill(&topic.topic);
                let partitions = topic.partitions.unwrap_or(1);
                self.topics.insert(name.clone());
                admin::create(self.target, &name, partitions).await
            }
        }
    }

    /// The connector with this name, or the case's.
    pub(super) fn connector(&self, name: Option<&str>) -> String {
        let name = name.map(|name| self.names.fill(name));
        name.unwrap_or_else(|| self.names.connector().to_owned())
    }

    fn record(&mut self, recording: Value) {
        let recording = self.names.restore_json(&recording);
        self.recordings.push(recording);
    }

    async fn create(&mut self, how: &Configure) -> Result<()> {
        let mut config = self.config(how);
        let name = how.name.as_ref().unwrap_or(&self.case.connector.name);
        let name = self.names.fill(name);
        if let Some(inner) = config.get_mut("name").filter(|_| how.name.is_some()) {
            *inner = name.as_str().into();
        }
        let body = json!({"name": name, "config": config});
        self.connectors.insert(name);
        let ask = Ask::json("POST", "/connectors", Some(&body));
        let answer = self.rest.send(&ask).await?;
        self.configured(how, "create", "POST", "/connectors", &answer)
    }

    async fn put_config(&mut self, how: &Configure) -> Result<()> {
        let config = self.config(how);
        let name = self.names.connector().to_owned();
        let path = format!("/connectors/{name}/config");
        self.connectors.insert(name);
        let ask = Ask::json("PUT", &path, Some(&config));
        let answer = self.rest.send(&ask).await?;
        self.configured(
            how,
            "put_config",
            "PUT",
            "/connectors/${NAME}/config",
            &answer,
        )
    }

    /// connector.json's settings with the changes of `how`.
    fn config(&self, how: &Configure) -> Value {
        let mut config = self.case.connector.config.clone();
        config.extend(how.set.clone());
        config.retain(|setting, _| !how.unset.contains(setting));
        self.names.fill_json(&config.into())
    }

    fn configured(
        &mut self,
        how: &Configure,
        step: &str,
        method: &str,
        path: &str,
        answer: &Answer,
    ) -> Result<()> {
        if !how.record {
            return answer.created(&format!("{method} {path}"));
        }
        let id = how.id.clone().unwrap_or_else(|| step.to_owned());
        let request = Request::plain(id, method, path);
        self.record(recording(self.target, &request, &[], answer));
        Ok(())
    }

    async fn request(&mut self, request: &Request) -> Result<()> {
        if let Some(name) = &request.track {
            self.connectors.insert(self.names.fill(name));
        }
        let fill = |text: &Option<String>| text.as_ref().map(|text| self.names.fill(text));
        let body = request.body.as_ref();
        let body = body.map(|body| self.names.fill_json(body).to_string());
        let ask = Ask {
            method: request.method.clone(),
            path: self.names.fill(&request.path),
            body: fill(&request.raw).or(body),
            content_type: request.ctype.clone(),
            accept: request.accept.clone(),
            takes_rebalance: request.noretry,
        };
        let deadline = Instant::now() + seconds(request.until_timeout.unwrap_or(20.0));
        let answer = loop {
            let answer = self.rest.send(&ask).await?;
            let text = format!("{} {}", answer.status, dumps(&answer.body));
            let wanted = request.until.as_deref().unwrap_or_default();
            if text.contains(wanted) || Instant::now() >= deadline {
                break answer;
            }
            sleep(INTERVAL).await;
        };
        if request.record {
            let look_for: Vec<_> = match &request.names {
                Names::All(_) => Vec::new(),
                Names::These(names) => names
                    .iter()
                    .map(|name| (name.clone(), self.names.fill(name)))
                    .collect(),
            };
            self.record(recording(self.target, request, &look_for, &answer));
        }
        Ok(())
    }

    async fn script(&self, script: &Script) -> Result<()> {
        let text = match (&script.file, &script.text) {
            (Some(file), _) => self.case.script(file)?,
            (None, Some(text)) => text.clone(),
            (None, None) => bail!("neither file nor text"),
        };
        let done = self.sql(script.db.as_deref(), &text).await;
        done.map(drop)
            .with_context(|| script.file.clone().unwrap_or_default())
    }

    async fn wait_query(&self, query: &WaitQuery) -> Result<()> {
        let limit = seconds(query.timeout.unwrap_or(30.0));
        let what = format!("{} = {}", query.sql, query.result);
        until(&what, limit, async || {
            let rows = self.sql(None, &query.sql).await?;
            Ok((rows == query.result).then_some(()))
        })
        .await
    }

    async fn wait_records(&self, wait: &WaitRecords) -> Result<()> {
        let limit = seconds(wait.timeout.unwrap_or(45.0));
        let what = format!("the arrival of {} records", wait.count);
        let count = || self.collector.count(wait.topic.as_ref());
        let arrived = until(&what, limit, async || {
            Ok((count() >= wait.count).then_some(()))
        });
        arrived
            .await
            .with_context(|| format!("{} records are there", count()))
    }

    async fn quiet(&self, quiet: &Quiet) {
        let (begin, wanted) = (Instant::now(), seconds(quiet.s.unwrap_or(3.0)));
        let limit: Duration = seconds(quiet.timeout.unwrap_or(60.0));
        while self.collector.idle(begin) < wanted && begin.elapsed() < limit {
            sleep(INTERVAL).await;
        }
    }
}
