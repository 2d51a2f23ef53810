//! How much memory the processes of a measurement have, as the operating system counts it.
//!
//! Linux tells everything in `/proc`; elsewhere there is this process's peak alone, and what is not known is null.

use std::collections::HashSet;
use std::fs;

use nix::sys::resource::{UsageWho, getrusage};
use serde::Serialize;

/// Memory, in MiB.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Memory {
    /// The most that this process has had resident since it began: the API, the worker, the model and Qdrant's engine.
    pub peak_mib: Option<u64>,
    /// What the processes of PostgreSQL have now, shared pages counted once.
    pub postgres_mib: Option<u64>,
}

impl Memory {
    /// As it is now.
    pub(super) fn now() -> Self {
        Self { peak_mib: peak(), postgres_mib: of_children() }
    }
}

/// The machine's memory, in MiB.
pub(super) fn of_machine() -> Option<u64> {
    kib_of("/proc/meminfo", "MemTotal:").map(to_mib)
}

fn peak() -> Option<u64> {
    // What `getrusage` says on Linux may be the peak of the process that started this one.
    kib_of("/proc/self/status", "VmHWM:").map(to_mib).or_else(|| {
        let most = u64::try_from(getrusage(UsageWho::RUSAGE_SELF).ok()?.max_rss()).ok()?;
        // macOS counts bytes, the others KiB.
        Some(to_mib(if cfg!(target_os = "macos") { most / 1024 } else { most }))
    })
}

/// The children of this process and theirs: the database's server and the process of each connection.
fn of_children() -> Option<u64> {
    let processes: Vec<(u32, u32)> = fs::read_dir("/proc")
        .ok()?
        .flatten()
        .filter_map(|entry| {
            let process = entry.file_name().to_str()?.parse().ok()?;
            Some((process, parent(&fs::read_to_string(entry.path().join("stat")).ok()?)?))
        })
        .collect();
    let children_of = |parents: &HashSet<u32>| -> HashSet<u32> {
        let children = processes.iter().filter(|(_, parent)| parents.contains(parent));
        children.map(|(process, _)| *process).collect()
    };
    let children = children_of(&HashSet::from([std::process::id()]));
    let all = children_of(&children).into_iter().chain(children);
    // A process that has ended meanwhile has none.
    let kib = all.filter_map(|process| kib_of(&format!("/proc/{process}/smaps_rollup"), "Pss:")).sum();
    (kib > 0).then(|| to_mib(kib))
}

/// The parent in a line of `/proc/<process>/stat`; the name before it may hold anything.
fn parent(stat: &str) -> Option<u32> {
    let (_, after_name) = stat.rsplit_once(')')?;
    after_name.split_whitespace().nth(1)?.parse().ok()
}

fn kib_of(file: &str, field: &str) -> Option<u64> {
    let text = fs::read_to_string(file).ok()?;
    let value = text.lines().find_map(|line| line.strip_prefix(field))?;
    value.split_whitespace().next()?.parse().ok()
}

fn to_mib(kib: u64) -> u64 {
    kib / 1024
}

#[cfg(test)]
mod tests {
    use super::{parent, peak};

    #[test]
    fn a_process_knows_its_peak() {
        assert!(peak().is_some_and(|mib| mib > 0));
    }

    #[test]
    fn a_process_may_have_any_name() {
        assert_eq!(parent("71 (a) R 5 (b) S 42 71 0"), Some(42));
        assert_eq!(parent("71 (a) S"), None);
        assert_eq!(parent(""), None);
    }
}
