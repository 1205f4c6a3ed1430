//! `walcast check`: the lines on the slot and on how much WAL it may hold back.

use super::{Report, Verdict, catchup_lines, lane_lines};
use crate::config::ConnectorConfig;
use crate::postgres::connect::Session;
use crate::postgres::slot::{self, SlotState};

/// What the server says of room for slots.
pub(super) struct Room {
    /// Slots that may still be made.
    pub(super) free: i64,
    /// `max_slot_wal_keep_size` as the server shows it; `-1` is no limit.
    pub(super) keep: String,
    /// The same in bytes.
    pub(super) keep_bytes: Option<i64>,
    /// The server's major version.
    pub(super) version: i32,
    pub(super) standby: bool,
}

pub(super) async fn write(
    report: &mut Report,
    session: &Session,
    config: &ConnectorConfig,
    room: &Room,
) -> anyhow::Result<()> {
    let name = &config.slot.name;
    let known = slot::state(session, name)
        .await
        .map_err(anyhow::Error::new)?;
    match &known {
        Some(state) => found(report, session, config, state).await?,
        None => report.expect(
            room.free > 0,
            &format!(
                "slot {name} will be made; {} replication slots are free",
                room.free
            ),
            "raise max_replication_slots or drop an unused slot",
        )?,
    }
    let further = lane_lines::write(report, session, config, room, known.is_none()).await?;
    let spare = room.free - i64::from(known.is_none()) - further;
    if spare < 1 {
        report.line(Verdict::Warn, "no replication slot is spare: a snapshot beside a slot that exists needs one for its time; raise max_replication_slots")?;
    }
    if config.catchup.enabled {
        catchup_lines::write(report, session, room, spare).await?;
    }
    let fails = !config.slot.failover || (room.version >= 17 && !room.standby);
    if !fails {
        report.line(Verdict::Warn, "slot.failover=true needs a primary of PostgreSQL 17 or later: the slot is made without it")?;
    }
    limits(report, config, room)
}

async fn found(
    report: &mut Report,
    session: &Session,
    config: &ConnectorConfig,
    state: &SlotState,
) -> anyhow::Result<()> {
    let name = &config.slot.name;
    if let Err(error) = state.check_ours(name, &config.database.dbname) {
        return report.line(Verdict::Fail, &error.to_string());
    }
    if let Some(why) = state.dead() {
        return report.line(
            Verdict::Fail,
            &format!("slot {name} cannot be read any more: {why}; use snapshot.mode=when_needed, which drops it and takes a new snapshot"),
        );
    }
    let status = state.wal_status.as_deref().unwrap_or("reserved");
    let retained = state.retained_bytes;
    let much = config.guard.warn_bytes.is_some_and(|warn| retained >= warn);
    let verdict = match status {
        "unreserved" => Verdict::Warn,
        _ if much => Verdict::Warn,
        _ => Verdict::Ok,
    };
    report.line(
        verdict,
        &format!("slot {name} exists and retains {retained} bytes of WAL (wal_status {status})"),
    )?;
    if config.slot.failover && state.failover == Some(false) {
        report.line(Verdict::Warn, &format!("slot {name} is no failover slot, although slot.failover=true: ALTER_REPLICATION_SLOT {name} (FAILOVER true) on a replication connection makes it one"))?;
    }
    if let Some(pid) = state.active_pid {
        let reader = slot::reader(session, pid)
            .await
            .map_err(anyhow::Error::new)?;
        report.line(
            Verdict::Warn,
            &format!("slot {name} is being read by {reader}"),
        )?;
    }
    Ok(())
}

fn limits(report: &mut Report, config: &ConnectorConfig, room: &Room) -> anyhow::Result<()> {
    let Some(keep_bytes) = room.keep_bytes else {
        return report.line(Verdict::Warn, "max_slot_wal_keep_size is unlimited: a slot nobody reads can fill the disk; set a limit the disk can bear");
    };
    let keep_bytes = u64::try_from(keep_bytes).unwrap_or(0);
    let late = config
        .guard
        .warn_bytes
        .is_some_and(|warn| warn >= keep_bytes);
    if late {
        return report.line(
            Verdict::Warn,
            &format!("max_slot_wal_keep_size is {}, no more than walcast.wal.guard.warn.bytes: the slot is lost before that warns; set the latter lower", room.keep),
        );
    }
    report.line(
        Verdict::Ok,
        &format!("max_slot_wal_keep_size is {}", room.keep),
    )
}
