//! Kafka's Java client properties, as librdkafka spells them.

use rdkafka::ClientConfig;

use crate::error::{EngineError, Result};

/// Java names with another name in librdkafka.
const RENAMED: &[(&str, &str)] = &[
    ("max.request.size", "message.max.bytes"),
    ("ssl.truststore.location", "ssl.ca.location"),
    ("ssl.keystore.password", "ssl.key.password"),
    ("fetch.max.wait.ms", "fetch.wait.max.ms"),
];

/// Java names that have no meaning for a native client and cannot change a record.
const MEANINGLESS: &[&str] = &[
    "key.serializer",
    "value.serializer",
    "key.deserializer",
    "value.deserializer",
    "max.block.ms",
    "max.poll.records",
    "default.api.timeout.ms",
    "ssl.truststore.type",
    "ssl.keystore.type",
    "ssl.truststore.password",
    "ssl.protocol",
    "ssl.enabled.protocols",
    "send.buffer.bytes",
    "receive.buffer.bytes",
    "client.dns.lookup",
    "metric.reporters",
];

/// Applies `props` to a client's configuration.
///
/// # Errors
/// Definite for a property that cannot be honoured, naming it and what to write instead.
pub fn apply<'a>(
    client: &mut ClientConfig,
    props: impl IntoIterator<Item = (&'a String, &'a String)>,
) -> Result<()> {
    for (name, value) in props {
        apply_one(client, name, value.trim())?;
    }
    Ok(())
}

fn apply_one(client: &mut ClientConfig, name: &str, value: &str) -> Result<()> {
    match name {
        "buffer.memory" => {
            let bytes: u64 = value
                .parse()
                .map_err(|_| invalid(name, value, "a number of bytes"))?;
            client.set(
                "queue.buffering.max.kbytes",
                (bytes / 1024).max(1).to_string(),
            );
        }
        "sasl.jaas.config" => apply_jaas(client, value)?,
        "ssl.truststore.location" | "ssl.keystore.location" if is_java_store(value) => {
            return Err(invalid(
                name,
                value,
                "a PEM file (a native client cannot read JKS or PKCS12 trust stores)",
            ));
        }
        "ssl.keystore.location" => {
            client
                .set("ssl.certificate.location", value)
                .set("ssl.key.location", value);
        }
        "security.protocol" => {
            client.set(name, value.to_ascii_lowercase());
        }
        "ssl.keystore.certificate.chain" => {
            client.set("ssl.certificate.pem", value);
        }
        "ssl.keystore.key" => {
            client.set("ssl.key.pem", value);
        }
        "ssl.truststore.certificates" => {
            client.set("ssl.ca.pem", value);
        }
        "ssl.endpoint.identification.algorithm" => {
            client.set(name, if value.is_empty() { "none" } else { value });
        }
        _ if MEANINGLESS.contains(&name) => {
            tracing::debug!(property = name, "has no meaning for a native Kafka client");
        }
        _ => {
            let renamed = RENAMED.iter().find(|(java, _)| *java == name);
            client.set(renamed.map_or(name, |(_, native)| native), value);
        }
    }
    Ok(())
}

fn is_java_store(path: &str) -> bool {
    let path = path.to_ascii_lowercase();
    [".jks", ".p12", ".pkcs12", ".pfx"]
        .iter()
        .any(|ending| path.ends_with(ending))
}

/// Takes user and password out of a JAAS line for PLAIN and SCRAM.
fn apply_jaas(client: &mut ClientConfig, jaas: &str) -> Result<()> {
    let option = |key: &str| {
        let (_, rest) = jaas.split_once(&format!("{key}=\""))?;
        rest.split_once('"').map(|(value, _)| value.to_owned())
    };
    match (option("username"), option("password")) {
        (Some(user), Some(password)) => {
            client
                .set("sasl.username", user)
                .set("sasl.password", password);
            Ok(())
        }
        _ => Err(invalid(
            "sasl.jaas.config",
            "…",
            "a login module line with username=\"…\" password=\"…\" (PLAIN or SCRAM)",
        )),
    }
}

fn invalid(name: &str, value: &str, expected: &str) -> EngineError {
    EngineError::definite(format!(
        "Kafka client property {name}={value}: expected {expected}"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn applied(pairs: &[(&str, &str)]) -> Result<ClientConfig> {
        let props: std::collections::BTreeMap<String, String> = pairs
            .iter()
            .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
            .collect();
        let mut client = ClientConfig::new();
        apply(&mut client, &props).map(|()| client)
    }

    #[test]
    fn java_names_are_translated() {
        let client = applied(&[
            ("buffer.memory", "33554432"),
            ("max.request.size", "2000000"),
            ("linger.ms", "5"),
            ("security.protocol", "SASL_SSL"),
            ("ssl.endpoint.identification.algorithm", ""),
            (
                "sasl.jaas.config",
                "x.ScramLoginModule required username=\"u\" password=\"p\";",
            ),
        ])
        .unwrap();
        for (name, value) in [
            ("queue.buffering.max.kbytes", "32768"),
            ("message.max.bytes", "2000000"),
            ("linger.ms", "5"),
            ("security.protocol", "sasl_ssl"),
            ("ssl.endpoint.identification.algorithm", "none"),
            ("sasl.username", "u"),
            ("sasl.password", "p"),
        ] {
            assert_eq!(client.get(name), Some(value), "{name}");
        }
    }

    #[test]
    fn what_cannot_be_honoured_is_refused_by_name() {
        for (name, value) in [
            ("ssl.truststore.location", "/x/trust.jks"),
            ("buffer.memory", "many"),
            ("sasl.jaas.config", "x required;"),
        ] {
            let text = applied(&[(name, value)]).unwrap_err().to_string();
            assert!(text.contains(name), "{text}");
        }
    }
}
