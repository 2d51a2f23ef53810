//! The hook around every operation: it gives each one its request, ends its transaction, and presents its errors.
//!
//! A mutation commits when all of its fields succeeded, and otherwise answers `data: null`, because nothing of it happened.
//! One under a key commits with the record of its answer, or is not run because there is one (`idempotency`).
//! No text of the library, of the database or of ours reaches a client but through `crate::error`.

use std::any::TypeId;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use async_graphql::extensions::{
    Extension, ExtensionContext, ExtensionFactory, NextExecute, NextParseQuery, NextPrepareRequest,
    NextRequest, NextSubscribe, NextValidation,
};
use async_graphql::parser::types::{DocumentOperations, ExecutableDocument, OperationType};
use async_graphql::{
    Data, ErrorExtensionValues, Positioned, Response, ServerError, ServerResult, ValidationResult, Value,
    Variables,
};
use futures_util::StreamExt;
use futures_util::stream::BoxStream;

use super::idempotency::{Attempt, Claim, Keyed, keyed};
use super::request::selected_operation;
use super::{OriginOfRequest, Request, RequestId, guard, insert_loaders};
use crate::app::App;
use crate::error::Error;
use crate::tenancy::Access;

/// How many errors one response shows; the first ones say what is wrong.
const MOST_ERRORS: usize = 20;
/// The longest message that quotes a client's own text, in characters.
const LONGEST_MESSAGE: usize = 500;

/// Makes the hook of each operation.
pub struct EndOperation;

impl ExtensionFactory for EndOperation {
    fn create(&self) -> Arc<dyn Extension> {
        Arc::new(Hook::default())
    }
}

#[derive(Default)]
struct Hook {
    /// Whether the chosen operation is a mutation.
    mutation: AtomicBool,
    /// The key of a mutation, until it is executed.
    keyed: Mutex<Option<Keyed>>,
    request_id: Arc<Mutex<Option<RequestId>>>,
}

#[async_trait::async_trait]
impl Extension for Hook {
    async fn request(&self, context: &ExtensionContext<'_>, next: NextRequest<'_>) -> Response {
        let mut response = next.run(context).await;
        present(&mut response, &self.request_id());
        response
    }

    fn subscribe<'s>(
        &self,
        context: &ExtensionContext<'_>,
        stream: BoxStream<'s, Response>,
        next: NextSubscribe<'_>,
    ) -> BoxStream<'s, Response> {
        let slot = self.request_id.clone();
        next.run(context, stream)
            .map(move |mut response| {
                let id = lock(&slot).clone().unwrap_or_else(RequestId::fresh);
                present(&mut response, &id);
                response
            })
            .boxed()
    }

    async fn prepare_request(
        &self,
        context: &ExtensionContext<'_>,
        request: async_graphql::Request,
        next: NextPrepareRequest<'_>,
    ) -> ServerResult<async_graphql::Request> {
        let mut request = next.run(context, request).await?;
        let id = request.data.get(&TypeId::of::<RequestId>()).and_then(|id| id.downcast_ref::<RequestId>());
        lock(&self.request_id).clone_from(&id.cloned());
        if request.query.len() > guard::LONGEST_DOCUMENT {
            let message =
                format!("A query has at most {} bytes; send values as variables.", guard::LONGEST_DOCUMENT);
            return Err(server_error(Error::QueryTooCostly(message)));
        }
        let name = request.operation_name.clone();
        let document = request
            .parsed_query()
            .map_err(|error| replace(&error, Error::ParseFailed(shorten(&error.message))))?;
        guard::check(document).map_err(server_error)?;
        let chosen = selected_operation(document, name.as_deref());
        if chosen.is_some_and(|(_, kind)| kind == OperationType::Mutation) {
            self.mutation.store(true, Ordering::Relaxed);
            *lock(&self.keyed) = keyed(&mut request).map_err(server_error)?;
        }
        Ok(request)
    }

    async fn parse_query(
        &self,
        context: &ExtensionContext<'_>,
        query: &str,
        variables: &Variables,
        next: NextParseQuery<'_>,
    ) -> ServerResult<ExecutableDocument> {
        let mut document = next
            .run(context, query, variables)
            .await
            .map_err(|error| replace(&error, Error::ParseFailed(shorten(&error.message))))?;
        omitted_sizes_are_null(&mut document, variables);
        Ok(document)
    }

    async fn validation(
        &self,
        context: &ExtensionContext<'_>,
        next: NextValidation<'_>,
    ) -> Result<ValidationResult, Vec<ServerError>> {
        next.run(context).await.map_err(|errors| {
            errors
                .into_iter()
                .map(|error| {
                    let costly = error.message.starts_with("Query is ");
                    let message = shorten(&error.message);
                    replace(
                        &error,
                        if costly {
                            Error::QueryTooCostly(message)
                        } else {
                            Error::ValidationFailed(message)
                        },
                    )
                })
                .collect()
        })
    }

    async fn execute(
        &self,
        context: &ExtensionContext<'_>,
        operation_name: Option<&str>,
        next: NextExecute<'_>,
    ) -> Response {
        let mutation = self.mutation.load(Ordering::Relaxed);
        let access = if mutation { Access::ReadWrite } else { Access::ReadOnly };
        let Some(app) = context.data_opt::<Arc<App>>() else {
            return Response::from_errors(vec![server_error(Error::internal(
                "no application in the schema",
            ))]);
        };
        let origin = context.data_opt::<OriginOfRequest>().cloned().unwrap_or(OriginOfRequest(None));
        let request = Arc::new(Request::new(app.clone(), origin, self.request_id(), access));
        let mut data = Data::default();
        data.insert(request.clone());
        insert_loaders(&mut data, &request);
        let keyed = lock(&self.keyed).take();
        let attempt = match keyed {
            None => None,
            Some(keyed) => match Attempt::claim(&request, keyed).await {
                Ok(Claim::Run(attempt)) => Some(attempt),
                Ok(Claim::Replay(response)) => return response,
                Err(error) => return Response::from_errors(vec![server_error(error)]),
            },
        };
        if let Some(attempt) = &attempt {
            data.insert(attempt.secrets());
        }
        let mut response = next.run_with_data(context, operation_name, data).await;
        if !mutation {
            return response;
        }
        if response.errors.is_empty()
            && let Err(error) = commit(&request, attempt.as_ref(), &response.data).await
        {
            response.errors.push(server_error(error));
        }
        if !response.errors.is_empty() {
            response.data = Value::Null;
            if let Some(attempt) = &attempt {
                // Before the answer, or a client that corrects itself at once would find its key in use.
                attempt.give_up().await;
            }
        }
        response
    }
}

