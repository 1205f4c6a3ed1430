//! The servers that all tests share: those named by the environment, else the lab's.

use std::sync::OnceLock;

use walcast_lab::Lab;

/// URLs of the shared servers.
pub(crate) struct Servers {
    /// An administrator's URL, of any database.
    pub(crate) postgres: String,
    pub(crate) redis: String,
    pub(crate) clickhouse: String,
    /// What we started ourselves; the kernel stops it when the tests end.
    _lab: Option<Lab>,
}

/// The shared servers, started by the first call.
pub(crate) async fn servers() -> &'static Servers {
    static SERVERS: OnceLock<Servers> = OnceLock::new();
    let get = || SERVERS.get_or_init(start);
    tokio::task::spawn_blocking(get)
        .await
        .expect("the servers start")
}

fn start() -> Servers {
    let [postgres, redis, clickhouse] = ["POSTGRES", "REDIS", "CLICKHOUSE"].map(variable);
    let mut builder = Lab::builder("api-tests");
    if postgres.is_none() {
        builder = builder.postgres(18);
    }
    if redis.is_none() {
        builder = builder.redis();
    }
    if clickhouse.is_none() {
        builder = builder.clickhouse();
    }
    let all_named = postgres.is_some() && redis.is_some() && clickhouse.is_some();
    let lab = (!all_named).then(|| builder.start().expect("the lab starts"));
    let from_lab = || {
        lab.as_ref()
            .expect("a server is not named, so there is a lab")
    };
    Servers {
        postgres: postgres.unwrap_or_else(|| from_lab().postgres().url.clone()),
        redis: redis.unwrap_or_else(|| from_lab().redis().url.clone()),
        clickhouse: clickhouse.unwrap_or_else(|| from_lab().clickhouse().url.clone()),
        _lab: lab,
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the tests' only look at the environment"
)]
fn variable(server: &str) -> Option<String> {
    std::env::var(format!("WALCAST_TEST_{server}_URL")).ok()
}
