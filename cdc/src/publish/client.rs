//! Builds Kafka clients from the worker's settings.

use rdkafka::consumer::ConsumerContext;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::{ClientConfig, ClientContext};

use super::properties;
use crate::error::{EngineError, Result};
use crate::settings::WorkerSettings;

/// The configuration every client of this worker starts from.
pub(crate) fn base(settings: &WorkerSettings, client_id: &str) -> Result<ClientConfig> {
    let mut config = ClientConfig::new();
    config
        .set("bootstrap.servers", &settings.bootstrap_servers)
        .set("client.id", client_id)
        .set("log.connection.close", "false")
        .set("socket.keepalive.enable", "true")
        .set("socket.nagle.disable", "true")
        .set("reconnect.backoff.ms", "50")
        .set("reconnect.backoff.max.ms", "1000");
    properties::apply(&mut config, &settings.kafka)?;
    Ok(config)
}

/// A consumer's context for which the end of a partition is no error.
pub(crate) struct ReaderContext;

impl ClientContext for ReaderContext {
    fn error(&self, error: KafkaError, reason: &str) {
        if error.rdkafka_error_code() != Some(RDKafkaErrorCode::PartitionEOF) {
            tracing::warn!(%error, reason, "Kafka's client reports");
        }
    }
}

impl ConsumerContext for ReaderContext {}

/// Lets go of a client on another thread: its end takes up to 100 ms, for which nobody should wait.
pub(crate) fn let_go(client: impl Send + 'static) {
    drop(tokio::task::spawn_blocking(move || drop(client)));
}

/// An error of Kafka's client. `doing` completes "while …".
pub(crate) fn fault(doing: &str, error: KafkaError) -> EngineError {
    use rdkafka::types::RDKafkaErrorCode as Code;
    if let KafkaError::ClientConfig(_, why, property, _) = &error {
        // The value, which the error itself would show, may be a password.
        return EngineError::definite(format!(
            "while {doing}: {why} ({property}); correct this Kafka client property"
        ));
    }
    let text = format!("while {doing}: {error}");
    let code = error.rdkafka_error_code();
    let definite = matches!(error, KafkaError::ClientCreation(_))
        || matches!(
            code,
            Some(
                Code::TopicAuthorizationFailed
                    | Code::GroupAuthorizationFailed
                    | Code::ClusterAuthorizationFailed
                    | Code::TransactionalIdAuthorizationFailed
                    | Code::SaslAuthenticationFailed
                    | Code::InvalidConfig
                    | Code::InvalidTransactionTimeout
                    | Code::InvalidReplicationFactor
                    | Code::InvalidPartitions
                    | Code::MessageSizeTooLarge
                    | Code::UnsupportedForMessageFormat
            )
        );
    if is_fenced(&error) {
        return EngineError::fenced(format!(
            "{text}: another instance of this connector with the same transactional id has taken over; this one stopped at once and lost nothing. Run one instance per connector, or restart the task to take over again"
        ))
        .because(error);
    }
    let made = if definite {
        EngineError::definite(text)
    } else {
        EngineError::transient(text)
    };
    made.because(error)
}

/// Whether a newer producer with the same transactional id has fenced this one.
pub(crate) fn is_fenced(error: &KafkaError) -> bool {
    use rdkafka::types::RDKafkaErrorCode as Code;
    matches!(
        error.rdkafka_error_code(),
        Some(Code::Fenced | Code::ProducerFenced | Code::InvalidProducerEpoch)
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Kind;
    use rdkafka::consumer::BaseConsumer;

    #[test]
    fn a_property_that_the_client_refuses_is_named_without_its_value() {
        let mut config = ClientConfig::new();
        config.set("ssl.keystore.pasword", "s3cret");
        let refused = config.create::<BaseConsumer>().err().unwrap();
        let error = fault("making a consumer", refused);
        let trace = error.trace();
        assert!(
            trace.contains("ssl.keystore.pasword") && !trace.contains("s3cret"),
            "{trace}"
        );
        assert_eq!(error.kind(), Kind::Definite);
    }
}
