//! `/metrics`: what the parts have recorded, and the states of connectors and tasks under the names
//! that the usual Kafka Connect dashboards ask for.

use std::collections::BTreeMap;
use std::fmt::Write;

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};

use super::Api;
use crate::store::status_record::State as Status;

const STATES: [Status; 6] = [
    Status::Running,
    Status::Paused,
    Status::Stopped,
    Status::Failed,
    Status::Restarting,
    Status::Unassigned,
];

/// `GET /metrics`, in Prometheus' text format.
pub(super) async fn show(State(api): State<Api>) -> Response {
    let mut text = api.metrics.render();
    let configs = &api.shared.configs;
    let statuses = &api.shared.statuses;
    let connectors: Vec<_> = configs
        .names()
        .into_iter()
        .map(|name| {
            let connector = statuses.connector(&name).map(|s| s.state);
            let tasks = statuses
                .tasks(&name)
                .into_iter()
                .map(|(i, s)| (i, s.state))
                .collect();
            (name, connector, tasks)
        })
        .collect();
    write_states(&mut text, &connectors);
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], text).into_response()
}

type ConnectorStates = (String, Option<Status>, Vec<(u32, Status)>);

fn write_states(text: &mut String, connectors: &[ConnectorStates]) {
    let mut lines: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    let mut tasks_in_all = 0;
    for (name, connector, tasks) in connectors {
        let name = escape(name);
        for state in STATES {
            let label = state.as_str().to_ascii_lowercase();
            let is = u8::from(*connector == Some(state));
            lines
                .entry("kafka_connect_connector_status")
                .or_default()
                .push(format!(
                    "kafka_connect_connector_status{{connector=\"{name}\",status=\"{label}\"}} {is}"
                ));
            for (task, now) in tasks {
                let is = u8::from(*now == state);
                lines.entry("kafka_connect_connector_task_status").or_default().push(format!(
                    "kafka_connect_connector_task_status{{connector=\"{name}\",task=\"{task}\",status=\"{label}\"}} {is}"
                ));
            }
            let count = tasks.iter().filter(|(_, now)| *now == state).count();
            lines.entry("kafka_connect_worker_connector_task_count").or_default().push(format!(
                "kafka_connect_worker_connector_task_count{{connector=\"{name}\",status=\"{label}\"}} {count}"
            ));
        }
        tasks_in_all += tasks.len();
    }
    lines.insert(
        "kafka_connect_worker_connector_count",
        vec![format!(
            "kafka_connect_worker_connector_count {}",
            connectors.len()
        )],
    );
    lines.insert(
        "kafka_connect_worker_task_count",
        vec![format!("kafka_connect_worker_task_count {tasks_in_all}")],
    );
    for (metric, lines) in lines {
        let written = writeln!(text, "# TYPE {metric} gauge\n{}", lines.join("\n"));
        debug_assert!(written.is_ok(), "a String takes everything");
    }
}

fn escape(label: &str) -> String {
    label
        .replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_are_one_gauge_for_each_connector_task_and_state() {
        let mut text = String::new();
        let connectors = [(
            "a\"b".to_owned(),
            Some(Status::Running),
            vec![(0, Status::Failed)],
        )];
        write_states(&mut text, &connectors);
        for line in [
            r#"kafka_connect_connector_status{connector="a\"b",status="running"} 1"#,
            r#"kafka_connect_connector_status{connector="a\"b",status="paused"} 0"#,
            r#"kafka_connect_connector_task_status{connector="a\"b",task="0",status="failed"} 1"#,
            r#"kafka_connect_worker_connector_task_count{connector="a\"b",status="failed"} 1"#,
            "kafka_connect_worker_connector_count 1",
            "kafka_connect_worker_task_count 1",
        ] {
            assert!(text.lines().any(|l| l == line), "{line} in\n{text}");
        }
    }
}
