//! The one door by which an operation outside any workspace comes into one: it makes it.

use entity::id::{MembershipId, WorkspaceId};
use entity::workspace;
use sea_orm::{ConnectionTrait, DbErr, RuntimeErr};

use super::operation::Context;
use super::{Operation, statement};
use crate::error::{Error, ID_EXISTS, Result, broken_constraint};

/// A workspace to make.
pub struct NewWorkspace {
    /// The id.
    pub id: WorkspaceId,
    /// The slug, which was checked.
    pub slug: String,
    /// The name to show.
    pub name: String,
    /// How many workspaces its maker may own, this one included.
    pub most: i32,
}

impl Operation {
    /// Makes a workspace whose owner is the actor, and goes on in it: its events and audit entries are the workspace's.
    ///
    /// # Errors
    ///
    /// CONFLICT for a slug or an id that is taken, and for one workspace too many; FORBIDDEN for operators.
    pub async fn found_workspace(&self, new: NewWorkspace) -> Result<workspace::Model> {
        if self.operator_id().is_some() {
            return Err(Error::NotAllowed("An operator is a member of nothing, and owns no workspace."));
        }
        let NewWorkspace { id, slug, name, most } = new;
        let sql = "select * from app.found_workspace($1, $2, $3, $4, $5)";
        let values = [id.0.into(), slug.into(), name.into(), MembershipId::new().0.into(), most.into()];
        let row = self.query_one_raw(statement(sql, values)).await.map_err(refused)?;
        let row = row.ok_or_else(|| Error::internal("the door made no workspace"))?;
        let permissions: Option<String> = row.try_get("", "permissions")?;
        self.move_into(Context {
            workspace: Some(id),
            actor: self.actor_id(),
            operator: None,
            role: row.try_get("", "role")?,
            permissions: permissions.iter().flat_map(|list| list.split(',')).map(str::to_owned).collect(),
        });
        Ok(workspace::Model {
            id,
            slug: row.try_get("", "slug")?,
            name: row.try_get("", "name")?,
            version: row.try_get("", "version")?,
            updated_at: row.try_get("", "updated_at")?,
            created_at: row.try_get("", "created_at")?,
        })
    }
}

fn refused(error: DbErr) -> Error {
    if let DbErr::Query(RuntimeErr::SqlxError(cause)) = &error
        && cause.as_database_error().and_then(sqlx::error::DatabaseError::code).as_deref() == Some("FN007")
    {
        return Error::Conflict("You own as many workspaces as one person may.", None);
    }
    match broken_constraint(&error) {
        Some("workspaces_slug_key") => {
            Error::Taken("input.slug", "A workspace of this slug exists; choose another one.")
        }
        Some("workspaces_pkey") => ID_EXISTS,
        _ => error.into(),
    }
}
