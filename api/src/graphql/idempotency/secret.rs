//! What is shown once: a secret stands in the first answer and is never stored, so that a replay has null in its place.

use std::borrow::Cow;
use std::sync::{Arc, Mutex, PoisonError};

use async_graphql::parser::types::Field;
use async_graphql::registry::Registry;
use async_graphql::{
    ContextSelectionSet, OutputType, Positioned, QueryPathNode, QueryPathSegment, ServerResult, Value,
};

/// A text that only the answer to the mutation that made it shows: a token, a password, a signing key. It is a nullable
/// `String` in the schema; the field's description says that null means a repetition under an idempotency key.
pub struct Secret(pub String);

impl OutputType for Secret {
    fn type_name() -> Cow<'static, str> {
        <String as OutputType>::type_name()
    }

    fn qualified_type_name() -> String {
        Self::type_name().into_owned()
    }

    fn create_type_info(registry: &mut Registry) -> String {
        <Option<String> as OutputType>::create_type_info(registry)
    }

    async fn resolve(&self, context: &ContextSelectionSet<'_>, _: &Positioned<Field>) -> ServerResult<Value> {
        if let (Some(secrets), Some(path)) = (context.data_opt::<Arc<Secrets>>(), &context.path_node) {
            secrets.note(path);
        }
        Ok(Value::String(self.0.clone()))
    }
}

/// Where an answer shows secrets; in the data of a mutation whose answer will be stored.
#[derive(Default)]
pub struct Secrets(Mutex<Vec<Vec<Step>>>);

/// One step of the way to a value.
enum Step {
    Field(String),
    Index(usize),
}

impl Secrets {
    fn note(&self, path: &QueryPathNode<'_>) {
        let upwards = std::iter::once(path).chain(path.parents()).map(|node| match node.segment {
            QueryPathSegment::Name(name) => Step::Field(name.to_owned()),
            QueryPathSegment::Index(index) => Step::Index(index),
        });
        let mut steps: Vec<_> = upwards.collect();
        steps.reverse();
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(steps);
    }

    /// The answer with null for each secret.
    pub(super) fn erased_from<'a>(&self, data: &'a Value) -> Cow<'a, Value> {
        let paths = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if paths.is_empty() {
            return Cow::Borrowed(data);
        }
        let mut data = data.clone();
        for path in paths.iter() {
            let found = path.iter().try_fold(&mut data, |value, step| match (value, step) {
                (Value::Object(fields), Step::Field(name)) => fields.get_mut(name.as_str()),
                (Value::List(values), Step::Index(index)) => values.get_mut(*index),
                _ => None,
            });
            // What is not there is part of an answer that became null as a whole.
            if let Some(secret) = found {
                *secret = Value::Null;
            }
        }
        Cow::Owned(data)
    }
}

#[cfg(test)]
mod tests {
    use super::{Secret, Secrets};
    use async_graphql::{EmptyMutation, EmptySubscription, Object, Request, Schema};
    use serde_json::{json, to_value};
    use std::sync::Arc;

    struct Root;

    struct Key;

    #[Object]
    impl Key {
        async fn id(&self) -> i32 {
            1
        }

        async fn secret(&self) -> Secret {
            Secret("once".to_owned())
        }
    }

    #[Object]
    impl Root {
        async fn key(&self) -> Key {
            Key
        }

        async fn keys(&self) -> Vec<Key> {
            vec![Key, Key]
        }

        async fn secrets(&self) -> Vec<Option<Secret>> {
            vec![None, Some(Secret("once".to_owned()))]
        }
    }

    #[tokio::test]
    async fn an_answer_shows_a_secret_and_what_is_stored_of_it_does_not() {
        let schema = Schema::new(Root, EmptyMutation, EmptySubscription);
        let secrets = Arc::<Secrets>::default();
        let query = "{ key { again: id id once: secret ...more } keys { secret id } secrets } fragment more on Key { secret }";
        let answer = schema.execute(Request::new(query).data(secrets.clone())).await;
        assert_eq!(answer.errors, []);
        let shown = to_value(&answer.data).expect("JSON");
        assert_eq!(shown["key"], json!({ "again": 1, "id": 1, "once": "once", "secret": "once" }));
        let stored = to_value(secrets.erased_from(&answer.data)).expect("JSON");
        assert_eq!(
            stored,
            json!({ "key": { "again": 1, "id": 1, "once": null, "secret": null }, "keys": [{ "secret": null, "id": 1 }, { "secret": null, "id": 1 }],
                "secrets": [null, null] })
        );
        assert!(
            stored.to_string().len() < shown.to_string().len()
                && !stored.to_string().contains("\"once\":\"once\"")
        );
    }

    #[tokio::test]
    async fn an_answer_without_secrets_is_stored_as_it_is_and_without_a_key_nothing_is_noted() {
        let schema = Schema::new(Root, EmptyMutation, EmptySubscription);
        let secrets = Arc::<Secrets>::default();
        let answer = schema.execute(Request::new("{ key { id } }").data(secrets.clone())).await;
        assert!(matches!(secrets.erased_from(&answer.data), std::borrow::Cow::Borrowed(_)));
        let answer = schema.execute("{ key { secret } }").await;
        assert_eq!(to_value(&answer.data).expect("JSON"), json!({ "key": { "secret": "once" } }));
    }

    #[test]
    fn a_secret_is_nullable_in_the_schema() {
        let sdl = Schema::new(Root, EmptyMutation, EmptySubscription).sdl();
        assert!(sdl.contains("secret: String\n") && sdl.contains("secrets: [String]!"), "{sdl}");
    }
}
