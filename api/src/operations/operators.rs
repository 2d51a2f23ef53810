//! Operators, made and revoked from the command line: nobody makes one by the API.

use chrono::{DateTime, Utc};
use entity::id::OperatorId;
use sqlx::Row;

use super::Failure;
use super::people::People;
use crate::operators::NewOperatorKey;

/// An operator, as the command line shows them.
#[derive(Clone, Debug)]
pub struct KnownOperator {
    /// The id.
    pub id: OperatorId,
    /// The name that tenants read.
    pub name: String,
    /// The address.
    pub email: String,
    /// The first characters of the key.
    pub start: String,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// From then on the key opens nothing.
    pub expires_at: DateTime<Utc>,
    /// When it was revoked; none while it holds.
    pub revoked_at: Option<DateTime<Utc>>,
    /// When the key was last used, to the minute; none where it never was.
    pub last_used_at: Option<DateTime<Utc>>,
}

impl People {
    /// Makes an operator whose key holds until a moment.
    ///
    /// # Errors
    ///
    /// [`Failure::Database`].
    pub async fn add_operator(
        &mut self,
        name: &str,
        email: &str,
        key: &NewOperatorKey,
        until: DateTime<Utc>,
    ) -> Result<OperatorId, Failure> {
        let id = OperatorId::new();
        // `footnote operator add`
        sqlx::query(
            "insert into public.operators (id, name, email, start, hash, expires_at) values ($1, $2, $3, $4, $5, $6)",
        )
        .bind(id.0)
        .bind(name)
        .bind(email)
        .bind(&key.start)
        .bind(key.hash.0.as_slice())
        .bind(until)
        .execute(&mut self.0)
        .await
        .map_err(Failure::database("make an operator"))?;
        Ok(id)
    }

    /// Every operator, newest first, those who were revoked among them.
    ///
    /// # Errors
    ///
    /// [`Failure::Database`].
    pub async fn operators(&mut self) -> Result<Vec<KnownOperator>, Failure> {
        self.read_operators().await.map_err(Failure::database("list the operators"))
    }

    async fn read_operators(&mut self) -> Result<Vec<KnownOperator>, sqlx::Error> {
        // `footnote operator list`
        let rows = sqlx::query(
            "select id, name, email, start, created_at, expires_at, revoked_at, last_used_at from public.operators order by id desc",
        )
        .fetch_all(&mut self.0)
        .await?;
        rows.iter()
            .map(|row| {
                Ok(KnownOperator {
                    id: OperatorId(row.try_get("id")?),
                    name: row.try_get("name")?,
                    email: row.try_get("email")?,
                    start: row.try_get("start")?,
                    created_at: row.try_get("created_at")?,
                    expires_at: row.try_get("expires_at")?,
                    revoked_at: row.try_get("revoked_at")?,
                    last_used_at: row.try_get("last_used_at")?,
                })
            })
            .collect()
    }

    /// Revokes an operator and ends their entries, which their workspaces' audit logs tell; false where there is none to revoke.
    ///
    /// # Errors
    ///
    /// [`Failure::Database`].
    pub async fn revoke_operator(&mut self, id: OperatorId) -> Result<bool, Failure> {
        // `footnote operator revoke`
        sqlx::query("select app.revoke_operator($1) as revoked")
            .bind(id.0)
            .fetch_one(&mut self.0)
            .await
            .and_then(|row| row.try_get("revoked"))
            .map_err(Failure::database("revoke an operator"))
    }
}
