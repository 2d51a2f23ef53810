//! Pages of lists, by keyset cursors.

use entity::sparse::{Asked, Sparse};
use sea_orm::sea_query::{Expr, ExprTrait, SelectStatement};
use sea_orm::{ColumnTrait, EntityTrait, Order as Direction};

use super::cursor::{Cursor, Key, Scope, read};
use super::order::Order;
use crate::error::Issue;

const DEFAULT_SIZE: u64 = 20;
/// The most rows of a page.
pub const LARGEST_SIZE: i32 = 100;

/// The four arguments of every list, as a client sent them.
#[derive(Clone, Debug, Default)]
pub struct PageArgs {
    /// How many from the beginning, 1 to 100.
    pub first: Option<i32>,
    /// After this cursor.
    pub after: Option<String>,
    /// How many from the end, 1 to 100.
    pub last: Option<i32>,
    /// Before this cursor.
    pub before: Option<String>,
}

/// A checked page of one list.
pub struct Page<E: EntityTrait> {
    order: Order<E>,
    size: u64,
    /// Whether one row more is read, to see whether there is another page.
    further: bool,
    backward: bool,
    after: Option<Key>,
    before: Option<Key>,
}

impl<E: EntityTrait> Page<E> {
    /// Checks the arguments; notes each that is not right.
    pub(super) fn parse(
        scope: Scope,
        order: Order<E>,
        (args, further): (PageArgs, bool),
        issues: &mut Vec<Issue>,
    ) -> Self {
        let mut refuse = |argument: &str, code, message: String| {
            issues.push(Issue { path: vec![argument.to_owned()], code, message });
        };
        let backward = args.last.is_some();
        if args.first.is_some() && backward {
            refuse("last", "EXCLUSIVE", "Send `first` or `last`, not both.".to_owned());
        }
        let mut size = DEFAULT_SIZE;
        for (name, asked) in [("first", args.first), ("last", args.last)] {
            match asked {
                None => {}
                Some(asked @ 1..=LARGEST_SIZE) => size = asked.unsigned_abs().into(),
                Some(_) => {
                    refuse(name, "OUT_OF_RANGE", format!("`{name}` is a number from 1 to {LARGEST_SIZE}."));
                }
            }
        }
        let mut key = |argument: &str, cursor: Option<String>| {
            let key = read(scope, (order.name, order.descending), order.kind, &cursor?);
            if key.is_none() {
                let message = format!(
                    "`{argument}` is not a cursor of this list in this order and workspace, or of an older release; start again without it."
                );
                refuse(argument, "INVALID_CURSOR", message);
            }
            key
        };
        let (after, before) = (key("after", args.after), key("before", args.before));
        Self { order, size, further, backward, after, before }
    }

    /// The one row that comes first in an order.
    pub(super) fn one(order: Order<E>) -> Self {
        Self { order, size: 1, further: false, backward: false, after: None, before: None }
    }

    /// The columns of the order's key.
    pub(super) fn key_columns(&self) -> Asked<E>
    where
        E: Sparse,
    {
        Asked::of([Some(self.order.column), self.order.tiebreak].into_iter().flatten())
    }

    /// Cuts a statement to this page.
    pub(super) fn cut(&self, select: &mut SelectStatement) {
        let Order { column, tiebreak, descending, .. } = self.order;
        let columns = || {
            let columns = [Some(column), tiebreak].into_iter().flatten();
            columns.map(|column| Expr::col(column.as_column_ref())).collect::<Vec<_>>()
        };
        for (key, above) in [(&self.after, !descending), (&self.before, descending)] {
            let Some(key) = key else { continue };
            let (row, key) = (Expr::tuple(columns()), Expr::tuple(values(key)));
            select.and_where(if above { row.gt(key) } else { row.lt(key) });
        }
        let direction = if descending == self.backward { Direction::Asc } else { Direction::Desc };
        for column in columns() {
            select.order_by_expr(column, direction.clone());
        }
        select.limit(self.size + u64::from(self.further));
    }

    /// Cuts the rows that the statement gave to the page, in the list's order.
    pub fn slice<R>(&self, mut rows: Vec<R>) -> Slice<R> {
        let more = rows.len() as u64 > self.size;
        rows.truncate(usize::try_from(self.size).unwrap_or(usize::MAX));
        if self.backward {
            rows.reverse();
        }
        let (has_previous, has_next) =
            if self.backward { (more, self.before.is_some()) } else { (self.after.is_some(), more) };
        Slice { rows, has_previous, has_next }
    }

    /// The cursor of a row of this list.
    pub fn cursor(&self, scope: Scope, row: &E::Model) -> Cursor {
        let Order { name, descending, key, .. } = self.order;
        Cursor { scope, order: name, descending, key: key(row) }
    }
}

impl<E: EntityTrait> PartialEq for Page<E> {
    fn eq(&self, other: &Self) -> bool {
        self.order == other.order
            && (self.size, self.further, self.backward) == (other.size, other.further, other.backward)
            && (&self.after, &self.before) == (&other.after, &other.before)
    }
}

/// The rows of a page.
pub struct Slice<R> {
    /// In the list's order.
    pub rows: Vec<R>,
    /// Whether there are rows before them.
    pub has_previous: bool,
    /// Whether there are rows after them.
    pub has_next: bool,
}

fn values(key: &Key) -> Vec<Expr> {
    match key {
        Key::Id(id) => vec![Expr::val(*id)],
        Key::Ordinal(ordinal) => vec![Expr::val(*ordinal)],
        Key::Seq(seq) => vec![Expr::val(*seq)],
        Key::Time(time, id) => vec![Expr::val(*time), Expr::val(*id)],
        Key::Text(text, id) => vec![Expr::val(text.as_str()), Expr::val(*id)],
    }
}

#[cfg(test)]
mod tests {
    use super::{Page, PageArgs};
    use crate::list::{Key, Order, OrderDirection, Scope};
    use entity::collection::{Column, Entity};
    use entity::id::WorkspaceId;

    fn issues(args: PageArgs) -> usize {
        let scope = Scope { workspace: WorkspaceId::new(), list: "collections", parent: None };
        let order = Order::<Entity>::by_id(OrderDirection::Desc, Column::Id, |row| Key::Id(row.id.0));
        let mut issues = Vec::new();
        Page::parse(scope, order, (args, true), &mut issues);
        issues.len()
    }

    #[test]
    fn everything_that_is_wrong_with_a_page_is_named_at_once() {
        for first in [0, -1, 101, i32::MAX] {
            assert_eq!(issues(PageArgs { first: Some(first), ..PageArgs::default() }), 1);
        }
        let cursor = Some("x".to_owned());
        let args = PageArgs { first: Some(0), last: Some(0), after: cursor.clone(), before: cursor };
        assert_eq!(issues(args), 5);
        assert_eq!(issues(PageArgs { last: Some(100), ..PageArgs::default() }), 0);
    }
}
