//! What makes two requests the same operation.

use async_graphql::{Value, Variables};
use sha2::{Digest, Sha256};

/// SHA-256 over the operation's name, the document's text and the variables, in which the order of names does not count.
pub(super) fn fingerprint(name: Option<&str>, document: &str, variables: &Variables) -> [u8; 32] {
    let mut hasher = Sha256::new();
    // Lengths go before texts, so that no two requests are joined to the same bytes; no name has none.
    for text in [name.unwrap_or_default(), document] {
        hasher.update((text.len() as u64).to_be_bytes());
        hasher.update(text);
    }
    object(&mut hasher, variables.iter().map(|(name, value)| (name.as_str(), value)));
    hasher.finalize().into()
}

fn object<'a>(hasher: &mut Sha256, fields: impl Iterator<Item = (&'a str, &'a Value)>) {
    let mut fields: Vec<_> = fields.collect();
    fields.sort_unstable_by_key(|(name, _)| *name);
    hasher.update("{");
    for (name, field) in fields {
        string(hasher, name);
        value(hasher, field);
    }
    hasher.update("}");
}

fn value(hasher: &mut Sha256, value_of: &Value) {
    match value_of {
        Value::Null => hasher.update("n"),
        Value::Boolean(true) => hasher.update("t"),
        Value::Boolean(false) => hasher.update("f"),
        Value::Number(number) => {
            hasher.update("#");
            string(hasher, &number.to_string());
        }
        Value::String(text) => string(hasher, text),
        Value::Enum(name) => string(hasher, name),
        Value::Binary(bytes) => {
            hasher.update("b");
            hasher.update((bytes.len() as u64).to_be_bytes());
            hasher.update(bytes);
        }
        Value::List(values) => {
            hasher.update("[");
            for each in values {
                value(hasher, each);
            }
            hasher.update("]");
        }
        Value::Object(fields) => object(hasher, fields.iter().map(|(name, field)| (name.as_str(), field))),
    }
}

fn string(hasher: &mut Sha256, text: &str) {
    hasher.update("\"");
    hasher.update((text.len() as u64).to_be_bytes());
    hasher.update(text);
}

#[cfg(test)]
mod tests {
    use super::fingerprint;
    use async_graphql::Variables;
    use proptest::prelude::{any, prop, proptest};
    use serde_json::{Value, json};
    use std::collections::HashSet;

    fn of(name: Option<&str>, document: &str, variables: Value) -> [u8; 32] {
        fingerprint(name, document, &Variables::from_json(variables))
    }

    #[test]
    fn the_order_of_names_does_not_count_at_any_depth() {
        let variables = |text: &str| serde_json::from_str(text).expect("JSON");
        let one = of(None, "d", variables(r#"{"a":1,"b":[{"x":null,"y":"z"}]}"#));
        assert_eq!(one, of(None, "d", variables(r#"{"b":[{"y":"z","x":null}],"a":1}"#)));
    }

    #[test]
    fn everything_else_counts() {
        let different = [
            of(None, "d", json!({})),
            of(Some("d"), "", json!({})),
            of(Some("a"), "d", json!({})),
            of(None, "d ", json!({})),
            of(None, "d", json!({ "a": null })),
            of(None, "d", json!({ "a": "null" })),
            of(None, "d", json!({ "a": 1 })),
            of(None, "d", json!({ "a": 1.0 })),
            of(None, "d", json!({ "a": "1" })),
            of(None, "d", json!({ "a": true })),
            of(None, "d", json!({ "a": [] })),
            of(None, "d", json!({ "a": {} })),
            of(None, "d", json!({ "a": [[]] })),
            of(None, "d", json!({ "a": [1, 2] })),
            of(None, "d", json!({ "a": [2, 1] })),
            of(None, "d", json!({ "a": { "b": 1 } })),
            of(None, "d", json!({ "a": {}, "b": 1 })),
        ];
        assert_eq!(different.iter().collect::<HashSet<_>>().len(), different.len());
    }

    proptest! {
        #[test]
        fn two_lists_of_texts_have_one_fingerprint_only_when_they_are_equal(
            one in prop::collection::vec(any::<String>(), 0..4), two in prop::collection::vec(any::<String>(), 0..4),
        ) {
            let same = of(None, "d", json!({ "a": one })) == of(None, "d", json!({ "a": two }));
            assert_eq!(same, one == two);
        }
    }
}
