//! The rules of API keys.
//!
//! The database holds them too, whatever writes: nobody gives scopes that they do not have, makes a key for somebody else, changes what a
//! key may do, or takes a revocation back; and each change stands in the audit log.

use chrono::{DateTime, TimeDelta, Utc};
use entity::api_key::{self, Column, Entity};
use entity::id::{ApiKeyId, Given, WorkspaceId};
use sea_orm::sea_query::LockType;
use sea_orm::{ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QuerySelect};
use serde_json::json;
use sha2::{Digest, Sha256};

use super::secret::ApiKeySecret;
use crate::error::{Error, Result};
use crate::input::Check;
use crate::tenancy::{Audit, AuditAction, Event, EventType, Operation, Permission, statement};

const LONGEST_NAME: usize = 100;
/// How far ahead a key may end.
const FURTHEST_END: TimeDelta = TimeDelta::days(3660);
const TOO_MANY: Error = Error::Conflict(
    "The workspace has as many live API keys as it may; revoke one that is not needed any more.",
    None,
);

/// A key to make.
pub struct NewApiKey {
    /// What it is for.
    pub name: String,
    /// Names of permissions.
    pub scopes: Vec<String>,
    /// Its end; none where it does not end by itself.
    pub expires_at: Option<DateTime<Utc>>,
}

/// A key with another name.
pub struct RenamedApiKey {
    /// The key.
    pub id: Given<ApiKeyId>,
    /// The version that the change was made against.
    pub version: i32,
    /// The name.
    pub name: String,
}

/// Makes a key for the actor, where the workspace has fewer than so many live ones; the row, and the key, which is known nowhere else.
///
/// # Errors
///
/// FORBIDDEN, also for a scope that the actor does not have; BAD_USER_INPUT; CONFLICT for one key too many.
pub async fn create(
    operation: &Operation,
    request_id: &str,
    most: u32,
    new: NewApiKey,
) -> Result<(api_key::Model, ApiKeySecret)> {
    require(operation)?;
    let mut check = Check::new();
    let name = check.text("name", &new.name, 1..=LONGEST_NAME);
    let scopes = scopes(&mut check, &new.scopes);
    let now = crate::clock::now();
    if new.expires_at.is_some_and(|end| end <= now || end > now + FURTHEST_END) {
        check.refuse(
            "expiresAt",
            "OUT_OF_RANGE",
            "`expiresAt` is later than now, and at most ten years ahead.",
        );
    }
    let scopes = check.finish_with(scopes)?;
    for scope in &scopes {
        let _ = operation.require(*scope)?;
    }
    let secret = ApiKeySecret::random();
    let shown = secret.shown();
    let scopes: Vec<String> = scopes.iter().map(|scope| scope.name().to_owned()).collect();
    // One at a time in a workspace, or many at once would each see room for the last one.
    let lock = statement("select pg_advisory_xact_lock($1)", [lock(operation.workspace_id()?).into()]);
    operation.execute_raw(lock).await?;
    // Create: api_keys_unrevoked counts those that may count.
    let insert = statement(
        "insert into public.api_keys (id, name, user_id, start, hash, scopes, expires_at)
         select $1, $2, app.actor_id(), $3, $4, $5, $6
         where (select count(*) from public.api_keys k where k.workspace_id = app.workspace_id() and k.revoked_at is null
           and (k.expires_at is null or k.expires_at > clock_timestamp())) < $7
         returning workspace_id, id, name, user_id, start, scopes, expires_at, last_used_at, revoked_at, version, updated_at, created_at",
        [
            ApiKeyId::new().0.into(),
            name.into(),
            shown.start.into(),
            shown.hash.to_vec().into(),
            scopes.into(),
            new.expires_at.into(),
            i64::from(most).into(),
        ],
    );
    let row = Entity::find().from_raw_sql(insert).one(operation).await?.ok_or(TOO_MANY)?;
    tell(operation, request_id, EventType::ApiKeyCreated, &row);
    operation.audit(Audit {
        action: AuditAction::ApiKeyCreate,
        targets: vec![row.id.to_string()],
        before: json!(null),
        after: json!({ "name": row.name, "start": row.start, "scopes": row.scopes, "expires_at": row.expires_at }),
        request_id: request_id.to_owned(),
    });
    Ok((row, secret))
}

