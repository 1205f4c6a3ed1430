//! Temporal values against Debezium's records.

use super::*;

fn written(write: impl FnOnce(&mut Vec<u8>) -> Result<(), Unfit>) -> String {
    let mut out = Vec::new();
    write(&mut out).expect("a value");
    String::from_utf8(out).expect("JSON is UTF-8")
}

#[track_caller]
fn check_date(text: &str, stream: &str, snapshot: &str) {
    let days = |origin| written(|out| date(text.as_bytes(), DateForm::Days, origin, out));
    assert_eq!(days(Origin::Stream), stream, "{text}");
    assert_eq!(days(Origin::Snapshot), snapshot, "{text} in a snapshot");
}

#[test]
fn dates_differ_between_stream_and_snapshot_at_the_edges() {
    check_date("2024-03-15", "19797", "19797");
    check_date("0001-01-01", "-719162", "-719162");
    check_date("9999-12-31", "2932896", "2932896");
    check_date("12345-06-07", "3789548", "3789548");
    check_date("infinity", "2146033979", "-622191234");
    check_date("-infinity", "-2147472691", "-625821272");
    check_date("0044-03-15 BC", "-735160", "-703383");
    check_date("4713-01-01 BC", "-2440550", "1001860");
    check_date("1582-10-10", "-141432", "-141422");
}

#[test]
fn iso_dates_end_in_the_zone() {
    let check = |text: &str, json: &str| {
        let actual = written(|out| date(text.as_bytes(), DateForm::Iso, Origin::Stream, out));
        assert_eq!(actual, format!("\"{json}\""));
    };
    check("2024-03-15", "2024-03-15Z");
    check("0001-01-01", "0001-01-01Z");
    check("12345-06-07", "+12345-06-07Z");
    check("0044-03-15 BC", "-0043-03-15Z");
    check("infinity", "+5877611-06-21Z");
    check("-infinity", "-5877611-06-22Z");
}

#[test]
fn times_of_day() {
    let check = |text: &str, form, json: &str| {
        assert_eq!(
            written(|out| time(text.as_bytes(), form, out)),
            json,
            "{text} {form:?}"
        );
    };
    check("13:14:15.123456", TimeForm::Micros, "47655123456");
    check("13:14:15.123456", TimeForm::Nanos, "47655123456000");
    check("13:14:16", TimeForm::Millis, "47656000");
    check("13:14:15.124", TimeForm::Millis, "47655124");
    check("24:00:00", TimeForm::Micros, "86400000000");
    check("24:00:00", TimeForm::Millis, "86400000");
    check("24:00:00", TimeForm::Iso, "\"00:00:00Z\"");
    check("13:14:15.1235", TimeForm::Iso, "\"13:14:15.1235Z\"");
}

#[test]
fn zoned_times_move_to_utc() {
    let check = |text: &str, json: &str| {
        assert_eq!(
            written(|out| time_tz(text.as_bytes(), out)),
            format!("\"{json}\""),
            "{text}"
        );
    };
    check("13:14:15.123456+05:30", "07:44:15.123456Z");
    check("01:02:03.4-08", "09:02:03.4Z");
    check("23:59:59.999999-12", "11:59:59.999999Z");
    check("23:59:59.999+14", "09:59:59.999Z");
    check("24:00:00+00", "24:00:00Z");
    check("24:00:00+02", "22:00:00Z");
}

#[test]
fn timestamps_in_every_unit() {
    let check = |text: &str, form, json: &str| {
        assert_eq!(
            written(|out| timestamp(text.as_bytes(), form, out)),
            json,
            "{text} {form:?}"
        );
    };
    use TimestampForm::{Iso, Micros, Millis, Nanos};
    check("2024-03-15 13:14:15.123456", Micros, "1710508455123456");
    check("2024-03-15 13:14:15.123456", Millis, "1710508455123");
    check("2024-03-15 13:14:15.123456", Nanos, "1710508455123456000");
    check("1969-12-31 23:59:59.999999", Millis, "-1");
    check("1969-12-31 23:59:59.9999", Micros, "-100");
    check("infinity", Micros, "9223372036854775807");
    check("-infinity", Micros, "-9223372036854775808");
    check("infinity", Millis, "9223372036825200000");
    check("-infinity", Millis, "-9223372036832400000");
    check("0044-03-15 12:00:00 BC", Micros, "-63517780800000000");
    check("4713-01-01 00:00:00 BC", Millis, "-210863520000000");
    check("12345-06-07 08:09:10", Millis, "327416976550000");
    check("1582-10-04 00:00:00", Millis, "-12220243200000");
    check(
        "2024-03-15 13:14:15.1235",
        Iso,
        "\"2024-03-15T13:14:15.1235Z\"",
    );
    check("infinity", Iso, "\"+292278994-08-16T23:00:00Z\"");
    check("-infinity", Iso, "\"-292275055-05-16T23:00:00Z\"");
    check(
        "294276-12-31 23:59:59.999999",
        Micros,
        "-9223372036853775810",
    );
    let far = timestamp(b"2300-01-01 00:00:00", Nanos, &mut Vec::new());
    assert_eq!(
        far,
        Err(Unfit::AsNull),
        "Debezium drops what nanoseconds cannot hold"
    );
}

