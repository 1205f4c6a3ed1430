//! Types by OID.

use std::collections::HashMap;

use super::builtin;

/// One row of `pg_type`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TypeInfo {
    /// OID in `pg_type`.
    pub oid: u32,
    /// Its schema.
    pub schema: String,
    /// Its name, for example `int4`, `_int4`, `hstore`.
    pub name: String,
    /// What sort of type it is.
    pub kind: TypeKind,
}

/// The sorts of types, with what each refers to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TypeKind {
    /// A scalar.
    Base,
    /// An array.
    Array {
        /// OID of the element's type.
        element: u32,
    },
    /// A domain.
    Domain {
        /// OID of the type it restricts (itself perhaps a domain).
        base: u32,
        /// Modifier it puts on that type, -1 for none.
        typmod: i32,
    },
    /// An enumeration.
    Enum {
        /// Its labels in sort order.
        labels: Vec<String>,
    },
    /// A row type.
    Composite,
    /// A range.
    Range,
    /// A multirange.
    Multirange,
    /// A pseudo-type.
    Pseudo,
}

/// The types the encoder knows; starts with the built-in ones.
#[derive(Debug, Clone)]
pub struct Types {
    by_oid: HashMap<u32, TypeInfo>,
    /// Labels of each enumeration when it was first seen.
    first_labels: HashMap<u32, Vec<String>>,
}

impl Types {
    /// The types every PostgreSQL server has under fixed OIDs.
    pub fn new() -> Self {
        let by_oid = builtin::types().map(|info| (info.oid, info)).collect();
        Self {
            by_oid,
            first_labels: HashMap::new(),
        }
    }

    /// Adds a type or replaces what was known of its OID.
    pub fn insert(&mut self, info: TypeInfo) {
        if let TypeKind::Enum { labels } = &info.kind {
            self.first_labels
                .entry(info.oid)
                .or_insert_with(|| labels.clone());
        }
        self.by_oid.insert(info.oid, info);
    }

    /// The labels that arrays of an enumeration show: Debezium goes on with those it saw first.
    pub(crate) fn labels_in_arrays(&self, oid: u32) -> Option<&[String]> {
        self.first_labels.get(&oid).map(Vec::as_slice)
    }

    /// What is known of a type.
    pub fn get(&self, oid: u32) -> Option<&TypeInfo> {
        self.by_oid.get(&oid)
    }
}

impl Default for Types {
    fn default() -> Self {
        Self::new()
    }
}
