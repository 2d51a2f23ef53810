//! Variables that a client left out.
//!
//! An argument whose variable was not sent is an argument that was not sent (GraphQL specification, section 6.4.1). The library
//! reads it as null: it refuses a list whose `first` is such a variable, and an argument with a default that is not nullable.

use std::collections::HashSet;

use async_graphql::parser::types::{
    Directive, DocumentOperations, ExecutableDocument, Selection, SelectionSet, Type,
};
use async_graphql::{Name, Positioned, Variables};
use async_graphql_value::Value;

/// Takes arguments away whose nullable variable has no default and was not sent, and then the variable where nothing else
/// uses it.
pub(super) fn leave_out_omitted(document: &mut ExecutableDocument, variables: &Variables) {
    let mut operations: Vec<_> = match &mut document.operations {
        DocumentOperations::Single(one) => vec![one],
        DocumentOperations::Multiple(many) => many.values_mut().collect(),
    };
    let omitted: HashSet<Name> = operations
        .iter()
        .flat_map(|operation| &operation.node.variable_definitions)
        .filter(|definition| {
            let Type { nullable, .. } = definition.node.var_type.node;
            nullable
                && definition.node.default_value.is_none()
                && !variables.contains_key(&definition.node.name.node)
        })
        .map(|definition| definition.node.name.node.clone())
        .collect();
    if omitted.is_empty() {
        return;
    }
    let mut used = HashSet::new();
    for operation in &mut operations {
        leave_out(&mut operation.node.selection_set.node, &omitted, &mut used);
    }
    for fragment in document.fragments.values_mut() {
        leave_out(&mut fragment.node.selection_set.node, &omitted, &mut used);
    }
    for operation in operations {
        operation.node.variable_definitions.retain(|definition| {
            let name = &definition.node.name.node;
            !omitted.contains(name) || used.contains(name)
        });
    }
}

fn leave_out(set: &mut SelectionSet, omitted: &HashSet<Name>, used: &mut HashSet<Name>) {
    for item in &mut set.items {
        match &mut item.node {
            Selection::Field(field) => {
                let field = &mut field.node;
                field.arguments.retain(
                    |(_, value)| !matches!(&value.node, Value::Variable(name) if omitted.contains(name)),
                );
                for (_, value) in &field.arguments {
                    note(&value.node, used);
                }
                note_directives(&field.directives, used);
                leave_out(&mut field.selection_set.node, omitted, used);
            }
            Selection::InlineFragment(inline) => {
                note_directives(&inline.node.directives, used);
                leave_out(&mut inline.node.selection_set.node, omitted, used);
            }
            Selection::FragmentSpread(spread) => note_directives(&spread.node.directives, used),
        }
    }
}

fn note_directives(directives: &[Positioned<Directive>], used: &mut HashSet<Name>) {
    for (_, value) in directives.iter().flat_map(|directive| &directive.node.arguments) {
        note(&value.node, used);
    }
}

fn note(value: &Value, used: &mut HashSet<Name>) {
    match value {
        Value::Variable(name) => {
            used.insert(name.clone());
        }
        Value::List(values) => values.iter().for_each(|value| note(value, used)),
        Value::Object(fields) => fields.values().for_each(|value| note(value, used)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::leave_out_omitted;
    use async_graphql::Variables;
    use async_graphql::parser::parse_query;
    use serde_json::{Value, json};

    fn left(query: &str, variables: Value) -> String {
        let mut document = parse_query(query).expect("a document");
        leave_out_omitted(&mut document, &Variables::from_json(variables));
        format!("{document:?}")
    }

    #[test]
    fn an_argument_whose_variable_was_not_sent_is_no_argument() {
        let query = "query($a: Int, $b: Int) { f(a: $a, b: $b) { ...g } } fragment g on F { h(a: $a) }";
        let text = left(query, json!({ "b": null }));
        assert!(!text.contains("Name(\"a\")") && text.contains("Name(\"b\")"), "{text}");
    }

    #[test]
    fn what_is_required_has_a_default_or_is_used_otherwise_stays() {
        for query in [
            "query($a: Int!) { f(a: $a) }",
            "query($a: Int = 1) { f(a: $a) }",
            "query($a: Int) { f(b: { a: $a }) }",
            "query($a: Boolean) { f @include(if: $a) }",
        ] {
            assert!(left(query, json!({})).contains("Name(\"a\")"), "{query}");
        }
    }
}
