//! What the processes of a measurement cost: the processor time and the memory of one that was started and of all that it started.
//!
//! Linux tells it in `/proc`; elsewhere nothing is known, and reports have null.

use std::collections::HashSet;
use std::fs;
use std::time::Duration;

/// What `/proc/<process>/stat` counts processor time in, on every architecture that Linux has: hundredths of a second.
const TICK: Duration = Duration::from_millis(10);

/// A process and everything that it started.
#[derive(Clone, Copy, Debug)]
pub(super) struct Family(u32);

impl Family {
    /// Of this process.
    pub(super) fn of(process: u32) -> Self {
        Self(process)
    }

    /// Of the process that started this one.
    pub(super) fn of_parent(process: u32) -> Option<Self> {
        Some(Self(Stat::read(process)?.parent))
    }

    /// The processor time that all of it has used since it began, those that have ended included.
    pub(super) fn processor_time(self) -> Option<Duration> {
        let ticks: Vec<u32> =
            self.members().into_iter().filter_map(Stat::read).map(|stat| stat.ticks).collect();
        if ticks.is_empty() { None } else { Some(TICK * ticks.into_iter().sum()) }
    }

    /// The most that each process of it has had resident since it began, added up, in MiB.
    pub(super) fn peak_mib(self) -> Option<u64> {
        self.sum("status", "VmHWM:")
    }

    /// What it has now, in MiB; pages that processes share are counted once.
    pub(super) fn mib(self) -> Option<u64> {
        self.sum("smaps_rollup", "Pss:")
    }

    fn sum(self, file: &str, field: &str) -> Option<u64> {
        let members = self.members();
        // A process that has ended meanwhile has none.
        let kib =
            members.iter().filter_map(|process| kib_of(&format!("/proc/{process}/{file}"), field)).sum();
        (kib > 0).then(|| to_mib(kib))
    }

    fn members(self) -> HashSet<u32> {
        let processes: Vec<(u32, u32)> = fs::read_dir("/proc")
            .into_iter()
            .flatten()
            .flatten()
            .filter_map(|entry| {
                let process = entry.file_name().to_str()?.parse().ok()?;
                Some((process, Stat::read(process)?.parent))
            })
            .collect();
        let mut members = HashSet::from([self.0]);
        loop {
            let before = members.len();
            for (process, parent) in &processes {
                if members.contains(parent) {
                    members.insert(*process);
                }
            }
            if members.len() == before {
                return members;
            }
        }
    }
}

/// What is read from `/proc/<process>/stat`.
#[derive(Debug, PartialEq, Eq)]
struct Stat {
    parent: u32,
    /// Its own, and of its children that have ended and that it has waited for.
    ticks: u32,
}

impl Stat {
    fn read(process: u32) -> Option<Self> {
        Self::parse(&fs::read_to_string(format!("/proc/{process}/stat")).ok()?)
    }

    /// The name in brackets may hold anything, brackets too.
    fn parse(line: &str) -> Option<Self> {
        let (_, after_name) = line.rsplit_once(')')?;
        let fields: Vec<&str> = after_name.split_whitespace().collect();
        let parent = fields.get(1)?.parse().ok()?;
        let ticks = fields.get(11..15)?.iter().map(|field| field.parse::<u32>().ok()).sum::<Option<u32>>()?;
        Some(Self { parent, ticks })
    }
}

/// A field of a file of `/proc` that counts KiB.
pub(super) fn kib_of(file: &str, field: &str) -> Option<u64> {
    let text = fs::read_to_string(file).ok()?;
    let value = text.lines().find_map(|line| line.strip_prefix(field))?;
    value.split_whitespace().next()?.parse().ok()
}

pub(super) fn to_mib(kib: u64) -> u64 {
    kib / 1024
}

#[cfg(test)]
mod tests {
    use super::Stat;

    #[test]
    fn a_process_may_have_any_name() {
        let line = "71 (a) R 5 (b) S 42 71 71 0 -1 4194560 100 200 0 0 7 3 20 10 20 0 1 0";
        assert_eq!(Stat::parse(line), Some(Stat { parent: 42, ticks: 40 }));
        assert_eq!(Stat::parse("71 (a) S 42"), None);
        assert_eq!(Stat::parse(""), None);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn what_ended_still_counts() {
        use super::Family;
        let family = Family::of(std::process::id());
        let before = family.processor_time().expect("this process");
        let ended = std::process::Command::new("sh")
            .args(["-c", "i=0; while [ $i -lt 300000 ]; do i=$((i+1)); done"])
            .status();
        assert!(ended.expect("a shell").success());
        assert!(family.processor_time().expect("this process") > before);
        assert!(family.peak_mib().is_some_and(|mib| mib > 0) && family.mib().is_some_and(|mib| mib > 0));
    }
}
