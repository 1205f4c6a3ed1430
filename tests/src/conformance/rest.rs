//! A client of Kafka Connect's REST interface.
//!
//! Enters: a request. Leaves: the status, the headers and the body, whatever the status is.

pub(super) mod mask;
pub(super) mod recording;

use std::sync::LazyLock;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use regex::Regex;
use reqwest::header::{ACCEPT, CONTENT_TYPE};
use reqwest::{Client, Method};
use serde_json::Value;
use tokio::time::{Instant, sleep};

use super::patterns::constant;
use super::target::Target;

/// How long one request may take.
const LIMIT: Duration = Duration::from_secs(90);

/// How long answers are asked for again that only tell of a rebalance.
const REBALANCE_LIMIT: Duration = Duration::from_secs(30);

static REBALANCE: LazyLock<Regex> = LazyLock::new(|| constant("rebalance|timed out|momentarily"));

/// A request.
#[derive(Debug, Clone, Default)]
pub(super) struct Ask {
    pub(super) method: String,
    /// The path and query.
    pub(super) path: String,
    pub(super) body: Option<String>,
    /// The body's media type.
    pub(super) content_type: Option<String>,
    pub(super) accept: Option<String>,
    /// Take an answer that tells of a rebalance too.
    pub(super) takes_rebalance: bool,
}

/// An answer.
#[derive(Debug, Clone)]
pub(super) struct Answer {
    pub(super) status: u16,
    /// Headers with names in lower case.
    pub(super) headers: Vec<(String, String)>,
    /// The body; text that is no JSON as a string, nothing as null.
    pub(super) body: Value,
}

/// The client.
#[derive(Debug, Clone)]
pub(super) struct Rest {
    url: String,
    client: Client,
}

impl Ask {
    /// A request with a JSON body.
    pub(super) fn json(method: &str, path: &str, body: Option<&Value>) -> Self {
        Self {
            method: method.into(),
            path: path.into(),
            body: body.map(Value::to_string),
            ..Self::default()
        }
    }
}

impl Answer {
    /// A header's value.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(header, _)| header == name);
        found.map(|(_, value)| value.as_str())
    }

    /// Asks that the status is 200 or 201.
    ///
    /// # Errors
    /// Any other status, with the body.
    pub(super) fn created(&self, what: &str) -> Result<()> {
        let body = super::compare::short(&self.body.to_string(), 500);
        ensure!(
            matches!(self.status, 200 | 201),
            "{what} -> {} {body}",
            self.status
        );
        Ok(())
    }
}

impl Rest {
    /// A client of the target's interface.
    ///
    /// # Errors
    /// When none can be made.
    pub(super) fn new(target: &Target) -> Result<Self> {
        Ok(Self {
            url: target.connect.clone(),
            client: Client::builder().timeout(LIMIT).no_proxy().build()?,
        })
    }

    /// Sends `ask`. An answer that only tells of a rebalance is asked for again.
    ///
    /// # Errors
    /// When the server cannot be reached or its answer cannot be read.
    pub(super) async fn send(&self, ask: &Ask) -> Result<Answer> {
        let deadline = Instant::now() + REBALANCE_LIMIT;
        loop {
            let (answer, text) = self.send_once(ask).await?;
            let is_passing = matches!(answer.status, 409 | 500 | 503) && REBALANCE.is_match(&text);
            if ask.takes_rebalance || !is_passing || Instant::now() >= deadline {
                return Ok(answer);
            }
            sleep(super::poll::INTERVAL).await;
        }
    }

    /// A connector's status.
    ///
    /// # Errors
    /// As [`Rest::send`].
    pub(super) async fn status(&self, connector: &str) -> Result<Answer> {
        let path = format!("/connectors/{connector}/status");
        self.send(&Ask::json("GET", &path, None)).await
    }

    async fn send_once(&self, ask: &Ask) -> Result<(Answer, String)> {
        let what = || format!("REST {} {}", ask.method, ask.path);
        let method = Method::from_bytes(ask.method.as_bytes())?;
        let mut request = self
            .client
            .request(method, format!("{}{}", self.url, ask.path));
        if let Some(body) = &ask.body {
            let content_type = ask.content_type.as_deref().unwrap_or("application/json");
            request = request
                .header(CONTENT_TYPE, content_type)
                .body(body.clone());
        }
        if let Some(accept) = &ask.accept {
            request = request.header(ACCEPT, accept);
        }
        let response = request.send().await.with_context(what)?;
        let status = response.status().as_u16();
        let headers = response.headers().iter();
        let headers = headers.map(|(name, value)| {
            let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
            (name.as_str().to_owned(), value)
        });
        let headers = headers.collect();
        let text = response.text().await.with_context(what)?;
        let body = if text.is_empty() {
            Value::Null
        } else {
            serde_json::from_str(&text).unwrap_or_else(|_| text.as_str().into())
        };
        let answer = Answer {
            status,
            headers,
            body,
        };
        Ok((answer, text))
    }
}
