//! Lists of members, invitations and roles.

mod invitations;
mod memberships;
mod roles;

pub use invitations::{InvitationFilter, InvitationOrder, Invitations};
pub use memberships::{MembershipFilter, MembershipOrder, Memberships};
pub use roles::{RoleFilter, RoleOrder, Roles};
