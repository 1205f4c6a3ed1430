//! `walcast check`: whether a large backlog can be read by SQL.

use anyhow::Context;

use super::slot_lines::Room;
use super::{Report, Verdict};
use crate::catchup::Why;
use crate::postgres::connect::Session;

/// The functions that are called, with their arguments.
const MAY: &str = "select coalesce(string_agg(f, ', '), '') from unnest(array[\
    'pg_copy_logical_replication_slot(name, name, boolean)', \
    'pg_logical_slot_get_binary_changes(name, pg_lsn, integer, text[])', \
    'pg_replication_slot_advance(name, pg_lsn)']) f \
    where not has_function_privilege('pg_catalog.' || f, 'EXECUTE')";

/// One line; `spare` is the number of slots that nobody needs.
pub(super) async fn write(
    report: &mut Report,
    session: &Session,
    room: &Room,
    spare: i64,
) -> anyhow::Result<()> {
    let row = session
        .query_one(MAY, &[])
        .await
        .context("asking for the right to read by SQL")?;
    let lacking: String = row.get(0);
    let why = Why::of_server(room.version, room.standby).or_else(|| match () {
        () if !lacking.is_empty() => Some(Why::Privilege(format!("no EXECUTE on {lacking}"))),
        () if spare < 1 => Some(Why::NoSpareSlot),
        () => None,
    });
    match why {
        Some(why) => report.line(
            Verdict::Warn,
            &format!("a large backlog will be streamed: {why}"),
        ),
        None => report.line(Verdict::Ok, "a large backlog can be read by SQL"),
    }
}
