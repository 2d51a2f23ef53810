//! How much memory the processes of a measurement have, as the operating system counts it.
//!
//! Linux tells everything in `/proc`; elsewhere there is this process's peak alone, and what is not known is null.

use nix::sys::resource::{UsageWho, getrusage};
use serde::Serialize;

use super::processes::{Family, kib_of, to_mib};

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
    let all = Family::of(std::process::id()).mib()?;
    let own = kib_of("/proc/self/smaps_rollup", "Pss:").map(to_mib)?;
    Some(all.saturating_sub(own)).filter(|mib| *mib > 0)
}

#[cfg(test)]
mod tests {
    use super::peak;

    #[test]
    fn a_process_knows_its_peak() {
        assert!(peak().is_some_and(|mib| mib > 0));
    }
}
