//! Several slots for one connector: what each lane has of the captured tables.
//!
//! Enters the configuration and facts of the catalog, leaves one publication a lane: each captured
//! row is in exactly one of them, and all rows of one key are in the same. It never reads a slot.

mod placement;
pub(crate) mod publications;
mod split;

pub(crate) use placement::unsupported;
pub(crate) use split::is_lane_filter;
