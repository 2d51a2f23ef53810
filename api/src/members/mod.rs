//! Members of a workspace, and the roles that say what they may do.

mod lists;
mod loaders;
mod query;
mod types;

pub use lists::{MembershipFilter, MembershipOrder, Memberships, RoleFilter, RoleOrder, Roles};
pub(crate) use loaders::insert_loaders;
pub use query::MembersQuery;
pub use types::{Membership, Role, User};
