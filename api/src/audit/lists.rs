//! The list of audit entries.

use async_graphql::{Enum, ID, InputObject};
use entity::audit_entry::{self, AuditActorKind, Column};
use entity::id::{ApiKeyId, AuditEntryId, MalformedId, OperatorId, UserId, parse_any};
use sea_orm::sea_query::Expr;
use uuid::Uuid;

use crate::error::Result;
use crate::list::{
    Comparisons, DateTimeFilter, EnumFilter, Filter, IdFilter, IntFilter, Key, List, Logic, Order, OrderBy,
    OrderDirection, TextFilter,
};
use crate::tenancy::{Operation, Permission};

/// The list of audit entries.
pub struct AuditEntries;

impl List for AuditEntries {
    type Entity = audit_entry::Entity;
    type Filter = AuditEntryFilter;
    type Order = AuditEntryOrder;

    const NAME: &'static str = "auditLog";

    fn require(operation: &Operation) -> Result<()> {
        operation.require(Permission::AuditRead).map(drop)
    }

    fn columns(field: &str) -> Option<&'static [Column]> {
        Some(match field {
            "actorId" | "user" => &[Column::ActorId, Column::ActorKind],
            _ => return None,
        })
    }
}

/// What audit entries can be filtered by: all fields that are given hold. Null is the same as absent.
#[derive(Clone, Debug, InputObject)]
pub struct AuditEntryFilter {
    /// The id.
    pub id: Option<IdFilter>,
    /// The number.
    pub seq: Option<IntFilter>,
    /// What was done, as object.verb.
    pub action: Option<TextFilter>,
    /// Who acted: the id of a user, an API key or an operator.
    pub actor_id: Option<IdFilter>,
    /// What kind of actor it was.
    pub actor_kind: Option<EnumFilter<AuditActorKind>>,
    /// What it was done to: the id of anything, also of what is gone.
    pub target: Option<ID>,
    /// The request that did it.
    pub request_id: Option<TextFilter>,
    /// When it was made.
    pub created_at: Option<DateTimeFilter>,
    /// All of these hold.
    pub and: Option<Vec<Self>>,
    /// At least one of these holds.
    pub or: Option<Vec<Self>>,
    /// This does not hold.
    pub not: Option<Box<Self>>,
}

impl Filter for AuditEntryFilter {
    fn logic(&self) -> Logic<'_, Self> {
        Logic { and: self.and.as_deref(), or: self.or.as_deref(), not: self.not.as_deref() }
    }

    fn compare(&self, with: &mut Comparisons<'_>) {
        with.id(("id", Column::Id), self.id.as_ref(), AuditEntryId::parse);
        with.number(Column::Seq, self.seq.as_ref());
        with.text(("action", Column::Action), self.action.as_ref());
        with.id(("actorId", Column::ActorId), self.actor_id.as_ref(), actor);
        with.value(("actorKind", Column::ActorKind), self.actor_kind.as_ref());
        with.any_id("target", self.target.as_ref(), |id| {
            // auditLog(filter: { target }): audit_entries_by_target, behind a door.
            Expr::cust_with_values("audit_entries.seq in (select app.audit_of_target($1))", [id])
        });
        with.text(("requestId", Column::RequestId), self.request_id.as_ref());
        with.time(("createdAt", Column::CreatedAt), self.created_at.as_ref());
    }
}

/// The id of whoever can be an actor.
fn actor(text: &str) -> Result<Uuid, MalformedId> {
    match parse_any(text) {
        Some((prefix, id)) if [UserId::PREFIX, ApiKeyId::PREFIX, OperatorId::PREFIX].contains(&&*prefix) => {
            Ok(id)
        }
        other => Err(MalformedId { expected: UserId::PREFIX, found: other.map(|(prefix, _)| prefix) }),
    }
}

/// By what audit entries can be ordered. More values may be added.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Enum)]
pub enum AuditEntryOrderField {
    /// The number, which is the order in which changes were committed.
    #[default]
    Seq,
}

/// How to order audit entries.
#[derive(Clone, Copy, Debug, Default, InputObject)]
pub struct AuditEntryOrder {
    /// By what.
    #[graphql(default)]
    pub field: AuditEntryOrderField,
    /// In which direction.
    #[graphql(default)]
    pub direction: OrderDirection,
}

impl OrderBy<audit_entry::Entity> for AuditEntryOrder {
    fn order(&self) -> Order<audit_entry::Entity> {
        let direction = self.direction;
        match self.field {
            AuditEntryOrderField::Seq => {
                Order::by_seq(direction, Column::Seq, |row: &audit_entry::Model| Key::Seq(row.seq))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::actor;
    use entity::id::{ApiKeyId, DocumentId, OperatorId, UserId};

    #[test]
    fn only_who_can_act_is_an_actor() {
        let (user, key, operator) = (UserId::new(), ApiKeyId::new(), OperatorId::new());
        assert_eq!(actor(&user.to_string()), Ok(user.0));
        assert_eq!(actor(&key.to_string()), Ok(key.0));
        assert_eq!(actor(&operator.to_string()), Ok(operator.0));
        let document = actor(&DocumentId::new().to_string()).expect_err("a document does nothing");
        assert_eq!(document.found.as_deref(), Some("document"));
        for bad in ["", "user", "user_", "user_1", &"x".repeat(10_000)] {
            assert!(actor(bad).is_err(), "{bad}");
        }
    }
}
