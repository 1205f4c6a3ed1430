//! CPU time and memory of processes, as /proc shows them (proc_pid_stat(5), proc_pid_status(5)).

use std::fs;

/// Ticks a second in /proc/PID/stat; every Linux since 2.6 has 100.
const TICKS: f64 = 100.0;

/// CPU seconds of a process, user and system; `None` when it is gone.
pub(crate) fn cpu_s(pid: u32) -> Option<f64> {
    cpu_of_stat(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
}

/// CPU seconds of our own children that have ended and were waited for.
pub(crate) fn ended_children_cpu_s() -> Option<f64> {
    children_of_stat(&fs::read_to_string("/proc/self/stat").ok()?)
}

/// Peak of resident memory in MB (MiB), since [`forget_peak`] or its start.
pub(crate) fn peak_mb(pid: u32) -> Option<f64> {
    status_mb(pid, "VmHWM:")
}

/// Resident memory in MB (MiB).
pub(crate) fn resident_mb(pid: u32) -> Option<f64> {
    status_mb(pid, "VmRSS:")
}

/// Makes the kernel count the peak of resident memory anew.
pub(crate) fn forget_peak(pid: u32) {
    // A kernel that cannot keeps the peak since the start, which is never less.
    let _ = fs::write(format!("/proc/{pid}/clear_refs"), "5");
}

/// The children of a process.
pub(crate) fn children(pid: u32) -> Vec<u32> {
    let list = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"));
    let list = list.unwrap_or_default();
    list.split_whitespace()
        .filter_map(|child| child.parse().ok())
        .collect()
}

/// What a process calls itself.
pub(crate) fn title(pid: u32) -> Option<String> {
    let text = fs::read(format!("/proc/{pid}/cmdline")).ok()?;
    Some(String::from_utf8_lossy(&text).into_owned())
}

/// The machine's CPU seconds so far.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Machine {
    /// Spent on anything.
    pub(crate) busy_s: f64,
    /// Spent on nothing.
    pub(crate) idle_s: f64,
    /// Taken by the hypervisor; a part of `busy_s`.
    pub(crate) steal_s: f64,
}

/// Now.
pub(crate) fn machine() -> Machine {
    let stat = fs::read_to_string("/proc/stat").unwrap_or_default();
    machine_of_stat(&stat).unwrap_or_default()
}

fn status_mb(pid: u32, field: &str) -> Option<f64> {
    field_mb(
        &fs::read_to_string(format!("/proc/{pid}/status")).ok()?,
        field,
    )
}

fn cpu_of_stat(stat: &str) -> Option<f64> {
    sum_of_fields(stat, 11)
}

fn children_of_stat(stat: &str) -> Option<f64> {
    sum_of_fields(stat, 13)
}

/// Two neighbouring times of a process, counted from the field behind its name, which stands in
/// parentheses and may hold anything.
fn sum_of_fields(stat: &str, first: usize) -> Option<f64> {
    let behind = stat.get(stat.rfind(')')? + 1..)?;
    let mut fields = behind.split_whitespace().skip(first);
    let user: f64 = fields.next()?.parse().ok()?;
    let system: f64 = fields.next()?.parse().ok()?;
    Some((user + system) / TICKS)
}

fn field_mb(status: &str, field: &str) -> Option<f64> {
    let rest = status.lines().find_map(|line| line.strip_prefix(field))?;
    let kib: f64 = rest.split_whitespace().next()?.parse().ok()?;
    Some(kib / 1024.0)
}

/// The first line: user, nice, system, idle, iowait, irq, softirq, steal.
fn machine_of_stat(stat: &str) -> Option<Machine> {
    let fields = stat.lines().next()?.strip_prefix("cpu ")?;
    let ticks: Vec<f64> = fields
        .split_whitespace()
        .take(8)
        .map(|field| field.parse().ok())
        .collect::<Option<_>>()?;
    let &[user, nice, system, idle, iowait, irq, softirq, steal] = ticks.as_slice() else {
        return None;
    };
    Some(Machine {
        busy_s: (user + nice + system + irq + softirq + steal) / TICKS,
        idle_s: (idle + iowait) / TICKS,
        steal_s: steal / TICKS,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_found_behind_any_name() {
        let stat = "7 (a) b (c)) S 1 7 7 0 -1 4 10 11 12 13 250 50 30 20 20 0 1 0 99";
        assert_eq!(cpu_of_stat(stat), Some(3.0));
        assert_eq!(children_of_stat(stat), Some(0.5));
        assert_eq!(cpu_of_stat("7 (a) S 1"), None);
        assert_eq!(cpu_of_stat(""), None);
    }

    #[test]
    fn memory_is_read_in_mebibytes() {
        let status = "Name:\tx\nVmHWM:\t  2048 kB\nVmRSS:\t 1024 kB\n";
        assert_eq!(field_mb(status, "VmHWM:"), Some(2.0));
        assert_eq!(field_mb(status, "VmRSS:"), Some(1.0));
        assert_eq!(field_mb(status, "VmSwap:"), None);
    }

    #[test]
    fn the_machine_is_busy_with_all_but_idling_and_waiting() {
        let stat = "cpu  100 100 100 700 300 50 50 200 9 9\ncpu0 1 1 1 1 1 1 1 1 1 1\n";
        let expected = Machine {
            busy_s: 6.0,
            idle_s: 10.0,
            steal_s: 2.0,
        };
        assert_eq!(machine_of_stat(stat), Some(expected));
        assert_eq!(machine_of_stat("cpu  1 2"), None);
    }

    #[test]
    fn our_own_process_has_cpu_time_memory_and_a_title() {
        let pid = std::process::id();
        assert!(cpu_s(pid).is_some());
        assert!(peak_mb(pid) >= resident_mb(pid).map(|mb| mb / 2.0));
        assert!(title(pid).is_some_and(|title| !title.is_empty()));
        assert!(machine().busy_s > 0.0);
    }
}
