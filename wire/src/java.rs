//! The order of Java's hash maps, which shows where Debezium walks over one.

/// `String.hashCode`, spread as `HashMap` does.
pub(crate) fn hash_spread(text: &str) -> u32 {
    let step = |hash: u32, unit: u16| hash.wrapping_mul(31).wrapping_add(u32::from(unit));
    let hash = text.encode_utf16().fold(0, step);
    hash ^ (hash >> 16)
}

/// Buckets of a `HashMap` that was filled with so many entries.
pub(crate) fn bucket_count(entries: usize) -> u32 {
    let mut buckets: u32 = 16;
    while usize::try_from(buckets / 4 * 3).is_ok_and(|limit| limit < entries) && buckets < 1 << 30 {
        buckets *= 2;
    }
    buckets
}

/// Buckets of a `HashMap` that was made from a map of `copied` entries and then grew to `entries`.
pub(crate) fn copied_bucket_count(copied: usize, entries: usize) -> u32 {
    if copied == 0 {
        return bucket_count(entries);
    }
    let fitting = copied.saturating_mul(4).div_ceil(3);
    let fitting = u32::try_from(fitting).unwrap_or(1 << 30).min(1 << 30);
    let mut buckets = fitting.next_power_of_two();
    let limit = |buckets: u32| usize::try_from(buckets - buckets.div_ceil(4));
    while limit(buckets).is_ok_and(|limit| limit < entries) && buckets < 1 << 30 {
        buckets *= 2;
    }
    buckets
}

/// Puts names, which come in the order in which a `ConcurrentHashMap` was filled with them, into the
/// order in which it gives them out.
pub fn in_concurrent_map_order(names: &mut [String]) {
    // It grows with the entry that fills three quarters, where a `HashMap` waits for the next one.
    let buckets = bucket_count(names.len() + 1);
    names.sort_by_key(|name| hash_spread(name) & (buckets - 1));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_come_in_javas_order() {
        let mut names = ["public.inc", "public.inc2", "public.nokey"].map(String::from);
        in_concurrent_map_order(&mut names);
        // As Debezium's incremental snapshot took `public.in.*`.
        let place = |name: &str| names.iter().position(|one| one == name);
        assert!(place("public.inc2") < place("public.inc"), "{names:?}");
    }
}
