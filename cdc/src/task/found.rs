//! Looks at what is there at the start, and makes the plan for it.

use walcast_wire::connect_offset::Offset;
use walcast_wire::lsn::Lsn;

use super::TaskContext;
use super::decide::{Facts, Plan, SlotFacts, decide, other_system};
use crate::error::Result;
use crate::postgres::connect::Session;
use crate::postgres::server::{self, System};
use crate::postgres::slot::{self, SlotState};

/// What a task starts with.
pub(super) struct Found {
    pub(super) plan: Plan,
    /// Whether the slot is there and can be read.
    pub(super) slot_exists: bool,
    /// What it has confirmed, if it is a slot of the system that the offset was stored with.
    pub(super) slot_confirmed: Option<Lsn>,
}

/// Classifies what is found, tells of it, and drops a slot that is of no more use. `stored` is the
/// offset and the system it was stored with.
///
/// # Errors
/// With the cure, when the plan would lose changes or the slot is another's.
pub(super) async fn look(
    context: &TaskContext,
    sql: &Session,
    stored: (Option<&Offset>, Option<System>),
) -> Result<Found> {
    let config = &context.config;
    let name = &config.slot.name;
    // Read after the offset, which an older instance may have moved until just now.
    let server = server::read(sql).await?;
    let state = slot::state(sql, name).await?;
    if let Some(state) = &state {
        state.check_ours(name, &config.database.dbname)?;
        tell_failover(state, config.slot.failover, name);
    }
    let facts = Facts {
        mode: config.snapshot.mode,
        slot_config: &config.slot,
        offset: stored.0,
        seen: stored.1,
        server,
        slot: state.as_ref().map(|state| SlotFacts {
            restart: state.restart,
            confirmed: state.confirmed_flush,
            dead: state.dead(),
        }),
    };
    let plan = decide(&facts)?;
    let another = other_system(&facts).is_some();
    for warning in plan.warnings.iter().chain(&plan.mismatch) {
        tracing::warn!(connector = config.name, "{warning}");
    }
    if plan.mismatch.is_some() {
        metrics::counter!("walcast_cdc_offset_mismatch_total", "connector" => config.name.clone())
            .increment(1);
    }
    if plan.drop_slot {
        slot::drop_slot(sql, name).await?;
    }
    let slot_exists = state.is_some() && !plan.drop_slot;
    let confirmed = state.and_then(|state| state.confirmed_flush);
    Ok(Found {
        slot_confirmed: confirmed.filter(|_| slot_exists && !another),
        plan,
        slot_exists,
    })
}

/// A slot keeps what it was made with: nothing here alters one.
fn tell_failover(state: &SlotState, wanted: bool, name: &str) {
    if wanted && state.failover == Some(false) {
        tracing::warn!(
            slot = name,
            "slot.failover=true, but the slot exists and is none: a standby will not have it; on a replication connection run ALTER_REPLICATION_SLOT {name} (FAILOVER true) while it is not read"
        );
    }
}
