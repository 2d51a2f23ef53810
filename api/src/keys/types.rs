//! GraphQL types of API keys.

use async_graphql::{ComplexObject, Context, ID, SimpleObject};
use entity::api_key::{self, ApiKeyStatus};
use entity::user;

use crate::error::Result;
use crate::graphql::{AroundRow, loader};
use crate::members::User;

/// A key by which a program uses the API on behalf of its maker, in this workspace alone. The key itself is shown once, when it is made.
#[derive(SimpleObject)]
#[graphql(complex)]
pub struct ApiKey {
    /// The row.
    #[graphql(flatten)]
    pub row: api_key::Model,
}

#[ComplexObject]
impl ApiKey {
    /// The id.
    pub async fn id(&self) -> ID {
        self.row.id.to_string().into()
    }

    /// What it is worth now. An ACTIVE one opens nothing either once its maker is no active member.
    async fn status(&self) -> ApiKeyStatus {
        self.row.status(crate::clock::now())
    }

    /// Who made it, and on whose behalf it acts; null once the membership has ended.
    async fn user(&self, context: &Context<'_>) -> Result<Option<User>> {
        let row = loader::<user::Entity>(context)?.load_one(self.row.user_id).await?;
        Ok(row.map(User::from))
    }
}

impl From<api_key::Model> for ApiKey {
    fn from(row: api_key::Model) -> Self {
        Self { row }
    }
}

impl AroundRow for ApiKey {
    type Row = api_key::Model;

    fn row(&self) -> &api_key::Model {
        &self.row
    }
}
