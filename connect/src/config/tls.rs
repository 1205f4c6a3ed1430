//! What `listeners.https.ssl.*` and `admin.listeners.https.ssl.*` say.
//!
//! As Kafka Connect 4.1 reads them (`SSLUtils`): when any property stands under the prefix, only
//! those count; otherwise the worker's own `ssl.*` do. Names and passwords leave, no file is read.

use std::path::PathBuf;

use walcast_wire::usage::UsageError;

use super::reader::Reader;
use super::secret::Secret;
use super::worker::Properties;

/// Whether clients show a certificate: `ssl.client.auth`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClientAuth {
    /// They are not asked.
    None,
    /// They are asked, and may show none.
    Requested,
    /// They must.
    Required,
}

/// A key with its chain, or authorities.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Store {
    /// A PEM, PKCS12 or JKS file, and the password it is opened with.
    File {
        /// Its path.
        path: PathBuf,
        /// `ssl.keystore.password` or `ssl.truststore.password`.
        password: Option<Secret>,
    },
    /// PEM text within the properties.
    Pem {
        /// Certificates.
        certificates: String,
        /// The private key, in a store of keys.
        key: Option<Secret>,
    },
}

/// TLS of some listeners.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsSettings {
    /// Where the properties stand: `listeners.https.`, `admin.listeners.https.` or nothing. Errors name it.
    pub prefix: String,
    /// The listener's key and its chain.
    pub keystore: Option<Store>,
    /// `ssl.key.password`.
    pub key_password: Option<Secret>,
    /// Authorities of clients.
    pub truststore: Option<Store>,
    /// `ssl.client.auth`.
    pub client_auth: ClientAuth,
    /// `ssl.enabled.protocols` has TLSv1.2.
    pub tls12: bool,
    /// `ssl.enabled.protocols` has TLSv1.3.
    pub tls13: bool,
    /// `ssl.cipher.suites`; empty takes all that are safe.
    pub cipher_suites: Vec<String>,
    /// `ssl.endpoint.identification.algorithm` is not empty: a worker that calls another one
    /// compares the certificate with the host's name.
    pub verify_host: bool,
    /// What was accepted though it has no effect: property and why.
    pub warnings: Vec<(String, String)>,
}

/// Settings of the Java provider that rustls has no counterpart of.
const NO_EFFECT: [&str; 6] = [
    "ssl.protocol",
    "ssl.provider",
    "ssl.keymanager.algorithm",
    "ssl.trustmanager.algorithm",
    "ssl.secure.random.implementation",
    "ssl.allow.san.changes",
];

/// Everything that is read here.
const HONOURED: [&str; 13] = [
    "ssl.keystore.type",
    "ssl.keystore.location",
    "ssl.keystore.password",
    "ssl.keystore.key",
    "ssl.keystore.certificate.chain",
    "ssl.key.password",
    "ssl.truststore.type",
    "ssl.truststore.location",
    "ssl.truststore.password",
    "ssl.truststore.certificates",
    "ssl.client.auth",
    "ssl.enabled.protocols",
    "ssl.cipher.suites",
];

impl TlsSettings {
    /// The settings under `prefix`, or without any there the worker's own.
    pub(super) fn read(reader: &Reader<'_>, prefix: &str) -> Result<Self, UsageError> {
        let below = reader.family(prefix);
        if below.is_empty() {
            let own =
                |(k, v): (&String, &String)| k.starts_with("ssl.").then(|| (k.clone(), v.clone()));
            let own: Properties = reader.props.iter().filter_map(own).collect();
            return Under {
                prefix: "",
                reader: Reader { props: &own },
            }
            .settings();
        }
        Under {
            prefix,
            reader: Reader { props: &below },
        }
        .settings()
    }
}

/// Properties with the prefix taken off, and the prefix for errors.
struct Under<'a> {
    prefix: &'a str,
    reader: Reader<'a>,
}

