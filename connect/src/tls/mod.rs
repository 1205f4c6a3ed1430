//! TLS of the REST API: settings in, rustls' configurations out.
//!
//! What Kafka Connect gives Jetty through `SSLUtils`. Stores are read here, once, when the worker
//! starts; a store that cannot be used is an error that names its property.

mod client;
mod der;
mod jks;
mod store;

pub(crate) use client::{client, no_client};

use std::sync::Arc;

use rustls::crypto::{CryptoProvider, ring};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, SupportedProtocolVersion, version};
use walcast_wire::usage::UsageError;

use crate::config::tls::{ClientAuth, TlsSettings};

/// How the listeners of `settings` meet their clients.
///
/// # Errors
/// A [`UsageError`] that names the property whose store cannot be used.
pub(crate) fn server(settings: &TlsSettings) -> Result<Arc<ServerConfig>, UsageError> {
    let prefix = &settings.prefix;
    let Some(keystore) = &settings.keystore else {
        return Err(UsageError::new(format!(
            "listeners has https, which needs a certificate and its key; set {prefix}ssl.keystore.location (PEM, PKCS12 or JKS)"
        )));
    };
    let wrong = |what: &str, why: String| UsageError::new(format!("{prefix}{what}: {why}"));
    let identity = store::identity(keystore, settings.key_password.as_ref())
        .map_err(|why| wrong("ssl.keystore", why))?;
    let provider = Arc::new(provider(settings)?);
    let versions = versions(settings);
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(&versions)
        .map_err(|e| wrong("ssl.cipher.suites", e.to_string()))?;
    let builder = if settings.client_auth == ClientAuth::None {
        builder.with_no_client_auth()
    } else {
        let Some(truststore) = &settings.truststore else {
            return Err(wrong(
                "ssl.client.auth",
                format!(
                    "clients' certificates need authorities; set {prefix}ssl.truststore.location"
                ),
            ));
        };
        let roots = store::authorities(truststore).map_err(|why| wrong("ssl.truststore", why))?;
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
        let verifier = if settings.client_auth == ClientAuth::Requested {
            verifier.allow_unauthenticated()
        } else {
            verifier
        };
        builder.with_client_cert_verifier(
            verifier
                .build()
                .map_err(|e| wrong("ssl.truststore", e.to_string()))?,
        )
    };
    let mut config = builder
        .with_single_cert(identity.chain, identity.key)
        .map_err(|e| wrong("ssl.keystore", e.to_string()))?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

fn versions(settings: &TlsSettings) -> Vec<&'static SupportedProtocolVersion> {
    let tls12 = settings.tls12.then_some(&version::TLS12);
    let tls13 = settings.tls13.then_some(&version::TLS13);
    tls13.into_iter().chain(tls12).collect()
}

/// ring with the suites that the settings name, in rustls' order.
fn provider(settings: &TlsSettings) -> Result<CryptoProvider, UsageError> {
    let mut provider = ring::default_provider();
    let wanted = &settings.cipher_suites;
    if wanted.is_empty() {
        return Ok(provider);
    }
    provider.cipher_suites.retain(|suite| {
        // rustls says TLS13_AES_128_GCM_SHA256 where Java says TLS_AES_128_GCM_SHA256.
        let name = format!("{:?}", suite.suite()).replacen("TLS13_", "TLS_", 1);
        wanted.iter().any(|w| w.eq_ignore_ascii_case(&name))
    });
    if provider.cipher_suites.is_empty() {
        return Err(UsageError::new(format!(
            "{}ssl.cipher.suites={}: none of these is safe enough to be served; remove the property",
            settings.prefix,
            wanted.join(",")
        )));
    }
    Ok(provider)
}

/// The authorities of a list of certificates.
fn roots(
    certificates: impl IntoIterator<Item = rustls::pki_types::CertificateDer<'static>>,
) -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates {
        roots.add(certificate).map_err(|e| e.to_string())?;
    }
    if roots.is_empty() {
        return Err("holds no certificate".into());
    }
    Ok(roots)
}
