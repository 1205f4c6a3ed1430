//! `walcast check`: the lines on the further slots of a connector that has several.

use super::Report;
use super::slot_lines::Room;
use crate::config::ConnectorConfig;
use crate::lanes;
use crate::postgres::connect::Session;
use crate::postgres::slot;

/// Returns how many further slots are still to be made; `first_missing` is whether lane 0's is, too.
pub(super) async fn write(
    report: &mut Report,
    session: &Session,
    config: &ConnectorConfig,
    room: &Room,
    first_missing: bool,
) -> anyhow::Result<i64> {
    let mut missing = Vec::new();
    for number in config.slots.further() {
        let name = config.of_lane(number).slot.name;
        let known = slot::state(session, &name).await;
        if known.map_err(anyhow::Error::new)?.is_none() {
            missing.push(name);
        }
    }
    let count = i64::try_from(missing.len())?;
    if let Some(why) = lanes::unsupported(config.slots, room.version) {
        report.expect(false, "several slots", &why)?;
    }
    if count > 0 {
        let names = missing.join(", ");
        report.expect(
            room.free - i64::from(first_missing) >= count,
            &format!("slots {names} will be made"),
            "raise max_replication_slots or drop an unused slot",
        )?;
    }
    Ok(count)
}
