//! Mutations outside any workspace: each stands alone in its operation.
//!
//! What they do cannot wait for other fields, and is not undone by them: an attempt to sign in counts, whatever comes of it. Alone, they
//! also cannot be tried fifty times in one request. Here is also whose their idempotency keys are.

use async_graphql::parser::types::{ExecutableDocument, Field, OperationDefinition, Selection, SelectionSet};
use async_graphql::{Value, Variables};

use crate::error::{Error, Result};
use crate::input::normal_email;

/// Whose the idempotency keys of a mutation outside any workspace are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum KeyOwner {
    /// The signed-in person's.
    Person,
    /// The address's that signs up.
    Address,
    /// It takes none.
    Nobody,
    /// It takes none, because it is an operator's.
    Operator,
}

/// Every such mutation.
const ALONE: &[(&str, KeyOwner)] = &[
    ("signUp", KeyOwner::Address),
    ("signIn", KeyOwner::Nobody),
    ("sessionRefresh", KeyOwner::Nobody),
    ("signOut", KeyOwner::Nobody),
    ("emailVerify", KeyOwner::Nobody),
    ("passwordResetRequest", KeyOwner::Nobody),
    ("passwordReset", KeyOwner::Nobody),
    ("workspaceCreate", KeyOwner::Person),
    ("invitationAccept", KeyOwner::Person),
    ("operatorEntryStart", KeyOwner::Operator),
    ("operatorEntryLeave", KeyOwner::Operator),
];

/// How deep fragments are followed; the guard has refused those that are deeper.
const DEEPEST: usize = 64;

/// A mutation that stands alone.
#[derive(Debug)]
pub(super) struct Alone {
    /// Its field.
    pub(super) field: &'static str,
    /// Whose its keys are.
    pub(super) owner: KeyOwner,
    /// The address of its input, as it is stored and compared; empty without one.
    pub(super) email: String,
}

/// The mutation of an operation that has to stand alone; none where there is none.
///
/// # Errors
///
/// BAD_USER_INPUT where it does not stand alone.
pub(super) fn alone(
    document: &ExecutableDocument,
    operation: &OperationDefinition,
    variables: &Variables,
) -> Result<Option<Alone>> {
    let mut fields = Vec::new();
    collect(document, &operation.selection_set.node, &mut fields, 0);
    let named = |field: &&Field| ALONE.iter().find(|(name, _)| *name == field.name.node.as_str());
    let Some(&(field, owner)) = fields.iter().find_map(named) else { return Ok(None) };
    let [one] = fields.as_slice() else {
        let message = format!("{field} stands alone in its operation; send it in a request of its own.");
        return Err(Error::field(field, "ALONE", message));
    };
    Ok(Some(Alone { field, owner, email: email(one, variables).unwrap_or_default() }))
}

fn collect<'a>(
    document: &'a ExecutableDocument,
    set: &'a SelectionSet,
    fields: &mut Vec<&'a Field>,
    depth: usize,
) {
    if depth > DEEPEST {
        return;
    }
    for item in &set.items {
        match &item.node {
            Selection::Field(field) => fields.push(&field.node),
            Selection::InlineFragment(inline) => {
                collect(document, &inline.node.selection_set.node, fields, depth + 1);
            }
            Selection::FragmentSpread(spread) => {
                if let Some(fragment) = document.fragments.get(&spread.node.fragment_name.node) {
                    collect(document, &fragment.node.selection_set.node, fields, depth + 1);
                }
            }
        }
    }
}

fn email(field: &Field, variables: &Variables) -> Option<String> {
    let input = field.get_argument("input")?.node.clone();
    let input = input.into_const_with(|name| variables.get(&name).cloned().ok_or(())).ok()?;
    let Value::Object(input) = input else { return None };
    match input.get("email")? {
        Value::String(email) => Some(normal_email(email)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{ALONE, KeyOwner, alone};
    use async_graphql::Variables;
    use async_graphql::parser::parse_query;
    use async_graphql::parser::types::DocumentOperations;
    use serde_json::json;

    fn of(query: &str) -> Result<Option<(&'static str, KeyOwner, String)>, ()> {
        let document = parse_query(query).expect("a document");
        let DocumentOperations::Single(operation) = &document.operations else { panic!("one operation") };
        let variables = Variables::from_json(json!({ "i": { "email": " A@B.example" }, "e": "C@D.example" }));
        let alone = alone(&document, &operation.node, &variables).map_err(|_| ())?;
        Ok(alone.map(|alone| (alone.field, alone.owner, alone.email)))
    }

    #[test]
    fn they_are_mutations_of_the_schema() {
        let sdl = crate::graphql::sdl();
        for (field, _) in ALONE {
            assert!(sdl.contains(&format!("\t{field}(")), "{field}");
        }
    }

    #[test]
    fn one_alone_is_found_with_its_address_and_one_in_company_is_refused() {
        for (query, email) in [
            ("mutation { signUp(input: { email: \"X@Y.example\" }) { sent } }", "x@y.example"),
            ("mutation { a: signUp(input: $i) { sent } }", "a@b.example"),
            (
                "mutation { ...F } fragment F on Mutation { signUp(input: { email: $e }) { sent } }",
                "c@d.example",
            ),
            ("mutation { ... { signUp(input: $missing) { sent } } }", ""),
        ] {
            assert_eq!(of(query), Ok(Some(("signUp", KeyOwner::Address, email.to_owned()))), "{query}");
        }
        for query in [
            "mutation { a: signIn(input: $i) { x } b: signIn(input: $i) { x } }",
            "mutation { collectionCreate(input: $i) { x } signIn(input: $i) { x } }",
            "mutation { __typename ...F } fragment F on Mutation { ... { signOut(input: $i) { x } } }",
        ] {
            assert_eq!(of(query), Err(()), "{query}");
        }
        assert_eq!(of("mutation { signIn: collectionCreate(input: $i) { x } }"), Ok(None));
    }
}
