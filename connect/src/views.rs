//! The bodies of answers about connectors, in Connect's shape.

use serde::Serialize;

use crate::config::Properties;
use crate::herder::Shared;
use crate::java_map;
use crate::refusal::Refusal;
use crate::store::configs::Connector;
use crate::store::status_record::{State, Status};

/// `GET /connectors/{name}`.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct ConnectorInfo {
    name: String,
    config: Properties,
    tasks: Vec<TaskId>,
    r#type: &'static str,
}

/// A task, as answers name it.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct TaskId {
    connector: String,
    task: u32,
}

/// One element of `GET /connectors/{name}/tasks`.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct TaskInfo {
    id: TaskId,
    config: Properties,
}

/// `GET /connectors/{name}/status`.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct ConnectorStatus {
    name: String,
    connector: StatusView,
    tasks: Vec<TaskStatus>,
    r#type: &'static str,
}

/// `GET /connectors/{name}/tasks/{index}/status`.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct TaskStatus {
    id: u32,
    #[serde(flatten)]
    status: StatusView,
}

#[derive(Debug, Clone, Serialize)]
struct StatusView {
    state: &'static str,
    worker_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    trace: Option<String>,
    /// Walcast's own: how often the task was started again by itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    walcast_restarts: Option<u32>,
}

impl From<Status> for StatusView {
    fn from(status: Status) -> Self {
        Self {
            state: status.state.as_str(),
            worker_id: status.worker_id,
            version: status.version,
            trace: status.trace.filter(|trace| !trace.is_empty()),
            walcast_restarts: status.restarts,
        }
    }
}

impl ConnectorInfo {
    /// With the properties in the order in which they were given.
    pub(crate) fn as_given(name: &str, connector: Connector) -> Self {
        let tasks = (0..).zip(&connector.tasks);
        let tasks = tasks
            .map(|(task, _)| TaskId {
                connector: name.to_owned(),
                task,
            })
            .collect();
        Self {
            name: name.to_owned(),
            config: connector.props,
            tasks,
            r#type: "source",
        }
    }

    /// With the properties in the order in which Connect shows what it has read from its topic.
    pub(crate) fn as_stored(name: &str, mut connector: Connector) -> Self {
        connector.props = java_map::as_grown(&connector.props);
        Self::as_given(name, connector)
    }
}

/// The tasks of a connector with their properties.
pub(crate) fn tasks(name: &str, connector: Connector) -> Vec<TaskInfo> {
    let tasks = (0..).zip(connector.tasks);
    tasks
        .map(|(task, props)| TaskInfo {
            id: TaskId {
                connector: name.to_owned(),
                task,
            },
            config: java_map::as_grown(&props),
        })
        .collect()
}

/// A connector's status.
///
/// # Errors
/// 404 when there is none.
pub(crate) fn status(shared: &Shared, name: &str) -> Result<ConnectorStatus, Refusal> {
    let connector = shared.statuses.connector(name);
    let connector = connector
        .ok_or_else(|| Refusal::not_found(format!("No status found for connector {name}")))?;
    let tasks = shared.statuses.tasks(name).into_iter();
    Ok(ConnectorStatus {
        name: name.to_owned(),
        connector: connector.into(),
        tasks: tasks
            .map(|(id, status)| TaskStatus {
                id,
                status: status.into(),
            })
            .collect(),
        r#type: if shared.configs.get(name).is_some() {
            "source"
        } else {
            "unknown"
        },
    })
}

/// A task's status.
///
/// # Errors
/// 404 when there is none.
pub(crate) fn task_status(shared: &Shared, name: &str, id: u32) -> Result<TaskStatus, Refusal> {
    let status = shared.statuses.task(name, id);
    let missing = || Refusal::not_found(format!("No status found for task {name}-{id}"));
    Ok(TaskStatus {
        id,
        status: status.ok_or_else(missing)?.into(),
    })
}

impl ConnectorStatus {
    /// What is about to be restarted, as the answer to a restart shows it.
    pub(crate) fn with_restarts(mut self, connector: bool, tasks: bool) -> Self {
        let restarting = State::Restarting.as_str();
        if connector {
            self.connector.state = restarting;
            self.connector.trace = None;
        }
        if tasks {
            for task in &mut self.tasks {
                task.status.state = restarting;
                task.status.trace = None;
            }
        }
        self
    }
}
