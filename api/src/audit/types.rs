//! GraphQL types of the audit log.

use std::fmt::Write;

use async_graphql::{ComplexObject, Context, Enum, ID, SimpleObject};
use entity::audit_entry::{self, AuditActorKind};
use entity::id::{ApiKeyId, OperatorId, UserId};
use entity::user;
use serde_json::Value;

use super::service::{Fault, Verification};
use crate::error::Result;
use crate::graphql::{AroundRow, loader};
use crate::members::User;

/// Something that somebody did in the workspace. It is never changed; its hash is SHA-256 over the hash of the entry before and all of its fields.
#[derive(SimpleObject)]
#[graphql(complex)]
pub struct AuditEntry {
    /// The row.
    #[graphql(flatten)]
    pub row: audit_entry::Model,
}

#[ComplexObject]
impl AuditEntry {
    /// The id.
    pub async fn id(&self) -> ID {
        self.row.id.to_string().into()
    }

    /// Who acted: the id of a user (also of the user on whose behalf a WORKER did), an API key or an operator, as `actorKind` says; null for
    /// the system. It stays when the account is deleted.
    async fn actor_id(&self) -> Option<ID> {
        let id = self.row.actor_id?;
        Some(match self.row.actor_kind {
            AuditActorKind::User | AuditActorKind::Worker => UserId(id).to_string().into(),
            AuditActorKind::ApiKey => ApiKeyId(id).to_string().into(),
            AuditActorKind::Operator => OperatorId(id).to_string().into(),
            AuditActorKind::System => return None,
        })
    }

    /// The person who acted; null for other kinds of actors, for people who are no members any more, and where the account was deleted.
    async fn user(&self, context: &Context<'_>) -> Result<Option<User>> {
        let (Some(id), AuditActorKind::User | AuditActorKind::Worker) =
            (self.row.actor_id, self.row.actor_kind)
        else {
            return Ok(None);
        };
        let row = loader::<user::Entity>(context)?.load_one(UserId(id)).await?;
        Ok(row.map(User::from))
    }

    /// The ids of what it was done to; some of it may be gone.
    async fn targets(&self) -> Vec<ID> {
        let targets = self.row.targets.as_array().into_iter().flatten();
        targets.filter_map(Value::as_str).map(ID::from).collect()
    }

    /// The hash of the entry before, in hexadecimal digits; empty for the first one.
    async fn previous_hash(&self) -> String {
        hex(&self.row.previous_hash)
    }

    /// The hash of this entry, in 64 hexadecimal digits.
    async fn hash(&self) -> String {
        hex(&self.row.hash)
    }
}

impl From<audit_entry::Model> for AuditEntry {
    fn from(row: audit_entry::Model) -> Self {
        Self { row }
    }
}

impl AroundRow for AuditEntry {
    type Row = audit_entry::Model;

    fn row(&self) -> &audit_entry::Model {
        &self.row
    }
}

/// What is wrong with the audit log at one place. More values may be added.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
pub enum AuditFaultKind {
    /// The entry is not what its hash was made of.
    Altered,
    /// There is no entry of this number.
    Removed,
    /// There is an entry that was never written: a second one of its number, or one beyond the head.
    Inserted,
    /// The entry is sound by itself, but was made after another one than the one that stands before it.
    Relinked,
    /// The log ends before this number, which the head has counted.
    CutOff,
    /// The chain is sound, but its end, at this number, is not the head that is kept apart.
    Rewritten,
}

/// Where the audit log stops being what was written.
#[derive(SimpleObject)]
pub struct AuditFault {
    /// The number of the entry.
    pub seq: i64,
    /// What is wrong with it.
    pub kind: AuditFaultKind,
}

/// What came of verifying the audit log.
#[derive(SimpleObject)]
pub struct AuditVerification {
    /// Whether the log holds, from where this call began to its end; null where it stopped before the end without finding a fault.
    pub holds: Option<bool>,
    /// Whether it came to the end, or to a fault; otherwise ask again with `after: checkedThrough`.
    pub complete: bool,
    /// How many entries were looked at.
    pub entries: i64,
    /// Up to this number everything holds, as far as this call looked.
    pub checked_through: i64,
    /// The number of the last entry, as it is kept apart from the log.
    pub head: i64,
    /// The hash of the last entry, as it is kept apart from the log, in hexadecimal digits; empty where there is no entry. Keep it with `head`
    /// in a place of your own: the entry of that number must have that hash for ever.
    pub head_hash: String,
    /// The first fault; null where none was found.
    pub first_fault: Option<AuditFault>,
}

impl From<Verification> for AuditVerification {
    fn from(found: Verification) -> Self {
        let Verification { entries, through, complete, fault, head, head_hash } = found;
        Self {
            holds: complete.then_some(fault.is_none()),
            complete,
            entries,
            checked_through: through,
            head,
            head_hash: hex(&head_hash),
            first_fault: fault.map(|(seq, fault)| AuditFault { seq, kind: fault.into() }),
        }
    }
}

impl From<Fault> for AuditFaultKind {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Altered => Self::Altered,
            Fault::Removed => Self::Removed,
            Fault::Inserted => Self::Inserted,
            Fault::Relinked => Self::Relinked,
            Fault::CutOff => Self::CutOff,
            Fault::Rewritten => Self::Rewritten,
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut hex, byte| {
        // Writing to a string cannot fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}
