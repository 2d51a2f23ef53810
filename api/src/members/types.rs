//! GraphQL types of members and roles.

use async_graphql::{ComplexObject, Context, ID, SimpleObject};
use entity::{membership, role, user};

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

    /// The role that the member has; null where you may not see roles.
    async fn role(&self, context: &Context<'_>) -> Result<Option<Role>> {
        let row = loader::<role::Entity>(context)?.load_one(self.row.role_id).await?;
        Ok(row.map(Role::from))
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
