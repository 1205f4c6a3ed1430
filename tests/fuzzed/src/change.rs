//! Any row of a table with a column of every kind makes JSON records or an error.

use std::cell::RefCell;

use walcast_wire::catalog::{Column, Table, Types};
use walcast_wire::config::EncoderConfig;
use walcast_wire::encoder::Encoder;
use walcast_wire::pgoutput::decode;
use walcast_wire::record::Record;

use crate::input::CONTEXT;

/// int8, text, bool, float8, numeric, timestamptz, date, interval, bytea, varbit, text[], point.
const OIDS: [u32; 12] = [20, 25, 16, 701, 1700, 1184, 1082, 1186, 17, 1562, 1009, 600];

/// Encodes the change that the bytes are in pgoutput, of the one relation 1.
pub fn change(bytes: &[u8]) {
    let Ok(message) = decode(bytes) else { return };
    let check = &mut |record: Record<'_>| {
        for json in [record.key, record.value].into_iter().flatten() {
            serde_json::from_slice::<serde::de::IgnoredAny>(json).expect("a record is JSON");
        }
    };
    ENCODER.with(|encoder| {
        // A refused change is as good as a record.
        let _ = encoder.borrow_mut().change(&message, &CONTEXT, check);
    });
}

thread_local! {
    static ENCODER: RefCell<Encoder> = RefCell::new(encoder());
}

fn encoder() -> Encoder {
    let column = |(index, &type_oid): (usize, &u32)| Column {
        name: format!("c{index}"),
        type_oid,
        typmod: -1,
        ..Column::default()
    };
    let table = Table {
        oid: 1,
        name: "t".to_owned(),
        columns: OIDS.iter().enumerate().map(column).collect(),
        key: vec!["c0".to_owned()],
        ..Table::default()
    };
    let mut encoder = Encoder::new(EncoderConfig::default());
    encoder.install(&table, &Types::new()).expect("a plan");
    encoder
}
