//! ClickHouse: the server on the path, or ClickHouse's own library behind the launcher.

mod embedded;
mod server;

use std::ops::Deref;

use anyhow::{Context, Result};

use crate::bring::need::Need;
use crate::dir::LabDir;
use crate::ports::Port;
use crate::service::{Service, Spec};
use crate::{config, http};

/// A running ClickHouse. The user is `default`, without a password.
pub struct ClickHouse {
    /// `http://127.0.0.1:<port>`, its HTTP interface.
    pub url: String,
    /// The port of its native interface.
    pub native_port: u16,
    service: Service,
    _ports: [Port; 2],
}

impl ClickHouse {
    pub(crate) fn needs() -> Vec<Need> {
        if server::find().is_some() || embedded::is_here() {
            return Vec::new();
        }
        vec![Need {
            name: "npm",
            packages: &["nodejs", "npm"],
            is_met: || config::on_path("npm").is_some(),
        }]
    }

    pub(crate) fn bring() -> Result<()> {
        match server::find() {
            Some(_) => Ok(()),
            None => embedded::bring(),
        }
    }

    pub(crate) fn start(lab: &LabDir) -> Result<Self> {
        let dir = lab.part("clickhouse", None)?;
        let ports = [Port::reserve()?, Port::reserve()?];
        let [http, native] = [ports[0].number(), ports[1].number()];
        let spec: Spec = match server::find() {
            Some(program) => server::spec(program, &dir, http, native)?,
            None => embedded::spec(&dir, http, native)?,
        };
        let url = format!("http://127.0.0.1:{http}");
        let ping = format!("{url}/ping");
        let ready = move |_| Ok(http::get(&ping).is_ok_and(|answer| answer.status == 200));
        let service = Service::new(spec, Box::new(ready));
        service.start()?;
        Ok(Self {
            url,
            native_port: native,
            service,
            _ports: ports,
        })
    }

    /// Runs one statement and gives its result as ClickHouse prints it (`FORMAT`, else TSV).
    ///
    /// # Errors
    /// When the server cannot be reached or refuses the statement, with its message.
    pub fn query(&self, sql: &str) -> Result<String> {
        http::request("POST", &self.url, &[], sql.as_bytes())
            .and_then(http::Response::ok)
            .with_context(|| format!("run on ClickHouse: {sql}"))
    }
}

impl Deref for ClickHouse {
    type Target = Service;

    fn deref(&self) -> &Service {
        &self.service
    }
}