impl Under<'_> {
    fn settings(&self) -> Result<TlsSettings, UsageError> {
        let mut warnings = Vec::new();
        let (tls12, tls13) = self.protocols(&mut warnings)?;
        if !self.prefix.is_empty() {
            for name in self.reader.props.keys() {
                let why = match name.as_str() {
                    n if HONOURED.contains(&n) || n == "ssl.endpoint.identification.algorithm" => {
                        continue;
                    }
                    n if NO_EFFECT.contains(&n) => "has no effect: TLS is not Java's here",
                    _ => "is not a property of a listener; check its spelling",
                };
                warnings.push((format!("{}{name}", self.prefix), why.to_owned()));
            }
        }
        Ok(TlsSettings {
            prefix: self.prefix.to_owned(),
            keystore: self.keystore()?,
            key_password: self.secret("ssl.key.password"),
            truststore: self.truststore()?,
            client_auth: self.client_auth()?,
            tls12,
            tls13,
            cipher_suites: self.list("ssl.cipher.suites"),
            verify_host: self
                .reader
                .given("ssl.endpoint.identification.algorithm")
                .is_none_or(|v| !v.trim().is_empty()),
            warnings,
        })
    }

    fn wrong(&self, name: &str, value: &str, why: &str) -> UsageError {
        UsageError::new(format!("{}{name}={value}: {why}", self.prefix))
    }

    fn secret(&self, name: &str) -> Option<Secret> {
        self.reader
            .given(name)
            .filter(|v| !v.is_empty())
            .map(Secret::new)
    }

    fn list(&self, name: &str) -> Vec<String> {
        let text = self.reader.text(name).unwrap_or_default();
        let items = text.split(',').map(str::trim).filter(|i| !i.is_empty());
        items.map(str::to_owned).collect()
    }

    /// What is in a file is told by its content; the declared type must be one that can be read.
    fn check_type(&self, name: &str) -> Result<(), UsageError> {
        match self.reader.text(name) {
            None => Ok(()),
            Some(t)
                if ["PEM", "PKCS12", "JKS"]
                    .iter()
                    .any(|known| t.eq_ignore_ascii_case(known)) =>
            {
                Ok(())
            }
            Some(other) => Err(self.wrong(name, other, "give PEM, PKCS12 or JKS")),
        }
    }

    fn keystore(&self) -> Result<Option<Store>, UsageError> {
        self.check_type("ssl.keystore.type")?;
        let chain = self.reader.text("ssl.keystore.certificate.chain");
        let key = self.secret("ssl.keystore.key");
        match (chain, key) {
            (Some(chain), Some(key)) => Ok(Some(Store::Pem {
                certificates: chain.to_owned(),
                key: Some(key),
            })),
            (None, None) => Ok(self.file("ssl.keystore")),
            _ => Err(UsageError::new(format!(
                "{0}ssl.keystore.key and {0}ssl.keystore.certificate.chain belong together; give both",
                self.prefix
            ))),
        }
    }

    fn truststore(&self) -> Result<Option<Store>, UsageError> {
        self.check_type("ssl.truststore.type")?;
        if let Some(text) = self.reader.text("ssl.truststore.certificates") {
            return Ok(Some(Store::Pem {
                certificates: text.to_owned(),
                key: None,
            }));
        }
        Ok(self.file("ssl.truststore"))
    }

    fn file(&self, name: &str) -> Option<Store> {
        let path = self.reader.text(&format!("{name}.location"))?;
        Some(Store::File {
            path: PathBuf::from(path),
            password: self.secret(&format!("{name}.password")),
        })
    }

    fn client_auth(&self) -> Result<ClientAuth, UsageError> {
        match self.reader.text("ssl.client.auth") {
            None | Some("none") => Ok(ClientAuth::None),
            Some("requested") => Ok(ClientAuth::Requested),
            Some("required") => Ok(ClientAuth::Required),
            Some(other) => {
                Err(self.wrong("ssl.client.auth", other, "give none, requested or required"))
            }
        }
    }

    fn protocols(&self, warnings: &mut Vec<(String, String)>) -> Result<(bool, bool), UsageError> {
        let name = "ssl.enabled.protocols";
        let given = self.list(name);
        if given.is_empty() {
            return Ok((true, true));
        }
        let has = |wanted: &str| given.iter().any(|p| p.eq_ignore_ascii_case(wanted));
        let (tls12, tls13) = (has("TLSv1.2"), has("TLSv1.3"));
        if !tls12 && !tls13 {
            return Err(self.wrong(
                name,
                &given.join(","),
                "only TLSv1.2 and TLSv1.3 are safe enough to be served; add one",
            ));
        }
        let old: Vec<_> = given
            .iter()
            .filter(|p| {
                !["TLSv1.2", "TLSv1.3"]
                    .iter()
                    .any(|known| p.eq_ignore_ascii_case(known))
            })
            .map(String::as_str)
            .collect();
        if !old.is_empty() {
            warnings.push((
                format!("{}{name}", self.prefix),
                format!(
                    "{} is not served; only TLSv1.2 and TLSv1.3 are",
                    old.join(", ")
                ),
            ));
        }
        Ok((tls12, tls13))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pairs: &[(&str, &str)]) -> Result<TlsSettings, UsageError> {
        let props: Properties = pairs
            .iter()
            .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
            .collect();
        TlsSettings::read(&Reader { props: &props }, "listeners.https.")
    }

    #[test]
    fn the_workers_own_settings_count_only_when_the_listener_has_none() {
        let own = [
            ("ssl.keystore.location", "/own"),
            ("ssl.keystore.password", "p"),
        ];
        let got = read(&own).unwrap();
        let file = |path: &str, password: Option<&str>| Store::File {
            path: path.into(),
            password: password.map(Secret::new),
        };
        assert_eq!(got.keystore, Some(file("/own", Some("p"))));
        let mut both = own.to_vec();
        both.push(("listeners.https.ssl.keystore.location", "/https"));
        let got = read(&both).unwrap();
        assert_eq!(
            (got.prefix.as_str(), got.keystore),
            ("listeners.https.", Some(file("/https", None)))
        );
    }

    #[test]
    fn passwords_are_hidden_when_settings_are_printed() {
        let got = read(&[
            ("listeners.https.ssl.keystore.location", "/x"),
            ("listeners.https.ssl.keystore.password", "s3cret-1"),
            ("listeners.https.ssl.key.password", "s3cret-2"),
            ("listeners.https.ssl.truststore.certificates", "x"),
        ]);
        let shown = format!("{:?}", got.unwrap());
        assert!(
            !shown.contains("s3cret") && shown.contains("[hidden]"),
            "{shown}"
        );
    }

    #[test]
    fn old_protocols_are_left_out_with_a_warning_and_refused_alone() {
        let name = "listeners.https.ssl.enabled.protocols";
        let got = read(&[(name, "TLSv1.1, TLSv1.2")]).unwrap();
        assert_eq!((got.tls12, got.tls13), (true, false));
        assert_eq!(got.warnings[0].0, name);
        assert!(
            read(&[(name, "TLSv1.1")])
                .unwrap_err()
                .to_string()
                .starts_with(name)
        );
    }

    #[test]
    fn what_cannot_be_used_is_named() {
        for (name, value) in [
            ("listeners.https.ssl.client.auth", "maybe"),
            ("listeners.https.ssl.keystore.type", "BCFKS"),
            ("listeners.https.ssl.keystore.key", "x"),
        ] {
            let error = read(&[(name, value)]).unwrap_err().to_string();
            assert!(error.starts_with(name), "{error}");
        }
        let got = read(&[
            ("listeners.https.ssl.protocol", "TLS"),
            ("listeners.https.ssl.bogus", "1"),
        ])
        .unwrap();
        assert_eq!(got.warnings.len(), 2);
    }
}
