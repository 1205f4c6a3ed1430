//! Pure codec: pgoutput messages in, Debezium records out.

pub mod usage;
