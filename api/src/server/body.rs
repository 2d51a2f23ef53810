//! The body of a GraphQL request: read within its limits, then taken apart.
//!
//! It guarantees that no more than the limit is kept in memory, that reading ends in time, and that what the library gets
//! is one request with parameters of the right kinds. It refuses batches, and bodies of so many values that their tree
//! would be many times as large as they are.

use std::collections::HashMap;
use std::time::Duration;

use async_graphql::{Request, Value, Variables};
use axum::body::{Body, BodyDataStream};
use axum::http::{HeaderMap, StatusCode, header};
use futures_util::StreamExt;
use serde_json::Map;
use tokio::time::timeout;

use super::refusal::Refusal;
use crate::error::{Error, Issue};

/// How long a body may take.
const READING: Duration = Duration::from_secs(10);
/// How much of a body that is too large is read and forgotten, so that a client that is still writing sees the answer.
const DISCARDED_BYTES: usize = 64 * 1024 * 1024;
/// How long that may take.
const DISCARDING: Duration = Duration::from_secs(2);
/// A value takes up to a hundred bytes of memory and as few as two of JSON; long texts are one value each.
const MOST_VALUES: usize = 100_000;

/// Reads a body.
///
/// # Errors
///
/// 413 when it is larger than `limit` bytes, 408 when it is late, 400 when it breaks off.
pub(super) async fn read(body: Body, headers: &HeaderMap, limit: usize) -> Result<Vec<u8>, Refusal> {
    let too_large = || Refusal::from(Error::PayloadTooLarge("request body", limit as u64));
    let announced =
        headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
    let mut chunks = body.into_data_stream();
    if announced.is_some_and(|length| length > limit) {
        // A client that expects a word before it sends gets the answer instead.
        if !headers.contains_key(header::EXPECT) {
            discard(&mut chunks).await;
        }
        return Err(too_large());
    }
    match timeout(READING, collect(&mut chunks, limit)).await {
        Ok(Ok(Some(bytes))) => Ok(bytes),
        Ok(Ok(None)) => {
            discard(&mut chunks).await;
            Err(too_large())
        }
        Ok(Err(_)) => Err(Refusal::from(Error::field("body", "INCOMPLETE", "The body broke off."))),
        Err(_) => Err(Refusal::new(StatusCode::REQUEST_TIMEOUT, Error::DeadlineExceeded)),
    }
}

