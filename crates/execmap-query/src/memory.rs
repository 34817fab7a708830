//! How much memory reading a trace takes, and how much there is.

use execmap_format::Summary;

/// Bytes that a call takes while all columns are made, its place in the tree included.
const PER_CALL: u64 = 64;
/// Bytes of values and arguments in memory for each byte of them once unpacked.
const PER_VALUE_BYTE: u64 = 2;
/// Bytes of events that a call takes without arguments.
const BARE_CALL: u64 = 8;
/// Bytes of events that the beginning of a call takes at least.
const LEAST_CALL: u64 = 4;

/// What reading the files of a run takes.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Needed {
    pub(crate) files: usize,
    pub(crate) calls: u64,
    pub(crate) bytes: u64,
}

impl Needed {
    /// Takes in one more file.
    pub(crate) fn add(&mut self, summary: &Summary) {
        self.files += 1;
        self.calls = self.calls.saturating_add(calls(summary));
        self.bytes = self.bytes.saturating_add(needed(summary));
    }
}

/// How many calls there are, and no more than there can be.
fn calls(summary: &Summary) -> u64 {
    let most = summary.event_bytes / LEAST_CALL;
    summary.calls.min(summary.events).min(most)
}

/// About how many bytes reading a trace takes.
fn needed(summary: &Summary) -> u64 {
    let calls = calls(summary);
    // Each argument is a byte or more of events, and four bytes of a column.
    let args = summary
        .event_bytes
        .saturating_sub(calls.saturating_mul(BARE_CALL));
    calls
        .saturating_mul(PER_CALL)
        .saturating_add(args.saturating_mul(PER_VALUE_BYTE))
        .saturating_add(summary.value_bytes.saturating_mul(PER_VALUE_BYTE))
}

/// Bytes that this process may still take, as far as the system says.
pub(crate) fn free() -> Option<u64> {
    let system = free_of_system(&std::fs::read_to_string("/proc/meminfo").ok()?)?;
    let own_group = free_of_group("/sys/fs/cgroup").unwrap_or(u64::MAX);
    Some(system.min(own_group))
}

fn free_of_system(meminfo: &str) -> Option<u64> {
    let line = meminfo
        .lines()
        .find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let kilobytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kilobytes << 10)
}

/// What a container is allowed.
fn free_of_group(folder: &str) -> Option<u64> {
    let number = |name: &str| -> Option<u64> {
        let text = std::fs::read_to_string(format!("{folder}/{name}")).ok()?;
        text.trim().parse().ok()
    };
    Some(number("memory.max")?.saturating_sub(number("memory.current")?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn free_memory_is_what_the_system_says() {
        let text = "MemTotal: 24684000 kB\nMemFree:  1 kB\nMemAvailable:   16000 kB\n";
        assert_eq!(free_of_system(text), Some(16_384_000));
        assert_eq!(free_of_system("nothing"), None);
    }

    #[test]
    fn values_and_calls_take_memory() {
        let none = Summary::default();
        let long = Summary {
            calls: 1_000_000_000,
            events: 2_000_000_000,
            event_bytes: 9_000_000_000,
            ..Summary::default()
        };
        assert_eq!(needed(&none), 0);
        assert!(needed(&long) > 40_000_000_000);
    }
}
