//! Pausing, resuming, stopping and restarting connectors.

use axum::extract::{Path, RawQuery, State};

use super::answer::{empty, with_status};
use super::query::Query;
use super::{Answer, Api};
use crate::herder::{Command, Restart};
use crate::refusal::Refusal;
use crate::store::config_record::TargetState;

/// `PUT /connectors/{name}/pause`.
pub(super) async fn pause(State(api): State<Api>, Path(name): Path<String>) -> Answer {
    set_target(&api, name, TargetState::Paused).await?;
    empty(202)
}

/// `PUT /connectors/{name}/resume`.
pub(super) async fn resume(State(api): State<Api>, Path(name): Path<String>) -> Answer {
    set_target(&api, name, TargetState::Started).await?;
    empty(202)
}

/// `PUT /connectors/{name}/stop`.
pub(super) async fn stop(State(api): State<Api>, Path(name): Path<String>) -> Answer {
    set_target(&api, name, TargetState::Stopped).await?;
    empty(204)
}

async fn set_target(api: &Api, name: String, target: TargetState) -> Result<(), Refusal> {
    api.herder
        .ask(|reply| Command::SetTarget(name, target, reply))
        .await
}

/// `POST /connectors/{name}/restart?includeTasks&onlyFailed`.
pub(super) async fn restart(
    State(api): State<Api>,
    Path(name): Path<String>,
    RawQuery(query): RawQuery,
) -> Answer {
    let query = Query::parse(query.as_deref());
    let (include_tasks, only_failed) = (
        query.switch("includeTasks", false),
        query.switch("onlyFailed", false),
    );
    let restart = Restart {
        name,
        include_tasks,
        only_failed,
    };
    let status = api
        .herder
        .ask(|reply| Command::Restart(restart, reply))
        .await?;
    if include_tasks || only_failed {
        with_status(202, &status)
    } else {
        empty(204)
    }
}

/// `POST /connectors/{name}/tasks/{index}/restart`.
pub(super) async fn restart_task(
    State(api): State<Api>,
    Path((name, index)): Path<(String, String)>,
) -> Answer {
    let index = match u32::try_from(super::task_index(&index)?) {
        Ok(index) => index,
        Err(_) if api.shared.configs.get(&name).is_none() => {
            return Err(Refusal::not_found(format!("Unknown connector: {name}")).into());
        }
        Err(_) => return Err(Refusal::not_found(format!("Unknown task: {name}-{index}")).into()),
    };
    api.herder
        .ask(|reply| Command::RestartTask(name, index, reply))
        .await?;
    empty(204)
}
