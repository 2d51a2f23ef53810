//! How a workspace ends.

use std::time::Duration;

use clap::Args;

const GRACE_DAYS: u32 = 30;
const SETTLE_SECONDS: u32 = 900;

/// The end of workspaces.
#[derive(Args, Clone, Debug)]
pub struct WorkspaceSettings {
    /// How many days a deleted workspace can be restored, before it is removed from every store; with 0 it is removed at once.
    #[arg(long, env = "FOOTNOTE_WORKSPACE_GRACE_DAYS", default_value_t = GRACE_DAYS, value_name = "DAYS", value_parser = clap::value_parser!(u32).range(0..=365))]
    pub workspace_grace_days: u32,
    /// After a removed workspace was found to be gone from every store, how many seconds later that is looked at once more; longer than any
    /// attempt of a job, whose process may not have noticed. With 0 the first look counts.
    #[arg(long, env = "FOOTNOTE_PURGE_SETTLE_SECONDS", default_value_t = SETTLE_SECONDS, value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(0..=86_400))]
    pub purge_settle_seconds: u32,
}

impl Default for WorkspaceSettings {
    fn default() -> Self {
        Self { workspace_grace_days: GRACE_DAYS, purge_settle_seconds: SETTLE_SECONDS }
    }
}

impl WorkspaceSettings {
    /// How long after the first look at the stores the second follows; zero for none.
    #[must_use]
    pub fn settle(&self) -> Duration {
        Duration::from_secs(self.purge_settle_seconds.into())
    }
}
