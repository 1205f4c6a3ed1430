//! What must hold of the topics in the end.

use std::collections::BTreeMap;

use super::PARTITIONS;
use super::broker::{Kept, Place};
use super::event::{Event, Kind, PREFIX};
use super::pgoutput::NAMES;
use super::world::World;

/// Holds what is in the topics against the log.
pub(super) fn topics(world: &World) -> Result<(), String> {
    let state = world.state();
    let seen: BTreeMap<&Place, Vec<Kept>> = state.broker.committed().collect();
    let expected = expected(world);
    for (place, wanted) in &expected {
        let came = seen.get(place).map_or(&[][..], Vec::as_slice);
        let checked = if world.scenario.exactly_once {
            once(world, wanted, came)
        } else {
            no_gap(world, wanted, came)
        };
        checked.map_err(|what| format!("{}-{}: {what}", place.0, place.1))?;
    }
    if world.scenario.has_free_zombies() {
        return Ok(());
    }
    rows(world, &seen)
}

/// What must come in each partition, in order.
fn expected(world: &World) -> BTreeMap<Place, Vec<usize>> {
    let mut expected: BTreeMap<Place, Vec<usize>> = BTreeMap::new();
    for (index, event) in world.log.events.iter().enumerate() {
        let partition = event.id.unsigned_abs() as usize % PARTITIONS;
        let place = (format!("{PREFIX}{}", event.topic), partition);
        expected.entry(place).or_default().push(index);
    }
    expected
}

/// Every record came, once and in order.
fn once(world: &World, wanted: &[usize], came: &[Kept]) -> Result<(), String> {
    let came = came.iter().map(|kept| kept.event);
    let wanted = wanted.iter().copied();
    let (count, wanted_count) = (came.len(), wanted.len());
    for (place, (came, wanted)) in came.zip(wanted).enumerate() {
        if came != wanted {
            let events = &world.log.events;
            return Err(format!(
                "{:?} at {place} instead of {:?}",
                events[came], events[wanted]
            ));
        }
    }
    if count == wanted_count {
        Ok(())
    } else {
        Err(format!("{count} of {wanted_count} came"))
    }
}

/// Every record came, and nobody left one out: a producer begins no further than just behind what is
/// there, and goes on without a gap.
fn no_gap(world: &World, wanted: &[usize], came: &[Kept]) -> Result<(), String> {
    let places: BTreeMap<usize, usize> = wanted.iter().copied().zip(0..).collect();
    let mut next: BTreeMap<u64, usize> = BTreeMap::new();
    let mut end = 0;
    for kept in came {
        let event = &world.log.events[kept.event];
        let place = *places.get(&kept.event).ok_or("a record of elsewhere")?;
        let fits = match next.get(&kept.sender) {
            Some(next) => place == *next,
            None => place <= end,
        };
        if !fits {
            let wanted = next.get(&kept.sender).unwrap_or(&end);
            return Err(format!("{place} instead of {wanted}: {event:?}"));
        }
        next.insert(kept.sender, place + 1);
        end = end.max(place + 1);
    }
    if end == wanted.len() {
        Ok(())
    } else {
        Err(format!("{end} of {} came", wanted.len()))
    }
}

/// The last record of each key is what the table holds.
fn rows(world: &World, seen: &BTreeMap<&Place, Vec<Kept>>) -> Result<(), String> {
    let mut last: BTreeMap<(usize, i64), &Event> = BTreeMap::new();
    for kept in seen.values().flatten() {
        let event = &world.log.events[kept.event];
        let table = event.topic.strip_prefix("public.");
        let table = table.and_then(|name| NAMES.iter().position(|known| *known == name));
        if let Some(table) = table {
            last.insert((table, event.id), event);
        }
    }
    let gone = |event: &Event| matches!(event.kind, Kind::Delete | Kind::Tombstone);
    last.retain(|_, event| !gone(event));
    let last: BTreeMap<_, _> = last
        .iter()
        .map(|(key, event)| (*key, event.value))
        .collect();
    let rows = world.log.rows.iter();
    let rows: BTreeMap<_, _> = rows.map(|(key, value)| (*key, Some(*value))).collect();
    if last == rows {
        Ok(())
    } else {
        Err(format!("the last records are {last:?}, the rows {rows:?}"))
    }
}
