//! PostgreSQL as the engine sees it: sessions, catalog facts, publication, slot.

pub(crate) mod catalog;
pub(crate) mod connect;
pub(crate) mod fault;
pub(crate) mod identity;
pub(crate) mod plugin;
pub(crate) mod publication;
pub(crate) mod quote;
pub(crate) mod reader_lock;
pub(crate) mod replication;
pub(crate) mod server;
pub(crate) mod slot;
mod tls;

/// Settings pinned on every session, so that values print the same in snapshot and stream.
pub(crate) const SESSION_OPTIONS: &str = "-c datestyle=ISO -c intervalstyle=postgres \
     -c extra_float_digits=3 -c bytea_output=hex -c timezone=UTC -c client_encoding=UTF8 \
     -c lock_timeout=0 -c statement_timeout=0 -c idle_in_transaction_session_timeout=0";

/// The settings among them that decide how values print.
pub(crate) const PINNED: [&str; 5] = [
    "datestyle",
    "intervalstyle",
    "extra_float_digits",
    "bytea_output",
    "timezone",
];
