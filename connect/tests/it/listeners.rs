//! Listeners as Kafka Connect has them: several, TLS, client certificates, `/admin` apart, basic
//! authentication, and what is put on answers.

use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::world::World;

/// An authority with a certificate for the worker and one for a client, as PEM files.
pub(crate) struct Certificates {
    dir: TempDir,
    authority: String,
    client: (String, String),
}

impl Certificates {
    pub(crate) fn make() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let issue = |name: &str| {
            let key = KeyPair::generate().unwrap();
            let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
            let certificate = params.signed_by(&key, &authority).unwrap();
            (certificate.pem(), key.serialize_pem())
        };
        let (worker, client) = (issue("localhost"), issue("client"));
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("worker.pem"), worker.0 + &worker.1).unwrap();
        std::fs::write(dir.path().join("authority.pem"), authority.pem()).unwrap();
        Self {
            dir,
            authority: authority.pem(),
            client,
        }
    }

    pub(crate) fn path(&self, name: &str) -> String {
        self.dir.path().join(name).display().to_string()
    }

    fn client(&self, shows_certificate: bool) -> TlsConnector {
        let mut roots = RootCertStore::empty();
        roots
            .add(CertificateDer::from_pem_slice(self.authority.as_bytes()).unwrap())
            .unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots);
        let config = if shows_certificate {
            let chain = vec![CertificateDer::from_pem_slice(self.client.0.as_bytes()).unwrap()];
            let key = PrivateKeyDer::from_pem_slice(self.client.1.as_bytes()).unwrap();
            builder.with_client_auth_cert(chain, key).unwrap()
        } else {
            builder.with_no_client_auth()
        };
        TlsConnector::from(Arc::new(config))
    }
}

