//! Which codec and schema a column gets, by its type, modifier and the handling modes.
//!
//! Enters a column and the known types, leaves a [`Choice`] or nothing for a type that Debezium
//! leaves out of its records.

use super::oid;
use crate::catalog::{TypeKind, Types};
use crate::config::EncoderConfig;
use crate::modes::{BinaryMode, DecimalMode, HstoreMode};
use crate::schema::{self, Schema};
use crate::value::{ArrayCodec, Codec, Money, Shape};

/// A column's codec and schema.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Choice {
    pub(super) codec: Codec,
    pub(super) schema: Schema,
}

/// A type without the domains around it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Root {
    pub(super) oid: u32,
    pub(super) typmod: i32,
    /// Whether a domain was around it.
    pub(super) domain: bool,
    /// Whether it is an enumeration.
    pub(super) enumeration: bool,
}

impl Root {
    pub(super) const fn plain(oid: u32, typmod: i32) -> Self {
        Self {
            oid,
            typmod,
            domain: false,
            enumeration: false,
        }
    }
}

/// Domains may nest; more levels than this is a loop in the catalog.
const DOMAIN_DEPTH_MAX: usize = 64;

/// The type under the domains; a domain's modifier counts where the column has none.
pub(super) fn root(oid: u32, typmod: i32, types: &Types) -> Root {
    let mut root = Root::plain(oid, typmod);
    for _ in 0..DOMAIN_DEPTH_MAX {
        match types.get(root.oid).map(|info| &info.kind) {
            Some(&TypeKind::Domain { base, typmod }) => {
                let typmod = if typmod == -1 { root.typmod } else { typmod };
                root = Root {
                    domain: true,
                    ..Root::plain(base, typmod)
                };
            }
            Some(TypeKind::Enum { .. }) => {
                return Root {
                    enumeration: true,
                    ..root
                };
            }
            _ => break,
        }
    }
    root
}

fn choice(codec: Codec, schema: Schema) -> Choice {
    Choice { codec, schema }
}

fn text() -> Choice {
    choice(Codec::Text, Schema::plain("string"))
}

fn named_text(name: &str) -> Choice {
    choice(Codec::Text, Schema::named("string", name))
}

/// Chooses for a type under no domain.
pub(super) fn choose(root: Root, types: &Types, config: &EncoderConfig) -> Option<Choice> {
    let chosen = match root.oid {
        oid::BOOL => choice(Codec::Bool, Schema::plain("boolean")),
        oid::INT2 => choice(Codec::Int, Schema::plain("int16")),
        oid::INT4 => choice(Codec::Int, Schema::plain("int32")),
        oid::INT8 | oid::OID => choice(Codec::Int, Schema::plain("int64")),
        oid::FLOAT4 => choice(Codec::Float32, Schema::plain("float")),
        oid::FLOAT8 => choice(Codec::Float64, Schema::plain("double")),
        oid::TEXT | oid::VARCHAR | oid::BPCHAR | oid::CHAR => text(),
        oid::NAME if config.include_unknown_datatypes => text(),
        oid::NAME => choice(Codec::SnapshotText, Schema::plain("string")),
        oid::INET | oid::CIDR | oid::MACADDR | oid::MACADDR8 => text(),
        oid::INT4_RANGE | oid::INT8_RANGE | oid::NUM_RANGE => text(),
        oid::TS_RANGE | oid::TSTZ_RANGE | oid::DATE_RANGE => text(),
        oid::JSON | oid::JSONB => named_text("io.debezium.data.Json"),
        oid::UUID => named_text("io.debezium.data.Uuid"),
        oid::XML => named_text("io.debezium.data.Xml"),
        oid::TSVECTOR => named_text("io.debezium.data.Tsvector"),
        oid::BYTEA => binary(Codec::Bytea(config.binary.into()), config.binary),
        oid::NUMERIC => numeric(root.typmod, config.decimal),
        oid::MONEY => money(config),
        oid::BIT | oid::VARBIT => bits(root),
        oid::DATE | oid::TIME | oid::TIMETZ | oid::TIMESTAMP | oid::TIMESTAMPTZ | oid::INTERVAL => {
            super::temporal::choose(root, config)
        }
        oid::POINT | oid::LINE | oid::LSEG | oid::BOX | oid::PATH | oid::POLYGON | oid::CIRCLE => {
            geometric(root.oid)
        }
        oid::INT2_VECTOR => old_vector("int16"),
        oid::OID_VECTOR => old_vector("int64"),
        _ => return other(root, types, config),
    };
    Some(chosen)
}

