//! How large a workspace's circle may become.

use clap::Args;

const INVITATIONS: u32 = 200;
const ROLES: u32 = 100;

/// Limits on members of a workspace.
#[derive(Args, Clone, Debug)]
pub struct MemberSettings {
    /// How many invitations of one workspace may be pending, and how many mails of them it may send within 24 hours.
    #[arg(long, env = "FOOTNOTE_INVITATIONS_PER_WORKSPACE", default_value_t = INVITATIONS, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(0..=100_000))]
    pub invitations_per_workspace: u32,
    /// How many roles of its own one workspace may have.
    #[arg(long, env = "FOOTNOTE_ROLES_PER_WORKSPACE", default_value_t = ROLES, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(0..=10_000))]
    pub roles_per_workspace: u32,
}

impl Default for MemberSettings {
    fn default() -> Self {
        Self { invitations_per_workspace: INVITATIONS, roles_per_workspace: ROLES }
    }
}
