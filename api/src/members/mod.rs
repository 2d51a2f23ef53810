//! Members of a workspace: who they are, how they come and go, and the roles that say what they may do.
//!
//! It guarantees that nobody gives or takes more than they have, that a workspace keeps an active OWNER, that an invitation is accepted
//! once, by an account with its address, while whoever sent it may still give what it gives, and that every change stands in the audit
//! log. The database holds all of it besides.

mod inputs;
mod invitations;
mod lists;
mod loaders;
mod memberships;
mod mutation;
mod query;
mod roles;
mod types;

pub use lists::{MembershipFilter, MembershipOrder, Memberships, RoleFilter, RoleOrder, Roles};
pub(crate) use loaders::insert_loaders;
pub use mutation::MembersMutation;
pub use query::MembersQuery;
pub use types::{Invitation, Membership, Role, User};
