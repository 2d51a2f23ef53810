//! Queries about members and roles.

use async_graphql::{Context, Object};

use super::lists::{MembershipFilter, MembershipOrder, Memberships, RoleFilter, RoleOrder, Roles};
use super::types::{Membership, Role};
use crate::error::Result;
use crate::graphql::{Connection, ListArgs, list, list_cost};
use crate::list::PageArgs;

/// Queries about members and roles.
#[derive(Default)]
pub struct MembersQuery;

#[Object]
impl MembersQuery {
    /// Members of the workspace, newest first. Needs member:read.
    #[graphql(complexity = "list_cost(first, last, child_complexity)")]
    async fn memberships(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Only rows for which this holds.")] filter: Option<MembershipFilter>,
        #[graphql(desc = "The order; newest first unless said.")] order_by: Option<MembershipOrder>,
        #[graphql(desc = "How many from the beginning, 1 to 100; 20 unless said.")] first: Option<i32>,
        #[graphql(desc = "After this cursor.")] after: Option<String>,
        #[graphql(desc = "How many from the end, 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Before this cursor.")] before: Option<String>,
    ) -> Result<Connection<Membership>> {
        let args = ListArgs { filter, order_by, page: PageArgs { first, after, last, before } };
        list::<Memberships, _>(context, args, None).await
    }

    /// Roles of the workspace, the built-in ones among them, newest first. Needs member:read.
    #[graphql(complexity = "list_cost(first, last, child_complexity)")]
    async fn roles(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Only rows for which this holds.")] filter: Option<RoleFilter>,
        #[graphql(desc = "The order; newest first unless said.")] order_by: Option<RoleOrder>,
        #[graphql(desc = "How many from the beginning, 1 to 100; 20 unless said.")] first: Option<i32>,
        #[graphql(desc = "After this cursor.")] after: Option<String>,
        #[graphql(desc = "How many from the end, 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Before this cursor.")] before: Option<String>,
    ) -> Result<Connection<Role>> {
        let args = ListArgs { filter, order_by, page: PageArgs { first, after, last, before } };
        list::<Roles, _>(context, args, None).await
    }
}
