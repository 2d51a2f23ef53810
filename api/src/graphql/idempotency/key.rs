//! The key of a mutation as clients send it: in a header, or in the request's `extensions`.

use std::any::TypeId;

use async_graphql::parser::types::OperationType;
use async_graphql::{Request, Value};

use super::fingerprint::fingerprint;
use crate::error::{Error, Result};
use crate::graphql::request::selected_operation;

const EXTENSION: &str = "idempotencyKey";
const IN_HEADER: &str = "headers.idempotency-key";
const IN_EXTENSIONS: &str = "extensions.idempotencyKey";
/// The longest key, in characters.
const LONGEST: usize = 255;

/// What came in the header `Idempotency-Key`; a transport that has headers puts it into the data of a request.
#[derive(Clone, Debug)]
pub struct HeaderKey(Option<String>);

impl HeaderKey {
    /// Reads the values of the header, each none where it is no text; none where the header was not sent.
    pub fn read<'a>(mut values: impl Iterator<Item = Option<&'a str>>) -> Option<Self> {
        let first = values.next()?;
        Some(Self(first.filter(|_| values.next().is_none()).map(str::to_owned)))
    }
}

/// A key, and what makes another request the same one.
#[derive(Debug)]
pub(in crate::graphql) struct Keyed {
    /// What the client chose.
    pub(super) key: String,
    /// Over the operation's name, the document and the variables.
    pub(super) fingerprint: [u8; 32],
    /// Where it was sent.
    pub(super) field: &'static str,
}

/// The key of a request; none without one, and for anything but a mutation.
///
/// # Errors
///
/// BAD_USER_INPUT for two keys, and for what is none.
pub(in crate::graphql) fn keyed(request: &mut Request) -> Result<Option<Keyed>> {
    let header = request.data.get(&TypeId::of::<HeaderKey>()).and_then(|value| value.downcast_ref());
    let header: Option<HeaderKey> = header.cloned();
    let extension = request.extensions.get(EXTENSION).filter(|value| **value != Value::Null).cloned();
    if header.is_none() && extension.is_none() {
        return Ok(None);
    }
    let name = request.operation_name.clone();
    let chosen =
        request.parsed_query().ok().and_then(|document| selected_operation(document, name.as_deref()));
    let Some((name, OperationType::Mutation)) = chosen.map(|(name, kind)| (name.map(str::to_owned), kind))
    else {
        return Ok(None);
    };
    let header = header.map(|HeaderKey(text)| check(IN_HEADER, text.as_deref())).transpose()?;
    let extension = match &extension {
        None => None,
        Some(Value::String(text)) => Some(check(IN_EXTENSIONS, Some(text))?),
        Some(_) => Some(check(IN_EXTENSIONS, None)?),
    };
    if let (Some(one), Some(other)) = (&header, &extension)
        && one != other
    {
        let message = "The header Idempotency-Key and `extensions.idempotencyKey` differ; send one of them.";
        return Err(Error::field(IN_EXTENSIONS, "EXCLUSIVE", message));
    }
    let fingerprint = fingerprint(name.as_deref(), &request.query, &request.variables);
    let field = if header.is_some() { IN_HEADER } else { IN_EXTENSIONS };
    Ok(header.or(extension).map(|key| Keyed { key, fingerprint, field }))
}

/// Checks a key, which is none where what came is no single text.
fn check(field: &str, text: Option<&str>) -> Result<String> {
    let Some(text) = text else {
        return Err(Error::field(field, "INVALID", "Send one idempotency key, as a text."));
    };
    if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        let message = "An idempotency key has visible ASCII characters alone, and no space.";
        return Err(Error::field(field, "INVALID_CHARACTER", message));
    }
    if !(1..=LONGEST).contains(&text.len()) {
        let message = format!("An idempotency key has 1 to {LONGEST} characters.");
        return Err(Error::field(field, "LENGTH", message));
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::{HeaderKey, keyed};
    use crate::error::Error;
    use async_graphql::Request;
    use serde_json::{Value, json};

    const TWO: &str = "mutation A { a } mutation B { a } query C { a } subscription D { a }";

    fn request(query: &str, name: Option<&str>, header: &[Option<&str>], extension: &Value) -> Request {
        let body =
            json!({ "query": query, "operationName": name, "extensions": { "idempotencyKey": extension } });
        let request: Request = serde_json::from_value(body).expect("a request");
        match HeaderKey::read(header.iter().copied()) {
            Some(key) => request.data(key),
            None => request,
        }
    }

    #[test]
    fn a_key_comes_in_the_header_or_in_the_extensions_or_in_both_alike() {
        let long = "~".repeat(255);
        for (header, extension) in [
            (vec![Some("a")], json!(null)),
            (vec![], json!("a")),
            (vec![Some("a")], json!("a")),
            (vec![], json!("\"8e03978e-40d5-43dd-bc93-6894a57f9324\"")),
            (vec![], json!(long)),
        ] {
            let mut request = request("mutation { a }", None, &header, &extension);
            assert!(matches!(keyed(&mut request), Ok(Some(_))), "{header:?} {extension}");
        }
        assert!(matches!(keyed(&mut request("mutation { a }", None, &[], &json!(null))), Ok(None)));
    }

    #[test]
    fn what_is_no_key_names_the_field() {
        let long = "x".repeat(256);
        for (header, extension, field) in [
            (vec![Some("")], json!(null), "headers.idempotency-key"),
            (vec![Some("a b")], json!("a"), "headers.idempotency-key"),
            (vec![Some("a"), Some("a")], json!(null), "headers.idempotency-key"),
            (vec![None], json!(null), "headers.idempotency-key"),
            (vec![Some(long.as_str())], json!(null), "headers.idempotency-key"),
            (vec![], json!(""), "extensions.idempotencyKey"),
            (vec![], json!(1), "extensions.idempotencyKey"),
            (vec![], json!({ "a": "a" }), "extensions.idempotencyKey"),
            (vec![], json!("ä"), "extensions.idempotencyKey"),
            (vec![], json!("a\n"), "extensions.idempotencyKey"),
            (vec![], json!("\u{7f}"), "extensions.idempotencyKey"),
            (vec![Some("a")], json!("b"), "extensions.idempotencyKey"),
        ] {
            let mut request = request("mutation { a }", None, &header, &extension);
            let Err(Error::BadUserInput(issues)) = keyed(&mut request) else {
                panic!("{header:?} {extension}")
            };
            assert_eq!(issues[0].path.join("."), field, "{header:?} {extension}");
        }
    }

    #[test]
    fn only_the_chosen_operation_decides_whether_a_key_counts() {
        for (name, counts) in [
            (Some("A"), true),
            (Some("B"), true),
            (Some("C"), false),
            (Some("D"), false),
            (Some("E"), false),
            (None, false),
        ] {
            let mut request = request(TWO, name, &[Some("a")], &json!(null));
            assert_eq!(keyed(&mut request).expect("a key").is_some(), counts, "{name:?}");
        }
        for query in ["{ a }", "mutation {", ""] {
            assert!(
                matches!(keyed(&mut request(query, None, &[Some("not a key")], &json!(1))), Ok(None)),
                "{query}"
            );
        }
    }

    #[test]
    fn the_name_counts_whether_it_is_sent_or_not() {
        let fingerprint = |name| {
            let mut request = request("mutation A { a }", name, &[Some("a")], &json!(null));
            keyed(&mut request).expect("a key").expect("a mutation").fingerprint
        };
        assert_eq!(fingerprint(None), fingerprint(Some("A")));
    }
}
