//! GraphQL types of workspaces.

use async_graphql::{ComplexObject, Context, ID, SimpleObject};
use entity::workspace;
use entity::workspace_of_viewer::WorkspaceOfViewer;

use crate::error::Result;
use crate::graphql::{Connection, ListArgs, children, list_cost};
use crate::keys::ApiKey;
use crate::list::PageArgs;
use crate::members::{
    Membership, MembershipFilter, MembershipOrder, Memberships, Role, RoleFilter, RoleOrder, Roles, User,
};

/// A workspace: the tenant. Everything in it is invisible from every other one.
#[derive(SimpleObject)]
#[graphql(complex)]
pub struct Workspace {
    /// The row.
    #[graphql(flatten)]
    pub row: workspace::Model,
}

#[ComplexObject]
impl Workspace {
    /// The id.
    pub async fn id(&self) -> ID {
        self.row.id.to_string().into()
    }

    /// Members, newest first.
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
        children::<Memberships, _>(context, self.row.id.0, args).await
    }

    /// Roles, the built-in ones among them, newest first.
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
        children::<Roles, _>(context, self.row.id.0, args).await
    }
}

impl From<workspace::Model> for Workspace {
    fn from(row: workspace::Model) -> Self {
        Self { row }
    }
}

/// Who asks.
#[derive(SimpleObject)]
pub struct Viewer {
    /// The signed-in user; the maker of the API key, where one asks.
    pub user: User,
    /// The API key that asks; null where a person does.
    pub api_key: Option<ApiKey>,
    /// The user's workspaces, by slug; of an API key its own alone.
    pub workspaces: Vec<WorkspaceOfViewer>,
    /// The role in the workspace of the header X-Workspace; null outside one.
    pub role: Option<String>,
    /// What the viewer may do in that workspace, as object:verb; empty outside one.
    pub permissions: Vec<String>,
}
