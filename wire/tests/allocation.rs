//! The path of a row allocates nothing once its buffers have grown.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use walcast_wire::catalog::{Column, ReplicaIdentity, Table, Types};
use walcast_wire::config::EncoderConfig;
use walcast_wire::context::{ChangeContext, SnapshotMarker};
use walcast_wire::encoder::Encoder;
use walcast_wire::lsn::Lsn;
use walcast_wire::pgoutput::decode;
use walcast_wire::record::Record;

thread_local! {
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
}

/// The system's allocator, counting.
struct Counting;

// SAFETY: every call goes to the system's allocator as it came; counting touches no memory of it.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.with(|count| count.set(count.get() + 1));
        // SAFETY: the caller keeps `alloc`'s contract, which is the same.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the pointer came from `System.alloc` with this layout.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        ALLOCATIONS.with(|count| count.set(count.get() + 1));
        // SAFETY: the pointer came from `System.alloc` with this layout.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

const COLUMNS: &[(&str, u32, i32, &str)] = &[
    ("id", 20, -1, "42"),
    ("name", 25, -1, "Zoë \"☃\" 😀"),
    ("flag", 16, -1, "t"),
    ("ratio", 701, -1, "1.5e-07"),
    ("price", 1700, (10 << 16 | 2) + 4, "-12345.67"),
    (
        "amount",
        1700,
        -1,
        "123456789012345678901234567890123456789012.5",
    ),
    ("at", 1184, -1, "2024-03-15 13:14:15.123456+00"),
    ("seen", 1114, -1, "2024-03-15 13:14:15"),
    ("span", 1186, -1, "1 day 02:03:04.5"),
    ("data", 17, -1, "\\x00ff10"),
    ("bits", 1562, -1, "1010101010"),
    ("list", 1009, -1, "{a,\"b c\",NULL}"),
    ("spot", 600, -1, "(1.5,-2.25)"),
    ("doc", 3802, -1, "{\"a\": 1}"),
];

fn table() -> Table {
    let column = |&(name, type_oid, typmod, _): &(&str, u32, i32, &str)| Column {
        name: name.to_owned(),
        type_oid,
        typmod,
        not_null: false,
        default: None,
        generated: false,
    };
    Table {
        oid: 1,
        schema: "public".to_owned(),
        name: "t".to_owned(),
        replica_identity: ReplicaIdentity::Full,
        columns: COLUMNS.iter().map(column).collect(),
        key: vec!["id".to_owned()],
    }
}

fn row(id: &str) -> Vec<u8> {
    let mut bytes = u16::try_from(COLUMNS.len())
        .expect("few")
        .to_be_bytes()
        .to_vec();
    for (name, _, _, value) in COLUMNS {
        let value = if *name == "id" { id } else { value };
        bytes.push(b't');
        bytes.extend(u32::try_from(value.len()).expect("short").to_be_bytes());
        bytes.extend(value.as_bytes());
    }
    bytes
}

#[test]
fn a_row_allocates_nothing() {
    let mut encoder = Encoder::new(EncoderConfig::default());
    encoder.install(&table(), &Types::new()).expect("a plan");
    let context = ChangeContext {
        lsn: Lsn::new(1),
        last_commit: Some(Lsn::new(1)),
        txid: Some(1),
        source_ts_us: 1,
        now_ns: 1,
        snapshot: SnapshotMarker::False,
        xmin: None,
        origin: None,
        origin_lsn: None,
    };
    let (one, two) = (row("1"), row("2"));
    let messages = [
        [b"I\0\0\0\x01N", &one[..]].concat(),
        [b"U\0\0\0\x01O", &one[..], b"N", &one].concat(),
        [b"U\0\0\0\x01O", &one[..], b"N", &two].concat(),
        [b"D\0\0\0\x01O", &one[..]].concat(),
    ];
    let mut bytes_out = 0;
    let mut pass = || {
        for message in &messages {
            let message = decode(message).expect("a message");
            let count = &mut |record: Record<'_>| {
                bytes_out += record.value.map_or(0, <[u8]>::len);
            };
            encoder.change(&message, &context, count).expect("records");
        }
    };
    pass();
    let before = ALLOCATIONS.with(Cell::get);
    for _ in 0..100 {
        pass();
    }
    let after = ALLOCATIONS.with(Cell::get);
    assert_eq!(after - before, 0, "allocations in 400 changes");
    assert!(bytes_out > 100_000, "the rows were written");
}
