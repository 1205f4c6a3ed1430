//! Who may do what.

use reqwest::Method;
use serde_json::json;
use walcast_api::token::{self, Scope};

use crate::app::App;
use crate::client::Caller;

#[tokio::test]
async fn no_token_or_a_wrong_one_is_401() {
    let app = App::start().await;
    let body = json!({"id": "u"});
    let no_token = app.nobody().post("/v1/users", &body).await;
    let no_token = no_token.expect_problem(401, "unauthorized", "Authorization: Bearer");
    assert!(no_token.header("www-authenticate").starts_with("Bearer"));
    let good = token::create(&app.database_url, "x", Scope::Admin, None)
        .await
        .expect("token");
    let other_secret = format!("{}{}", &good[..good.len() - 43], "A".repeat(43));
    for bad in [
        "x",
        "wct_0123456789abcdef_",
        &other_secret,
        &format!("wct_{}_{}", "0".repeat(16), "B".repeat(43)),
    ] {
        let caller = Caller::new(&app.url, Some(&bad.to_owned()));
        caller
            .post("/v1/users", &body)
            .await
            .expect_problem(401, "unauthorized", "unknown");
    }
    for header in ["Basic dTpw", "Bearer", ""] {
        let headers = [("authorization", header)];
        let answer = app
            .nobody()
            .send(Method::GET, "/v1/users", None, &headers)
            .await;
        answer.expect_problem(401, "unauthorized", "");
    }
    // The scheme's case does not matter.
    let headers = [("authorization", format!("bearer {good}"))];
    let headers = headers
        .each_ref()
        .map(|(name, value)| (*name, value.as_str()));
    app.nobody()
        .send(Method::GET, "/v1/users", None, &headers)
        .await
        .expect_status(200);
    app.stop().await;
}

#[tokio::test]
async fn a_scope_includes_the_ones_below_and_no_more() {
    let app = App::start().await;
    let (user, experiment) = (json!({"id": "u"}), json!({"key": "k"}));
    app.read.get("/v1/users").await.expect_status(200);
    app.read
        .post("/v1/users", &user)
        .await
        .expect_problem(403, "forbidden", "needs write");
    app.write.post("/v1/users", &user).await.expect_status(201);
    let refused = app.write.post("/v1/experiments", &experiment).await;
    refused.expect_problem(403, "forbidden", "scope is write; this needs admin");
    app.admin
        .post("/v1/experiments", &experiment)
        .await
        .expect_status(201);
    app.admin.get("/v1/users").await.expect_status(200);
    // The scope is looked at before the body.
    let broken = Some("{".to_owned());
    app.read
        .send(Method::POST, "/v1/events", broken, &[])
        .await
        .expect_status(403);
    app.stop().await;
}

#[tokio::test]
async fn only_the_hash_of_a_token_is_kept() {
    let app = App::start().await;
    let made = token::create(&app.database_url, "x", Scope::Read, None)
        .await
        .expect("token");
    let secret = made.rsplit('_').next().expect("a secret");
    let rows = app
        .sql
        .query("SELECT t::text FROM api_tokens t", &[])
        .await
        .expect("rows");
    assert_eq!(rows.len(), 4);
    assert!(
        rows.iter()
            .all(|row| !row.get::<_, String>(0).contains(secret))
    );
    app.stop().await;
}

#[tokio::test]
async fn a_revoked_or_expired_token_ends_when_its_cached_copy_does() {
    let app = App::with("token_cache_ms = 1").await;
    let made = token::create(&app.database_url, "x", Scope::Read, Some(1))
        .await
        .expect("token");
    let caller = Caller::new(&app.url, Some(&made));
    for (change, back) in [
        ("revoked_at = now()", "revoked_at = NULL"),
        ("expires_at = now() - interval '1 s'", "expires_at = NULL"),
    ] {
        caller.get("/v1/users").await.expect_status(200);
        let update = |set: &str| format!("UPDATE api_tokens SET {set} WHERE name = 'x'");
        app.sql
            .batch_execute(&update(change))
            .await
            .expect("update");
        let wait = async { while caller.get("/v1/users").await.status == 200 {} };
        tokio::time::timeout(std::time::Duration::from_secs(10), wait)
            .await
            .expect("refused soon");
        caller
            .get("/v1/users")
            .await
            .expect_problem(401, "unauthorized", "revoked");
        app.sql.batch_execute(&update(back)).await.expect("update");
        let wait = async { while caller.get("/v1/users").await.status == 401 {} };
        tokio::time::timeout(std::time::Duration::from_secs(10), wait)
            .await
            .expect("let in again");
    }
    app.stop().await;
}

#[tokio::test]
async fn requests_beyond_the_rate_are_429_with_the_time_to_wait() {
    let app = App::with("rate_per_second_max = 1\nrate_burst_max = 3").await;
    let mut statuses = Vec::new();
    for _ in 0..5 {
        statuses.push(app.read.get("/v1/users").await.status);
    }
    assert_eq!(statuses[..3], [200, 200, 200]);
    let answer =
        app.read
            .get("/v1/users")
            .await
            .expect_problem(429, "too-many-requests", "3 at once");
    assert_eq!(answer.header("retry-after"), "1");
    app.write.get("/v1/users").await.expect_status(200);
    app.stop().await;
}

#[tokio::test]
async fn guessing_tokens_is_slowed_down_and_hurts_nobody_else() {
    let app = App::start().await;
    app.read.get("/v1/users").await.expect_status(200);
    let mut limited = false;
    for guess in 0..3_000 {
        let token = format!("wct_{guess:016x}_{}", "A".repeat(43));
        let status = Caller::new(&app.url, Some(&token))
            .get("/v1/users")
            .await
            .status;
        assert!(status == 401 || status == 429, "{status}");
        limited |= status == 429;
        if limited {
            break;
        }
    }
    assert!(limited, "3,000 guesses from one address were all looked up");
    app.read.get("/v1/users").await.expect_status(200);
    app.stop().await;
}
