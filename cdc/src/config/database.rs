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
    /// `database.initial.statements`: run on every session before anything else.
    pub initial_statements: Vec<String>,
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
        initial_statements: statements(r.text("database.initial.statements").unwrap_or("")),
        sslmode: r.one_of("database.sslmode", &modes, SslMode::Prefer),
        sslrootcert: r.text("database.sslrootcert").map(PathBuf::from),
        sslcert: r.text("database.sslcert").map(PathBuf::from),
        sslkey: r.text("database.sslkey").map(PathBuf::from),
    }
}

/// Statements between semicolons; a doubled one is part of its statement.
fn statements(text: &str) -> Vec<String> {
    let whole = text.replace(";;", "\0");
    let parts = whole.split(';').map(|part| part.replace('\0', ";"));
    let trimmed = parts.map(|part| part.trim().to_owned());
    trimmed.filter(|part| !part.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn statements_stand_between_semicolons() {
        let read = super::statements(" set a = 1; set b = 'x;;y' ;");
        assert_eq!(read, ["set a = 1", "set b = 'x;y'"]);
        assert!(super::statements("").is_empty());
    }
}
