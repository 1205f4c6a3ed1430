//! The handling modes of a connector's configuration, under Debezium's names for them.
//!
//! Text in, one closed choice out; an unknown name is an error that lists the allowed ones.

use std::fmt;
use std::str::FromStr;

/// A value that none of a mode's names matches.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{value}` is not one of: {allowed}")]
pub struct UnknownMode {
    value: String,
    allowed: String,
}

macro_rules! mode {
    ($(#[$doc:meta])* $mode:ident { $($(#[$item_doc:meta])* $item:ident = $text:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
        pub enum $mode { $($(#[$item_doc])* $item,)+ }

        impl $mode {
            /// Every choice, as the configuration names it.
            pub const NAMES: &[&str] = &[$($text),+];

            /// The configuration's name for it.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$item => $text,)+ }
            }
        }

        impl FromStr for $mode {
            type Err = UnknownMode;

            /// Surrounding spaces and letter case do not matter.
            fn from_str(text: &str) -> Result<Self, UnknownMode> {
                let name = text.trim();
                $(if name.eq_ignore_ascii_case($text) { return Ok(Self::$item); })+
                Err(UnknownMode { value: text.to_owned(), allowed: Self::NAMES.join(", ") })
            }
        }

        impl fmt::Display for $mode {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

mode! {
    /// `decimal.handling.mode`: what becomes of `numeric` and `money`.
    DecimalMode {
        /// Connect's Decimal: unscaled two's complement bytes.
        #[default]
        Precise = "precise",
        /// A float64.
        Double = "double",
        /// Plain text.
        String = "string",
    }
}

mode! {
    /// `time.precision.mode`: what becomes of `date`, `time` and `timestamp`.
    TimePrecisionMode {
        /// Milli- or microseconds, by the column's precision.
        #[default]
        Adaptive = "adaptive",
        /// As adaptive, but `time` always in microseconds.
        AdaptiveTimeMicroseconds = "adaptive_time_microseconds",
        /// Connect's own Date, Time and Timestamp, in milliseconds.
        Connect = "connect",
        /// Microseconds.
        Microseconds = "microseconds",
        /// Nanoseconds.
        Nanoseconds = "nanoseconds",
        /// ISO 8601 text.
        Isostring = "isostring",
        /// Structs of the calendar's parts.
        Structured = "structured",
    }
}

mode! {
    /// `interval.handling.mode`.
    IntervalMode {
        /// Microseconds, a month counted as 30.4375 days.
        #[default]
        Numeric = "numeric",
        /// ISO 8601 text.
        String = "string",
    }
}

mode! {
    /// `hstore.handling.mode`.
    HstoreMode {
        /// A JSON object in a string.
        #[default]
        Json = "json",
        /// A Connect map.
        Map = "map",
    }
}

mode! {
    /// `binary.handling.mode`: what becomes of `bytea`.
    BinaryMode {
        /// Connect bytes (base64 in JSON).
        #[default]
        Bytes = "bytes",
        /// Text in base64.
        Base64 = "base64",
        /// Text in base64's URL-safe alphabet.
        Base64UrlSafe = "base64-url-safe",
        /// Text in hexadecimal.
        Hex = "hex",
    }
}

mode! {
    /// `schema.name.adjustment.mode` and `field.name.adjustment.mode`.
    NameAdjustment {
        /// Leave names as they are.
        #[default]
        None = "none",
        /// Put `_` where Avro allows no such character.
        Avro = "avro",
        /// Put `_uXXXX` there, and `__` for `_`.
        AvroUnicode = "avro_unicode",
    }
}
