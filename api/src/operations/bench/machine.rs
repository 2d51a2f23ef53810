//! What a figure was measured on.

use serde::Serialize;

/// The machine and the build.
#[derive(Clone, Debug, Serialize)]
pub struct Machine {
    /// Cores that this process may use.
    pub cores: usize,
    /// The machine's memory, in MiB; null where the system does not say.
    pub memory_mib: Option<u64>,
    /// Whether this is a build with optimisation; figures of another one mean nothing.
    pub optimized: bool,
}

impl Machine {
    /// This one.
    pub(super) fn here() -> Self {
        Self {
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            memory_mib: super::memory::of_machine(),
            optimized: !cfg!(debug_assertions),
        }
    }
}
