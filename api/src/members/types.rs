//! GraphQL types of members and roles.

use async_graphql::{ComplexObject, Context, ID, SimpleObject};
use entity::invitation::{self, InvitationStatus};
use entity::{membership, role, user};
use sea_orm::FromQueryResult;

use super::loaders::permissions_of_built_in;
use crate::error::Result;
use crate::graphql::{AroundRow, loader};

/// A membership of a workspace.
#[derive(SimpleObject)]
#[graphql(complex)]
pub struct Membership {
    /// The row.
    #[graphql(flatten)]
    pub row: membership::Model,
}

#[ComplexObject]
impl Membership {
    /// The id.
    pub async fn id(&self) -> ID {
        self.row.id.to_string().into()
    }

    /// The role that the member has; null where the membership has ended and its role was deleted, and where you may not see roles.
    async fn role(&self, context: &Context<'_>) -> Result<Option<Role>> {
        let Some(id) = self.row.role_id else { return Ok(None) };
        Ok(loader::<role::Entity>(context)?.load_one(id).await?.map(Role::from))
    }

    /// The member; null once the membership has ended.
    async fn user(&self, context: &Context<'_>) -> Result<Option<User>> {
        let row = loader::<user::Entity>(context)?.load_one(self.row.user_id).await?;
        Ok(row.map(User::from))
    }
}

impl From<membership::Model> for Membership {
    fn from(row: membership::Model) -> Self {
        Self { row }
    }
}

impl AroundRow for Membership {
    type Row = membership::Model;

    fn row(&self) -> &membership::Model {
        &self.row
    }
}

/// A person.
#[derive(SimpleObject)]
pub struct User {
    /// The row.
    #[graphql(flatten)]
    pub row: user::Model,
}

impl From<user::Model> for User {
    fn from(row: user::Model) -> Self {
        Self { row }
    }
}

/// What members may do: one of the built-in roles (OWNER, ADMIN, MEMBER, VIEWER), or one of the workspace's own.
#[derive(SimpleObject)]
#[graphql(complex)]
pub struct Role {
    /// The row.
    #[graphql(flatten)]
    pub row: role::Model,
}

#[ComplexObject]
impl Role {
    /// The id.
    pub async fn id(&self) -> ID {
        self.row.id.to_string().into()
    }

    /// Whether it is one of the built-in roles, which are the same in every workspace and never change.
    async fn built_in(&self) -> bool {
        self.row.built_in.is_some()
    }

    /// What it may do, as object:verb; `permissions` of the root has the catalogue.
    async fn permissions(&self, context: &Context<'_>) -> Result<Vec<String>> {
        match &self.row.built_in {
            Some(name) => permissions_of_built_in(context, name).await,
            None => Ok(self.row.permissions.clone()),
        }
    }
}

impl From<role::Model> for Role {
    fn from(row: role::Model) -> Self {
        Self { row }
    }
}

impl AroundRow for Role {
    type Row = role::Model;

    fn row(&self) -> &role::Model {
        &self.row
    }
}

/// An address that somebody asked into the workspace.
#[derive(SimpleObject)]
#[graphql(complex)]
pub struct Invitation {
    /// The row.
    #[graphql(flatten)]
    pub row: invitation::Model,
}

#[ComplexObject]
impl Invitation {
    /// The id.
    pub async fn id(&self) -> ID {
        self.row.id.to_string().into()
    }

    /// What it is worth now.
    async fn status(&self) -> InvitationStatus {
        self.row.status_at(crate::clock::now())
    }

    /// The role that whoever accepts it gets; null where it is over and its role was deleted.
    async fn role(&self, context: &Context<'_>) -> Result<Option<Role>> {
        let Some(id) = self.row.role_id else { return Ok(None) };
        Ok(loader::<role::Entity>(context)?.load_one(id).await?.map(Role::from))
    }

    /// Who invited; null once they are no member any more: then it is worth nothing.
    async fn invited_by(&self, context: &Context<'_>) -> Result<Option<User>> {
        let row = loader::<user::Entity>(context)?.load_one(self.row.invited_by).await?;
        Ok(row.map(User::from))
    }
}

impl From<invitation::Model> for Invitation {
    fn from(row: invitation::Model) -> Self {
        Self { row }
    }
}

impl AroundRow for Invitation {
    type Row = invitation::Model;

    fn row(&self) -> &invitation::Model {
        &self.row
    }
}

/// A permission that a role or an API key can be given.
#[derive(SimpleObject, FromQueryResult)]
#[graphql(name = "Permission")]
pub struct PermissionInfo {
    /// The name, as object:verb.
    name: String,
    /// What it lets somebody do.
    description: String,
    /// Whether an operator of the installation has it in a workspace that they have entered.
    operator: bool,
}