/// The whole answer to a request, as text.
async fn exchange(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    head: &str,
    body: &str,
) -> std::io::Result<String> {
    let length = body.len();
    let request = format!(
        "{head}\r\nHost: worker:1\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
    );
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    let read = stream.read_to_end(&mut answer).await;
    // A peer that closes without a word of TLS has said all that it will say.
    if answer.is_empty() {
        read?;
    }
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

async fn plain(world: &World, index: usize, head: &str) -> String {
    let stream = TcpStream::connect(world.addresses()[index]).await.unwrap();
    exchange(stream, head, "").await.unwrap()
}

async fn encrypted(
    world: &World,
    connector: &TlsConnector,
    head: &str,
    body: &str,
) -> std::io::Result<String> {
    let stream = TcpStream::connect(world.addresses()[0]).await?;
    let name = ServerName::try_from("localhost").unwrap();
    exchange(connector.connect(name, stream).await?, head, body).await
}

async fn start(extra: &[(&str, &str)]) -> World {
    let mut world = World::new();
    for (name, value) in extra {
        world.props.insert((*name).into(), (*value).into());
    }
    world.start_worker().await;
    world
}

#[tokio::test(flavor = "multi_thread")]
async fn http_and_https_are_served_side_by_side() {
    let certificates = Certificates::make();
    let world = start(&[
        ("listeners", "https://127.0.0.1:0,http://127.0.0.1:0"),
        ("rest.advertised.listener", "https"),
        ("rest.advertised.host.name", "worker.example"),
        (
            "listeners.https.ssl.keystore.location",
            &certificates.path("worker.pem"),
        ),
    ])
    .await;
    let connector = certificates.client(false);
    let body = json!({"name": "c", "config": crate::world::props(json!({}))}).to_string();
    let created = encrypted(&world, &connector, "POST /connectors HTTP/1.1", &body).await;
    let created = created.unwrap();
    assert!(created.starts_with("HTTP/1.1 201"), "{created}");
    let location = "location: https://worker:1/connectors/c\r\n";
    assert!(created.to_lowercase().contains(location), "{created}");
    // The other listener serves the same worker.
    let port = world.addresses()[0].port();
    let status = world
        .until_at(1, "/connectors/c/status", |a| a.status == 200)
        .await;
    assert_eq!(
        status.body["connector"]["worker_id"],
        format!("worker.example:{port}")
    );
    let plain_to_tls = plain(&world, 0, "GET / HTTP/1.1").await;
    assert!(!plain_to_tls.contains("200"), "{plain_to_tls}");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_show_a_certificate_when_they_must() {
    let certificates = Certificates::make();
    let (keystore, truststore) = (
        certificates.path("worker.pem"),
        certificates.path("authority.pem"),
    );
    for (auth, without) in [("required", false), ("requested", true)] {
        let world = start(&[
            ("listeners", "https://127.0.0.1:0"),
            ("ssl.keystore.location", &keystore),
            ("ssl.truststore.location", &truststore),
            ("ssl.client.auth", auth),
            ("ssl.enabled.protocols", "TLSv1.3"),
        ])
        .await;
        let head = "GET / HTTP/1.1";
        let with = encrypted(&world, &certificates.client(true), head, "").await;
        assert!(with.unwrap().starts_with("HTTP/1.1 200"), "{auth}");
        let got = encrypted(&world, &certificates.client(false), head, "").await;
        assert_eq!(
            got.is_ok_and(|a| a.starts_with("HTTP/1.1 200")),
            without,
            "{auth}"
        );
        // A certificate of an authority that the worker does not trust.
        let stranger = Certificates::make();
        let mut mixed = Certificates::make();
        mixed.authority.clone_from(&certificates.authority);
        mixed.client.clone_from(&stranger.client);
        let got = encrypted(&world, &mixed.client(true), head, "").await;
        assert!(!got.is_ok_and(|a| a.starts_with("HTTP/1.1 200")), "{auth}");
        world.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_client_keeps_no_other_one_waiting() {
    let certificates = Certificates::make();
    let world = start(&[
        ("listeners", "https://127.0.0.1:0"),
        (
            "listeners.https.ssl.keystore.location",
            &certificates.path("worker.pem"),
        ),
    ])
    .await;
    let mut silent = Vec::new();
    for _ in 0..20 {
        silent.push(TcpStream::connect(world.addresses()[0]).await.unwrap());
    }
    let answer = encrypted(&world, &certificates.client(false), "GET / HTTP/1.1", "").await;
    assert!(answer.unwrap().starts_with("HTTP/1.1 200"));
    drop(silent);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn admin_is_served_where_its_listeners_are_and_nothing_else_is() {
    let world = start(&[("admin.listeners", "http://127.0.0.1:0")]).await;
    assert_eq!(world.get("/admin/loggers").await.status, 404);
    let stream = TcpStream::connect(world.admin_addresses()[0])
        .await
        .unwrap();
    let loggers = exchange(stream, "GET /admin/loggers HTTP/1.1", "")
        .await
        .unwrap();
    assert!(loggers.starts_with("HTTP/1.1 200"), "{loggers}");
    for path in ["/", "/connectors", "/metrics", "/health"] {
        let stream = TcpStream::connect(world.admin_addresses()[0])
            .await
            .unwrap();
        let other = exchange(stream, &format!("GET {path} HTTP/1.1"), "")
            .await
            .unwrap();
        assert!(other.starts_with("HTTP/1.1 404"), "{path}: {other}");
    }
    world.end().await;

    let world = start(&[("admin.listeners", "")]).await;
    assert_eq!(world.get("/admin/loggers").await.status, 404);
    assert_eq!(world.get("/").await.status, 200);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_users_are_served() {
    let dir = tempfile::tempdir().unwrap();
    let users = dir.path().join("users.properties");
    std::fs::write(&users, "ann=s3cret\n").unwrap();
    let world = start(&[
        ("walcast.rest.basic.auth.file", users.to_str().unwrap()),
        ("admin.listeners", "http://127.0.0.1:0"),
    ])
    .await;
    for path in [
        "/",
        "/connectors",
        "/connectors/none/status",
        "/health",
        "/metrics",
    ] {
        let refused = world.get(path).await;
        assert_eq!(
            (refused.status, refused.body),
            (401, json!("User cannot access the resource.")),
            "{path}"
        );
        let request = world.request("GET", path).basic_auth("ann", Some("s3cret"));
        assert_ne!(world.send(request).await.status, 401, "{path}");
        let request = world.request("GET", path).basic_auth("ann", Some("s3cre"));
        assert_eq!(world.send(request).await.status, 401, "{path}");
    }
    // As in Connect: what no resource takes is not asked for credentials, and /admin apart is not.
    assert_eq!(world.get("/none").await.status, 404);
    let delete = world.ask("DELETE", "/connectors", Value::Null).await;
    assert_eq!(delete.status, 405);
    let put = world.ask("PUT", "/connectors/c/pause", Value::Null).await;
    assert_eq!(put.status, 401);
    let options = world.ask("OPTIONS", "/connectors", Value::Null).await;
    assert_eq!(
        (options.status, options.content_type.as_deref()),
        (401, Some("text/plain"))
    );
    let request = world
        .request("GET", "/connectors")
        .header("accept", "text/html");
    assert_eq!(world.send(request).await.status, 406);
    let stream = TcpStream::connect(world.admin_addresses()[0])
        .await
        .unwrap();
    let loggers = exchange(stream, "GET /admin/loggers HTTP/1.1", "")
        .await
        .unwrap();
    assert!(loggers.starts_with("HTTP/1.1 200"), "{loggers}");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_carry_the_configured_headers_and_let_other_sites_in() {
    let world = start(&[
        (
            "response.http.headers.config",
            "set X-Frame-Options: DENY, \"add Cache-Control: no-cache, no-store\", setDate Expires: 1000",
        ),
        ("access.control.allow.origin", "https://ui\\.example"),
        ("access.control.allow.methods", "GET,PUT"),
    ])
    .await;
    let answer = plain(
        &world,
        0,
        "GET /none HTTP/1.1\r\nOrigin: https://ui.example",
    )
    .await;
    let answer = answer.to_lowercase();
    for header in [
        "x-frame-options: deny",
        "cache-control: no-cache, no-store",
        "expires: tue, 14 nov 2023 22:13:21 gmt",
        "vary: origin",
        "access-control-allow-origin: https://ui.example",
    ] {
        assert!(
            answer.contains(&format!("\r\n{header}\r\n")),
            "{header} in {answer}"
        );
    }
    let other = plain(&world, 0, "GET / HTTP/1.1\r\nOrigin: https://evil.example").await;
    assert!(!other.to_lowercase().contains("access-control"), "{other}");
    let asked = "OPTIONS /connectors/c/config HTTP/1.1\r\nOrigin: https://ui.example\r\nAccess-Control-Request-Method: PUT";
    let asked = plain(&world, 0, asked).await.to_lowercase();
    assert!(asked.starts_with("http/1.1 200"), "{asked}");
    for header in [
        "access-control-allow-methods: get,put",
        "access-control-allow-headers: content-type",
        "access-control-max-age: 60",
        "allow: head,get,options,put,patch",
    ] {
        assert!(
            asked.contains(&format!("\r\n{header}\r\n")),
            "{header} in {asked}"
        );
    }
    assert!(asked.ends_with("head, get, options, put, patch"), "{asked}");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listener_that_cannot_be_made_is_told_with_its_cure() {
    for (extra, told) in [
        (
            ("listeners", "https://127.0.0.1:0"),
            "ssl.keystore.location",
        ),
        (
            ("admin.listeners", "https://127.0.0.1:0"),
            "ssl.keystore.location",
        ),
    ] {
        let mut world = World::new();
        world.props.insert(extra.0.into(), extra.1.into());
        let error = world.try_start_worker().await.unwrap_err().to_string();
        assert!(error.contains(told), "{error}");
    }
}