#[test]
fn zoned_timestamps_have_the_columns_digits() {
    let check = |text: &str, digits, json: &str| {
        let actual = written(|out| timestamp_tz(text.as_bytes(), digits, out));
        assert_eq!(actual, format!("\"{json}\""), "{text}");
    };
    check(
        "2024-03-15 13:14:15.123456+05:30",
        6,
        "2024-03-15T07:44:15.123456Z",
    );
    check("2024-03-16 00:00:00+00", 3, "2024-03-16T00:00:00.000Z");
    check("2024-03-15 13:14:16-08", 0, "2024-03-15T21:14:16Z");
    check("infinity", 6, "infinity");
    check("-infinity", 6, "-infinity");
    check(
        "0044-03-15 12:00:00+00 BC",
        6,
        "-0043-03-15T12:00:00.000000Z",
    );
    check(
        "12345-06-07 08:09:10+00",
        6,
        "+12345-06-07T08:09:10.000000Z",
    );
    check(
        "4713-01-02 00:00:00+00 BC",
        6,
        "-4712-01-02T00:00:00.000000Z",
    );
    check(
        "1969-12-31 23:59:59.999999+00",
        6,
        "1969-12-31T23:59:59.999999Z",
    );
}

#[test]
fn a_zoned_timestamp_in_utc_is_what_counting_gives() {
    let times = [
        "2024-03-15 13:14:15.123456+00",
        "2024-03-15 13:14:15.12+00",
        "2024-12-31 23:59:59+00",
        "2024-02-29 00:00:00.000001+00",
        "0001-01-01 00:00:00.5+00",
        "9999-12-31 24:00:00+00",
        "2024-01-31 00:00:60+00",
        "2024-00-15 13:14:15+00",
        "2024-13-15 13:14:15+00",
        "2024-03-15 13:14:15.1000+00",
        "2024-03-15 13:14:15.+00",
        "2024-03-15 13:14:1x+00",
        "2023-02-29 00:00:00+00",
        "2023-04-31 00:00:00+00",
        "2024-03-15+00",
    ];
    for text in times {
        for digits in [0, 1, 3, 6] {
            let (mut at_once, mut counted) = (Vec::new(), Vec::new());
            let ended = timestamp_tz(text.as_bytes(), digits, &mut at_once);
            let expected = counted_timestamp_tz(text.as_bytes(), digits, &mut counted);
            assert_eq!(ended, expected, "{text}");
            if ended.is_ok() {
                assert_eq!(at_once, counted, "{text}, {digits} digits");
            }
        }
    }
}

#[test]
fn structured_values_name_their_parts() {
    let ts = TimestampForm::Structured { precision: 3 };
    assert_eq!(
        written(|out| timestamp(b"2024-03-15 13:14:15.123", ts, out)),
        r#"{"year":2024,"month":3,"day":15,"hour":13,"minute":14,"second":15,"nanos":123000000,"specialValue":null,"precision":3}"#
    );
    assert_eq!(
        written(|out| date(b"-infinity", DateForm::Structured, Origin::Stream, out)),
        r#"{"year":null,"month":null,"day":null,"specialValue":"NEGATIVE_INFINITY"}"#
    );
    assert_eq!(
        written(|out| structured::time_tz(b"24:00:00+02", 6, out)),
        r#"{"hour":24,"minute":0,"second":0,"nanos":0,"offsetSeconds":7200,"precision":6}"#
    );
}
