//! What a client asks of a list, and the statements that answer it.

use std::collections::HashMap;

use entity::sparse::{Asked, Sparse};
use sea_orm::sea_query::{Alias, Condition, Expr, ExprTrait, Func, JoinType, Query, SelectStatement};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QuerySelect, QueryTrait, Select};
use uuid::Uuid;

use super::{Children, List, Order, OrderBy, Page, PageArgs, Scope, Selected, filter};
use crate::error::{Error, Result};
use crate::tenancy::Operation;

type Model<L> = <<L as List>::Entity as EntityTrait>::Model;

/// A checked question.
pub struct Question<L: List> {
    condition: Condition,
    asked: Asked<L::Entity>,
    /// The page that is asked for.
    pub page: Page<L::Entity>,
}

impl<L: List> Question<L> {
    /// Checks what a client sent.
    ///
    /// # Errors
    ///
    /// BAD_USER_INPUT that names everything that is not right.
    pub fn check(
        (scope, selected): (Scope, Selected<L::Entity>),
        filter: Option<&L::Filter>,
        order: Option<&L::Order>,
        args: PageArgs,
    ) -> Result<Self> {
        let mut issues = Vec::new();
        let condition = filter::condition(filter, &mut issues);
        let order = order.map_or_else(|| L::Order::default().order(), OrderBy::order);
        let page = Page::parse(scope, order, (args, selected.further), &mut issues);
        let asked = selected.columns.and(page.key_columns());
        if issues.is_empty() { Ok(Self { condition, asked, page }) } else { Err(Error::BadUserInput(issues)) }
    }

    /// The question for the first row of each parent.
    pub fn first_in(order: Order<L::Entity>) -> Self {
        Self { condition: Condition::all(), asked: Asked::all(), page: Page::one(order) }
    }

    /// Narrows it further.
    #[must_use]
    pub fn only(mut self, condition: Option<Expr>) -> Self {
        if let Some(condition) = condition {
            self.condition = self.condition.add(condition);
        }
        self
    }

    fn select(&self) -> Select<L::Entity> {
        if self.condition.is_empty() { L::select() } else { L::select().filter(self.condition.clone()) }
    }

    /// The rows of the page, with one more where there is another page.
    ///
    /// # Errors
    ///
    /// UNAVAILABLE, DEADLINE_EXCEEDED.
    pub async fn rows(&self, operation: &Operation) -> Result<Vec<Model<L>>> {
        let mut select = self.asked.narrow(self.select()).into_query();
        self.page.cut(&mut select);
        let rows = operation.query_all_raw(operation.get_database_backend().build(&select)).await?;
        let rows: Result<_, _> = rows.iter().map(|row| L::Entity::read(row, self.asked)).collect();
        Ok(rows?)
    }

    /// How many rows the list has.
    ///
    /// # Errors
    ///
    /// UNAVAILABLE, DEADLINE_EXCEEDED.
    pub async fn count(&self, operation: &Operation) -> Result<i64> {
        let count = self.select().select_only().expr(Expr::cust("count(*)")).into_tuple::<i64>();
        Ok(count.one(operation).await?.unwrap_or_default())
    }
}

impl<L: Children> Question<L> {
    /// The same page below each of these parents, in one statement.
    ///
    /// # Errors
    ///
    /// UNAVAILABLE, DEADLINE_EXCEEDED.
    pub async fn rows_of(
        &self,
        operation: &Operation,
        parents: Vec<Uuid>,
    ) -> Result<HashMap<Uuid, Vec<Model<L>>>> {
        let (parent, row) = (Alias::new("parent"), Alias::new("row"));
        let asked = self.asked.and(Asked::of([L::parent_column()]));
        let mut page: SelectStatement = asked.narrow(self.select()).into_query();
        page.and_where(
            Expr::col(L::parent_column().as_column_ref()).eq(Expr::col((parent.clone(), parent.clone()))),
        );
        self.page.cut(&mut page);
        let mut select = Query::select();
        select
            .column((row.clone(), sea_orm::sea_query::Asterisk))
            .from_function(Func::cust("unnest").arg(Expr::val(parents)), parent)
            .join_lateral(JoinType::InnerJoin, page, row, Expr::cust("true"));
        let statement = operation.get_database_backend().build(&select);
        let mut rows_of: HashMap<Uuid, Vec<Model<L>>> = HashMap::new();
        // The rows of one parent come in the order of its page, because the lateral part runs once for each parent.
        for row in operation.query_all_raw(statement).await? {
            let row = L::Entity::read(&row, asked)?;
            rows_of.entry(L::parent(&row)).or_default().push(row);
        }
        Ok(rows_of)
    }

    /// How many rows the list has below each of these parents, in one statement; a parent without rows is absent.
    ///
    /// # Errors
    ///
    /// UNAVAILABLE, DEADLINE_EXCEEDED.
    pub async fn counts_of(&self, operation: &Operation, parents: Vec<Uuid>) -> Result<HashMap<Uuid, i64>> {
        let column = L::parent_column();
        let counts = self
            .select()
            .filter(column.is_in(parents))
            .select_only()
            .column(column)
            .expr(Expr::cust("count(*)"))
            .group_by(column)
            .into_tuple::<(Uuid, i64)>();
        Ok(counts.all(operation).await?.into_iter().collect())
    }
}

impl<L: List> PartialEq for Question<L> {
    fn eq(&self, other: &Self) -> bool {
        self.page == other.page && self.asked == other.asked && self.condition == other.condition
    }
}
