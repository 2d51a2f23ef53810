//! Every error of a response in its shape. No text of the library, of the database or of ours reaches a client but through
//! `crate::error`.

use std::sync::Arc;

use async_graphql::{ErrorExtensionValues, Response, ServerError, Value};

use super::RequestId;
use crate::error::Error;

/// How many errors one response shows; the first ones say what is wrong.
const MOST_ERRORS: usize = 20;
/// The longest message that quotes a client's own text, in characters.
const LONGEST_MESSAGE: usize = 500;
/// How the library's word on a document that is too large begins.
const TOO_COSTLY: [&str; 4] =
    ["Query is ", "The recursion depth ", "The amount of aliases ", "The number of directives "];
/// How the library's word on the choice of an operation begins.
const NO_OPERATION: [&str; 3] = ["Unknown operation ", "Operation name required", "Subscriptions are not"];

/// The library's messages quote the client's own text, which may be long, and over several lines.
pub(super) fn shorten(message: &str) -> String {
    let message = message.lines().map(str::trim).collect::<Vec<_>>().join(" ");
    match message.char_indices().nth(LONGEST_MESSAGE) {
        Some((end, _)) => format!("{}…", &message[..end]),
        None => message,
    }
}

pub(super) fn server_error(error: Error) -> ServerError {
    let mut server_error = ServerError::new(error.message(), None);
    server_error.source = Some(Arc::new(error));
    server_error
}

pub(super) fn replace(original: &ServerError, error: Error) -> ServerError {
    let mut server_error = server_error(error);
    server_error.locations.clone_from(&original.locations);
    server_error.path.clone_from(&original.path);
    server_error
}

/// Gives every error its shape.
pub(super) fn present(response: &mut Response, RequestId(request_id): &RequestId) {
    response.errors.truncate(MOST_ERRORS);
    for server_error in &mut response.errors {
        let ours = server_error.source.as_ref().and_then(|source| source.downcast_ref::<Error>()).cloned();
        let error = ours.unwrap_or_else(|| of_the_library(server_error));
        error.log(request_id);
        server_error.message = error.message();
        let mut extensions = ErrorExtensionValues::default();
        if let serde_json::Value::Object(fields) = error.extensions(request_id) {
            for (name, value) in fields {
                extensions.set(name, Value::from_json(value).unwrap_or_default());
            }
        }
        server_error.extensions = Some(extensions);
    }
}

/// The library's word: with a path on an argument of a field, without one on the document as a whole.
fn of_the_library(error: &ServerError) -> Error {
    let message = shorten(&error.message);
    let begins_with = |beginnings: &[&str]| beginnings.iter().any(|text| message.starts_with(text));
    if !error.path.is_empty() {
        Error::field(&path(error), "INVALID", message)
    } else if begins_with(&TOO_COSTLY) {
        Error::QueryTooCostly(message)
    } else if begins_with(&NO_OPERATION) {
        Error::field("operationName", "INVALID", message)
    } else {
        Error::ValidationFailed(message)
    }
}

fn path(error: &ServerError) -> String {
    let segments = error.path.iter().map(|segment| match segment {
        async_graphql::PathSegment::Field(name) => name.clone(),
        async_graphql::PathSegment::Index(index) => index.to_string(),
    });
    segments.collect::<Vec<_>>().join(".")
}

impl From<Error> for async_graphql::Error {
    fn from(error: Error) -> Self {
        let message = error.message();
        Self { message, source: Some(Arc::new(error)), extensions: None }
    }
}
