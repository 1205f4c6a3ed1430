//! The schema, and what a start without it says.

use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;
use walcast_api::token::{self, Scope};
use walcast_api::{config, migrate, serve};

use crate::app::{connect, url_of};
use crate::servers::servers;

#[tokio::test]
async fn a_database_without_the_schema_is_refused_with_the_cure() {
    let admin_url = &servers().await.postgres;
    let database = format!("api_{}", Uuid::now_v7().simple());
    let url = url_of(admin_url, &database);
    let config = || config::from_toml(&format!("postgres_url = '{url}'")).expect("settings");
    let start = async || {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("listen");
        let error = serve::serve(config(), listener, CancellationToken::new()).await;
        format!("{:#}", error.expect_err("no start"))
    };
    let missing = start().await;
    assert!(
        missing.contains("check postgres_url") && missing.contains(&database),
        "{missing}"
    );

    let mut tasks = JoinSet::new();
    let admin = connect(admin_url, &mut tasks).await;
    admin
        .batch_execute(&format!("CREATE DATABASE {database}"))
        .await
        .expect("create");
    let empty = start().await;
    assert!(empty.contains("run `walcast migrate postgres`"), "{empty}");
    let token = token::create(&url, "x", Scope::Read, None)
        .await
        .expect_err("no table");
    assert!(
        format!("{token:#}").contains("run `walcast migrate postgres` first"),
        "{token:#}"
    );

    let (one, other) = tokio::join!(migrate::migrate(&url), migrate::migrate(&url));
    let mut applied = [one.expect("migrated"), other.expect("migrated")];
    applied.sort_unstable();
    assert_eq!(applied, [0, 1], "of two at once, one does the work");
    assert_eq!(migrate::migrate(&url).await.expect("migrated"), 0);
    token::create(&url, "x", Scope::Read, None)
        .await
        .expect("a token");
    admin
        .batch_execute(&format!("DROP DATABASE {database} WITH (FORCE)"))
        .await
        .expect("drop");
}