/// Renames a key. Where nothing differs its version stays.
///
/// # Errors
///
/// FORBIDDEN, BAD_USER_INPUT, NOT_FOUND, CONFLICT with the current version.
pub async fn rename(
    operation: &Operation,
    request_id: &str,
    change: RenamedApiKey,
) -> Result<api_key::Model> {
    require(operation)?;
    let mut check = Check::new();
    let id = check.id("id", &change.id);
    let version = check.version(change.version);
    let name = check.text("name", &change.name, 1..=LONGEST_NAME);
    let id = check.finish_with(id)?;
    let before = find(operation, id).await?;
    if before.version != version {
        let message = "Somebody changed this API key in the meantime.";
        return Err(Error::Conflict(message, Some(before.version)));
    }
    if name == before.name {
        return Ok(before);
    }
    let changed = api_key::ActiveModel { name: Set(name), ..Default::default() };
    let row = write(operation, &before, changed).await?;
    operation.audit(Audit {
        action: AuditAction::ApiKeyUpdate,
        targets: vec![id.to_string()],
        before: json!({ "name": before.name }),
        after: json!({ "name": row.name }),
        request_id: request_id.to_owned(),
    });
    Ok(row)
}

/// Revokes a key for good. One that was revoked stays as it is.
///
/// # Errors
///
/// FORBIDDEN, BAD_USER_INPUT, NOT_FOUND.
pub async fn revoke(operation: &Operation, request_id: &str, id: &Given<ApiKeyId>) -> Result<api_key::Model> {
    require(operation)?;
    let mut check = Check::new();
    let id = check.id("id", id);
    let id = check.finish_with(id)?;
    let before = find(operation, id).await?;
    if before.revoked_at.is_some() {
        return Ok(before);
    }
    let changed = api_key::ActiveModel { revoked_at: Set(Some(crate::clock::now())), ..Default::default() };
    let row = write(operation, &before, changed).await?;
    tell(operation, request_id, EventType::ApiKeyRevoked, &row);
    operation.audit(Audit {
        action: AuditAction::ApiKeyRevoke,
        targets: vec![id.to_string()],
        before: json!({ "revoked_at": null }),
        after: json!({ "revoked_at": row.revoked_at }),
        request_id: request_id.to_owned(),
    });
    Ok(row)
}

/// Whoever changes keys sees them: they are counted, and shown in the answer.
fn require(operation: &Operation) -> Result<()> {
    let _ = operation.require(Permission::ApiKeyWrite)?;
    let _ = operation.require(Permission::ApiKeyRead)?;
    Ok(())
}

/// The scopes of a new key; none where one was refused.
fn scopes(check: &mut Check, given: &[String]) -> Option<Vec<Permission>> {
    let most = Permission::ALL.len();
    if given.is_empty() || given.len() > most {
        check.refuse("scopes", "LENGTH", format!("`scopes` takes 1 to {most} names of permissions."));
        return None;
    }
    let mut scopes = Vec::with_capacity(given.len());
    for (place, name) in given.iter().enumerate() {
        let field = format!("scopes.{place}");
        match Permission::named(name) {
            None => {
                let names = Permission::ALL.map(Permission::name).join(", ");
                check.refuse(&field, "UNKNOWN", format!("`{field}` is none of the permissions: {names}."));
            }
            Some(scope) if scopes.contains(&scope) => {
                check.refuse(&field, "DUPLICATE", format!("`{field}` stands in the list before."));
            }
            Some(scope) => scopes.push(scope),
        }
    }
    (scopes.len() == given.len()).then_some(scopes)
}

/// A key, whose row is held from now on: of two changes at once the second sees the first.
async fn find(operation: &Operation, id: ApiKeyId) -> Result<api_key::Model> {
    let select = Entity::find().filter(Column::Id.eq(id)).lock(LockType::NoKeyUpdate);
    select.one(operation).await?.ok_or(Error::NotFound("API key"))
}

async fn write(
    operation: &Operation,
    before: &api_key::Model,
    mut changed: api_key::ActiveModel,
) -> Result<api_key::Model> {
    changed.version = Set(before.version + 1);
    changed.updated_at = Set(crate::clock::now());
    let rows = Entity::update_many()
        .set(changed)
        .filter(Column::Id.eq(before.id))
        .exec_with_returning(operation)
        .await?;
    rows.into_iter().next().ok_or(Error::NotFound("API key"))
}

fn tell(operation: &Operation, request_id: &str, r#type: EventType, row: &api_key::Model) {
    operation.publish(Event {
        r#type,
        subject: row.id.to_string(),
        data: json!({ "name": row.name }),
        correlation_id: request_id.to_owned(),
    });
}

/// The number of the advisory lock. Hashed by what nobody can aim with, since a client may choose a workspace's id.
fn lock(workspace: WorkspaceId) -> i64 {
    let digest = Sha256::new().chain_update(b"API keys of").chain_update(workspace.0).finalize();
    digest.iter().take(8).fold(0, |number, byte| (number << 8) | i64::from(*byte))
}
