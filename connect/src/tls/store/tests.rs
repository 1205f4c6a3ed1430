//! Stores that `keytool` (Java 17) and `openssl` (3.0) wrote, under `testdata/`.

use super::*;

fn store(name: &str, password: Option<&str>) -> Store {
    Store::File {
        path: Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("src/tls/testdata")
            .join(name),
        password: password.map(Secret::new),
    }
}

/// The identity of a store, proven by signing with it.
fn check(store: &Store, key_password: Option<&str>) -> Vec<CertificateDer<'static>> {
    let key_password = key_password.map(Secret::new);
    let identity = identity(store, key_password.as_ref()).unwrap();
    let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
    let server = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth();
    // This compares the key with the certificate.
    server
        .with_single_cert(identity.chain.clone(), identity.key)
        .unwrap();
    identity.chain
}

#[test]
fn keys_are_read_from_every_kind_of_store() {
    check(&store("worker.jks", Some("store-pw")), Some("key-pw"));
    check(&store("worker.p12", Some("store-pw")), None);
    let chain = check(&store("encrypted.pem", None), Some("key-pw"));
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let pem = Store::Pem {
        certificates: made.cert.pem(),
        key: Some(Secret::new(made.signing_key.serialize_pem())),
    };
    assert_ne!(check(&pem, None), chain);
}

#[test]
fn authorities_are_read_from_every_kind_of_store() {
    for name in ["trust.jks", "trust.p12"] {
        assert_eq!(
            authorities(&store(name, Some("store-pw"))).unwrap().len(),
            1,
            "{name}"
        );
    }
    assert_eq!(authorities(&store("encrypted.pem", None)).unwrap().len(), 1);
    assert!(authorities(&store("worker.jks", Some("store-pw"))).is_err());
}

#[test]
fn a_wrong_password_is_told_and_no_secret_with_it() {
    for (name, password, key_password) in [
        ("worker.jks", Some("wrong-1"), Some("key-pw")),
        ("worker.jks", Some("store-pw"), Some("wrong-1")),
        ("worker.jks", Some("store-pw"), None),
        ("worker.p12", Some("wrong-1"), None),
        ("worker.p12", None, None),
        ("encrypted.pem", None, Some("wrong-1")),
        ("encrypted.pem", None, None),
        ("none.p12", Some("store-pw"), None),
        ("trust.p12", Some("store-pw"), None),
    ] {
        let key_password = key_password.map(Secret::new);
        let found = identity(&store(name, password), key_password.as_ref());
        let error = found.err().unwrap();
        assert!(
            !error.contains("wrong-1") && !error.contains("-pw"),
            "{name}: {error}"
        );
    }
}
