//! Lists in the schema: Relay connections (<https://relay.dev/graphql/connections.htm>) with `nodes`.

use async_graphql::OutputType;
use async_graphql::connection::{Connection as RelayConnection, Edge, EmptyFields};

use crate::page::{Key, LARGEST_SIZE, Page, Slice};

/// A list of a schema type.
pub type Connection<T> = RelayConnection<String, T, EmptyFields, EmptyFields>;

/// The connection of the rows that a page's statement gave.
pub fn connection<R, T: OutputType>(
    page: &Page,
    rows: Vec<R>,
    key: impl Fn(&R) -> Key,
    wrap: impl Fn(R) -> T,
) -> Connection<T> {
    let Slice { rows, has_previous, has_next } = page.slice(rows);
    let mut connection = Connection::new(has_previous, has_next);
    connection.edges.extend(rows.into_iter().map(|row| {
        let cursor = page.cursor(key(&row));
        Edge::new(cursor, wrap(row))
    }));
    connection
}

/// What a list costs: its page size times what one of its rows costs.
#[must_use]
pub fn list_cost(first: Option<i32>, last: Option<i32>, child: usize) -> usize {
    let size = first.or(last).unwrap_or(20).clamp(1, LARGEST_SIZE);
    1 + usize::try_from(size).unwrap_or(1) * child
}
