//! Filters of lists: comparisons of columns, joined by `and`, `or` and `not`.
//!
//! It guarantees that every bad value is named, with its path, and that no filter is deeper, longer or more costly than its
//! limits. What contains a word is found by search: no comparison here has to look at every row's text.

use async_graphql::{ID, InputObject, InputType};
use chrono::{DateTime, Datelike, Utc};
use entity::id::{MalformedId, parse_any};
use sea_orm::sea_query::{Condition, Expr, ExprTrait, Func};
use sea_orm::{ColumnTrait, Value};

use crate::error::Issue;

/// How deep filters may nest.
const DEEPEST: usize = 5;
/// How many parts one filter may have: nested filters and comparisons.
const MOST_PARTS: usize = 100;
/// How many faults of one filter are named; the first ones say what is wrong.
const MOST_ISSUES: usize = 20;
/// How many values `in` may have.
const MOST_VALUES: usize = 100;
/// The longest text to compare with, in characters.
const LONGEST_TEXT: usize = 500;

/// What a list can be filtered by.
pub trait Filter: Sized {
    /// The filters inside it.
    fn logic(&self) -> Logic<'_, Self>;
    /// The comparisons of its own fields.
    fn compare(&self, with: &mut Comparisons<'_>);
}

/// The filters inside a filter.
pub struct Logic<'a, F> {
    /// All of these hold.
    pub and: Option<&'a [F]>,
    /// At least one of these holds.
    pub or: Option<&'a [F]>,
    /// This does not hold.
    pub not: Option<&'a F>,
}

/// Compares an id.
#[derive(Clone, Debug, InputObject)]
#[graphql(name = "IDFilter")]
pub struct IdFilter {
    /// It is this one.
    pub eq: Option<ID>,
    /// It is one of these, at most 100.
    pub r#in: Option<Vec<ID>>,
}

/// Compares a text, exactly; what contains a word is found by `search`.
#[derive(Clone, Debug, InputObject)]
#[graphql(name = "StringFilter")]
pub struct TextFilter {
    /// It is this one.
    pub eq: Option<String>,
    /// It is one of these, at most 100.
    pub r#in: Option<Vec<String>>,
}

/// Compares a moment.
#[derive(Clone, Copy, Debug, InputObject)]
pub struct DateTimeFilter {
    /// It is after this one.
    pub gt: Option<DateTime<Utc>>,
    /// It is this one or after it.
    pub gte: Option<DateTime<Utc>>,
    /// It is before this one.
    pub lt: Option<DateTime<Utc>>,
    /// It is this one or before it.
    pub lte: Option<DateTime<Utc>>,
}

/// Compares a whole number.
#[derive(Clone, Copy, Debug, InputObject)]
pub struct IntFilter {
    /// It is this one.
    pub eq: Option<i64>,
    /// It is greater than this one.
    pub gt: Option<i64>,
    /// It is this one or greater.
    pub gte: Option<i64>,
    /// It is less than this one.
    pub lt: Option<i64>,
    /// It is this one or less.
    pub lte: Option<i64>,
}

/// Compares a value of an enum.
#[derive(Clone, Debug, InputObject)]
#[graphql(
    concrete(name = "AgentRunFailureClassFilter", params(entity::agent_run::AgentRunFailureClass)),
    concrete(name = "AgentRunStatusFilter", params(entity::agent_run::AgentRunStatus)),
    concrete(name = "AgentRunStepKindFilter", params(entity::agent_run_step::AgentRunStepKind)),
    concrete(name = "AgentRunStepStatusFilter", params(entity::agent_run_step::AgentRunStepStatus)),
    concrete(name = "AuditActorKindFilter", params(entity::audit_entry::AuditActorKind)),
    concrete(name = "CitationVerificationFilter", params(entity::citation::CitationVerification)),
    concrete(name = "DocumentFormatFilter", params(entity::document_version::DocumentFormat)),
    concrete(name = "IngestionFailureClassFilter", params(entity::ingestion::IngestionFailureClass)),
    concrete(name = "IngestionStageFilter", params(entity::ingestion::IngestionStage)),
    concrete(name = "IngestionStatusFilter", params(entity::ingestion::IngestionStatus)),
    concrete(name = "InvitationStatusFilter", params(entity::invitation::InvitationStatus)),
    concrete(name = "JobStatusFilter", params(entity::job::JobStatus)),
    concrete(name = "MembershipStatusFilter", params(entity::membership::MembershipStatus))
)]
pub struct EnumFilter<T: InputType> {
    /// It is this one.
    pub eq: Option<T>,
    /// It is one of these.
    pub r#in: Option<Vec<T>>,
}

