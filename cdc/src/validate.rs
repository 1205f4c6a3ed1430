//! What Connect's validation asks: is this configuration right, and can it log in?

use std::collections::BTreeMap;

use crate::config::{ConfigProblem, ConnectorConfig};
use crate::postgres::connect;

/// Checks properties, then tries the database: what Debezium does before a connector is accepted.
/// Empty when all is well.
pub async fn validate(
    props: &BTreeMap<String, String>,
    converter_defaults: &BTreeMap<String, String>,
) -> Vec<ConfigProblem> {
    let config = match ConnectorConfig::parse(props, converter_defaults) {
        Ok(config) => config,
        Err(problems) => return problems,
    };
    match connect::test(&config.database).await {
        None => Vec::new(),
        Some(message) => {
            vec![ConfigProblem {
                property: "database.hostname".into(),
                message,
            }]
        }
    }
}
