//! How a worker meets the listeners of another, when it passes a request on.

use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::ring;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme,
};
use walcast_wire::usage::UsageError;

use super::{provider, store, versions};
use crate::config::tls::TlsSettings;

/// A client that trusts the listener's own truststore, or without one the public authorities, and
/// shows the listener's own certificate where it is asked for one, as Connect's `RestClient` does.
///
/// # Errors
/// A [`UsageError`] that names the property whose store cannot be used.
pub(crate) fn client(settings: &TlsSettings) -> Result<ClientConfig, UsageError> {
    let prefix = &settings.prefix;
    let wrong = |what: &str, why: String| UsageError::new(format!("{prefix}{what}: {why}"));
    let provider = Arc::new(provider(settings)?);
    let roots = match &settings.truststore {
        Some(truststore) => {
            store::authorities(truststore).map_err(|why| wrong("ssl.truststore", why))?
        }
        None => RootCertStore::from_iter(webpki_roots::TLS_SERVER_ROOTS.iter().cloned()),
    };
    let chain = WebPkiServerVerifier::builder_with_provider(roots.into(), Arc::clone(&provider));
    let verifier = Verifier {
        chain: chain
            .build()
            .map_err(|e| wrong("ssl.truststore", e.to_string()))?,
        check_name: settings.verify_host,
    };
    let builder = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&versions(settings))
        .map_err(|e| wrong("ssl.cipher.suites", e.to_string()))?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier));
    let Some(keystore) = &settings.keystore else {
        return Ok(builder.with_no_client_auth());
    };
    let identity = store::identity(keystore, settings.key_password.as_ref())
        .map_err(|why| wrong("ssl.keystore", why))?;
    builder
        .with_client_auth_cert(identity.chain, identity.key)
        .map_err(|e| wrong("ssl.keystore", e.to_string()))
}

/// A client of listeners without TLS: it trusts nobody.
///
/// # Errors
/// None that a setting can cause.
pub(crate) fn no_client() -> Result<ClientConfig, UsageError> {
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|e| UsageError::new(format!("TLS cannot be set up: {e}")))?;
    Ok(builder
        .with_root_certificates(RootCertStore::empty())
        .with_no_client_auth())
}

/// Verifies the chain, and the name unless `ssl.endpoint.identification.algorithm` is empty.
#[derive(Debug)]
struct Verifier {
    chain: Arc<WebPkiServerVerifier>,
    check_name: bool,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let chain = &self.chain;
        match chain.verify_server_cert(end_entity, intermediates, server_name, ocsp, now) {
            Err(rustls::Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) if !self.check_name => Ok(ServerCertVerified::assertion()),
            other => other,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let chain = &self.chain;
        chain.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let chain = &self.chain;
        chain.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.chain.supported_verify_schemes()
    }
}
