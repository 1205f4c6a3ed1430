//! Codecs and schemas of dates, times, timestamps and intervals in each time precision mode.

use super::choose::{Choice, Root};
use super::oid;
use crate::config::EncoderConfig;
use crate::modes::{IntervalMode, TimePrecisionMode};
use crate::schema::{Schema, structured};
use crate::value::{Codec, DateForm, IntervalForm, TimeForm, TimestampForm};

const YEAR: (&str, &str) = ("year", "int32");
const MONTH: (&str, &str) = ("month", "int8");
const DAY: (&str, &str) = ("day", "int8");
const HOUR: (&str, &str) = ("hour", "int8");
const MINUTE: (&str, &str) = ("minute", "int8");
const SECOND: (&str, &str) = ("second", "int8");
const NANOS: (&str, &str) = ("nanos", "int32");
const OFFSET: (&str, &str) = ("offsetSeconds", "int32");
const ZONE: (&str, &str) = ("zoneId", "string");
const SPECIAL: (&str, &str) = ("specialValue", "string");
const PRECISION: (&str, &str) = ("precision", "int32");

/// Digits of the fraction that the column keeps.
fn precision(root: Root) -> i32 {
    match (root.typmod, root.oid) {
        (-1, _) => 6,
        (typmod, oid::INTERVAL) => typmod & 0xFFFF,
        (typmod, _) => typmod,
    }
}

/// Chooses for a temporal type.
pub(super) fn choose(root: Root, config: &EncoderConfig) -> Choice {
    let (mode, precision) = (config.time_precision, precision(root));
    let (codec, schema) = match root.oid {
        oid::DATE => date(mode),
        oid::TIME => time(mode, precision),
        oid::TIMESTAMP => timestamp(mode, precision),
        oid::TIMETZ => time_tz(mode, precision),
        oid::TIMESTAMPTZ => timestamp_tz(mode, precision),
        _ => interval(mode, config.interval, precision),
    };
    Choice { codec, schema }
}

fn debezium(kind: &str, name: &str) -> Schema {
    Schema::named(kind, &format!("io.debezium.time.{name}"))
}

fn connect(kind: &str, name: &str) -> Schema {
    Schema::named(kind, &format!("org.apache.kafka.connect.data.{name}"))
}

fn date(mode: TimePrecisionMode) -> (Codec, Schema) {
    match mode {
        TimePrecisionMode::Isostring => (Codec::Date(DateForm::Iso), debezium("string", "IsoDate")),
        TimePrecisionMode::Structured => (
            Codec::Date(DateForm::Structured),
            structured("StructuredDate", &[YEAR, MONTH, DAY, SPECIAL]),
        ),
        TimePrecisionMode::Connect => (Codec::Date(DateForm::Days), connect("int32", "Date")),
        _ => (Codec::Date(DateForm::Days), debezium("int32", "Date")),
    }
}

fn time(mode: TimePrecisionMode, precision: i32) -> (Codec, Schema) {
    use TimePrecisionMode as Mode;
    let (form, schema) = match mode {
        Mode::Connect => (TimeForm::Millis, connect("int32", "Time")),
        Mode::Adaptive if precision <= 3 => (TimeForm::Millis, debezium("int32", "Time")),
        Mode::Adaptive | Mode::AdaptiveTimeMicroseconds | Mode::Microseconds => {
            (TimeForm::Micros, debezium("int64", "MicroTime"))
        }
        Mode::Nanoseconds => (TimeForm::Nanos, debezium("int64", "NanoTime")),
        Mode::Isostring => (TimeForm::Iso, debezium("string", "IsoTime")),
        Mode::Structured => (
            TimeForm::Structured { precision },
            structured("StructuredTime", &[HOUR, MINUTE, SECOND, NANOS, PRECISION]),
        ),
    };
    (Codec::Time(form), schema)
}

fn timestamp(mode: TimePrecisionMode, precision: i32) -> (Codec, Schema) {
    use TimePrecisionMode as Mode;
    let (form, schema) = match mode {
        Mode::Connect => (TimestampForm::Millis, connect("int64", "Timestamp")),
        Mode::Adaptive | Mode::AdaptiveTimeMicroseconds if precision <= 3 => {
            (TimestampForm::Millis, debezium("int64", "Timestamp"))
        }
        Mode::Adaptive | Mode::AdaptiveTimeMicroseconds | Mode::Microseconds => {
            (TimestampForm::Micros, debezium("int64", "MicroTimestamp"))
        }
        Mode::Nanoseconds => (TimestampForm::Nanos, debezium("int64", "NanoTimestamp")),
        Mode::Isostring => (TimestampForm::Iso, debezium("string", "IsoTimestamp")),
        Mode::Structured => (
            TimestampForm::Structured { precision },
            structured(
                "StructuredTimestamp",
                &[
                    YEAR, MONTH, DAY, HOUR, MINUTE, SECOND, NANOS, SPECIAL, PRECISION,
                ],
            ),
        ),
    };
    (Codec::Timestamp(form), schema)
}

fn time_tz(mode: TimePrecisionMode, precision: i32) -> (Codec, Schema) {
    if mode == TimePrecisionMode::Structured {
        let fields = [HOUR, MINUTE, SECOND, NANOS, OFFSET, PRECISION];
        let schema = structured("StructuredZonedTime", &fields);
        return (Codec::StructuredTimeTz { precision }, schema);
    }
    (Codec::TimeTz, debezium("string", "ZonedTime"))
}

fn timestamp_tz(mode: TimePrecisionMode, precision: i32) -> (Codec, Schema) {
    if mode == TimePrecisionMode::Structured {
        let fields = [
            YEAR, MONTH, DAY, HOUR, MINUTE, SECOND, NANOS, OFFSET, ZONE, SPECIAL, PRECISION,
        ];
        let schema = structured("StructuredZonedTimestamp", &fields);
        return (Codec::StructuredTimestampTz { precision }, schema);
    }
    let digits = u32::try_from(precision).unwrap_or(6);
    (
        Codec::TimestampTz { digits },
        debezium("string", "ZonedTimestamp"),
    )
}

fn interval(mode: TimePrecisionMode, interval: IntervalMode, precision: i32) -> (Codec, Schema) {
    if mode == TimePrecisionMode::Structured {
        let fields = [
            ("years", "int32"),
            ("months", "int32"),
            ("days", "int32"),
            ("hours", "int32"),
            ("minutes", "int32"),
            ("seconds", "int64"),
            NANOS,
            PRECISION,
        ];
        let schema = structured("StructuredDuration", &fields);
        return (
            Codec::Interval(IntervalForm::Structured { precision }),
            schema,
        );
    }
    match interval {
        IntervalMode::Numeric => (
            Codec::Interval(IntervalForm::Numeric),
            debezium("int64", "MicroDuration"),
        ),
        IntervalMode::String => (
            Codec::Interval(IntervalForm::String),
            debezium("string", "Interval"),
        ),
    }
}
