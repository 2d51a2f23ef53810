//! The execution of an object whose fields are mostly columns.
//!
//! The library makes one allocation for each field, as large as the largest resolver of its type, and for a list of a few hundred
//! rows that is most of what an answer costs. Here a column is read in place, and only what has to wait is a future of its own.
//! Whatever is not a plain selection is left to the library.

use std::borrow::Cow;

use async_graphql::indexmap::IndexMap;
use async_graphql::parser::types::{Field, Selection, SelectionSet};
use async_graphql::registry::Registry;
use async_graphql::{
    ContainerType, ContextSelectionSet, Name, OutputType, Positioned, ServerError, ServerResult, Value,
};
use futures_util::FutureExt;
use futures_util::future::try_join_all;

/// An object around a row, whose columns are fields.
pub trait AroundRow: ContainerType {
    /// The row.
    type Row: ContainerType;

    /// The row.
    fn row(&self) -> &Self::Row;
}

/// An object that is executed quickly.
pub struct Quick<T>(pub T);

impl<T: AroundRow> OutputType for Quick<T> {
    fn type_name() -> Cow<'static, str> {
        T::type_name()
    }

    fn create_type_info(registry: &mut Registry) -> String {
        T::create_type_info(registry)
    }

    async fn resolve(
        &self,
        context: &ContextSelectionSet<'_>,
        field: &Positioned<Field>,
    ) -> ServerResult<Value> {
        let mut fields = Vec::with_capacity(context.item.node.items.len());
        if plain::<T>(context, &context.item.node, &mut fields) {
            object(&self.0, context, &fields).await
        } else {
            self.0.resolve(context, field).await
        }
    }
}

/// Collects the fields of a selection, those of its fragments among them; false where the library has to look at it: at
/// directives, at fragments on other types, and at two fields of the same name, which may have to be merged.
fn plain<'a, T: AroundRow>(
    context: &ContextSelectionSet<'a>,
    set: &'a SelectionSet,
    fields: &mut Vec<&'a Positioned<Field>>,
) -> bool {
    set.items.iter().all(|item| match &item.node {
        Selection::Field(field) => {
            let key = &field.node.response_key().node;
            let known = fields.iter().any(|other| &other.node.response_key().node == key);
            fields.push(field);
            field.node.directives.is_empty() && !known
        }
        Selection::InlineFragment(inline) => {
            let on = inline.node.type_condition.as_ref().map(|condition| &condition.node.on.node);
            inline.node.directives.is_empty()
                && on.is_none_or(|name| **name == *T::type_name())
                && plain::<T>(context, &inline.node.selection_set.node, fields)
        }
        Selection::FragmentSpread(spread) => {
            let fragment = context.query_env.fragments.get(&spread.node.fragment_name.node);
            spread.node.directives.is_empty()
                && fragment.is_some_and(|fragment| {
                    *fragment.node.type_condition.node.on.node == *T::type_name()
                        && plain::<T>(context, &fragment.node.selection_set.node, fields)
                })
        }
    })
}

async fn object<T: AroundRow>(
    object: &T,
    context: &ContextSelectionSet<'_>,
    fields: &[&Positioned<Field>],
) -> ServerResult<Value> {
    let mut values: IndexMap<Name, Value> = IndexMap::with_capacity(fields.len());
    let mut waiting = Vec::new();
    for field in fields {
        let key = field.node.response_key().node.clone();
        let value = column(object, context, field)?;
        if value.is_none() {
            waiting.push(*field);
        }
        // What has to wait keeps its place.
        values.insert(key, value.unwrap_or_default());
    }
    // Side by side, so that what they look up meets in one batch.
    let resolved = try_join_all(waiting.into_iter().map(|field| {
        async move {
            let context = context.with_field(field);
            let value = object.resolve_field(&context).await?.unwrap_or_default();
            Ok::<_, ServerError>((&field.node.response_key().node, value))
        }
        .boxed()
    }));
    for (key, value) in resolved.await? {
        values.insert(key.clone(), value);
    }
    Ok(Value::Object(values))
}

/// The value of a field that is a column; none where it is none, or has to wait.
fn column<T: AroundRow>(
    object: &T,
    context: &ContextSelectionSet<'_>,
    field: &Positioned<Field>,
) -> ServerResult<Option<Value>> {
    if field.node.name.node == "__typename" {
        return Ok(Some(Value::String(T::type_name().into_owned())));
    }
    // An argument may ask for the column in another unit.
    if !field.node.arguments.is_empty() {
        return Ok(None);
    }
    let context = context.with_field(field);
    object.row().resolve_field(&context).now_or_never().unwrap_or(Ok(None))
}
