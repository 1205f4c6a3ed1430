//! Kafka's Java client properties, as librdkafka spells them.

use rdkafka::ClientConfig;
use walcast_wire::usage::UsageError;

use crate::config::Properties;

/// Names that have no meaning for a native client.
const MEANINGLESS: &[&str] = &[
    "client.dns.lookup",
    "ssl.truststore.type",
    "ssl.truststore.password",
    "ssl.keystore.type",
    "ssl.protocol",
    "ssl.enabled.protocols",
];

/// Applies a worker's `security.protocol`, `sasl.*` and `ssl.*` to a client.
///
/// # Errors
/// [`UsageError`] for a property that cannot be honoured, naming it and what to write instead.
pub(super) fn apply(client: &mut ClientConfig, props: &Properties) -> Result<(), UsageError> {
    for (name, value) in props {
        apply_one(client, name, value.trim())?;
    }
    Ok(())
}

fn apply_one(client: &mut ClientConfig, name: &str, value: &str) -> Result<(), UsageError> {
    match name {
        "security.protocol" => client.set(name, value.to_ascii_lowercase()),
        "sasl.jaas.config" => {
            let (user, password) = credentials(value).ok_or_else(|| {
                UsageError::new("sasl.jaas.config: give a login module line with username=\"…\" password=\"…\" (PLAIN or SCRAM)")
            })?;
            client
                .set("sasl.username", user)
                .set("sasl.password", password)
        }
        "ssl.truststore.location" | "ssl.keystore.location" if is_java_store(value) => {
            return Err(UsageError::new(format!(
                "{name}={value}: give a PEM file; a native client cannot read Java's key stores (keytool -exportcert -rfc, openssl pkcs12)"
            )));
        }
        "ssl.truststore.location" => client.set("ssl.ca.location", value),
        "ssl.truststore.certificates" => client.set("ssl.ca.pem", value),
        "ssl.keystore.location" => client
            .set("ssl.certificate.location", value)
            .set("ssl.key.location", value),
        "ssl.keystore.certificate.chain" => client.set("ssl.certificate.pem", value),
        "ssl.keystore.key" => client.set("ssl.key.pem", value),
        "ssl.keystore.password" => client.set("ssl.key.password", value),
        "ssl.endpoint.identification.algorithm" => {
            client.set(name, if value.is_empty() { "none" } else { value })
        }
        _ if MEANINGLESS.contains(&name) => return Ok(()),
        _ => client.set(name, value),
    };
    Ok(())
}

fn is_java_store(path: &str) -> bool {
    let path = path.to_ascii_lowercase();
    [".jks", ".p12", ".pkcs12", ".pfx"]
        .iter()
        .any(|ending| path.ends_with(ending))
}

/// User and password of a JAAS line for PLAIN or SCRAM.
fn credentials(jaas: &str) -> Option<(String, String)> {
    let option = |key: &str| {
        let (_, rest) = jaas.split_once(&format!("{key}=\""))?;
        rest.split_once('"').map(|(value, _)| value.to_owned())
    };
    Some((option("username")?, option("password")?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn applied(pairs: &[(&str, &str)]) -> Result<ClientConfig, UsageError> {
        let props = pairs
            .iter()
            .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
            .collect();
        let mut client = ClientConfig::new();
        apply(&mut client, &props).map(|()| client)
    }

    #[test]
    fn java_names_are_translated() {
        let client = applied(&[
            ("security.protocol", "SASL_SSL"),
            ("sasl.mechanism", "SCRAM-SHA-512"),
            (
                "sasl.jaas.config",
                "x.ScramLoginModule required username=\"u\" password=\"p\";",
            ),
            ("ssl.truststore.location", "/ca.pem"),
            ("ssl.truststore.type", "PEM"),
            ("ssl.endpoint.identification.algorithm", ""),
        ])
        .unwrap();
        for (name, value) in [
            ("security.protocol", "sasl_ssl"),
            ("sasl.mechanism", "SCRAM-SHA-512"),
            ("sasl.username", "u"),
            ("sasl.password", "p"),
            ("ssl.ca.location", "/ca.pem"),
            ("ssl.endpoint.identification.algorithm", "none"),
        ] {
            assert_eq!(client.get(name), Some(value), "{name}");
        }
    }

    #[test]
    fn what_cannot_be_honoured_is_refused_by_name_and_without_the_secret() {
        for (name, value) in [
            ("ssl.truststore.location", "/x/trust.JKS"),
            ("sasl.jaas.config", "x required hush;"),
        ] {
            let text = applied(&[(name, value)]).unwrap_err().to_string();
            assert!(text.starts_with(name) && !text.contains("hush"), "{text}");
        }
    }
}