/// The condition of a filter; what is wrong with it is noted.
pub(super) fn condition<F: Filter>(filter: Option<&F>, issues: &mut Vec<Issue>) -> Condition {
    let Some(filter) = filter else { return Condition::all() };
    let mut comparisons =
        Comparisons { condition: Condition::all(), path: vec!["filter".to_owned()], count: 0, issues };
    comparisons.nest(filter, 1);
    comparisons.condition
}

/// Collects the comparisons of a filter.
pub struct Comparisons<'a> {
    condition: Condition,
    path: Vec<String>,
    count: usize,
    issues: &'a mut Vec<Issue>,
}

impl Comparisons<'_> {
    /// Compares an id column.
    pub fn id<T: Into<Value>>(
        &mut self,
        (field, column): (&str, impl ColumnTrait),
        filter: Option<&IdFilter>,
        parse: fn(&str) -> Result<T, MalformedId>,
    ) {
        let Some(filter) = filter else { return };
        let parsed = |this: &mut Self, path: &[&str], id: &ID| match parse(id) {
            Ok(id) => Some(id.into()),
            Err(malformed) => {
                this.refuse(path, "INVALID_ID", format!("This is {malformed}."));
                None
            }
        };
        let eq = filter.eq.as_ref().and_then(|id| parsed(self, &[field, "eq"], id));
        let mut values = Vec::new();
        for (index, id) in filter.r#in.iter().flatten().take(MOST_VALUES).enumerate() {
            values.extend(parsed(self, &[field, "in", &index.to_string()], id));
        }
        self.one_of((field, column), eq, filter.r#in.as_ref().map(|all| (all.len(), values)));
    }

    /// Compares a text column.
    pub fn text(&mut self, (field, column): (&str, impl ColumnTrait), filter: Option<&TextFilter>) {
        let Some(filter) = filter else { return };
        let checked = |this: &mut Self, path: &[&str], text: &String| {
            let fine = !text.contains('\0') && text.chars().take(LONGEST_TEXT + 1).count() <= LONGEST_TEXT;
            if !fine {
                let message =
                    format!("A text to compare with has at most {LONGEST_TEXT} characters, and no U+0000.");
                this.refuse(path, "INVALID_TEXT", message);
            }
            fine.then(|| text.clone().into())
        };
        let eq = filter.eq.as_ref().and_then(|text| checked(self, &[field, "eq"], text));
        let mut values = Vec::new();
        for (index, text) in filter.r#in.iter().flatten().take(MOST_VALUES).enumerate() {
            values.extend(checked(self, &[field, "in", &index.to_string()], text));
        }
        self.one_of((field, column), eq, filter.r#in.as_ref().map(|all| (all.len(), values)));
    }

    /// Compares a column of an enum.
    pub fn value<T: InputType + Copy + Into<Value>>(
        &mut self,
        (field, column): (&str, impl ColumnTrait),
        filter: Option<&EnumFilter<T>>,
    ) {
        let Some(filter) = filter else { return };
        let values =
            |all: &Vec<T>| (all.len(), all.iter().take(MOST_VALUES).map(|value| (*value).into()).collect());
        self.one_of((field, column), filter.eq.map(Into::into), filter.r#in.as_ref().map(values));
    }

    /// Compares a column that is true or false.
    pub fn flag(&mut self, column: impl ColumnTrait, filter: Option<bool>) {
        if let Some(value) = filter {
            self.add(column.eq(value));
        }
    }

    /// Compares a column of moments.
    pub fn time(&mut self, (field, column): (&str, impl ColumnTrait), filter: Option<&DateTimeFilter>) {
        let Some(filter) = filter else { return };
        for (name, time) in [("gt", filter.gt), ("gte", filter.gte), ("lt", filter.lt), ("lte", filter.lte)] {
            let Some(time) = time else { continue };
            if !(1..=9999).contains(&time.year()) {
                self.refuse(
                    &[field, name],
                    "OUT_OF_RANGE",
                    "The year is a number from 1 to 9999.".to_owned(),
                );
                continue;
            }
            self.add(match name {
                "gt" => column.gt(time),
                "gte" => column.gte(time),
                "lt" => column.lt(time),
                _ => column.lte(time),
            });
        }
    }

    /// Compares a column of whole numbers.
    pub fn number(&mut self, column: impl ColumnTrait, filter: Option<&IntFilter>) {
        let Some(filter) = filter else { return };
        let comparisons = [
            filter.eq.map(|number| column.eq(number)),
            filter.gt.map(|number| column.gt(number)),
            filter.gte.map(|number| column.gte(number)),
            filter.lt.map(|number| column.lt(number)),
            filter.lte.map(|number| column.lte(number)),
        ];
        comparisons.into_iter().flatten().for_each(|comparison| self.add(comparison));
    }

    /// Compares by a condition of the list's own, over the text of an id of any type.
    pub fn any_id(&mut self, field: &str, filter: Option<&ID>, condition: fn(&str) -> Expr) {
        let Some(id) = filter else { return };
        if parse_any(id).is_some() {
            self.add(condition(id));
        } else {
            self.refuse(&[field], "INVALID_ID", format!("`{field}` holds what is not an id of ours."));
        }
    }

    fn one_of(
        &mut self,
        (field, column): (&str, impl ColumnTrait),
        eq: Option<Value>,
        values: Option<(usize, Vec<Value>)>,
    ) {
        if let Some(value) = eq {
            self.add(column.eq(value));
        }
        let Some((count, values)) = values else { return };
        if count > MOST_VALUES {
            self.refuse(&[field, "in"], "LENGTH", format!("`in` takes at most {MOST_VALUES} values."));
        } else {
            self.add(column.is_in(values));
        }
    }

    fn add(&mut self, comparison: Expr) {
        let comparisons = self.take().add(comparison);
        self.condition = comparisons;
        self.take_part();
    }

    /// Counts a part; false beyond the limit.
    fn take_part(&mut self) -> bool {
        self.count += 1;
        if self.count == MOST_PARTS + 1 {
            let message = format!("A filter has at most {MOST_PARTS} comparisons and nested filters.");
            self.issues.push(Issue { path: vec!["filter".to_owned()], code: "LENGTH", message });
        }
        self.count <= MOST_PARTS
    }

    fn take(&mut self) -> Condition {
        std::mem::replace(&mut self.condition, Condition::all())
    }

    fn refuse(&mut self, path: &[&str], code: &'static str, message: String) {
        if self.issues.len() >= MOST_ISSUES {
            return;
        }
        let path = self.path.iter().cloned().chain(path.iter().map(|part| (*part).to_owned())).collect();
        self.issues.push(Issue { path, code, message });
    }

    fn nest<F: Filter>(&mut self, filter: &F, depth: usize) {
        if depth > DEEPEST {
            self.refuse(&[], "TOO_DEEP", format!("Filters nest at most {DEEPEST} deep."));
            return;
        }
        if !self.take_part() {
            return;
        }
        filter.compare(self);
        let Logic { and, or, not } = filter.logic();
        if let Some(filters) = and {
            let all = self.group(("and", filters), Condition::all(), depth);
            self.join(all);
        }
        if let Some(filters) = or {
            let any = self.group(("or", filters), Condition::any(), depth);
            // At least one of none never holds.
            self.join(if filters.is_empty() { Condition::all().add(Expr::cust("false")) } else { any });
        }
        if let Some(inner) = not {
            let none = self.within(&["not"], |this| this.nest(inner, depth + 1));
            if none.is_empty() {
                // An empty filter holds for every row.
                self.join(Condition::all().add(Expr::cust("false")));
            } else {
                // Where a column is null, its comparison does not hold either: `not` is true then.
                self.join(
                    Condition::all()
                        .add(Expr::from(Func::coalesce([Expr::from(none), Expr::cust("false")])).not()),
                );
            }
        }
    }

    /// A group of filters as one condition.
    fn group<F: Filter>(
        &mut self,
        (name, filters): (&str, &[F]),
        mut group: Condition,
        depth: usize,
    ) -> Condition {
        for (index, filter) in filters.iter().enumerate() {
            if self.count > MOST_PARTS {
                break;
            }
            let inner = self.within(&[name, &index.to_string()], |this| this.nest(filter, depth + 1));
            // An empty filter holds for every row.
            group = if inner.is_empty() { group.add(Expr::cust("true")) } else { group.add(inner) };
        }
        group
    }

    fn within(&mut self, path: &[&str], nest: impl FnOnce(&mut Self)) -> Condition {
        let outer = self.take();
        let length = self.path.len();
        self.path.extend(path.iter().map(|part| (*part).to_owned()));
        nest(self);
        self.path.truncate(length);
        std::mem::replace(&mut self.condition, outer)
    }

    fn join(&mut self, condition: Condition) {
        if !condition.is_empty() {
            let joined = self.take().add(condition);
            self.condition = joined;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Comparisons, Filter, Logic, TextFilter, condition};
    use entity::collection::{Column, Entity};
    use sea_orm::{DbBackend, EntityTrait, QueryFilter, QueryTrait};

    #[derive(Default)]
    struct ByName {
        name: Option<&'static str>,
        all: Option<Vec<Self>>,
        any: Option<Vec<Self>>,
        none: Option<Box<Self>>,
    }

    impl Filter for ByName {
        fn logic(&self) -> Logic<'_, Self> {
            Logic { and: self.all.as_deref(), or: self.any.as_deref(), not: self.none.as_deref() }
        }

        fn compare(&self, with: &mut Comparisons<'_>) {
            let name = self.name.map(|name| TextFilter { eq: Some(name.to_owned()), r#in: None });
            with.text(("name", Column::Name), name.as_ref());
        }
    }

    fn named(name: &'static str) -> ByName {
        ByName { name: Some(name), ..ByName::default() }
    }

    fn sql(filter: &ByName) -> String {
        let mut issues = Vec::new();
        let condition = condition(Some(filter), &mut issues);
        assert!(issues.is_empty(), "{issues:?}");
        let sql = Entity::find().filter(condition).build(DbBackend::Postgres).to_string();
        sql.split_once(" WHERE ")
            .map_or_else(String::new, |(_, sql)| sql.replace("\"collections\".\"name\"", "n"))
    }

    #[test]
    fn conditions_are_joined_as_the_filter_says() {
        let any = ByName { any: Some(vec![named("a"), named("b")]), ..named("c") };
        assert_eq!(sql(&any), "n = 'c' AND (n = 'a' OR n = 'b')");
        let not = ByName { none: Some(Box::new(named("a"))), ..ByName::default() };
        assert_eq!(sql(&not), "NOT COALESCE(n = 'a', false)");
        let nothing = ByName { any: Some(Vec::new()), ..ByName::default() };
        assert_eq!(sql(&nothing), "false");
    }
}
