//! PostgreSQL: the system's server, or the binaries that Maven carries.
//!
//! It listens on loopback only, trusts everybody there, and is ready for logical replication.
//! PostgreSQL refuses to run as root, so root runs it as the user `postgres` or `nobody`.

mod client;

use std::fs;
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use nix::sys::signal::Signal;
use nix::unistd::User;

pub use self::client::Rows;
use crate::bring::need::Need;
use crate::bring::{cached, is_cached, maven, run};
use crate::dir::{LabDir, is_open_to_all};
use crate::lab::Lab;
use crate::ports::Port;
use crate::service::{Identity, Service, Spec};
use crate::{config, versions};

/// A running PostgreSQL. The superuser is `postgres`, without a password.
pub struct Postgres {
    /// The major version.
    pub version: u8,
    /// `postgres://postgres@127.0.0.1:<port>/postgres`.
    pub url: String,
    /// Its port.
    pub port: u16,
    dir: PathBuf,
    service: Service,
    _port: Port,
}

impl Postgres {
    pub(crate) fn needs(version: u8) -> Result<Vec<Need>> {
        let artifact = versions::postgres(version)?;
        if system_binaries(version).is_some() || is_cached(&artifact.name()) {
            return Ok(Vec::new());
        }
        let xz = Need {
            name: "xz",
            packages: &["xz-utils"],
            is_met: || config::on_path("xz").is_some(),
        };
        Ok(vec![maven::NEED, xz])
    }

    pub(crate) fn bring(version: u8) -> Result<()> {
        binaries(version).map(drop)
    }

    pub(crate) fn start(version: u8, lab: &LabDir) -> Result<Self> {
        let binaries = binaries(version)?;
        let identity = identity()?;
        let name = format!("postgres-{version}");
        let dir = lab.part(&name, identity)?;
        let port = Port::reserve()?;
        initialise(&binaries, &dir.join("data"), identity, &dir)?;
        append(&dir.join("data"), &settings(port.number()))?;
        Self::launch(version, &name, dir, port)
    }

    /// Starts the server whose data lies in `dir`.
    fn launch(version: u8, name: &str, dir: PathBuf, port: Port) -> Result<Self> {
        let data = dir.join("data");
        let spec = Spec::new(name, binaries(version)?.join("postgres"), &dir)
            .args([Path::new("-D"), data.as_path()])
            .identity(identity()?)
            .signals(Signal::SIGINT, Signal::SIGQUIT);
        let service = Service::new(spec, Box::new(move |pid| is_ready(&data, pid)));
        service.start()?;
        Ok(Self {
            version,
            url: format!("postgres://postgres@127.0.0.1:{}/postgres", port.number()),
            port: port.number(),
            dir,
            service,
            _port: port,
        })
    }

    /// Starts a hot standby of this server, which is stopped for a moment so that its data can be
    /// copied. It streams through a slot `standby` and tells the primary what it reads.
    ///
    /// # Errors
    /// When the data cannot be copied or one of the two does not come up.
    pub fn standby(&self, lab: &Lab) -> Result<Self> {
        let name = format!("standby-{}", self.version);
        let dir = lab.dir.part(&name, identity()?)?;
        let port = Port::reserve()?;
        self.stop()?;
        let mut copy = Command::new("cp");
        copy.arg("--archive").arg(self.dir.join("data")).arg(&dir);
        run(copy)?;
        self.service.start()?;
        let slot = "select pg_create_physical_replication_slot('standby', true)";
        self.query("postgres", slot)?;
        append(
            &dir.join("data"),
            &standby_settings(port.number(), self.port),
        )?;
        let signal = dir.join("data/standby.signal");
        fs::write(&signal, "").with_context(|| format!("write {}", signal.display()))?;
        Self::launch(self.version, &name, dir, port)
    }

    /// The URL of another database of this server.
    pub fn url_of(&self, database: &str) -> String {
        format!("postgres://postgres@127.0.0.1:{}/{database}", self.port)
    }

    /// Runs SQL, as one simple query, and gives the rows of its last statement.
    ///
    /// # Errors
    /// When the server cannot be reached or refuses a statement, with its message.
    pub fn query(&self, database: &str, sql: &str) -> Result<Rows> {
        client::query(self.port, database, sql).with_context(|| format!("run on {database}: {sql}"))
    }
}

