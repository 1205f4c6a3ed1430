//! Changing the offsets of a stopped connector (KIP-875).

use super::Owner;
use crate::refusal::Refusal;
use crate::store::config_record::TargetState;
use crate::store::offsets::{self, OffsetChange};
use crate::store::status_record::State;

impl Owner {
    pub(super) async fn alter_offsets(
        &self,
        name: &str,
        changes: Vec<OffsetChange>,
    ) -> Result<(), Refusal> {
        self.check_stopped(name)?;
        let topic = &self.shared.config.offset_topic.name;
        offsets::write(&self.shared.clients, topic, name, &changes).await?;
        tracing::info!(connector = name, changes = changes.len(), "offsets altered");
        Ok(())
    }

    pub(super) async fn reset_offsets(&self, name: &str) -> Result<(), Refusal> {
        self.check_stopped(name)?;
        let topic = &self.shared.config.offset_topic.name;
        let present = offsets::read(&self.shared.clients, topic, name).await?;
        let forget = |change: OffsetChange| OffsetChange {
            offset: None,
            ..change
        };
        let changes: Vec<_> = present.into_iter().map(forget).collect();
        offsets::write(&self.shared.clients, topic, name, &changes).await?;
        tracing::info!(connector = name, "offsets reset");
        Ok(())
    }

    fn check_stopped(&self, name: &str) -> Result<(), Refusal> {
        let Some(connector) = self.shared.configs.get(name) else {
            return Err(Refusal::no_connector(name));
        };
        if connector.target != TargetState::Stopped {
            return Err(Refusal::bad_request(format!(
                "Connectors must be in the STOPPED state before their offsets can be modified. This can be done for the specified connector by issuing a 'PUT' request to the '/connectors/{name}/stop' endpoint"
            )));
        }
        // The task may still be writing its last checkpoint.
        let state = self.shared.statuses.connector(name).map(|s| s.state);
        if state != Some(State::Stopped) {
            return Err(Refusal::conflict(format!(
                "Connector {name} is still stopping; wait until its status is STOPPED and try again"
            )));
        }
        Ok(())
    }
}
