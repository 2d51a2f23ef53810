//! The records of keys, read and written in the transaction of the mutation that they are about.

use entity::id::{IdempotencyRecordId, WorkspaceId};
use entity::idempotency_record::{ActiveModel, Entity};
use sea_orm::{ActiveValue::Set, ConnectionTrait, EntityTrait};
use sha2::{Digest, Sha256};

use super::Keyed;
use crate::error::{Error, Result, broken_constraint};
use crate::tenancy::{Operation, statement};

/// When a client may ask again while the first one is in progress; most mutations take less.
const RETRY_AFTER_MS: u32 = 250;

/// Whose the record of a key is.
pub(super) enum Owner {
    /// The workspace's, and in it the actor's.
    Workspace,
    /// The person's, outside any workspace.
    Person,
    /// An address's that signs up: a keyed hash of it.
    Address([u8; 32]),
}

impl Owner {
    /// What the doors are told; a person is known to them.
    fn address(&self) -> Option<Vec<u8>> {
        match self {
            Self::Workspace | Self::Person => None,
            Self::Address(hash) => Some(hash.to_vec()),
        }
    }
}

/// The answer that is recorded; none where there is none and the key is this transaction's from now on.
///
/// # Errors
///
/// BAD_USER_INPUT outside a workspace, IDEMPOTENCY_CONFLICT for another operation's key, CONFLICT while it is in progress.
pub(super) async fn claim(operation: &Operation, owner: &Owner, keyed: &Keyed) -> Result<Option<String>> {
    let key = keyed.key.as_str();
    let claim = if let Owner::Workspace = owner {
        let lock = lock(operation.workspace_id()?, key);
        // Claim: idempotency_records_key, before and after the lock, in one round trip.
        let sql = "select claimed, fingerprint, answer from app.claim_idempotency_key($1, $2)";
        statement(sql, [lock.into(), key.into()])
    } else {
        // Claim outside workspaces: account_idempotency_records_pkey, likewise.
        let sql = "select claimed, fingerprint, answer from app.claim_account_key($1, $2)";
        statement(sql, [owner.address().into(), key.into()])
    };
    let row = operation.query_one_raw(claim).await?;
    let Some(row) = row else { return Err(Error::InProgress(RETRY_AFTER_MS)) };
    if row.try_get::<bool>("", "claimed")? {
        return Ok(None);
    }
    if row.try_get::<Vec<u8>>("", "fingerprint")? != keyed.fingerprint {
        return Err(Error::IdempotencyConflict);
    }
    Ok(Some(row.try_get("", "answer")?))
}

/// Records an answer.
///
/// # Errors
///
/// IDEMPOTENCY_CONFLICT where another actor has the key, whose record is not visible before; CONFLICT where another call of the same
/// owner recorded it meanwhile.
pub(super) async fn insert(
    operation: &Operation,
    owner: &Owner,
    keyed: &Keyed,
    answer: String,
) -> Result<()> {
    if !matches!(owner, Owner::Workspace) {
        let sql = "select app.record_account_answer($1, $2, $3, $4) as recorded";
        let values = [
            owner.address().into(),
            keyed.key.as_str().into(),
            keyed.fingerprint.to_vec().into(),
            answer.into(),
        ];
        let row = operation.query_one_raw(statement(sql, values)).await?;
        let recorded = row.map(|row| row.try_get::<bool>("", "recorded")).transpose()?;
        return if recorded == Some(true) { Ok(()) } else { Err(Error::InProgress(RETRY_AFTER_MS)) };
    }
    let row = ActiveModel {
        workspace_id: Set(operation.workspace_id()?),
        id: Set(IdempotencyRecordId::new()),
        key: Set(keyed.key.clone()),
        fingerprint: Set(keyed.fingerprint.to_vec()),
        answer: Set(answer),
        ..Default::default()
    };
    Entity::insert(row).exec_without_returning(operation).await.map(drop).map_err(|error| {
        if broken_constraint(&error) == Some("idempotency_records_key") {
            return Error::IdempotencyConflict;
        }
        error.into()
    })
}

/// The number of the advisory lock. Hashed by what nobody can aim with, or one workspace's keys could hold up another's.
fn lock(workspace: WorkspaceId, key: &str) -> i64 {
    let digest = Sha256::new().chain_update(workspace.0).chain_update(key).finalize();
    digest.iter().take(8).fold(0, |number, byte| (number << 8) | i64::from(*byte))
}
