//! People, workspaces and sessions, made from the command line through the doors that are closed to the application.
//!
//! Making somebody who exists finds them. A session ends by itself; whoever holds its token is that person until then.

use chrono::{DateTime, Utc};
use entity::id::{MembershipId, SessionId, UserId, WorkspaceId};
use sqlx::Row;
use sqlx::postgres::PgConnection;
use uuid::Uuid;

use super::{Failure, roles};
use crate::tenancy::WorkspaceKey;

/// An active member of a workspace.
#[derive(Clone, Debug)]
pub struct Member {
    /// The person.
    pub user: UserId,
    /// The role in the workspace.
    pub role: String,
    /// The workspace's slug.
    pub slug: String,
}

/// The owner's connection, as the role that owns the doors: the owner itself sees no row of theirs.
pub struct People(pub(super) PgConnection);

impl People {
    /// Connects as the owner.
    ///
    /// # Errors
    ///
    /// [`Failure::Usage`] or [`Failure::Database`].
    pub async fn connect(owner_url: &str) -> Result<Self, Failure> {
        let mut connection = roles::connect(owner_url).await?;
        sqlx::raw_sql("set role footnote_system")
            .execute(&mut connection)
            .await
            .map_err(Failure::database("become the owner of the doors"))?;
        Ok(Self(connection))
    }

    /// Makes a person, or finds it by address and gives it this name.
    ///
    /// # Errors
    ///
    /// [`Failure::Database`].
    pub async fn create_user(&mut self, email: &str, name: &str) -> Result<UserId, Failure> {
        sqlx::query("select app.create_user($1, $2, $3) as id")
            .bind(UserId::new().0)
            .bind(email)
            .bind(name)
            .fetch_one(&mut self.0)
            .await
            .and_then(|row| row.try_get::<Uuid, _>("id"))
            .map(UserId)
            .map_err(Failure::database("make a person"))
    }

    /// Makes a workspace, or finds it by slug and gives it this name, and makes the person a member of it.
    ///
    /// # Errors
    ///
    /// [`Failure::Database`].
    pub async fn create_workspace(
        &mut self,
        slug: &str,
        name: &str,
        member: UserId,
        role: &str,
    ) -> Result<WorkspaceId, Failure> {
        sqlx::query("select app.create_workspace($1, $2, $3, $4, $5, $6) as id")
            .bind(WorkspaceId::new().0)
            .bind(slug)
            .bind(name)
            .bind(member.0)
            .bind(role)
            .bind(MembershipId::new().0)
            .fetch_one(&mut self.0)
            .await
            .and_then(|row| row.try_get::<Uuid, _>("id"))
            .map(WorkspaceId)
            .map_err(Failure::database("make a workspace"))
    }

    /// Gives a person a password, by its hash, and vouches for the address.
    ///
    /// # Errors
    ///
    /// [`Failure::Database`].
    pub async fn set_password(&mut self, user: UserId, password_hash: &str) -> Result<(), Failure> {
        sqlx::query("select app.set_password($1, $2)")
            .bind(user.0)
            .bind(password_hash)
            .execute(&mut self.0)
            .await
            .map_err(Failure::database("set a password"))?;
        Ok(())
    }

    /// Opens a session until a moment.
    ///
    /// # Errors
    ///
    /// [`Failure::Database`].
    pub async fn open_session(&mut self, user: UserId, until: DateTime<Utc>) -> Result<SessionId, Failure> {
        let session = SessionId::new();
        sqlx::query("select app.open_session($1, $2, $3)")
            .bind(session.0)
            .bind(user.0)
            .bind(until)
            .execute(&mut self.0)
            .await
            .map_err(Failure::database("open a session"))?;
        Ok(session)
    }

    /// The active member with this address in a workspace; none where there is no such member.
    ///
    /// # Errors
    ///
    /// [`Failure::Database`].
    pub async fn member(&mut self, email: &str, workspace: &WorkspaceKey) -> Result<Option<Member>, Failure> {
        self.find_member(email, workspace).await.map_err(Failure::database("look for the member"))
    }

    async fn find_member(
        &mut self,
        email: &str,
        workspace: &WorkspaceKey,
    ) -> Result<Option<Member>, sqlx::Error> {
        let (id, slug) = match workspace {
            WorkspaceKey::Id(id) => (Some(id.0), None),
            WorkspaceKey::Slug(slug) => (None, Some(slug.to_string())),
        };
        // `footnote token`: a person by address in one workspace.
        let found = sqlx::query(
            "select u.id, r.name as role, w.slug from public.users u
             join public.memberships m on m.user_id = u.id and m.status = 'ACTIVE'
             join public.roles r on r.workspace_id = m.workspace_id and r.id = m.role_id
             join public.workspaces w on w.id = m.workspace_id
             where u.email = lower($1) and (w.id = $2 or w.slug = $3)",
        )
        .bind(email)
        .bind(id)
        .bind(slug)
        .fetch_optional(&mut self.0)
        .await?;
        let Some(row) = found else { return Ok(None) };
        Ok(Some(Member {
            user: UserId(row.try_get("id")?),
            role: row.try_get("role")?,
            slug: row.try_get("slug")?,
        }))
    }
}
