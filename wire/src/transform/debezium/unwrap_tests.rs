//! What `ExtractNewRecordState` makes of events, by its options.

use super::super::sample::{event, heartbeat, list_header, row, run, schema_text, tombstone};
use super::*;
use crate::data::DataRecord;

fn check(options: &str, records: Vec<DataRecord>, expected: &[&str]) {
    let actual = run(ExtractNewRecordState::build, options, records);
    assert_eq!(actual.lines().collect::<Vec<_>>(), expected, "{options}");
}

fn delete() -> Vec<DataRecord> {
    vec![event("d", 1, ""), tombstone(1)]
}

const TOPIC: &str = "s.public.t {id:1}";

#[test]
fn changes_become_rows() {
    let records = vec![
        event("c", 1, "A"),
        event("u", 1, "B"),
        event("t", 1, ""),
        heartbeat(),
    ];
    check(
        "",
        records,
        &[
            &format!("{TOPIC} {{id:1,name:A,mail:null}}"),
            &format!("{TOPIC} {{id:1,name:B,mail:null}}"),
            "dropped",
            &format!("{TOPIC} {{ts_ms:1}}"),
        ],
    );
}

#[test]
fn deletes_follow_the_mode() {
    let old = "{id:1,name:Old,mail:none,__deleted:true}";
    let table = [
        ("drop", "dropped".to_owned(), "dropped".to_owned()),
        ("tombstone", format!("{TOPIC} null?"), "dropped".to_owned()),
        ("Rewrite", format!("{TOPIC} {old}"), "dropped".to_owned()),
        (
            "rewrite-with-tombstone",
            format!("{TOPIC} {old}"),
            format!("{TOPIC} null -"),
        ),
        (
            "delete-to-tombstone",
            format!("{TOPIC} null -"),
            "dropped".to_owned(),
        ),
    ];
    for (mode, first, second) in &table {
        let options = format!("delete.tombstone.handling.mode={mode}");
        check(&options, delete(), &[first, second]);
    }
}

#[test]
fn rewriting_marks_changes_and_fills_defaults() {
    check(
        "delete.tombstone.handling.mode=rewrite",
        vec![event("c", 1, "A")],
        &[&format!(
            "{TOPIC} {{id:1,name:A,mail:none,__deleted:false}}"
        )],
    );
    check(
        "delete.tombstone.handling.mode=rewrite
         replace.null.with.default=false",
        vec![event("c", 1, "A")],
        &[&format!(
            "{TOPIC} {{id:1,name:A,mail:null,__deleted:false}}"
        )],
    );
}

#[test]
fn fields_and_headers_are_added() {
    check(
        "add.fields=op, table,source.ts_ms,ts_ms,transaction.id,nope,snapshot,before.name:OLD
         delete.tombstone.handling.mode=rewrite",
        vec![event("u", 1, "A")],
        &[&format!(
            "{TOPIC} {{id:1,name:A,mail:none,__deleted:false,__op:u,__table:t,__source_ts_ms:5,\
             __ts_ms:7,__transaction_id:null,__snapshot:null,__OLD:Old}}"
        )],
    );
    check(
        "add.fields=op
         add.fields.prefix=
         add.headers=op:Operation,id
         add.headers.prefix=x-",
        vec![event("c", 1, "A"), heartbeat()],
        &[
            &format!("{TOPIC} {{id:1,name:A,mail:null,op:c}} x-Operation=c x-id=null"),
            &format!("{TOPIC} {{ts_ms:1}}"),
        ],
    );
}

#[test]
fn a_tombstone_has_the_headers_of_its_delete_too() {
    check(
        "add.headers=op,table
         delete.tombstone.handling.mode=rewrite-with-tombstone",
        [delete(), vec![tombstone(1)]].concat(),
        &[
            &format!("{TOPIC} {{id:1,name:Old,mail:none,__deleted:true}} __op=d __table=t"),
            &format!("{TOPIC} null - __op=d __table=t __op=d"),
            &format!("{TOPIC} null - __op=d"),
        ],
    );
}

#[test]
fn a_field_routes() {
    let records = vec![event("c", 1, "A"), event("c", 1, " "), event("d", 1, "")];
    check(
        "route.by.field=name",
        records.clone(),
        &[
            "A {id:1} {id:1,name:A,mail:null}",
            "s.public.t {id:1} {id:1,name: ,mail:null}",
            "Old {id:1} null?",
        ],
    );
    let wrong = "error: Field 'id' is not of type STRING";
    check("route.by.field=id", records.clone(), &[wrong; 3]);
    let missing = "error: x is not a valid field name";
    check("route.by.field=x", records, &[missing; 3]);
}

#[test]
fn fields_that_a_header_lists_are_dropped() {
    let listed = |op| {
        let mut record = event(op, 1, "A");
        record
            .headers
            .push(list_header("gone", &["id", "name", "__op"]));
        record
    };
    let header = "gone=[id,name,__op]";
    check(
        "drop.fields.header.name=gone
         add.fields=op",
        vec![listed("c"), event("c", 1, "A")],
        &[
            &format!("{TOPIC} {{id:1,mail:none}} {header}"),
            &format!("{TOPIC} {{id:1,name:A,mail:null,__op:c}}"),
        ],
    );
    check(
        "drop.fields.header.name=gone
         drop.fields.from.key=true
         drop.fields.keep.schema.compatible=false
         add.fields=op
         delete.tombstone.handling.mode=rewrite",
        vec![listed("c"), listed("d")],
        &[
            &format!("s.public.t {{}} {{mail:none,__deleted:false}} {header}"),
            &format!("s.public.t {{}} {{mail:none,__deleted:true,__op:d}} {header}"),
        ],
    );
}

#[test]
fn wrong_options_are_named() {
    check(
        "add.fields=op:a:b
         delete.tombstone.handling.mode=keep",
        Vec::new(),
        &[
            "Invalid value keep for configuration transforms.t.delete.tombstone.handling.mode: \
             Value must be one of drop, tombstone, rewrite, rewrite-with-tombstone, \
             delete-to-tombstone",
            "Unexpected field name: op:a:b. Write a field (op), a struct and a field \
             (source.ts_ms), or either with a new name after one colon (op:OPERATION)",
        ],
    );
    check(
        "add.fields=sauce.ts_ms",
        vec![event("c", 1, "A")],
        &[
            "error: `sauce.ts_ms` cannot be added: change events have no `sauce`. Use before, \
           after, source or transaction",
        ],
    );
    check(
        "add.fields=source,op
         add.fields.prefix=",
        vec![event("c", 1, "A")],
        &["error: Struct schemas do not match."],
    );
    check(
        "add.fields=op:name
         add.fields.prefix=",
        vec![event("c", 1, "A")],
        &["error: Cannot create field because of field name duplication name"],
    );
}

#[test]
fn equal_rows_share_one_required_schema() {
    let lines = "add.fields=op,snapshot\ndelete.tombstone.handling.mode=rewrite";
    let mut transform = ExtractNewRecordState::build(&mut super::super::sample::options(lines));
    let mut schema = |op| {
        let record = transform.apply(event(op, 1, "A")).expect("transformed");
        record
            .and_then(|record| record.value_schema)
            .expect("a schema")
    };
    let first = schema("c");
    assert_eq!(
        schema_text(&first),
        "s.public.t.Value{id:INT32,name:STRING?,mail:STRING?,__deleted:STRING?,__op:STRING?,\
         __snapshot:STRING?}"
    );
    assert!(Arc::ptr_eq(&first, &schema("u")));
    assert!(Arc::ptr_eq(&first, &schema("d")));
    assert!(!row(1, "").is_null());
}
