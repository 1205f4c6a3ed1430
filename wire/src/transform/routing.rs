//! Chains that only rename topics, which the encoder does once per table.

use super::{Link, Options, logical_table};
use crate::route::{RegexRouter, Router};

/// The routers that a chain consists of; `None` when it has anything else, or a predicate.
pub fn routers(links: &[Link]) -> Option<Vec<Router>> {
    links.iter().map(router).collect()
}

fn router(link: &Link) -> Option<Router> {
    if link.predicate.is_some() {
        return None;
    }
    let mut options = Options::new("", link.options.clone());
    match link.class.as_str() {
        "org.apache.kafka.connect.transforms.RegexRouter" => {
            let (regex, replacement) = (options.raw("regex")?, options.raw("replacement")?);
            let router = RegexRouter::new(&regex, &replacement).ok()?;
            Some(Router::Regex(router))
        }
        "io.debezium.transforms.ByLogicalTableRouter" => {
            let adjusts = options.text("schema.name.adjustment.mode");
            let plain = adjusts.is_none_or(|mode| mode.eq_ignore_ascii_case("none"));
            let router = logical_table::read(&mut options).filter(|_| plain)?;
            Some(Router::ByLogicalTable(router))
        }
        _ => None,
    }
}
