//! Redis: the system's server, keeping its data in an append-only file.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::ops::Deref;
use std::time::Duration;

use anyhow::{Context, Result};

use crate::bring::need::Need;
use crate::config;
use crate::dir::LabDir;
use crate::ports::Port;
use crate::service::{Service, Spec};

/// A running Redis.
pub struct Redis {
    /// `redis://127.0.0.1:<port>`.
    pub url: String,
    service: Service,
    _port: Port,
}

impl Redis {
    pub(crate) fn needs() -> Vec<Need> {
        vec![Need {
            name: "Redis",
            packages: &["redis-server"],
            is_met: || config::on_path("redis-server").is_some(),
        }]
    }

    pub(crate) fn start(lab: &LabDir) -> Result<Self> {
        let program = config::on_path("redis-server").context("redis-server is not on the path")?;
        let dir = lab.part("redis", None)?;
        let port = Port::reserve()?;
        let number = port.number();
        let spec = Spec::new("redis", program, &dir)
            .args(["--bind", "127.0.0.1", "--port", &number.to_string()])
            .args(["--save", "", "--appendonly", "yes", "--daemonize", "no"]);
        let service = Service::new(spec, Box::new(move |_| Ok(answers(number))));
        service.start()?;
        let url = format!("redis://127.0.0.1:{number}");
        Ok(Self {
            url,
            service,
            _port: port,
        })
    }
}

impl Deref for Redis {
    type Target = Service;

    fn deref(&self) -> &Service {
        &self.service
    }
}

/// Whether a PING is answered; while it loads its data Redis answers with an error.
fn answers(port: u16) -> bool {
    let ping = || {
        let mut stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.set_read_timeout(Some(Duration::from_secs(2)))?;
        stream.write_all(b"PING\r\n")?;
        let mut answer = [0; 7];
        stream.read_exact(&mut answer)?;
        std::io::Result::Ok(answer)
    };
    ping().is_ok_and(|answer| &answer == b"+PONG\r\n")
}
