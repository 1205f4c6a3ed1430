//! Stores of keys and certificates: PEM, PKCS12 and JKS, told apart by their first bytes, as Java
//! tells PKCS12 from JKS whatever the declared type is.

use std::path::Path;

use p12_keystore::{KeyStore, KeyStoreEntry, Pkcs12ImportPolicy};
use rustls::RootCertStore;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

use super::der::with_public_key;
use super::{jks, roots};
use crate::config::Secret;
use crate::config::tls::Store;

/// A certificate chain, the listener's own first, and its key.
pub(super) struct Identity {
    pub(super) chain: Vec<CertificateDer<'static>>,
    pub(super) key: PrivateKeyDer<'static>,
}

/// The key of a store and its chain.
///
/// # Errors
/// Why the store cannot be used; the texts hold no secret.
pub(super) fn identity(store: &Store, key_password: Option<&Secret>) -> Result<Identity, String> {
    match store {
        Store::Pem { certificates, key } => {
            let key = key.as_ref().ok_or("has no private key")?;
            from_pem(certificates.as_bytes(), key.reveal(), key_password)
        }
        Store::File { path, password } => {
            let bytes = read(path)?;
            let named = |why: String| format!("{}: {why}", path.display());
            match kind(&bytes) {
                Kind::Pem => {
                    let text = String::from_utf8_lossy(&bytes);
                    from_pem(&bytes, &text, key_password.or(password.as_ref()))
                }
                Kind::Pkcs12 => from_pkcs12(&bytes, password.as_ref()),
                Kind::Jks => from_jks(&bytes, password.as_ref(), key_password),
            }
            .map_err(named)
        }
    }
}

/// The authorities of a store.
///
/// # Errors
/// Why the store cannot be used.
pub(super) fn authorities(store: &Store) -> Result<RootCertStore, String> {
    let (path, password) = match store {
        Store::Pem { certificates, .. } => {
            return roots(pem_certificates(certificates.as_bytes())?);
        }
        Store::File { path, password } => (path, password.as_ref()),
    };
    let bytes = read(path)?;
    let found = match kind(&bytes) {
        Kind::Pem => pem_certificates(&bytes),
        Kind::Pkcs12 => open_pkcs12(&bytes, password).map(|store| {
            let certificate = |entry: &KeyStoreEntry| match entry {
                KeyStoreEntry::Certificate(certificate) => Some(der(certificate.as_der())),
                _ => None,
            };
            store
                .entries()
                .filter_map(|(_, entry)| certificate(entry))
                .collect()
        }),
        Kind::Jks => jks::read(&bytes, password.map(Secret::reveal))
            .map(|store| store.trusted.iter().map(|c| der(c)).collect()),
    };
    found
        .and_then(roots)
        .map_err(|why| format!("{}: {why}", path.display()))
}

enum Kind {
    Pem,
    Pkcs12,
    Jks,
}

fn kind(bytes: &[u8]) -> Kind {
    match bytes {
        [0xFE, 0xED, 0xFE, 0xED, ..] => Kind::Jks,
        [0x30, ..] => Kind::Pkcs12,
        _ => Kind::Pem,
    }
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    std::fs::read(path).map_err(|e| format!("{} cannot be read: {e}", path.display()))
}

fn der(bytes: &[u8]) -> CertificateDer<'static> {
    CertificateDer::from(bytes.to_vec())
}

/// A key that stands in PKCS8, with the public half that its certificate knows.
fn pkcs8_key(bytes: &[u8], chain: &[CertificateDer<'_>]) -> PrivateKeyDer<'static> {
    let key = chain.first().map_or_else(
        || bytes.to_vec(),
        |certificate| with_public_key(bytes, certificate),
    );
    PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key))
}

fn pem_certificates(text: &[u8]) -> Result<Vec<CertificateDer<'static>>, String> {
    CertificateDer::pem_slice_iter(text)
        .collect::<Result<_, _>>()
        .map_err(|e| format!("its certificates cannot be read: {e}"))
}

fn from_pem(certificates: &[u8], key: &str, password: Option<&Secret>) -> Result<Identity, String> {
    let chain = pem_certificates(certificates)?;
    if chain.is_empty() {
        return Err("holds no certificate".into());
    }
    let key = match pem_key(key, password)? {
        PrivateKeyDer::Pkcs8(key) => pkcs8_key(key.secret_pkcs8_der(), &chain),
        key => key,
    };
    Ok(Identity { chain, key })
}

fn pem_key(text: &str, password: Option<&Secret>) -> Result<PrivateKeyDer<'static>, String> {
    const LABEL: &str = "ENCRYPTED PRIVATE KEY";
    let begin = format!("-----BEGIN {LABEL}-----");
    let Some(start) = text.find(&begin) else {
        return PrivateKeyDer::from_pem_slice(text.as_bytes())
            .map_err(|e| format!("its private key cannot be read: {e}"));
    };
    let password = password.ok_or("the private key is encrypted; give ssl.key.password")?;
    let wrong = |_| "the private key cannot be decrypted; check ssl.key.password".to_owned();
    let body = text[start + begin.len()..]
        .split("-----")
        .next()
        .unwrap_or_default();
    let body: String = body.split_whitespace().collect();
    let encrypted = base64::Engine::decode(&base64::engine::general_purpose::STANDARD, body)
        .map_err(|e| format!("its private key cannot be read: {e}"))?;
    let encrypted = pkcs8::EncryptedPrivateKeyInfoRef::try_from(encrypted.as_slice())
        .map_err(|e| format!("its private key cannot be read: {e}"))?;
    let key = encrypted.decrypt(password.reveal()).map_err(wrong)?;
    Ok(pkcs8_key(key.as_bytes(), &[]))
}

fn open_pkcs12(bytes: &[u8], password: Option<&Secret>) -> Result<KeyStore, String> {
    let password = password.map_or("", Secret::reveal);
    KeyStore::from_pkcs12(bytes, password, Pkcs12ImportPolicy::Relaxed)
        .map_err(|e| format!("cannot be opened as PKCS12: {e}; check its password"))
}

fn from_pkcs12(bytes: &[u8], password: Option<&Secret>) -> Result<Identity, String> {
    let store = open_pkcs12(bytes, password)?;
    let (_, chain) = store.private_key_chain().ok_or("holds no private key")?;
    let certificates: Vec<_> = chain.certs().iter().map(|c| der(c.as_der())).collect();
    Ok(Identity {
        key: pkcs8_key(chain.key().as_der(), &certificates),
        chain: certificates,
    })
}

fn from_jks(
    bytes: &[u8],
    password: Option<&Secret>,
    key_password: Option<&Secret>,
) -> Result<Identity, String> {
    let store = jks::read(bytes, password.map(Secret::reveal))?;
    let entry = store.keys.first().ok_or("holds no private key")?;
    // As in Java, a key without a password of its own has the store's.
    let password = key_password.or(password).map_or("", Secret::reveal);
    let chain: Vec<_> = entry.chain.iter().map(|c| der(c)).collect();
    Ok(Identity {
        key: pkcs8_key(&entry.unlock(password)?, &chain),
        chain,
    })
}

#[cfg(test)]
mod tests;
