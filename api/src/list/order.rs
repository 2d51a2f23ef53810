//! Orders of lists.

use async_graphql::Enum;
use sea_orm::EntityTrait;

use super::cursor::{Key, KeyKind};

/// In which direction a list is ordered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Enum)]
pub enum OrderDirection {
    /// The smallest, earliest or first one first.
    Asc,
    /// The largest, latest or last one first.
    #[default]
    Desc,
}

/// What a client chose to order a list by.
pub trait OrderBy<E: EntityTrait>: Default {
    /// The order of the rows.
    fn order(&self) -> Order<E>;
}

/// An order that a keyset can stand in: no two rows of a list have the same key.
pub struct Order<E: EntityTrait> {
    pub(super) name: &'static str,
    pub(super) column: E::Column,
    pub(super) tiebreak: Option<E::Column>,
    pub(super) kind: KeyKind,
    pub(super) key: fn(&E::Model) -> Key,
    pub(super) descending: bool,
}

impl<E: EntityTrait> Order<E> {
    fn new(
        direction: OrderDirection,
        (name, kind): (&'static str, KeyKind),
        (column, tiebreak): (E::Column, Option<E::Column>),
        key: fn(&E::Model) -> Key,
    ) -> Self {
        Self { name, column, tiebreak, kind, key, descending: direction == OrderDirection::Desc }
    }

    /// By id, which is made by the server alone here, and so by age.
    pub fn by_id(direction: OrderDirection, column: E::Column, key: fn(&E::Model) -> Key) -> Self {
        Self::new(direction, ("id", KeyKind::Id), (column, None), key)
    }

    /// By a place in the parent.
    pub fn by_ordinal(direction: OrderDirection, column: E::Column, key: fn(&E::Model) -> Key) -> Self {
        Self::new(direction, ("ordinal", KeyKind::Ordinal), (column, None), key)
    }

    /// By a number that no two rows of the workspace have.
    pub fn by_seq(direction: OrderDirection, column: E::Column, key: fn(&E::Model) -> Key) -> Self {
        Self::new(direction, ("seq", KeyKind::Seq), (column, None), key)
    }

    /// By a moment, and rows of the same moment by id.
    pub fn by_time(
        direction: OrderDirection,
        name: &'static str,
        (column, id): (E::Column, E::Column),
        key: fn(&E::Model) -> Key,
    ) -> Self {
        Self::new(direction, (name, KeyKind::Time), (column, Some(id)), key)
    }

    /// By a text, in the database's collation, and rows of the same text by id.
    pub fn by_text(
        direction: OrderDirection,
        name: &'static str,
        (column, id): (E::Column, E::Column),
        key: fn(&E::Model) -> Key,
    ) -> Self {
        Self::new(direction, (name, KeyKind::Text), (column, Some(id)), key)
    }
}

impl<E: EntityTrait> PartialEq for Order<E> {
    fn eq(&self, other: &Self) -> bool {
        (self.name, self.descending) == (other.name, other.descending)
    }
}
