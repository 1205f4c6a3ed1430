//! libpq's `sslmode` and `sslrootcert`, taken out of a URL for the driver, which knows half of them.
//!
//! Source: <https://www.postgresql.org/docs/current/libpq-ssl.html>, table "SSL Mode Descriptions".

use std::path::PathBuf;

use tokio_postgres::config::SslMode;
use walcast_wire::usage::UsageError;

/// How much of the server's certificate is verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verify {
    /// Nothing: the connection is secret from listeners, not from impostors.
    Nothing,
    /// That a known authority signed it.
    Authority,
    /// That a known authority signed it for this host.
    AuthorityAndHost,
}

/// A URL without its TLS options, and what they mean.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Split {
    pub(super) rest: String,
    /// `None` leaves the driver's default, which prefers TLS.
    pub(super) ssl_mode: Option<SslMode>,
    pub(super) verify: Verify,
    pub(super) root_file: Option<PathBuf>,
}

/// Splits a `postgres://` URL; the `key=value` form is passed on as it is.
pub(super) fn split(url: &str) -> Result<Split, UsageError> {
    let mut split = Split {
        rest: url.to_owned(),
        ssl_mode: None,
        verify: Verify::Nothing,
        root_file: None,
    };
    let Some((base, query)) = url.split_once('?').filter(|_| url.contains("://")) else {
        return Ok(split);
    };
    let mut kept = Vec::new();
    let mut mode = "";
    for pair in query.split('&') {
        match pair.split_once('=') {
            Some(("sslmode", value)) => mode = value,
            Some(("sslrootcert", value)) => split.root_file = Some(decode(value)?.into()),
            _ => kept.push(pair),
        }
    }
    split.rest = if kept.is_empty() {
        base.to_owned()
    } else {
        format!("{base}?{}", kept.join("&"))
    };
    (split.ssl_mode, split.verify) = match mode {
        "" => (None, Verify::Nothing),
        "disable" => (Some(SslMode::Disable), Verify::Nothing),
        "allow" | "prefer" => (Some(SslMode::Prefer), Verify::Nothing),
        // As in libpq: with an authority at hand `require` verifies it.
        "require" if split.root_file.is_none() => (Some(SslMode::Require), Verify::Nothing),
        "require" | "verify-ca" => (Some(SslMode::Require), Verify::Authority),
        "verify-full" => (Some(SslMode::Require), Verify::AuthorityAndHost),
        other => {
            let text = format!(
                "postgres_url: sslmode={other} is unknown; use disable, allow, prefer, require, \
                 verify-ca or verify-full"
            );
            return Err(UsageError::new(text));
        }
    };
    Ok(split)
}

fn decode(value: &str) -> Result<String, UsageError> {
    let bad = || UsageError::new("postgres_url: sslrootcert is not valid percent-encoding");
    let mut bytes = Vec::with_capacity(value.len());
    let mut rest = value.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let (high, low) = rest.next().zip(rest.next()).ok_or_else(bad)?;
        let digits = [high, low];
        let digits = std::str::from_utf8(&digits).map_err(|_| bad())?;
        bytes.push(u8::from_str_radix(digits, 16).map_err(|_| bad())?);
    }
    String::from_utf8(bytes).map_err(|_| bad())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(url: &str, rest: &str, mode: Option<SslMode>, verify: Verify) {
        let split = split(url).expect("usable");
        assert_eq!(
            (split.rest.as_str(), split.ssl_mode, split.verify),
            (rest, mode, verify),
            "{url}"
        );
    }

    #[test]
    fn modes_mean_what_they_mean_to_libpq() {
        use SslMode::{Disable, Prefer, Require};
        use Verify::{Authority, AuthorityAndHost, Nothing};
        check("postgres://h/d", "postgres://h/d", None, Nothing);
        check(
            "postgres://h/d?sslmode=disable",
            "postgres://h/d",
            Some(Disable),
            Nothing,
        );
        check(
            "postgres://h/d?sslmode=prefer&x=1",
            "postgres://h/d?x=1",
            Some(Prefer),
            Nothing,
        );
        check(
            "postgres://h/d?sslmode=require",
            "postgres://h/d",
            Some(Require),
            Nothing,
        );
        let both = "postgres://h/d?sslrootcert=%2Fca.pem&sslmode=require";
        check(both, "postgres://h/d", Some(Require), Authority);
        check(
            "postgres://h/d?sslmode=verify-ca",
            "postgres://h/d",
            Some(Require),
            Authority,
        );
        check(
            "postgres://h/d?sslmode=verify-full",
            "postgres://h/d",
            Some(Require),
            AuthorityAndHost,
        );
        check(
            "host=h sslmode=require",
            "host=h sslmode=require",
            None,
            Nothing,
        );
        assert_eq!(
            split(both).expect("usable").root_file,
            Some("/ca.pem".into())
        );
    }

    #[test]
    fn an_unknown_mode_is_refused() {
        let error = split("postgres://h/d?sslmode=maybe").expect_err("unknown");
        assert!(error.to_string().contains("sslmode=maybe is unknown"));
    }
}
