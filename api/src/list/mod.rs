//! Lists that clients page through: filters, orders, and keyset pages, by one pattern for all of them.
//!
//! It guarantees that a page is one statement, that the pages of a list under any number of parents are one statement too, and
//! that a cursor, a filter and an order are refused with the name of everything that is wrong. It knows nothing of GraphQL's
//! execution; the rows are those that the reader's own policies show.

mod cursor;
mod filter;
mod order;
mod page;
mod question;

pub use cursor::{Cursor, Key, Scope};
pub use filter::{Comparisons, DateTimeFilter, EnumFilter, Filter, IdFilter, IntFilter, Logic, TextFilter};
pub use order::{Order, OrderBy, OrderDirection};
pub use page::{LARGEST_SIZE, Page, PageArgs, Slice};
pub use question::Question;

use entity::sparse::{Asked, Sparse};
use sea_orm::{EntityTrait, Select};
use uuid::Uuid;

use crate::error::Result;
use crate::tenancy::Operation;

/// What a client selected of a list.
pub struct Selected<E> {
    /// The columns that the fields of its rows are made from.
    pub columns: Asked<E>,
    /// Whether it shows that there are further pages.
    pub further: bool,
}

/// A list: where its rows come from, who may read them, and how they are filtered and ordered.
pub trait List: Send + Sync + 'static {
    /// The table.
    type Entity: Sparse<Model: Clone + Send + Sync>;
    /// What its rows can be filtered by.
    type Filter: Filter + Send + Sync;
    /// What its rows can be ordered by.
    type Order: OrderBy<Self::Entity> + Send + Sync;

    /// Its name in cursors.
    const NAME: &'static str;

    /// Refuses a reader without the permission.
    ///
    /// # Errors
    ///
    /// FORBIDDEN.
    fn require(operation: &Operation) -> Result<()>;

    /// The columns that a field of the schema is made from; none where the field is the column of its name.
    fn columns(field: &str) -> Option<&'static [<Self::Entity as EntityTrait>::Column]>;

    /// The rows of the list.
    fn select() -> Select<Self::Entity> {
        Self::Entity::find()
    }
}

/// A list that stands below a parent, and is read for any number of parents at once.
pub trait Children: List {
    /// The column that names the parent.
    fn parent_column() -> <Self::Entity as EntityTrait>::Column;

    /// The parent of a row.
    fn parent(row: &<Self::Entity as EntityTrait>::Model) -> Uuid;
}
