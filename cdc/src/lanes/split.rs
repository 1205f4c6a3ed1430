//! The row filter that gives a lane its part of a table.
//!
//! It hashes columns of the key of the table's records, so that all records of one key come by one
//! slot. A filter may use built-in immutable functions only, so the hash is PostgreSQL's own for the
//! column's type; a column of a type that has none is left out of it.

use crate::postgres::quote::ident;

/// The first OID that is not the server's own: filters take no types or collations from there on.
const FIRST_OF_USERS: u32 = 16_384;

/// Types that have a hash that can be called, by OID.
const HASHES: [(u32, &str); 11] = [
    (20, "hashint8"),
    (21, "hashint2"),
    (23, "hashint4"),
    (25, "hashtext"),
    (26, "hashoid"),
    (869, "hashinet"),
    (829, "hashmacaddr"),
    (1042, "hashbpchar"),
    (1043, "hashtext"),
    (1700, "hash_numeric"),
    (2950, "uuid_hash"),
];

/// A column that rows may be split by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Candidate {
    pub(super) name: String,
    pub(super) type_oid: u32,
    pub(super) collation: u32,
    pub(super) not_null: bool,
    /// Whether it can be used: the replica identity holds it where old rows are looked at, and it is
    /// not generated.
    pub(super) usable: bool,
}

/// The hash of those of `key`, the columns of a record's key, that can be hashed; `None` when none
/// can. A part of the key is enough to keep a key together.
pub(super) fn hash(key: &[&str], columns: &[Candidate]) -> Option<String> {
    let of_key = key.iter();
    let found = of_key.filter_map(|name| columns.iter().find(|column| column.name == **name));
    let hashes = found.filter_map(hash_of);
    // Hashed again in between, or two equal columns would cancel each other out.
    hashes.reduce(|before, next| format!("(hashint4({before}) # {next})"))
}

fn hash_of(column: &Candidate) -> Option<String> {
    let known = HASHES.iter().find(|(oid, _)| *oid == column.type_oid);
    let (_, function) = known.filter(|_| column.usable && column.collation < FIRST_OF_USERS)?;
    let hash = format!("{function}({})", ident(&column.name));
    Some(if column.not_null {
        hash
    } else {
        format!("COALESCE({hash}, 0)")
    })
}

/// The condition on rows of lane `number` of `count`. A hash may be negative, and so may its
/// remainder.
pub(super) fn filter(hash: &str, number: u32, count: u32) -> String {
    format!("(((({hash} % {count}) + {count}) % {count}) = {number})")
}

/// Whether two filters are the same, as written here or as the server shows them: it sets parentheses
/// and quotes of its own, and says how it reads texts.
pub(super) fn same(one: Option<&str>, other: Option<&str>) -> bool {
    let bare = |text: &str| {
        let text = text.replace("::text", "").replace("pg_catalog.", "");
        text.replace(['(', ')', ' ', '"'], "")
    };
    one.map(bare) == other.map(bare)
}

/// Whether the server shows a filter that splits a table into lanes.
pub(crate) fn is_lane_filter(shown: &str) -> bool {
    shown.contains("hash") && shown.matches('%').count() == 2
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(name: &str, type_oid: u32) -> Candidate {
        Candidate {
            name: name.to_owned(),
            type_oid,
            collation: 0,
            not_null: true,
            usable: true,
        }
    }

    #[test]
    fn a_key_is_hashed_by_its_types() {
        let columns = [
            column("id", 20),
            column("Tenant", 2950),
            Candidate {
                not_null: false,
                ..column("code", 1043)
            },
        ];
        let of = |key: &[&str]| hash(key, &columns);
        assert_eq!(of(&["id"]).as_deref(), Some("hashint8(\"id\")"));
        assert_eq!(
            of(&["Tenant", "id", "code"]).as_deref(),
            Some(
                "(hashint4((hashint4(uuid_hash(\"Tenant\")) # hashint8(\"id\"))) # COALESCE(hashtext(\"code\"), 0))"
            )
        );
        assert_eq!(of(&[]), None);
        assert_eq!(of(&["gone"]), None);
    }

    #[test]
    fn what_a_filter_may_not_use_is_left_out() {
        let unusable = |change: fn(&mut Candidate)| {
            let mut column = column("b", 25);
            change(&mut column);
            hash(&["a", "b"], &[self::column("a", 23), column])
        };
        for change in [
            (|c| c.type_oid = 17) as fn(&mut Candidate),
            |c| c.type_oid = FIRST_OF_USERS,
            |c| c.collation = FIRST_OF_USERS,
            |c| c.usable = false,
        ] {
            assert_eq!(unusable(change).as_deref(), Some("hashint4(\"a\")"));
        }
        assert_eq!(hash(&["d"], &[column("d", 1082)]), None);
    }

    #[test]
    fn each_lane_has_its_remainder() {
        assert_eq!(
            filter("hashint4(\"id\")", 2, 3),
            "((((hashint4(\"id\") % 3) + 3) % 3) = 2)"
        );
    }

    #[test]
    fn a_filter_is_known_as_the_server_shows_it() {
        let columns = [column("id", 20), column("a b", 1043)];
        let hash = hash(&["id", "a b"], &columns).unwrap();
        let written = filter(&hash, 0, 2);
        let shown = "((((hashint4(hashint8(id)) # hashtext((\"a b\")::text)) % 2) + 2) % 2) = 0";
        assert!(same(Some(&written), Some(shown)));
        assert!(is_lane_filter(shown) && !is_lane_filter("(id % 2) = 0"));
        assert!(!same(Some(&filter(&hash, 1, 2)), Some(shown)));
        assert!(!same(None, Some(shown)) && same(None, None));
    }
}
