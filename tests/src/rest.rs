//! A worker's REST interface, whoever serves it: Walcast or Kafka Connect.

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use walcast_lab::http::{self, Response};
use walcast_lab::wait_for;

use crate::SOON;

/// A client of one worker.
#[derive(Debug, Clone)]
pub struct Rest {
    url: String,
}

impl Rest {
    /// `url` is `http://host:port`.
    pub fn new(url: &str) -> Self {
        Self {
            url: url.to_owned(),
        }
    }

    /// The worker's URL.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Sends a request.
    ///
    /// # Errors
    /// When the worker cannot be reached.
    pub fn request(&self, method: &str, path: &str, body: Option<&Value>) -> Result<Response> {
        let headers = [
            ("Content-Type", "application/json"),
            ("Accept", "application/json"),
        ];
        let body = body.map(Value::to_string).unwrap_or_default();
        http::request(
            method,
            &format!("{}{path}", self.url),
            &headers,
            body.as_bytes(),
        )
    }

    /// Gets what is at `path`.
    ///
    /// # Errors
    /// When it is not to be had, or no JSON.
    pub fn get(&self, path: &str) -> Result<Value> {
        let text = self.request("GET", path, None)?.ok()?;
        serde_json::from_str(&text).with_context(|| format!("reading {path}"))
    }

    /// Sends a change, again while the worker answers that it rebalances.
    ///
    /// # Errors
    /// When the worker refuses it.
    pub fn change(&self, method: &str, path: &str, body: Option<&Value>) -> Result<()> {
        wait_for(&format!("{method} {path}"), SOON, || {
            let answer = self.request(method, path, body)?;
            match answer.status {
                409 | 503 => Ok(None),
                _ => answer.ok().map(|_| Some(())),
            }
        })
    }

    /// Creates or changes a connector.
    ///
    /// # Errors
    /// When the worker refuses it.
    pub fn put(&self, name: &str, config: &Value) -> Result<()> {
        self.change("PUT", &format!("/connectors/{name}/config"), Some(config))
    }

    /// The connector's status.
    ///
    /// # Errors
    /// When there is none.
    pub fn status(&self, name: &str) -> Result<Value> {
        self.get(&format!("/connectors/{name}/status"))
    }

    /// Stops the connector, and waits until it has.
    ///
    /// # Errors
    /// When it is refused, or takes too long.
    pub fn stop_connector(&self, name: &str) -> Result<()> {
        self.change("PUT", &format!("/connectors/{name}/stop"), None)?;
        wait_for(&format!("{name} to stop"), SOON, || {
            let status = self.status(name)?;
            let stopped = status["connector"]["state"] == "STOPPED" && status["tasks"] == json!([]);
            Ok(stopped.then_some(()))
        })
    }

    /// Waits until the connector's only task is in `state`, and returns its trace.
    ///
    /// # Errors
    /// When it fails instead, or takes too long.
    pub fn wait_state(&self, name: &str, state: &str) -> Result<String> {
        wait_for(&format!("{name} to be {state}"), SOON, || {
            let Ok(status) = self.status(name) else {
                return Ok(None);
            };
            let task = &status["tasks"][0];
            let trace = task["trace"].as_str().unwrap_or_default();
            match task["state"].as_str() {
                Some(now) if now == state => Ok(Some(trace.to_owned())),
                Some("FAILED") => bail!("{name} FAILED: {trace}"),
                _ => Ok(None),
            }
        })
    }
}
