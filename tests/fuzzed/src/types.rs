//! The types that values are of: PostgreSQL's own, those of extensions, and some that a user made.

use std::sync::LazyLock;

use walcast_wire::catalog::{TypeInfo, TypeKind, Types};

/// Types that have a codec of their own, their arrays, and types that Debezium does not know.
/// Inputs name them by place, so new ones come last.
#[rustfmt::skip]
pub(crate) const OIDS: &[u32] = &[
    16, 17, 18, 19, 20, 21, 22, 23, 25, 26, 30, 114, 142, 600, 601, 602, 603, 604, 628, 650, 700,
    701, 718, 774, 790, 829, 869, 1042, 1043, 1082, 1083, 1114, 1184, 1186, 1266, 1560, 1562, 1700,
    2950, 3220, 3614, 3802, 3904, 3906, 3908, 3910, 3912, 3926, 4451, 199, 143, 1000, 1001, 1002,
    1003, 1005, 1007, 1009, 1014, 1015, 1016, 1017, 1020, 1021, 1022, 1028, 1041, 1115, 1182, 1183,
    1185, 1187, 1231, 1270, 1561, 1563, 2951, 3807, 3905, 791, 719, 775, 3643,
    HSTORE, CITEXT, LTREE, GEOMETRY, GEOGRAPHY, VECTOR, HALFVEC, SPARSEVEC, ISBN,
    30_100, 30_101, 30_102, 30_103, 30_104, 30_105, 30_106, 30_107, 30_108,
    ENUM, ENUM_ARRAY, DOMAIN, DOMAIN_ARRAY, DOMAIN_OF_ENUM, COMPOSITE, LOOP, UNKNOWN,
];

const HSTORE: u32 = 30_000;
const CITEXT: u32 = 30_001;
const LTREE: u32 = 30_002;
const GEOMETRY: u32 = 30_003;
const GEOGRAPHY: u32 = 30_004;
const VECTOR: u32 = 30_005;
const HALFVEC: u32 = 30_006;
const SPARSEVEC: u32 = 30_007;
const ISBN: u32 = 30_008;
const ENUM: u32 = 31_000;
const ENUM_ARRAY: u32 = 31_001;
const DOMAIN: u32 = 31_002;
const DOMAIN_ARRAY: u32 = 31_003;
const DOMAIN_OF_ENUM: u32 = 31_004;
const COMPOSITE: u32 = 31_005;
const LOOP: u32 = 31_006;
const UNKNOWN: u32 = 31_007;

/// What the catalog says of those that are not PostgreSQL's own.
pub(crate) static TYPES: LazyLock<Types> = LazyLock::new(types);

fn types() -> Types {
    let mut types = Types::new();
    let names = [
        "hstore",
        "citext",
        "ltree",
        "geometry",
        "geography",
        "vector",
        "halfvec",
        "sparsevec",
        "isbn",
    ];
    let mut insert = |oid, name: &str, kind| {
        let (schema, name) = ("public".to_owned(), name.to_owned());
        types.insert(TypeInfo {
            oid,
            schema,
            name,
            kind,
        });
    };
    for (oid, name) in (HSTORE..).zip(names) {
        insert(oid, name, TypeKind::Base);
        insert(
            oid + 100,
            &format!("_{name}"),
            TypeKind::Array { element: oid },
        );
    }
    let labels = ["a", "b c", "\"", "é"].map(str::to_owned).to_vec();
    insert(ENUM, "mood", TypeKind::Enum { labels });
    insert(ENUM_ARRAY, "_mood", TypeKind::Array { element: ENUM });
    insert(
        DOMAIN,
        "amount",
        TypeKind::Domain {
            base: 1700,
            typmod: (10 << 16 | 2) + 4,
        },
    );
    insert(DOMAIN_ARRAY, "_amount", TypeKind::Array { element: DOMAIN });
    insert(
        DOMAIN_OF_ENUM,
        "feeling",
        TypeKind::Domain {
            base: ENUM,
            typmod: -1,
        },
    );
    insert(COMPOSITE, "pair", TypeKind::Composite);
    insert(
        LOOP,
        "loop",
        TypeKind::Domain {
            base: LOOP,
            typmod: -1,
        },
    );
    types
}
