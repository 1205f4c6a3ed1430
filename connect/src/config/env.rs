//! The variables of the Kafka Connect images, and single variables for config providers.

use indexmap::IndexMap;

use super::Properties;

/// Variables without the `CONNECT_` prefix that the Debezium image reads, and their properties.
const DEBEZIUM_IMAGE: &[(&str, &str)] = &[
    ("BOOTSTRAP_SERVERS", "bootstrap.servers"),
    ("GROUP_ID", "group.id"),
    ("CONFIG_STORAGE_TOPIC", "config.storage.topic"),
    ("OFFSET_STORAGE_TOPIC", "offset.storage.topic"),
    ("STATUS_STORAGE_TOPIC", "status.storage.topic"),
    ("KEY_CONVERTER", "key.converter"),
    ("VALUE_CONVERTER", "value.converter"),
    ("OFFSET_FLUSH_INTERVAL_MS", "offset.flush.interval.ms"),
    ("OFFSET_FLUSH_TIMEOUT_MS", "offset.flush.timeout.ms"),
    ("SHUTDOWN_TIMEOUT", "task.shutdown.graceful.timeout.ms"),
    ("ADVERTISED_HOST_NAME", "rest.advertised.host.name"),
    ("ADVERTISED_PORT", "rest.advertised.port"),
];

/// `CONNECT_*` variables that configure the image rather than the worker.
const NOT_PROPERTIES: &[&str] = &["CONNECT_LOG4J_", "CONNECT_LOG4J2_", "CONNECT_OPTS"];

/// Worker properties given by the environment.
#[must_use]
pub fn worker_properties() -> Properties {
    from_variables(std::env::vars())
}

/// All variables that are UTF-8.
pub(crate) fn all() -> impl Iterator<Item = (String, String)> {
    let text = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
        Some((name.into_string().ok()?, value.into_string().ok()?))
    };
    std::env::vars_os().filter_map(text)
}

/// One variable; `None` when it is not set or not UTF-8.
#[expect(
    clippy::disallowed_methods,
    reason = "config is the only reader of the environment"
)]
pub(super) fn var(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// The mapping itself. A `CONNECT_*` variable counts more than the Debezium image's short name.
pub(super) fn from_variables(variables: impl Iterator<Item = (String, String)>) -> Properties {
    let mut short = IndexMap::new();
    let mut long = IndexMap::new();
    for (name, value) in variables {
        if let Some((_, property)) = DEBEZIUM_IMAGE.iter().find(|(n, _)| *n == name) {
            short.insert((*property).to_owned(), value);
        } else if NOT_PROPERTIES.iter().any(|prefix| name.starts_with(prefix)) {
            continue;
        } else if let Some(rest) = name
            .strip_prefix("CONNECT_")
            .filter(|rest| !rest.is_empty())
        {
            long.insert(property_name(rest), value);
        }
    }
    short.extend(long);
    short.sort_keys();
    short
}

/// `A_B` is `a.b`, `A__B` is `a_b`, `A___B` is `a-b`, as the images write them.
fn property_name(variable: &str) -> String {
    let lower = variable.to_ascii_lowercase();
    let mut out = String::with_capacity(lower.len());
    let mut rest = lower.as_str();
    while let Some(c) = rest.chars().next() {
        let underscores = rest.bytes().take_while(|b| *b == b'_').count().min(3);
        match underscores {
            0 => out.push(c),
            1 => out.push('.'),
            2 => out.push('_'),
            _ => out.push('-'),
        }
        rest = &rest[if underscores == 0 {
            c.len_utf8()
        } else {
            underscores
        }..];
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(variables: &[(&str, &str)], expected: &[(&str, &str)]) {
        let given = variables
            .iter()
            .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()));
        let got = from_variables(given);
        let got: Vec<_> = got.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        assert_eq!(got, expected);
    }

    #[test]
    fn underscores_become_dots_underscores_and_hyphens() {
        check(
            &[
                ("CONNECT_BOOTSTRAP_SERVERS", "k:9092"),
                ("CONNECT_A__B_C___D", "x"),
            ],
            &[("a_b.c-d", "x"), ("bootstrap.servers", "k:9092")],
        );
    }

    #[test]
    fn the_debezium_images_names_are_read_and_count_less() {
        check(
            &[
                ("CONNECT_GROUP_ID", "long"),
                ("GROUP_ID", "short"),
                ("HOME", "/x"),
            ],
            &[("group.id", "long")],
        );
        check(
            &[("CONFIG_STORAGE_TOPIC", "c")],
            &[("config.storage.topic", "c")],
        );
    }

    #[test]
    fn the_images_own_variables_are_no_properties() {
        check(&[("CONNECT_LOG4J_LOGGERS", "x"), ("CONNECT_", "y")], &[]);
    }
}
