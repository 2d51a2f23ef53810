//! Lists in the schema: Relay connections (<https://relay.dev/graphql/connections.htm>) with `nodes` and `totalCount`.
//!
//! A list of the workspace is one statement. A list below objects that are themselves in a list is one statement for all of
//! them: the fields of one level meet in a loader of the request.

use std::sync::Arc;

use async_graphql::connection::{Connection as RelayConnection, Edge, EmptyFields};
use async_graphql::{Context, Object};
use entity::sparse::{Asked, Sparse};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use sea_orm::EntityTrait;
use sea_orm::sea_query::Expr;
use uuid::Uuid;

use super::children::{Below, CountOf, RowsOf, loader};
use super::{AroundRow, Quick, operation};
use crate::error::{Error, Result};
use crate::list::{Children, Cursor, LARGEST_SIZE, List, PageArgs, Question, Scope, Selected, Slice};

/// A list of a schema type.
pub type Connection<T> = RelayConnection<Cursor, Quick<T>, Total, EmptyFields>;

type Model<L> = <<L as List>::Entity as EntityTrait>::Model;

/// What a client sent to a list.
pub struct ListArgs<L: List> {
    /// Which rows.
    pub filter: Option<L::Filter>,
    /// In which order.
    pub order_by: Option<L::Order>,
    /// Which page.
    pub page: PageArgs,
}

/// A list of the workspace, narrowed by `only`.
///
/// # Errors
///
/// BAD_USER_INPUT, FORBIDDEN.
pub async fn list<L: List, T: AroundRow + From<Model<L>>>(
    context: &Context<'_>,
    args: ListArgs<L>,
    only: Option<Expr>,
) -> Result<Connection<T>> {
    let operation = operation(context).await?;
    let scope = Scope { workspace: operation.workspace_id()?, list: L::NAME, parent: None };
    L::require(&operation)?;
    let question: Question<L> = Question::check(
        (scope, asked::<L>(context)),
        args.filter.as_ref(),
        args.order_by.as_ref(),
        args.page,
    )?;
    let question = Arc::new(question.only(only));
    let rows = question.rows(&operation).await?;
    Ok(connection(scope, &question, rows, Total(Box::new(question.clone()))))
}

/// A list below an object.
///
/// # Errors
///
/// BAD_USER_INPUT, FORBIDDEN.
pub fn children<'a, L: Children, T: AroundRow + From<Model<L>>>(
    context: &'a Context<'_>,
    parent: Uuid,
    args: ListArgs<L>,
) -> BoxFuture<'a, Result<Connection<T>>> {
    // Boxed, because every field of the parent's type would otherwise be as large as this.
    async move {
        let operation = operation(context).await?;
        let scope = Scope { workspace: operation.workspace_id()?, list: L::NAME, parent: Some(parent) };
        L::require(&operation)?;
        let asked = asked::<L>(context);
        let question =
            Question::check((scope, asked), args.filter.as_ref(), args.order_by.as_ref(), args.page)?;
        let below = Below { parent, question: Arc::new(question) };
        let rows = loader::<L>(context)?.load_one(RowsOf(below.clone())).await?.unwrap_or_default();
        let rows = Arc::try_unwrap(rows).unwrap_or_else(|shared| shared.as_ref().clone());
        Ok(connection(scope, &below.question.clone(), rows, Total(Box::new(below))))
    }
    .boxed()
}

/// The columns that the selected fields of the rows are made from.
fn asked<L: List>(context: &Context<'_>) -> Selected<L::Entity> {
    let field = context.field();
    let further = field.selection_set().any(|part| part.name() == "pageInfo");
    let rows = field.selection_set().flat_map(|part| match part.name() {
        "nodes" => vec![part],
        "edges" => part.selection_set().filter(|field| field.name() == "node").collect(),
        _ => Vec::new(),
    });
    let mut columns = Vec::new();
    for field in rows.flat_map(|row| row.selection_set().collect::<Vec<_>>()) {
        let column = field.name().parse().ok();
        match (L::columns(field.name()), column) {
            _ if field.name() == "__typename" => {}
            // Only with an argument, such as another unit, it needs more than its own column.
            (Some([first, ..]), Some(column))
                if L::Entity::place(*first) == L::Entity::place(column)
                    && field.arguments().is_ok_and(|arguments| arguments.is_empty()) =>
            {
                columns.push(column);
            }
            (Some(known), _) => columns.extend(known),
            (None, Some(column)) => columns.push(column),
            // A field that nobody told about may need any of them.
            (None, None) => return Selected { columns: Asked::all(), further },
        }
    }
    Selected { columns: Asked::of(columns), further }
}

fn connection<L: List, T: AroundRow + From<Model<L>>>(
    scope: Scope,
    question: &Question<L>,
    rows: Vec<Model<L>>,
    total: Total,
) -> Connection<T> {
    let Slice { rows, has_previous, has_next } = question.page.slice(rows);
    let mut connection = Connection::with_additional_fields(has_previous, has_next, total);
    connection.edges.extend(rows.into_iter().map(|row| {
        let cursor = question.page.cursor(scope, &row);
        Edge::new(cursor, Quick(T::from(row)))
    }));
    connection
}

/// What a list costs: its page size times what one of its rows costs.
#[must_use]
pub fn list_cost(first: Option<i32>, last: Option<i32>, child: usize) -> usize {
    let size = first.or(last).unwrap_or(20).clamp(1, LARGEST_SIZE);
    1 + usize::try_from(size).unwrap_or(1) * child
}

/// How many rows a list has, counted only when somebody asks.
pub struct Total(Box<dyn Count>);

#[Object]
impl Total {
    /// How many there are with this filter, over all pages. Counted only when it is asked for; a long list makes it slow.
    #[graphql(complexity = 100)]
    async fn total_count(&self, context: &Context<'_>) -> Result<i32> {
        let count = self.0.count(context).await?;
        i32::try_from(count).map_err(Error::internal)
    }
}

trait Count: Send + Sync {
    fn count<'a>(&'a self, context: &'a Context<'_>) -> BoxFuture<'a, Result<i64>>;
}

/// All rows of a list of the workspace.
impl<L: List> Count for Arc<Question<L>> {
    fn count<'a>(&'a self, context: &'a Context<'_>) -> BoxFuture<'a, Result<i64>> {
        async move { Question::count(self, operation(context).await?.as_ref()).await }.boxed()
    }
}

/// All rows of a list below one parent.
impl<L: Children> Count for Below<L> {
    fn count<'a>(&'a self, context: &'a Context<'_>) -> BoxFuture<'a, Result<i64>> {
        async move {
            let count = loader::<L>(context)?.load_one(CountOf(self.clone())).await?;
            Ok(count.unwrap_or_default())
        }
        .boxed()
    }
}
