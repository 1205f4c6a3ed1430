//! Any expression, list, replacement or mapper compiles and is applied, or is refused.

use walcast_wire::filter::{KeyColumns, NameFilter};
use walcast_wire::mapper::ColumnMappers;
use walcast_wire::pattern::{Pattern, PatternList};
use walcast_wire::route::{self, RegexRouter, Router};

/// Lines: an expression, a replacement, a name, a list, key columns, then `property=value`s.
pub fn patterns(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let mut lines = text.split('\n');
    let mut line = || lines.next().unwrap_or_default();
    let (regex, replacement, name, list, keys) = (line(), line(), line(), line(), line());

    if let Ok(pattern) = Pattern::new(regex) {
        pattern.matches(name);
        // What is put around an expression must not mend it, nor change what it means.
        let alone = Pattern::new(&format!("(?:{regex})"));
        assert!(
            alone.is_ok_and(|alone| alone.matches(name) == pattern.matches(name)),
            "{regex}"
        );
    }
    if let Ok(router) = RegexRouter::new(regex, replacement) {
        router.route(name);
        route::topic(&[Router::Regex(router)], name);
    }
    if let Ok(patterns) = PatternList::new(list) {
        let (include, exclude) = (
            NameFilter::new(Some(list), None),
            NameFilter::new(None, Some(list)),
        );
        let passes = |filter: Result<NameFilter, _>| filter.is_ok_and(|filter| filter.passes(name));
        assert_eq!(passes(include), patterns.matches(name));
        assert_eq!(passes(exclude), !patterns.matches(name));
    }
    if let Ok(keys) = KeyColumns::new(keys) {
        let columns = ["id", "note"];
        let named = keys.of(name, &columns);
        assert!(named.iter().all(|column| columns.contains(column)));
    }
    mappers(lines.filter_map(|line| line.split_once('=')));
}

fn mappers<'p>(properties: impl Iterator<Item = (&'p str, &'p str)> + Clone) {
    let all = ColumnMappers::new(properties.clone());
    let each = properties.map(|property| ColumnMappers::new(std::iter::once(property)));
    let refused = each.fold(false, |refused, one| refused | one.is_err());
    assert_eq!(
        all.is_err(),
        refused,
        "together a mapper is refused, or alone, but not both"
    );
}
