//! The order in which Java's `HashMap` iterates string keys.
//!
//! Connect keeps configurations in hash maps and prints them as they iterate. Answers and error
//! texts that show a whole configuration follow the same order, so that they are equal byte for
//! byte. Order is `hash & (capacity - 1)`, then insertion (OpenJDK `java.util.HashMap`).

use indexmap::IndexMap;

/// As `new HashMap<>(map)` iterates: the table is sized for the entries there are.
pub(crate) fn as_copied<V: Clone>(map: &IndexMap<String, V>) -> IndexMap<String, V> {
    // tableSizeFor(size / 0.75 + 1)
    let needed = map.len() * 4 / 3 + 1;
    ordered(map, needed.next_power_of_two())
}

/// As a `new HashMap<>()` iterates after the entries were put in one by one.
pub(crate) fn as_grown<V: Clone>(map: &IndexMap<String, V>) -> IndexMap<String, V> {
    let mut capacity = 16;
    while map.len() > capacity * 3 / 4 {
        capacity *= 2;
    }
    ordered(map, capacity)
}

fn ordered<V: Clone>(map: &IndexMap<String, V>, capacity: usize) -> IndexMap<String, V> {
    let mut entries: Vec<_> = map.iter().collect();
    // A stable sort keeps the insertion order within a bucket.
    entries.sort_by_key(|(key, _)| bucket(key, capacity));
    entries
        .into_iter()
        .map(|(k, v)| (k.clone(), v.clone()))
        .collect()
}

fn bucket(key: &str, capacity: usize) -> usize {
    // `String.hashCode` runs over UTF-16 units and wraps.
    let hash = key.encode_utf16().fold(0_u32, |h, unit| {
        h.wrapping_mul(31).wrapping_add(u32::from(unit))
    });
    (hash ^ (hash >> 16)) as usize & (capacity - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(names: &[&str]) -> IndexMap<String, ()> {
        names.iter().map(|n| ((*n).to_owned(), ())).collect()
    }

    /// The order in which Kafka Connect 4.1 answered `GET /connectors/{name}/config`.
    #[test]
    fn a_configuration_read_from_the_topic_has_connects_order() {
        let given = keys(&[
            "connector.class",
            "tasks.max",
            "database.hostname",
            "database.port",
            "database.user",
            "database.password",
            "database.dbname",
            "topic.prefix",
            "plugin.name",
            "slot.name",
            "publication.name",
            "publication.autocreate.mode",
            "name",
        ]);
        let got: Vec<_> = as_grown(&given).into_keys().collect();
        assert_eq!(
            got,
            [
                "connector.class",
                "publication.autocreate.mode",
                "database.user",
                "database.dbname",
                "slot.name",
                "tasks.max",
                "publication.name",
                "database.port",
                "plugin.name",
                "topic.prefix",
                "database.hostname",
                "database.password",
                "name",
            ]
        );
    }

    #[test]
    fn a_copied_map_is_sized_for_its_entries() {
        let got: Vec<_> = as_copied(&keys(&["a", "name"])).into_keys().collect();
        assert_eq!(got, ["name", "a"]);
    }
}
