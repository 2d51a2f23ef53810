//! The guard over a document before anything else looks at it: linear in its size, whatever its fragments spread.
//!
//! The library's own checks follow every spread, so a chain of fragments that each spread the next one twice costs them
//! minutes. Here each fragment is measured once. Introspection is weighed by what its lists hold, because the library's
//! limits count its fields as if each gave one value.

use std::collections::HashMap;

use async_graphql::parser::types::{
    DocumentOperations, ExecutableDocument, OperationType, Selection, SelectionSet,
};
use async_graphql::{Name, Value as ConstValue, Variables};
use async_graphql_value::Value;

use crate::error::{Error, Result};

/// The longest document, in bytes.
pub(super) const LONGEST_DOCUMENT: usize = 64 * 1024;
/// How many fields a document may have once its fragments are spread.
const MOST_FIELDS: u64 = 3_000;
/// What introspection may weigh; the query of GraphiQL weighs about 13,000.
const MOST_WEIGHT: u64 = 60_000;
/// How deep selection sets may nest.
const DEEPEST: usize = 40;
/// How many values an argument below the root may hold: each object of a list has a copy of its own.
const MOST_VALUES: usize = 500;
/// What a list of introspection counts for.
const LIST_WEIGHT: u64 = 10;
const LISTS: &[&str] = &["types", "fields", "inputFields", "interfaces", "possibleTypes", "enumValues"];

#[derive(Clone, Copy, Default)]
struct Size {
    fields: u64,
    weight: u64,
}

/// Refuses a document that is too large once it is spread, and a subscription with more than one root field.
///
/// # Errors
///
/// QUERY_TOO_COSTLY, or GRAPHQL_VALIDATION_FAILED for the subscription (GraphQL specification, section 5.2.4.1).
pub(super) fn check(document: &ExecutableDocument, variables: &Variables) -> Result<()> {
    let operations: Vec<_> = match &document.operations {
        DocumentOperations::Single(one) => vec![one],
        DocumentOperations::Multiple(many) => many.values().collect(),
    };
    let mut measured = HashMap::new();
    let mut total = Size::default();
    for operation in &operations {
        let set = &operation.node.selection_set.node;
        if operation.node.ty == OperationType::Subscription
            && !matches!(set.items.as_slice(), [one] if matches!(one.node, Selection::Field(_)))
        {
            return Err(Error::ValidationFailed("A subscription has exactly one root field.".to_owned()));
        }
        let size = measure(document, set, &mut measured, 0)?;
        total.fields = total.fields.saturating_add(size.fields);
        total.weight = total.weight.saturating_add(size.weight);
    }
    let roots = operations.iter().flat_map(|operation| &operation.node.selection_set.node.items);
    let below_roots = roots.filter_map(|item| match &item.node {
        Selection::Field(field) => Some(&field.node.selection_set.node),
        Selection::InlineFragment(inline) => Some(&inline.node.selection_set.node),
        Selection::FragmentSpread(_) => None,
    });
    let fragments = document.fragments.values().map(|fragment| &fragment.node.selection_set.node);
    for set in below_roots.chain(fragments) {
        check_arguments(set, variables)?;
    }
    if total.fields > MOST_FIELDS || total.weight > MOST_WEIGHT {
        return Err(Error::QueryTooCostly(format!(
            "The query has too many fields once its fragments are spread; {MOST_FIELDS} are allowed."
        )));
    }
    Ok(())
}

/// Refuses an argument of so many values that its copies, one for each parent, would not fit into memory.
fn check_arguments(set: &SelectionSet, variables: &Variables) -> Result<()> {
    for item in &set.items {
        match &item.node {
            Selection::Field(field) => {
                for (name, value) in &field.node.arguments {
                    if values(&value.node, variables) > MOST_VALUES {
                        return Err(Error::QueryTooCostly(format!(
                            "`{}` holds more than {MOST_VALUES} values, and there is one for each parent.",
                            name.node
                        )));
                    }
                }
                check_arguments(&field.node.selection_set.node, variables)?;
            }
            Selection::InlineFragment(inline) => {
                check_arguments(&inline.node.selection_set.node, variables)?;
            }
            Selection::FragmentSpread(_) => {}
        }
    }
    Ok(())
}

fn values(value: &Value, variables: &Variables) -> usize {
    match value {
        Value::Variable(name) => variables.get(name).map_or(1, const_values),
        Value::List(all) => 1 + all.iter().map(|value| values(value, variables)).sum::<usize>(),
        Value::Object(all) => 1 + all.values().map(|value| values(value, variables)).sum::<usize>(),
        _ => 1,
    }
}

