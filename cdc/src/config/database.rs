//! `database.*`: where PostgreSQL is and how to log in.

use std::fmt;
use std::path::PathBuf;

use super::reader::Reader;

/// `database.sslmode`, with libpq's meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SslMode {
    /// Never TLS.
    Disable,
    /// TLS when the server offers it, without verification.
    Prefer,
    /// TLS, without verification.
    Require,
    /// TLS; the certificate's chain is verified.
    VerifyCa,
    /// TLS; chain and host name are verified.
    VerifyFull,
}

/// Where PostgreSQL is and how to log in.
#[derive(Clone)]
pub struct DatabaseConfig {
    /// `database.hostname`.
    pub host: String,
    /// `database.port`.
    pub port: u16,
    /// `database.user`.
    pub user: String,
    /// `database.password`.
    pub password: String,
    /// `database.dbname`.
    pub dbname: String,
    /// `database.sslmode`.
    pub sslmode: SslMode,
    /// `database.sslrootcert`: PEM file of trusted authorities.
    pub sslrootcert: Option<PathBuf>,
    /// `database.sslcert`: PEM file of the client's certificate.
    pub sslcert: Option<PathBuf>,
    /// `database.sslkey`: PEM file of the client's key.
    pub sslkey: Option<PathBuf>,
}

impl fmt::Debug for DatabaseConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            host,
            port,
            user,
            dbname,
            sslmode,
            ..
        } = self;
        write!(f, "{user}@{host}:{port}/{dbname} ({sslmode:?})")
    }
}

pub(super) fn read(r: &mut Reader<'_>) -> DatabaseConfig {
    let modes = [
        ("allow", SslMode::Prefer),
        ("prefer", SslMode::Prefer),
        ("disable", SslMode::Disable),
        ("verify-ca", SslMode::VerifyCa),
        ("require", SslMode::Require),
        ("verify-full", SslMode::VerifyFull),
    ];
    let port = match r.text("database.port").map(str::parse) {
        None => 5432,
        Some(Ok(port)) => port,
        Some(Err(_)) => {
            r.problem(
                "database.port",
                "The 'database.port' value is invalid: An integer is expected",
            );
            5432
        }
    };
    DatabaseConfig {
        host: r.required("database.hostname"),
        port,
        user: r.required("database.user"),
        password: r.text_or("database.password", ""),
        dbname: r.required("database.dbname"),
        sslmode: r.one_of("database.sslmode", &modes, SslMode::Prefer),
        sslrootcert: r.text("database.sslrootcert").map(PathBuf::from),
        sslcert: r.text("database.sslcert").map(PathBuf::from),
        sslkey: r.text("database.sslkey").map(PathBuf::from),
    }
}