/// The whole body; none when it is larger than the limit.
async fn collect(chunks: &mut BodyDataStream, limit: usize) -> Result<Option<Vec<u8>>, axum::Error> {
    let mut bytes = Vec::new();
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk?;
        if bytes.len() + chunk.len() > limit {
            return Ok(None);
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(Some(bytes))
}

/// Reads on for a moment, so that a client that is still writing sees its answer.
pub(super) async fn discard(chunks: &mut BodyDataStream) {
    let reading = async {
        let mut forgotten = 0;
        while let Some(Ok(chunk)) = chunks.next().await {
            forgotten += chunk.len();
            if forgotten > DISCARDED_BYTES {
                break;
            }
        }
    };
    // The answer is the same whether the client has finished writing or not.
    let _ = timeout(DISCARDING, reading).await;
}

/// Takes a body apart: a JSON object with `query`, and maybe `variables`, `operationName` and `extensions`.
///
/// # Errors
///
/// `BAD_USER_INPUT` that names every parameter that is not right.
pub(super) fn parse(bytes: &[u8]) -> Result<Request, Error> {
    let refuse = |code, message: &str| Err(Error::field("body", code, message));
    let Ok(text) = std::str::from_utf8(bytes) else {
        return refuse("INVALID_ENCODING", "The body is not UTF-8.");
    };
    if count_values(bytes) > MOST_VALUES {
        return refuse("TOO_MANY_VALUES", "The body holds too many JSON values.");
    }
    match serde_json::from_str(text) {
        Ok(serde_json::Value::Object(parameters)) => request(parameters),
        Ok(serde_json::Value::Array(_)) => {
            refuse("BATCH", "Send one operation in each request, as a JSON object.")
        }
        Ok(_) => refuse("INVALID_KIND", "The body is not a JSON object."),
        Err(_) => refuse("INVALID_JSON", "The body is not JSON, or nests too deeply."),
    }
}

/// At least the number of values: each but the first of a list or object follows one of these bytes.
fn count_values(json: &[u8]) -> usize {
    let (mut count, mut in_string, mut escaped) = (0, false, false);
    for byte in json {
        match (in_string, byte) {
            (true, _) if escaped => escaped = false,
            (true, b'\\') => escaped = true,
            (_, b'"') => in_string = !in_string,
            (false, b',' | b'[' | b'{') => count += 1,
            _ => {}
        }
    }
    count
}

fn request(mut parameters: Map<String, serde_json::Value>) -> Result<Request, Error> {
    use serde_json::Value as Json;
    let mut issues = Vec::new();
    let mut refuse = |name: &str, code, message: String| {
        issues.push(Issue { path: vec![name.to_owned()], code, message });
    };
    let mut wrong = |name: &str, kind: &str| refuse(name, "INVALID_KIND", format!("`{name}` is {kind}."));
    let query = if let Some(Json::String(query)) = parameters.remove("query") {
        query
    } else {
        wrong("query", "a string and must be there");
        String::new()
    };
    let name = match parameters.remove("operationName") {
        None | Some(Json::Null) => None,
        Some(Json::String(name)) => Some(name),
        Some(_) => {
            wrong("operationName", "a string");
            None
        }
    };
    let mut object = |name: &str| match parameters.remove(name) {
        None | Some(Json::Null) => Map::new(),
        Some(Json::Object(fields)) => fields,
        Some(_) => {
            wrong(name, "an object");
            Map::new()
        }
    };
    let (variables, extensions) = (object("variables"), object("extensions"));
    if !issues.is_empty() {
        return Err(Error::BadUserInput(issues));
    }
    let mut request = Request::new(query).variables(Variables::from_json(Json::Object(variables)));
    request.operation_name = name;
    let extensions: HashMap<String, Value> = extensions
        .into_iter()
        .filter_map(|(name, value)| Some((name, Value::from_json(value).ok()?)))
        .collect();
    request.extensions = async_graphql::Extensions(extensions);
    Ok(request)
}

#[cfg(test)]
mod tests {
    use super::{MOST_VALUES, count_values, parse, read};
    use crate::error::Error;
    use axum::body::Body;
    use axum::http::HeaderMap;
    use proptest::prelude::{any, prop, proptest};

    #[test]
    fn a_request_has_its_parameters() {
        let request = parse(
            br#"{"query":"{a}","operationName":"A","variables":{"x":[1,null]},"extensions":{"idempotencyKey":"k"},"more":1}"#,
        )
        .expect("a request");
        assert_eq!(request.query, "{a}");
        assert_eq!(request.operation_name.as_deref(), Some("A"));
        assert_eq!(request.variables.len(), 1);
        assert_eq!(request.extensions.len(), 1);
        let request = parse(br#"{"query":"","operationName":null,"variables":null,"extensions":null}"#)
            .expect("a request");
        assert!(request.operation_name.is_none() && request.variables.is_empty());
    }

    #[test]
    fn every_parameter_of_a_wrong_kind_is_named() {
        let Err(Error::BadUserInput(issues)) =
            parse(br#"{"query":1,"operationName":[],"variables":"x","extensions":[]}"#)
        else {
            panic!("refused as bad input");
        };
        let paths: Vec<String> = issues.iter().map(|issue| issue.path.join(".")).collect();
        assert_eq!(paths, ["query", "operationName", "variables", "extensions"]);
    }

    #[test]
    fn batches_other_kinds_other_encodings_and_depth_are_refused() {
        let deep = format!("{{\"query\":\"\",\"variables\":{}", "{\"a\":".repeat(100_000));
        for bad in [
            b"[]".as_slice(),
            b"[{\"query\":\"{a}\"}]",
            b"null",
            b"1",
            b"\"{a}\"",
            b"{",
            b"",
            b"{}",
            b"\xff",
            deep.as_bytes(),
        ] {
            assert!(matches!(parse(bad), Err(Error::BadUserInput(_))), "{}", String::from_utf8_lossy(bad));
        }
        assert!(parse(&[b"\xef\xbb\xbf".as_slice(), br#"{"query":"{a}"}"#].concat()).is_err());
        assert!(parse(b"{\"query\":\"\xed\xa0\x80\"}").is_err());
    }

    #[test]
    fn a_long_text_is_one_value_and_many_small_values_are_refused() {
        let text = "[{,".repeat(1_000_000);
        assert!(parse(format!(r#"{{"query":"{{a}}","variables":{{"text":"{text}"}}}}"#).as_bytes()).is_ok());
        let many = "0,".repeat(MOST_VALUES + 1);
        assert!(
            parse(format!(r#"{{"query":"{{a}}","variables":{{"list":[{many}0]}}}}"#).as_bytes()).is_err()
        );
        assert_eq!(count_values(br#"{"a\"[":"\\","b":[1,2]}"#), 4);
    }

    #[tokio::test]
    async fn a_body_of_the_limit_is_read_and_a_longer_one_refused() {
        let headers = HeaderMap::new();
        assert_eq!(read(Body::from(vec![b'x'; 10]), &headers, 10).await.expect("read").len(), 10);
        assert!(read(Body::from(vec![b'x'; 11]), &headers, 10).await.is_err());
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_parser_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = parse(&bytes);
        }
    }
}