impl Deref for Postgres {
    type Target = Service;

    fn deref(&self) -> &Service {
        &self.service
    }
}

/// The folder with `initdb` and `postgres`.
fn binaries(version: u8) -> Result<PathBuf> {
    if let Some(found) = system_binaries(version) {
        return Ok(found);
    }
    let artifact = versions::postgres(version)?;
    let dir = cached(&artifact.name(), |dir| {
        maven::unpack(&artifact.coordinates(), dir)?;
        let mut tar = Command::new("tar");
        tar.arg("xJf")
            .arg(dir.join(versions::POSTGRES_ARCHIVE))
            .current_dir(dir);
        run(tar)?;
        fs::remove_file(dir.join(versions::POSTGRES_ARCHIVE)).context("remove the archive")
    })?;
    if nix::unistd::geteuid().is_root() && !is_open_to_all(&dir) {
        bail!(
            "PostgreSQL runs as another user than root, and that user cannot reach {}: \
             set WALCAST_LAB_CACHE to a folder that all users may enter",
            dir.display()
        );
    }
    Ok(dir.join("bin"))
}

fn system_binaries(version: u8) -> Option<PathBuf> {
    let dir = PathBuf::from(format!("/usr/lib/postgresql/{version}/bin"));
    Some(dir).filter(|dir| dir.join("initdb").is_file() && dir.join("postgres").is_file())
}

/// Whom the server runs as, when that is not us.
fn identity() -> Result<Option<Identity>> {
    if !nix::unistd::geteuid().is_root() {
        return Ok(None);
    }
    for name in ["postgres", "nobody"] {
        if let Some(user) = User::from_name(name).context("look a user up")? {
            let (uid, gid) = (user.uid.as_raw(), user.gid.as_raw());
            return Ok(Some(Identity { uid, gid }));
        }
    }
    bail!("PostgreSQL refuses to run as root, and there is neither a user postgres nor nobody");
}

/// Makes the data folder. Nothing is synced: a lab's data need not outlive the machine.
fn initialise(binaries: &Path, data: &Path, identity: Option<Identity>, dir: &Path) -> Result<()> {
    let spec = Spec::new("initdb", binaries.join("initdb"), dir)
        .args(["--username=postgres", "--auth=trust", "--encoding=UTF8"])
        .args([
            "--locale=C.UTF-8",
            "--no-sync",
            "--no-instructions",
            "--pgdata",
        ])
        .arg(data)
        .identity(identity);
    run(spec.command()?).map(drop)
}

fn settings(port: u16) -> String {
    format!(
        "listen_addresses = '127.0.0.1'\n\
         port = {port}\n\
         unix_socket_directories = ''\n\
         wal_level = logical\n\
         max_wal_senders = 40\n\
         max_replication_slots = 40\n\
         max_connections = 200\n\
         max_prepared_transactions = 10\n\
         shared_buffers = 128MB\n\
         max_wal_size = 4GB\n"
    )
}

/// What a standby has beside its primary's settings.
fn standby_settings(port: u16, primary: u16) -> String {
    format!(
        "port = {port}\n\
         primary_conninfo = 'host=127.0.0.1 port={primary} user=postgres dbname=postgres'\n\
         primary_slot_name = 'standby'\n\
         hot_standby_feedback = on\n"
    )
}

/// Adds settings to those that a data folder has.
fn append(data: &Path, settings: &str) -> Result<()> {
    let file = data.join("postgresql.conf");
    let mut text = fs::read_to_string(&file).with_context(|| format!("read {}", file.display()))?;
    text.push_str(settings);
    fs::write(&file, text).with_context(|| format!("write {}", file.display()))
}

/// `postmaster.pid` holds the process's id in its first line and its state in its eighth, which
/// is what `pg_ctl --wait` looks at too. A standby that answers is in a state of its own.
fn is_ready(data: &Path, pid: u32) -> Result<bool> {
    let Ok(text) = fs::read_to_string(data.join("postmaster.pid")) else {
        return Ok(false);
    };
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    let answers = matches!(lines.get(7), Some(&"ready" | &"standby"));
    Ok(lines.first() == Some(&pid.to_string().as_str()) && answers)
}