/// Ends a mutation whose fields succeeded.
async fn commit(request: &Request, attempt: Option<&Attempt>, data: &Value) -> Result<(), Error> {
    if let Some(attempt) = attempt {
        attempt.record(data).await?;
    }
    match request.opened() {
        Some(operation) => operation.commit().await,
        None => Ok(()),
    }
}

impl Hook {
    fn request_id(&self) -> RequestId {
        lock(&self.request_id).get_or_insert_with(RequestId::fresh).clone()
    }
}

/// Gives an omitted nullable `Int` variable the default null. The library's cost rule otherwise refuses a list whose `first` is
/// such a variable, although the specification lets a client omit it.
fn omitted_sizes_are_null(document: &mut ExecutableDocument, variables: &Variables) {
    let operations: Vec<_> = match &mut document.operations {
        DocumentOperations::Single(one) => vec![one],
        DocumentOperations::Multiple(many) => many.values_mut().collect(),
    };
    for definition in operations.into_iter().flat_map(|operation| &mut operation.node.variable_definitions) {
        let pos = definition.pos;
        let definition = &mut definition.node;
        let nullable_int = definition.var_type.node.to_string() == "Int";
        if nullable_int
            && definition.default_value.is_none()
            && !variables.contains_key(&definition.name.node)
        {
            definition.default_value = Some(Positioned::new(Value::Null, pos));
        }
    }
}

/// The library's messages quote the client's own text, which may be long, and over several lines.
fn shorten(message: &str) -> String {
    let message = message.lines().map(str::trim).collect::<Vec<_>>().join(" ");
    match message.char_indices().nth(LONGEST_MESSAGE) {
        Some((end, _)) => format!("{}…", &message[..end]),
        None => message,
    }
}

fn server_error(error: Error) -> ServerError {
    let mut server_error = ServerError::new(error.message(), None);
    server_error.source = Some(Arc::new(error));
    server_error
}

fn replace(original: &ServerError, error: Error) -> ServerError {
    let mut server_error = server_error(error);
    server_error.locations.clone_from(&original.locations);
    server_error.path.clone_from(&original.path);
    server_error
}

/// Gives every error its shape. One without a cause of ours is the library's word on an argument.
fn present(response: &mut Response, RequestId(request_id): &RequestId) {
    response.errors.truncate(MOST_ERRORS);
    for server_error in &mut response.errors {
        let ours = server_error.source.as_ref().and_then(|source| source.downcast_ref::<Error>()).cloned();
        let error = ours
            .unwrap_or_else(|| Error::field(&path(server_error), "INVALID", shorten(&server_error.message)));
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

fn path(error: &ServerError) -> String {
    let segments = error.path.iter().map(|segment| match segment {
        async_graphql::PathSegment::Field(name) => name.clone(),
        async_graphql::PathSegment::Index(index) => index.to_string(),
    });
    segments.collect::<Vec<_>>().join(".")
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl From<Error> for async_graphql::Error {
    fn from(error: Error) -> Self {
        let message = error.message();
        Self { message, source: Some(Arc::new(error)), extensions: None }
    }
}