/// Arrays, enumerations and types of extensions.
fn other(root: Root, types: &Types, config: &EncoderConfig) -> Option<Choice> {
    let unknown = || {
        config
            .include_unknown_datatypes
            .then(|| opaque(config.binary))
    };
    let Some(info) = types.get(root.oid) else {
        return unknown();
    };
    match &info.kind {
        TypeKind::Array { element } => array(*element, root.typmod, types, config),
        TypeKind::Enum { labels } => Some(enumeration(labels)),
        TypeKind::Base => extension(&info.name, config).or_else(unknown),
        _ => unknown(),
    }
}

fn opaque(mode: BinaryMode) -> Choice {
    binary(Codec::Opaque(mode.into()), mode)
}

fn binary(codec: Codec, mode: BinaryMode) -> Choice {
    let kind = if mode == BinaryMode::Bytes {
        "bytes"
    } else {
        "string"
    };
    choice(codec, Schema::plain(kind))
}

fn enumeration(labels: &[String]) -> Choice {
    let schema = Schema::named("string", "io.debezium.data.Enum");
    choice(
        Codec::Text,
        schema.with_parameters(&[("allowed", labels.join(","))]),
    )
}

fn extension(name: &str, config: &EncoderConfig) -> Option<Choice> {
    let vector = |name: &str, kind: &str, double| {
        let list = Schema::array(&Schema::plain(kind), false).with_name(name);
        choice(Codec::Vector { double }, list)
    };
    Some(match name {
        "citext" | "isbn" => text(),
        "ltree" => named_text("io.debezium.data.Ltree"),
        "hstore" => match config.hstore {
            HstoreMode::Json => choice(
                Codec::HstoreJson,
                Schema::named("string", "io.debezium.data.Json"),
            ),
            HstoreMode::Map => choice(Codec::HstoreMap, Schema::text_map()),
        },
        "geometry" => choice(Codec::Ewkb { extensions: true }, geometry()),
        "geography" => choice(
            Codec::Ewkb { extensions: false },
            Schema::structure(schema::GEOGRAPHY_FIELDS, schema::GEOGRAPHY),
        ),
        "vector" => vector("io.debezium.data.DoubleVector", "double", true),
        "halfvec" => vector("io.debezium.data.FloatVector", "float", false),
        "sparsevec" => choice(
            Codec::SparseVector,
            Schema::structure(schema::SPARSE_VECTOR_FIELDS, schema::SPARSE_VECTOR),
        ),
        _ => return None,
    })
}

/// Precision and scale as Debezium reads them off the modifier; a negative scale comes out as a
/// large positive one, as it does there.
pub(super) fn numeric_modifier(typmod: i32) -> Option<(u32, usize)> {
    let packed = u32::try_from(typmod.checked_sub(4)?).ok()?;
    Some((packed >> 16, usize::try_from(packed & 0xFFFF).ok()?))
}

fn numeric(typmod: i32, mode: DecimalMode) -> Choice {
    let modifier = numeric_modifier(typmod);
    match (mode, modifier) {
        (DecimalMode::Double, _) => choice(Codec::DecimalDouble, Schema::plain("double")),
        (DecimalMode::String, modifier) => {
            let scale = modifier.map(|(_, scale)| scale);
            choice(Codec::DecimalString { scale }, Schema::plain("string"))
        }
        (DecimalMode::Precise, Some((precision, scale))) => {
            let parameters = [
                ("scale", scale.to_string()),
                ("connect.decimal.precision", precision.to_string()),
            ];
            choice(
                Codec::Decimal { scale },
                decimal().with_parameters(&parameters),
            )
        }
        (DecimalMode::Precise, None) => choice(
            Codec::VariableDecimal,
            Schema::structure(schema::VARIABLE_DECIMAL_FIELDS, schema::VARIABLE_DECIMAL),
        ),
    }
}

fn decimal() -> Schema {
    Schema::named("bytes", "org.apache.kafka.connect.data.Decimal")
}

fn money(config: &EncoderConfig) -> Choice {
    let digits = usize::from(config.money_fraction_digits);
    match config.decimal {
        DecimalMode::Precise => choice(
            Codec::Money(Money::Precise { digits }),
            decimal().with_parameters(&[("scale", digits.to_string())]),
        ),
        DecimalMode::Double => choice(Codec::Money(Money::Double), Schema::plain("double")),
        DecimalMode::String => choice(
            Codec::Money(Money::String { digits }),
            Schema::plain("string"),
        ),
    }
}

/// Bits in a column's bit string; `varbit` without a length takes as many as there can be.
fn bit_length(root: Root) -> i32 {
    match (root.typmod, root.oid) {
        (-1, oid::VARBIT) => i32::MAX,
        (-1, _) => 1,
        (typmod, _) => typmod,
    }
}

