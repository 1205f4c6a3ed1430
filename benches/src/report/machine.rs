//! What a result was measured on.

use std::fs;
use std::thread;

use serde_json::{Value, json};

pub(super) fn describe() -> Value {
    let read = |file| fs::read_to_string(file).unwrap_or_default();
    json!({
        "cpu": field(&read("/proc/cpuinfo"), "model name"),
        "cores": thread::available_parallelism().map_or(0, usize::from),
        "memory_mb": memory_mb(&read("/proc/meminfo")),
        "kernel": read("/proc/sys/kernel/osrelease").trim(),
    })
}

fn memory_mb(meminfo: &str) -> Option<u64> {
    let kib = field(meminfo, "MemTotal")?;
    kib.strip_suffix(" kB")?
        .parse::<u64>()
        .ok()
        .map(|kib| kib / 1024)
}

/// What follows `name` and a colon at the beginning of a line.
fn field(text: &str, name: &str) -> Option<String> {
    let mut lines = text.lines().filter_map(|line| line.split_once(':'));
    let found = lines.find(|(found, _)| found.trim() == name);
    found.map(|(_, value)| value.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_found_by_their_whole_name() {
        let text = "MemTotalX:  1 kB\nMemTotal:   2048 kB\n";
        assert_eq!(memory_mb(text), Some(2));
        assert_eq!(memory_mb(""), None);
        assert_eq!(
            field("model name\t: A B\n", "model name").as_deref(),
            Some("A B")
        );
    }
}
