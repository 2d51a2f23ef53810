//! Lists of members and roles.

mod memberships;
mod roles;

pub use memberships::{MembershipFilter, MembershipOrder, Memberships};
pub use roles::{RoleFilter, RoleOrder, Roles};