fn const_values(value: &ConstValue) -> usize {
    match value {
        ConstValue::List(all) => 1 + all.iter().map(const_values).sum::<usize>(),
        ConstValue::Object(all) => 1 + all.values().map(const_values).sum::<usize>(),
        _ => 1,
    }
}

fn measure<'a>(
    document: &'a ExecutableDocument,
    set: &'a SelectionSet,
    measured: &mut HashMap<&'a Name, Option<Size>>,
    depth: usize,
) -> Result<Size> {
    if depth > DEEPEST {
        return Err(Error::QueryTooCostly(format!("The query nests deeper than {DEEPEST} levels.")));
    }
    let mut size = Size::default();
    for item in &set.items {
        let (part, factor) = match &item.node {
            Selection::Field(field) => {
                size.fields += 1;
                size.weight += 1;
                let factor = if LISTS.contains(&field.node.name.node.as_str()) { LIST_WEIGHT } else { 1 };
                (measure(document, &field.node.selection_set.node, measured, depth + 1)?, factor)
            }
            Selection::InlineFragment(inline) => {
                (measure(document, &inline.node.selection_set.node, measured, depth + 1)?, 1)
            }
            Selection::FragmentSpread(spread) => {
                let name = &spread.node.fragment_name.node;
                let known = match measured.get(name) {
                    // A cycle, which validation names; here it counts once.
                    Some(None) => Size { fields: 1, weight: 1 },
                    Some(Some(known)) => *known,
                    None => {
                        measured.insert(name, None);
                        let fragment =
                            document.fragments.get(name).map(|fragment| &fragment.node.selection_set.node);
                        let inside = match fragment {
                            Some(set) => measure(document, set, measured, depth + 1)?,
                            None => Size::default(),
                        };
                        measured.insert(name, Some(inside));
                        inside
                    }
                };
                (known, 1)
            }
        };
        size.fields = size.fields.saturating_add(part.fields);
        size.weight = size.weight.saturating_add(part.weight.saturating_mul(factor));
    }
    Ok(size)
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;

    use async_graphql::parser::parse_query;

    use super::{Variables, check};

    fn code(query: &str) -> Option<&'static str> {
        check(&parse_query(query).expect("a document"), &Variables::default()).err().map(|error| error.code())
    }

    #[test]
    fn a_chain_of_fragments_that_each_spread_the_next_one_twice_is_refused() {
        let mut query = "{ ...f0 }".to_owned();
        for number in 0..30 {
            write!(query, " fragment f{number} on Query {{ ...f{0} ...f{0} }}", number + 1).expect("text");
        }
        query.push_str(" fragment f30 on Query { __typename }");
        assert_eq!(code(&query), Some("QUERY_TOO_COSTLY"));
    }

    #[test]
    fn introspection_that_multiplies_its_lists_is_refused_and_that_of_tools_is_not() {
        let nested = "{ __schema { types { possibleTypes { interfaces { possibleTypes { interfaces { name } } } } } } }";
        assert_eq!(code(nested), Some("QUERY_TOO_COSTLY"));
        let tool = "{ __schema { types { ...T } } } fragment T on __Type { kind name fields(includeDeprecated: true) { name args { ...I } type { ...R } } inputFields { ...I } interfaces { ...R } enumValues { name } possibleTypes { ...R } } fragment I on __InputValue { name type { ...R } } fragment R on __Type { kind name ofType { kind name ofType { kind name ofType { kind name ofType { kind name } } } } }";
        assert_eq!(code(tool), None);
    }

    #[test]
    fn a_subscription_has_one_root_field() {
        assert_eq!(code("subscription { a b }"), Some("GRAPHQL_VALIDATION_FAILED"));
        assert_eq!(code("subscription { a }"), None);
    }

    #[test]
    fn cycles_and_depth_do_not_hold_it_up() {
        assert_eq!(code("{ ...a } fragment a on Query { ...b } fragment b on Query { ...a }"), None);
        // Braces alone are the parser's to refuse; fragments can nest without them.
        let link = |number: u32| format!("fragment f{number} on Query {{ a {{ ...f{} }} }}", number + 1);
        let chain = (0..50).map(link).collect::<Vec<_>>().join(" ");
        assert_eq!(
            code(&format!("{{ ...f0 }} {chain} fragment f50 on Query {{ a }}")),
            Some("QUERY_TOO_COSTLY")
        );
    }
}
