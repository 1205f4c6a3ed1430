//! Settings from a text, and the messages for those that cannot be used.

use super::from_toml;

const MINIMAL: &str = "postgres_url = 'postgres://localhost/experiments'\n";

fn check(addition: &str, expected: &str) {
    let error = from_toml(&format!("{MINIMAL}{addition}"))
        .expect_err("must be refused")
        .to_string();
    assert!(
        error.contains(expected),
        "{addition:?} gave {error:?}, without {expected:?}"
    );
}

#[test]
fn defaults_are_safe_and_documented() {
    let config = from_toml(MINIMAL).expect("minimal");
    assert_eq!(config.listen.to_string(), "127.0.0.1:8000");
    assert_eq!(config.outbox.retention.as_secs(), 7 * 86_400);
    assert_eq!(config.outbox.slot, "experiments_slot");
    assert!(config.redis.is_none() && config.clickhouse.is_none());
    assert_eq!(config.limits.body_bytes_max, 1 << 20);
}

#[test]
fn a_value_out_of_bounds_is_refused_with_its_key_and_bounds() {
    check(
        "postgres_connections_max = 0",
        "postgres_connections_max is 0; it must be from 1 to 1000",
    );
    check("redis_timeout_ms = 0", "redis_timeout_ms is 0");
    check(
        "batch_body_bytes_max = 1024",
        "batch_body_bytes_max is 1024",
    );
    check(
        "properties_bytes_max = 9999999",
        "properties_bytes_max is 9999999",
    );
    check(
        "clickhouse_url = 'tcp://x:9000'",
        "clickhouse_url must start with http://",
    );
}

#[test]
fn unknown_keys_and_wrong_types_are_refused_with_the_line() {
    check("listn = 'x'", "line 2: unknown field `listn`");
    check("listen = 'nowhere'", "line 2: ");
    check("rate_burst_max = -1", "line 2: ");
}

#[test]
fn a_missing_database_names_every_place_to_set_it() {
    let error = from_toml("").expect_err("no postgres_url").to_string();
    for place in ["postgres_url", "WALCAST_API_POSTGRES_URL", "--postgres-url"] {
        assert!(error.contains(place), "{error}");
    }
}

#[test]
fn a_secret_is_never_shown() {
    let text =
        "postgres_url = 'postgres://u:hunter2@localhost/x'\nredis_url = 'redis://:hunter2@h'";
    let config = from_toml(text).expect("usable");
    assert!(!format!("{config:?}").contains("hunter2"));
    let error = from_toml("postgres_url = ['hunter2']")
        .expect_err("wrong type")
        .to_string();
    assert!(!error.contains("hunter2"), "{error}");
}

#[test]
fn a_secret_can_come_from_a_file_but_not_from_both() {
    let file = std::env::temp_dir().join(format!("walcast-secret-{}", std::process::id()));
    std::fs::write(&file, "postgres://localhost/from-file\n").expect("write");
    let from_file = format!("postgres_url_file = '{}'", file.display());
    let config = from_toml(&from_file).expect("usable");
    assert_eq!(
        config.postgres.url.expose(),
        "postgres://localhost/from-file"
    );
    check(
        &from_file,
        "postgres_url and postgres_url_file are both set",
    );
    std::fs::remove_file(&file).expect("remove");
}
