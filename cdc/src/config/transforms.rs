//! `transforms` and `predicates`: the chain of single message transforms, by aliases.
//!
//! Enters the properties, leaves each transform's class, options and predicate. What they mean is the
//! transforms' own business.

use std::collections::BTreeMap;

use walcast_wire::transform::{Link, PredicateUse};

use super::reader::Reader;

/// The links in order; `None` when one has no class or a predicate that is not there.
pub(super) fn read(r: &mut Reader<'_>) -> Option<Vec<Link>> {
    let aliases = aliases(r, "transforms");
    let predicates = self::aliases(r, "predicates");
    // Every transform is read, so that all problems are told at once.
    let links: Vec<Option<Link>> = aliases
        .iter()
        .map(|alias| link(r, alias, &predicates))
        .collect();
    // One that no transform names must have a class all the same, as in Connect.
    let used = |alias: &String| {
        let mut used = links
            .iter()
            .flatten()
            .filter_map(|link| link.predicate.as_ref());
        used.any(|used| used.alias == *alias)
    };
    for alias in predicates.iter().filter(|alias| !used(alias)) {
        class(r, &format!("predicates.{alias}."));
    }
    links.into_iter().collect()
}

fn aliases(r: &Reader<'_>, list: &str) -> Vec<String> {
    let names = r.text(list).unwrap_or_default().split(',').map(str::trim);
    names
        .filter(|name| !name.is_empty())
        .map(str::to_owned)
        .collect()
}

fn link(r: &mut Reader<'_>, alias: &str, predicates: &[String]) -> Option<Link> {
    let prefix = format!("transforms.{alias}.");
    let class = class(r, &prefix);
    let negate = r.bool_or(&format!("{prefix}negate"), false);
    let mut options = options(r, &prefix);
    options.remove("negate");
    let predicate = match options.remove("predicate") {
        None if negate => {
            let property = format!("{prefix}type");
            let message = format!(
                "Config '{prefix}negate' was provided but there is no config '{prefix}predicate' defining a predicate to be negated."
            );
            r.problem(&property, message);
            return None;
        }
        None => None,
        Some(name) => Some(predicate(r, &prefix, name.trim(), negate, predicates)?),
    };
    Some(Link {
        alias: alias.to_owned(),
        class: class?,
        options,
        predicate,
    })
}

fn predicate(
    r: &mut Reader<'_>,
    transform: &str,
    alias: &str,
    negate: bool,
    known: &[String],
) -> Option<PredicateUse> {
    if !known.iter().any(|name| name == alias) {
        let property = format!("{transform}predicate");
        let message = format!(
            "Invalid value {alias} for configuration {property}: predicates lists no predicate of that name"
        );
        r.problem(&property, message);
        return None;
    }
    let prefix = format!("predicates.{alias}.");
    Some(PredicateUse {
        alias: alias.to_owned(),
        class: class(r, &prefix)?,
        options: options(r, &prefix),
        negate,
    })
}

fn class(r: &mut Reader<'_>, prefix: &str) -> Option<String> {
    let property = format!("{prefix}type");
    let class = r.text(&property).map(str::to_owned);
    if class.is_none() {
        let message =
            format!("Missing required configuration \"{property}\" which has no default value.");
        r.problem(&property, message);
    }
    class
}

/// A transform's or predicate's own options. Connect's `plugin.version` chooses among versions of a
/// plugin; here there is one.
fn options(r: &Reader<'_>, prefix: &str) -> BTreeMap<String, String> {
    let mut options = r.with_prefix(prefix);
    options.remove("type");
    options.remove("plugin.version");
    options
}