fn bits(root: Root) -> Choice {
    match bit_length(root) {
        ..=1 => choice(Codec::Bit, Schema::plain("boolean")),
        length => {
            let schema = Schema::named("bytes", "io.debezium.data.Bits");
            choice(
                Codec::Bits,
                schema.with_parameters(&[("length", length.to_string())]),
            )
        }
    }
}

fn geometry() -> Schema {
    Schema::structure(schema::GEOMETRY_FIELDS, schema::GEOMETRY)
}

fn geometric(oid: u32) -> Choice {
    let point = || Schema::structure(schema::POINT_FIELDS, schema::POINT);
    let (shape, schema) = match oid {
        oid::POINT => (Shape::Point, point()),
        oid::LINE => (
            Shape::Line,
            Schema::structure(schema::LINE_FIELDS, schema::LINE),
        ),
        oid::CIRCLE => {
            let field = Some("\"center\"");
            let center = point().render(schema::Place {
                field,
                ..schema::Place::default()
            });
            let fields =
                format!("{center},{{\"type\":\"double\",\"optional\":false,\"field\":\"radius\"}}");
            let logical = ",\"name\":\"io.debezium.data.geometry.Circle\",\"version\":1,\
                           \"doc\":\"Geometry (CIRCLE)\"";
            (Shape::Circle, Schema::structure(&fields, logical))
        }
        oid::LSEG => (Shape::Lseg, geometry()),
        oid::BOX => (Shape::Box, geometry()),
        oid::PATH => (Shape::Path, geometry()),
        _ => (Shape::Polygon, geometry()),
    };
    choice(Codec::Geometric(shape), schema)
}

fn old_vector(kind: &str) -> Choice {
    choice(Codec::OldVector, Schema::array(&Schema::plain(kind), false))
}

/// An array of `element`, whose modifier is the column's.
fn array(element: u32, typmod: i32, types: &Types, config: &EncoderConfig) -> Option<Choice> {
    match element {
        oid::MONEY
        | oid::NAME
        | oid::INTERVAL
        | oid::VARBIT
        | oid::XML
        | oid::POINT
        | oid::REFCURSOR => return None,
        oid::BIT => {
            // Debezium has the element's schema for the column, which no array fits.
            let schema = bits(Root::plain(oid::BIT, typmod)).schema;
            return Some(choice(Codec::Null, schema));
        }
        _ => {}
    }
    // An array of a domain is not known, whatever is under the domain.
    let domain = matches!(
        types.get(element).map(|info| &info.kind),
        Some(TypeKind::Domain { .. })
    );
    let chosen = if domain {
        config
            .include_unknown_datatypes
            .then(|| opaque(config.binary))
    } else {
        choose(Root::plain(element, typmod), types, config)
    }?;
    let chosen = match types.labels_in_arrays(element) {
        Some(labels) => enumeration(labels),
        None => chosen,
    };
    let nullable = has_nullable_elements(element, types);
    let codec = match chosen.codec {
        Codec::Time(form) => Codec::ArrayTime(form),
        codec => codec,
    };
    let schema = Schema::array(&chosen.schema, nullable);
    let delimiter = if element == oid::BOX { b';' } else { b',' };
    let codec = Codec::Array(Box::new(ArrayCodec {
        element: codec,
        nullable,
        delimiter,
    }));
    Some(choice(codec, schema))
}

/// Whether Debezium lists the array type by itself: then its elements may be null.
fn has_nullable_elements(element: u32, types: &Types) -> bool {
    let built_in = matches!(
        element,
        oid::BOOL
            | oid::BYTEA
            | oid::CHAR
            | oid::INT2
            | oid::INT4
            | oid::INT8
            | oid::OID
            | oid::TEXT
            | oid::VARCHAR
            | oid::BPCHAR
            | oid::JSON
            | oid::JSONB
            | oid::UUID
            | oid::NUMERIC
            | oid::FLOAT4
            | oid::FLOAT8
            | oid::INET
            | oid::CIDR
            | oid::MACADDR
            | oid::MACADDR8
            | oid::DATE
            | oid::TIME
            | oid::TIMETZ
            | oid::TIMESTAMP
            | oid::TIMESTAMPTZ
            | oid::INT4_RANGE
            | oid::INT8_RANGE
            | oid::NUM_RANGE
            | oid::TS_RANGE
            | oid::TSTZ_RANGE
            | oid::DATE_RANGE
    );
    let extension = || {
        let name = types.get(element).map(|info| info.name.as_str());
        matches!(
            name,
            Some("geometry" | "geography" | "citext" | "hstore" | "ltree")
        )
    };
    built_in || extension()
}
