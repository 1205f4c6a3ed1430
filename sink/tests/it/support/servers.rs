//! The servers that the tests share.

use std::sync::OnceLock;

use walcast_lab::Lab;

struct Servers {
    kafka: String,
    clickhouse_url: String,
    /// Runs until the process ends, when the kernel ends it too.
    _lab: Option<Lab>,
}

static SERVERS: OnceLock<Servers> = OnceLock::new();

/// Bootstrap servers.
pub(crate) fn kafka() -> &'static str {
    &servers().kafka
}

/// ClickHouse's HTTP interface.
pub(crate) fn clickhouse_url() -> &'static str {
    &servers().clickhouse_url
}

fn servers() -> &'static Servers {
    SERVERS.get_or_init(|| {
        let (kafka, url) = (
            variable("WALCAST_TEST_KAFKA"),
            variable("WALCAST_TEST_CLICKHOUSE_URL"),
        );
        let mut builder = Lab::builder("sink-tests");
        if kafka.is_none() {
            builder = builder.kafka();
        }
        if url.is_none() {
            builder = builder.clickhouse();
        }
        let needed = kafka.is_none() || url.is_none();
        let lab = needed.then(|| builder.start().expect("the lab starts"));
        let of = |given: Option<String>, own: fn(&Lab) -> String| {
            given
                .or_else(|| lab.as_ref().map(own))
                .expect("given or started")
        };
        Servers {
            kafka: of(kafka, |lab| lab.kafka().bootstrap.clone()),
            clickhouse_url: of(url, |lab| lab.clickhouse().url.clone()),
            _lab: lab,
        }
    })
}

#[allow(clippy::disallowed_methods, reason = "the tests' own two variables")]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}
