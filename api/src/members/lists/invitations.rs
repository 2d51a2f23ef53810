//! The list of invitations.

use async_graphql::{Enum, InputObject};
use entity::id::InvitationId;
use entity::invitation::{self, Column, InvitationStatus};

use crate::error::Result;
use crate::list::{
    Comparisons, DateTimeFilter, EnumFilter, Filter, IdFilter, Key, List, Logic, Order, OrderBy,
    OrderDirection, TextFilter,
};
use crate::tenancy::{Operation, Permission};

/// The list of invitations.
pub struct Invitations;

impl List for Invitations {
    type Entity = invitation::Entity;
    type Filter = InvitationFilter;
    type Order = InvitationOrder;

    const NAME: &'static str = "invitations";

    fn require(operation: &Operation) -> Result<()> {
        operation.require(Permission::MemberRead).map(drop)
    }

    fn columns(field: &str) -> Option<&'static [Column]> {
        Some(match field {
            "role" => &[Column::RoleId],
            // The time first: the status alone is not what is shown.
            "status" => &[Column::ExpiresAt, Column::Status],
            "invitedBy" => &[Column::InvitedBy],
            _ => return None,
        })
    }
}

/// What invitations can be filtered by: all fields that are given hold. Null is the same as absent.
#[derive(Clone, Debug, InputObject)]
pub struct InvitationFilter {
    /// The id.
    pub id: Option<IdFilter>,
    /// The address, in lower case.
    pub email: Option<TextFilter>,
    /// What was last written of it: among the PENDING ones are some that have expired, which `expiresAt` tells apart.
    pub status: Option<EnumFilter<InvitationStatus>>,
    /// From when on it is worth nothing.
    pub expires_at: Option<DateTimeFilter>,
    /// When it was made.
    pub created_at: Option<DateTimeFilter>,
    /// All of these hold.
    pub and: Option<Vec<Self>>,
    /// At least one of these holds.
    pub or: Option<Vec<Self>>,
    /// This does not hold.
    pub not: Option<Box<Self>>,
}

impl Filter for InvitationFilter {
    fn logic(&self) -> Logic<'_, Self> {
        Logic { and: self.and.as_deref(), or: self.or.as_deref(), not: self.not.as_deref() }
    }

    fn compare(&self, with: &mut Comparisons<'_>) {
        with.id(("id", Column::Id), self.id.as_ref(), InvitationId::parse);
        with.text(("email", Column::Email), self.email.as_ref());
        with.value(("status", Column::Status), self.status.as_ref());
        with.time(("expiresAt", Column::ExpiresAt), self.expires_at.as_ref());
        with.time(("createdAt", Column::CreatedAt), self.created_at.as_ref());
    }
}

/// By what invitations can be ordered. More values may be added.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Enum)]
pub enum InvitationOrderField {
    /// When it was made.
    #[default]
    CreatedAt,
}

/// How to order invitations.
#[derive(Clone, Copy, Debug, Default, InputObject)]
pub struct InvitationOrder {
    /// By what.
    #[graphql(default)]
    pub field: InvitationOrderField,
    /// In which direction.
    #[graphql(default)]
    pub direction: OrderDirection,
}

impl OrderBy<invitation::Entity> for InvitationOrder {
    fn order(&self) -> Order<invitation::Entity> {
        let direction = self.direction;
        match self.field {
            InvitationOrderField::CreatedAt => {
                Order::by_id(direction, Column::Id, |row: &invitation::Model| Key::Id(row.id.0))
            }
        }
    }
}
