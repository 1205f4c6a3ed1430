//! One test's own server: a database, the API in this process, and a token of each scope.

use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_postgres::{Client, NoTls};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;
use walcast_api::{config, migrate, serve, token};

use crate::client::Caller;
use crate::servers::servers;

/// A running API. Call [`App::stop`] at the end, which also fails if the server failed.
pub(crate) struct App {
    pub(crate) url: String,
    pub(crate) database: String,
    pub(crate) database_url: String,
    pub(crate) admin: Caller,
    pub(crate) write: Caller,
    pub(crate) read: Caller,
    /// A connection to the database, to look behind the API.
    pub(crate) sql: Client,
    stop: CancellationToken,
    tasks: JoinSet<anyhow::Result<()>>,
}

impl App {
    /// With settings that suit most tests, and no helpers.
    pub(crate) async fn start() -> Self {
        Self::with("").await
    }

    /// With `settings` added to the configuration.
    pub(crate) async fn with(settings: &str) -> Self {
        let database = format!("api_{}", Uuid::now_v7().simple());
        let admin_url = &servers().await.postgres;
        let mut tasks = JoinSet::new();
        let admin = connect(admin_url, &mut tasks).await;
        admin
            .batch_execute(&format!("CREATE DATABASE {database}"))
            .await
            .expect("create");
        let database_url = url_of(admin_url, &database);
        migrate::migrate(&database_url).await.expect("migrate");
        let mut tokens = Vec::new();
        for scope in [token::Scope::Admin, token::Scope::Write, token::Scope::Read] {
            tokens.push(
                token::create(&database_url, "test", scope, None)
                    .await
                    .expect("token"),
            );
        }
        let text = format!(
            "postgres_url = '{database_url}'\npostgres_connections_max = 4\n\
             unknown_tokens_per_second_max = 20\n{settings}"
        );
        let config = config::from_toml(&text).expect("settings");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("listen");
        let url = format!("http://{}", listener.local_addr().expect("address"));
        let sql = connect(&database_url, &mut tasks).await;
        let stop = CancellationToken::new();
        tasks.spawn(serve::serve(config, listener, stop.clone()));
        let caller = |token: &String| Caller::new(&url, Some(token));
        let [admin, write, read] = [&tokens[0], &tokens[1], &tokens[2]].map(caller);
        Self {
            database,
            database_url,
            admin,
            write,
            read,
            sql,
            stop,
            tasks,
            url,
        }
    }

    /// Someone without a token.
    pub(crate) fn nobody(&self) -> Caller {
        Caller::new(&self.url, None)
    }

    /// The only value of the only row of a query.
    pub(crate) async fn count(&self, sql: &str) -> i64 {
        self.sql.query_one(sql, &[]).await.expect(sql).get(0)
    }

    /// A user, and experiment 1, running, with variants 1 "treatment" and 2 "control".
    pub(crate) async fn demo(&self, user: &str) {
        self.user(user).await;
        let body = serde_json::json!({
            "key": "demo", "name": "Demo", "traffic_allocation": 1.0, "variants": [
                {"key": "treatment", "weight": 1.0, "is_control": false, "config": {"colour": "red"}},
                {"key": "control", "weight": 1.0, "is_control": true, "config": {}},
            ]
        });
        self.admin
            .post("/v1/experiments", &body)
            .await
            .expect_status(201);
        self.admin
            .post("/v1/experiments/1/start", &serde_json::json!({}))
            .await
            .expect_status(200);
    }

    /// A user.
    pub(crate) async fn user(&self, user: &str) {
        let body = serde_json::json!({"id": user, "attributes": {}});
        self.write.post("/v1/users", &body).await.expect_status(201);
    }

    /// Puts a user into a variant of experiment 1.
    pub(crate) async fn assign(&self, user: &str, variant: i64) {
        let body = serde_json::json!({"experiment_id": 1, "user_id": user, "variant_id": variant});
        self.write
            .post("/v1/assignments", &body)
            .await
            .expect_status(201);
    }

    /// Stops the server as a signal would, and drops the database.
    pub(crate) async fn stop(self) {
        let Self {
            stop,
            mut tasks,
            sql,
            database,
            ..
        } = self;
        stop.cancel();
        drop(sql);
        while let Some(ended) = tasks.join_next().await {
            ended
                .expect("no task panics")
                .expect("the server ends well");
        }
        let mut tasks = JoinSet::new();
        let admin = connect(&servers().await.postgres, &mut tasks).await;
        let drop = format!("DROP DATABASE IF EXISTS {database} WITH (FORCE)");
        admin.batch_execute(&drop).await.expect("drop");
    }
}

/// A connection driven by one of `tasks`.
pub(crate) async fn connect(url: &str, tasks: &mut JoinSet<anyhow::Result<()>>) -> Client {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.expect("connect");
    tasks.spawn(async move {
        // The server cuts it when a test drops its database; what matters shows in the client.
        let _ = connection.await;
        Ok(())
    });
    client
}

/// The URL of another database of the same server.
pub(crate) fn url_of(admin_url: &str, database: &str) -> String {
    let (base, query) = admin_url.split_once('?').unwrap_or((admin_url, ""));
    let scheme_end = base.find("://").expect("a URL") + 3;
    let host_end = base[scheme_end..]
        .find('/')
        .map_or(base.len(), |at| at + scheme_end);
    let query = if query.is_empty() {
        String::new()
    } else {
        format!("?{query}")
    };
    format!("{}/{database}{query}", &base[..host_end])
}
