//! Placeholders of single scalars, and of text that is no JSON.

use super::super::ids::{Ranks, Survey};
use super::super::structs;
use super::*;

/// What becomes of `text` in a run with the changes 10 and 20 and the transactions 5 and 6.
fn masked(kind: Kind, text: &str) -> Option<String> {
    let ranks = ranks();
    placeholder(&mut Pass::Mask(&ranks), kind, text, "")
}

fn ranks() -> Ranks {
    let mut survey = Survey::default();
    let mut pass = Pass::Survey(&mut survey);
    for change in ["10", "20"] {
        assert_eq!(
            placeholder(&mut pass, Kind::Lsn(Log::Change), change, ""),
            None
        );
    }
    for reference in ["\"5:10\"", "\"6:20\""] {
        assert_eq!(
            placeholder(&mut pass, Kind::TxRef(Log::Change), reference, ""),
            None
        );
    }
    let sequence = r#""[\"15\",\"20\"]""#;
    assert_eq!(
        placeholder(&mut pass, Kind::Sequence(Log::Change), sequence, ""),
        None
    );
    Ranks::new(survey, [1_000_000, 1_001_000])
}

fn check(kind: Kind, text: &str, expected: &str) {
    assert_eq!(masked(kind, text).as_deref(), Some(expected), "{text}");
}

#[test]
fn placeholders_keep_type_and_rank() {
    check(Kind::Lsn(Log::Change), "20", "<lsn:int#1>");
    check(Kind::Lsn(Log::Change), "\"10\"", "<lsn:str#0>");
    check(Kind::Lsn(Log::Commit), "15", "<commitlsn:int#0@1>");
    check(Kind::TxId, "6", "<txid:int#1>");
    check(
        Kind::TxRef(Log::Change),
        "\"5:20\"",
        "\"<txid:str#0>:<lsn:str#1>\"",
    );
    check(
        Kind::Sequence(Log::Change),
        r#""[\"15\",\"20\"]""#,
        r#""[\"<commitlsn:str#0@1>\",\"<lsn:str#1>\"]""#,
    );
    check(
        Kind::Sequence(Log::Change),
        r#""[null,\"10\"]""#,
        r#""[null,\"<lsn:str#0>\"]""#,
    );
    check(Kind::Time(Unit::Ms), "1000500", "<ts_ms:int>");
    check(Kind::Time(Unit::Us), "\"1000500000\"", "<ts_us:str>");
    check(Kind::Time(Unit::Ns), "1", "<ts_ns:int!outside run window>");
    check(Kind::Int, "-7", "<int:int>");
    check(Kind::Str, "\"x\"", "<str>");
    check(
        Kind::Uuid,
        "\"0123abcd-0123-0123-0123-0123456789ab\"",
        "<uuid:str>",
    );
    check(
        Kind::Text,
        "\"at 2024-01-02T03:04:05.6Z of 12345, 123\"",
        "\"at <instant> of <digits>, 123\"",
    );
}

#[test]
fn what_is_not_of_its_kind_stays() {
    for (kind, text) in [
        (Kind::Lsn(Log::Change), "null"),
        (Kind::Lsn(Log::Change), "1.0"),
        (Kind::Lsn(Log::Change), "\"\""),
        (Kind::TxId, "true"),
        (Kind::TxRef(Log::Change), "\"5\""),
        (Kind::Sequence(Log::Change), r#""[\"15\"]""#),
        (Kind::Time(Unit::Ms), "\"now\""),
        (Kind::Uuid, "\"0123\""),
        (Kind::Str, "1"),
    ] {
        assert_eq!(masked(kind, text), None, "{text}");
    }
}

#[test]
fn the_text_of_a_struct_is_masked_in_its_parts() {
    let text =
        "Struct{op=c,ts_ms=1000500,source=Struct{lsn=20,txId=5,sequence=[null,\"10\"]},id=6:15}";
    let expected = "Struct{op=c,ts_ms=<ts_ms:int>,source=Struct{lsn=<lsn:int#1>,txId=<txid:int#0>,\
                    sequence=[null,\"<lsn:str#0>\"]},id=<txid:str#1>:<commitlsn:str#0@1>}";
    let ranks = ranks();
    let masked = structs::mask(&mut Pass::Mask(&ranks), Log::Change, text);
    assert_eq!(masked, expected);
    assert_eq!(
        super::super::loose("<lsn:int#1>-<endlsn:str#0@2>"),
        "<lsn:int>-<endlsn:str>"
    );
}
