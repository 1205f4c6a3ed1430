//! `publication.*` and what else is set up in the source database.

use walcast_wire::config::SkippedOperations;
use walcast_wire::pattern::PatternList;

use super::reader::Reader;

/// `publication.autocreate.mode`: what is done when the publication is missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PublicationMode {
    /// `CREATE PUBLICATION … FOR ALL TABLES`.
    AllTables,
    /// Refuse: the publication must exist.
    Disabled,
    /// A publication of exactly the captured tables, altered when they change.
    Filtered,
    /// An empty publication, to which an administrator adds tables.
    NoTables,
}

/// The publication.
#[derive(Debug, Clone)]
pub struct PublicationConfig {
    /// `publication.name`.
    pub name: String,
    /// `publication.autocreate.mode`.
    pub mode: PublicationMode,
    /// `publish.via.partition.root`.
    pub via_partition_root: bool,
    /// What a new publication publishes, when `skipped.operations` leaves something out.
    pub publish: Option<String>,
    /// `replica.identity.autoset.values`.
    pub identities: Vec<IdentityRule>,
}

/// One part of `replica.identity.autoset.values`.
#[derive(Debug, Clone)]
pub struct IdentityRule {
    /// The tables it is for, as `schema.table`.
    pub tables: PatternList,
    /// The identity they get.
    pub identity: AutoIdentity,
}

/// A replica identity that is set at the start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AutoIdentity {
    /// The primary key.
    Default,
    /// The whole row.
    Full,
    /// Nothing.
    Nothing,
    /// The columns of the index of this name.
    Index(String),
}

/// Reads them; `skipped` are the operations that make no record.
pub(super) fn read(r: &mut Reader<'_>, skipped: SkippedOperations) -> PublicationConfig {
    let modes = [
        ("no_tables", PublicationMode::NoTables),
        ("filtered", PublicationMode::Filtered),
        ("disabled", PublicationMode::Disabled),
        ("all_tables", PublicationMode::AllTables),
    ];
    PublicationConfig {
        name: r.text_or("publication.name", "dbz_publication"),
        mode: r.one_of(
            "publication.autocreate.mode",
            &modes,
            PublicationMode::AllTables,
        ),
        via_partition_root: r.bool_or("publish.via.partition.root", false),
        publish: r
            .text("skipped.operations")
            .and_then(|_| published(skipped)),
        identities: identities(r),
    }
}

fn published(skipped: SkippedOperations) -> Option<String> {
    let all = [
        ("insert", skipped.create),
        ("update", skipped.update),
        ("delete", skipped.delete),
        ("truncate", skipped.truncate),
    ];
    let kept: Vec<_> = all.iter().filter(|(_, left_out)| !left_out).collect();
    let words: Vec<_> = kept.iter().map(|(word, _)| *word).collect();
    (words.len() < all.len()).then(|| words.join(", "))
}

fn identities(r: &mut Reader<'_>) -> Vec<IdentityRule> {
    const NAME: &str = "replica.identity.autoset.values";
    let mut rules = Vec::new();
    for part in r.text(NAME).into_iter().flat_map(|text| text.split(',')) {
        match identity_rule(part.trim()) {
            Ok(rule) => rules.push(rule),
            Err(reason) => r.problem(
                NAME,
                format!("The '{NAME}' value is invalid: {part} has an invalid format: {reason}"),
            ),
        }
    }
    rules
}

fn identity_rule(text: &str) -> Result<IdentityRule, String> {
    let expected = "write <schema.table regex>:DEFAULT, :FULL, :NOTHING or :INDEX <index>";
    let (tables, identity) = text.split_once(':').ok_or(expected)?;
    if tables.is_empty() || tables.contains(char::is_whitespace) {
        return Err(expected.into());
    }
    let word = identity.to_ascii_uppercase();
    let identity = match (&*word, word.strip_prefix("INDEX ").map(str::len)) {
        ("DEFAULT", _) => AutoIdentity::Default,
        ("FULL", _) => AutoIdentity::Full,
        ("NOTHING", _) => AutoIdentity::Nothing,
        (_, Some(length)) if length > 0 => {
            let index = identity.get(identity.len() - length..).unwrap_or_default();
            AutoIdentity::Index(index.to_owned())
        }
        _ => return Err(expected.into()),
    };
    let tables = PatternList::new(tables).map_err(|error| error.to_string())?;
    Ok(IdentityRule { tables, identity })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identities_are_read() {
        for (text, identity) in [
            ("public.a:FULL", AutoIdentity::Full),
            ("public.a:default", AutoIdentity::Default),
            ("public.a:NOTHING", AutoIdentity::Nothing),
            (
                "public.a:INDEX My_idx",
                AutoIdentity::Index("My_idx".into()),
            ),
        ] {
            let rule = identity_rule(text).unwrap();
            assert_eq!(rule.identity, identity, "{text}");
            assert!(rule.tables.matches("public.a") && !rule.tables.matches("public.ab"));
        }
        for text in [
            "public.a",
            "public.a:",
            "a b:FULL",
            "public.a:INDEX ",
            "(:FULL",
        ] {
            assert!(identity_rule(text).is_err(), "{text}");
        }
    }

    #[test]
    fn what_is_skipped_is_not_published() {
        let all = SkippedOperations {
            truncate: false,
            ..SkippedOperations::default()
        };
        assert_eq!(published(all), None);
        let some = SkippedOperations {
            update: true,
            ..SkippedOperations::default()
        };
        assert_eq!(published(some).as_deref(), Some("insert, delete"));
    }
}
