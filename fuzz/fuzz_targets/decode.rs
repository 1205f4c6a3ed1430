//! Any bytes decode to a message or to an error that points into them.
#![no_main]

use libfuzzer_sys::fuzz_target;
use walcast_wire::pgoutput::{Message, decode};

fuzz_target!(|bytes: &[u8]| {
    match decode(bytes) {
        Ok(Message::Insert(insert)) => {
            assert_eq!(insert.new.datums().count(), insert.new.len());
        }
        Ok(_) => {}
        Err(error) => assert!(error.offset <= bytes.len(), "{error}"),
    }
});
