//! Batched lists of members and roles, and what the built-in roles may do.

use std::collections::HashMap;
use std::sync::Arc;

use async_graphql::dataloader::{DataLoader, Loader, NoCache};
use async_graphql::{Context, Data};
use sea_orm::ConnectionTrait;

use super::lists::{Memberships, Roles};
use crate::error::{Error, Result};
use crate::graphql::{Request, batching, insert_list};
use crate::tenancy::statement;

/// Reads what built-in roles may do.
pub(crate) struct BuiltInPermissions(Arc<Request>);

impl Loader<String> for BuiltInPermissions {
    type Value = Vec<String>;
    type Error = Error;

    async fn load(&self, keys: &[String]) -> Result<HashMap<String, Vec<String>>> {
        let operation = self.0.operation().await?;
        // `role { permissions }` of the built-in roles.
        let sql = "select role, array_agg(permission order by permission) as permissions
                   from role_permissions where role = any ($1) group by role";
        let rows = operation.query_all_raw(statement(sql, [keys.to_vec().into()])).await?;
        rows.iter().map(|row| Ok((row.try_get("", "role")?, row.try_get("", "permissions")?))).collect()
    }
}

/// What a built-in role may do.
pub(super) async fn permissions_of_built_in(context: &Context<'_>, role: &str) -> Result<Vec<String>> {
    let loader = context.data::<DataLoader<BuiltInPermissions>>();
    let loader = loader.map_err(|_| Error::internal("built-in roles have no loader"))?;
    Ok(loader.load_one(role.to_owned()).await?.unwrap_or_default())
}

/// Puts the loaders of members into the data of a request.
pub(crate) fn insert_loaders(data: &mut Data, request: &Arc<Request>) {
    insert_list::<Memberships>(data, request);
    insert_list::<Roles>(data, request);
    data.insert(batching(BuiltInPermissions(request.clone()), NoCache));
}
