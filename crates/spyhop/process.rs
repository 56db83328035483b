//! What the system says of this process.

use std::fs;
use std::time::Duration;

/// Processor time of all threads so far, user and system; zero where it is not known.
pub fn cpu_time() -> Duration {
    /// Linux counts in USER_HZ, which is 100 for user space on every architecture (proc(5), sysconf(3)).
    const TICKS_PER_SECOND: u64 = 100;
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // The name in parentheses may hold spaces; utime and stime are the 12th and 13th field behind it.
    let fields: Vec<&str> =
        stat.rsplit_once(')').map(|(_, rest)| rest.split_whitespace().collect()).unwrap_or_default();
    let ticks: u64 = fields.iter().skip(11).take(2).filter_map(|ticks| ticks.parse::<u64>().ok()).sum();
    Duration::from_millis(ticks * 1_000 / TICKS_PER_SECOND)
}

/// The largest resident size so far, in bytes; 0 where it is not known.
pub fn peak_memory() -> u64 {
    status("VmHWM:")
}

/// The resident size, in bytes; 0 where it is not known.
pub fn memory() -> u64 {
    status("VmRSS:")
}

fn status(field: &str) -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(field));
    let kib = line.and_then(|line| line.trim().strip_suffix("kB")).and_then(|kib| kib.trim().parse::<u64>().ok());
    kib.unwrap_or(0) * 1_024
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_system_tells_of_us() {
        assert!(peak_memory() > 1 << 20);
        let before = cpu_time();
        let mut sum = 0u64;
        while cpu_time() == before {
            sum = (0..100_000u64).fold(sum, |sum, n| sum.wrapping_mul(31).wrapping_add(n));
        }
        assert!(cpu_time() > before, "{sum}");
    }
}
