//! Queries about members, invitations, roles and permissions.

use async_graphql::{Context, Object};
use sea_orm::FromQueryResult;

use super::lists::{
    InvitationFilter, InvitationOrder, Invitations, MembershipFilter, MembershipOrder, Memberships,
    RoleFilter, RoleOrder, Roles,
};
use super::types::{Invitation, Membership, PermissionInfo, Role};
use crate::error::Result;
use crate::graphql::{Connection, ListArgs, list, list_cost, operation};
use crate::list::PageArgs;
use crate::tenancy::statement;

/// Queries about members, invitations, roles and permissions.
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

    /// Invitations into the workspace, newest first. Needs member:read.
    #[graphql(complexity = "list_cost(first, last, child_complexity)")]
    async fn invitations(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Only rows for which this holds.")] filter: Option<InvitationFilter>,
        #[graphql(desc = "The order; newest first unless said.")] order_by: Option<InvitationOrder>,
        #[graphql(desc = "How many from the beginning, 1 to 100; 20 unless said.")] first: Option<i32>,
        #[graphql(desc = "After this cursor.")] after: Option<String>,
        #[graphql(desc = "How many from the end, 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Before this cursor.")] before: Option<String>,
    ) -> Result<Connection<Invitation>> {
        let args = ListArgs { filter, order_by, page: PageArgs { first, after, last, before } };
        list::<Invitations, _>(context, args, None).await
    }

    /// The catalogue of permissions, by name: what roles and API keys can be given. Needs a session, and no workspace.
    async fn permissions(&self, context: &Context<'_>) -> Result<Vec<PermissionInfo>> {
        let operation = operation(context).await?;
        // permissions
        let select = statement("select name, description, operator from permissions order by name", []);
        Ok(PermissionInfo::find_by_statement(select).all(operation.as_ref()).await?)
    }
}
