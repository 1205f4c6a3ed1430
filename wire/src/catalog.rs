//! Facts about tables and types, as the shell read them from `pg_catalog`.
//!
//! Enters what a catalog query or a Relation message said, leaves plain data for
//! [`crate::encoder::Encoder::install`]. It never asks a server.

mod builtin;
mod table;
mod types;

pub use table::{Column, ReplicaIdentity, Table};
pub use types::{TypeInfo, TypeKind, Types};
