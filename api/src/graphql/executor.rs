//! The execution of operations: guards before anything else, one transaction, one commit, errors in their shape.
//!
//! A mutation commits when all of its fields succeeded, and otherwise answers `data: null`, because nothing of it happened.
//! One under a key commits with the record of its answer, or is not run because there is one (`idempotency`).

use std::any::TypeId;
use std::sync::Arc;

use async_graphql::parser::parse_query;
use async_graphql::parser::types::{
    DocumentOperations, ExecutableDocument, OperationDefinition, OperationType,
};
use async_graphql::{Data, Name, Response, ServerResult, Value};
use futures_util::StreamExt;
use futures_util::stream::{BoxStream, once};

use super::alone::{Alone, KeyOwner, alone};
use super::each_item::EachItem;
use super::idempotency::{Attempt, Claim, Keyed, keyed};
use super::omitted::leave_out_omitted;
use super::presenter::{present, replace, server_error, shorten};
use super::request::selected_operation;
use super::{Library, OriginOfRequest, Request, RequestId, guard, insert_loaders, library};
use crate::app::App;
use crate::client::Client;
use crate::error::Error;
use crate::tenancy::Access;

/// The schema with its application: what transports execute with.
#[derive(Clone)]
pub struct Schema {
    app: Arc<App>,
    /// Without any hook of the library's, because each costs something at every field.
    direct: Library,
    /// With a hook around each item.
    followed: Library,
}

/// What an operation is, as far as it can be told before it is validated.
struct Prepared {
    kind: Option<OperationType>,
    keyed: Option<Keyed>,
    alone: Option<Alone>,
}

impl Schema {
    /// For an application.
    #[must_use]
    pub fn new(app: Arc<App>) -> Self {
        let direct = library().data(app.clone()).finish();
        let followed = library().data(app.clone()).extension(EachItem).finish();
        Self { app, direct, followed }
    }

    /// Answers a query or a mutation.
    pub async fn execute(&self, mut request: async_graphql::Request) -> Response {
        let id = id_of(&request.data);
        let mut response = match prepare(&mut request) {
            Ok(prepared) => self.run(request, prepared, &id).await,
            Err(error) => Response::from_errors(vec![error]),
        };
        present(&mut response, &id);
        response
    }

    /// Answers an operation of a socket with the data of its session: one response, or those of a subscription.
    pub fn stream(
        &self,
        mut request: async_graphql::Request,
        session: Arc<Data>,
    ) -> BoxStream<'static, Response> {
        let id = id_of(&request.data);
        let prepared = match prepare(&mut request) {
            Ok(prepared) => prepared,
            Err(error) => {
                let mut response = Response::from_errors(vec![error]);
                present(&mut response, &id);
                return once(std::future::ready(response)).boxed();
            }
        };
        if prepared.kind == Some(OperationType::Subscription) {
            let answers = self.followed.execute_stream_with_session_data(request, session);
            return answers
                .map(move |mut response| {
                    present(&mut response, &id);
                    response
                })
                .boxed();
        }
        if let Some(origin) = find::<OriginOfRequest>(&session) {
            request.data.insert(origin);
        }
        if let Some(client) = find::<Client>(&session) {
            request.data.insert(client);
        }
        let schema = self.clone();
        once(async move {
            let mut response = schema.run(request, prepared, &id).await;
            present(&mut response, &id);
            response
        })
        .boxed()
    }

    async fn run(&self, mut request: async_graphql::Request, prepared: Prepared, id: &RequestId) -> Response {
        let mutation = prepared.kind == Some(OperationType::Mutation);
        let access = if mutation { Access::ReadWrite } else { Access::ReadOnly };
        let origin = find(&request.data).unwrap_or(OriginOfRequest(None));
        let ours = Request::new(self.app.clone(), origin, id.clone(), access);
        let ours = Arc::new(match prepared.alone.as_ref().map(|alone| alone.owner) {
            None | Some(KeyOwner::Nobody) => ours,
            Some(KeyOwner::Person | KeyOwner::Operator) => ours.outside(),
            Some(KeyOwner::Address) => ours.of_nobody(),
        });
        request.data.insert(ours.clone());
        insert_loaders(&mut request.data, &ours);
        let attempt = match prepared.keyed {
            None => None,
            Some(keyed) => match Attempt::claim(&ours, keyed, prepared.alone.as_ref()).await {
                Ok(Claim::Run(attempt)) => Some(attempt),
                Ok(Claim::Replay(response)) => return response,
                Err(error) => return Response::from_errors(vec![server_error(error)]),
            },
        };
        if let Some(attempt) = &attempt {
            request.data.insert(attempt.secrets());
        }
        let mut response = self.direct.execute(request).await;
        if !mutation {
            return response;
        }
        if response.errors.is_empty()
            && let Err(error) = commit(&ours, attempt.as_ref(), &response.data).await
        {
            response.errors.push(server_error(error));
        }
        if !response.errors.is_empty() {
            response.data = Value::Null;
            if let Some(attempt) = &attempt {
                // Before the answer, or a client that corrects itself at once would find its key in use.
                attempt.give_up(&ours).await;
            }
        }
        response
    }
}

/// Reads and guards the document.
fn prepare(request: &mut async_graphql::Request) -> ServerResult<Prepared> {
    if request.query.len() > guard::LONGEST_DOCUMENT {
        let message =
            format!("A query has at most {} bytes; send values as variables.", guard::LONGEST_DOCUMENT);
        return Err(server_error(Error::QueryTooCostly(message)));
    }
    let mut document = parse_query(&request.query).map_err(|error| {
        let error = async_graphql::ServerError::from(error);
        replace(&error, Error::ParseFailed(shorten(&error.message)))
    })?;
    guard::check(&document, &request.variables).map_err(server_error)?;
    let kind = selected_operation(&document, request.operation_name.as_deref()).map(|(_, kind)| kind);
    leave_out_omitted(&mut document, &request.variables);
    let chosen = chosen(&document, request.operation_name.as_deref());
    let alone = match (kind, chosen) {
        (Some(OperationType::Mutation), Some(operation)) => {
            alone(&document, operation, &request.variables).map_err(server_error)?
        }
        _ => None,
    };
    let defaults = chosen.map(defaults).unwrap_or_default();
    request.set_parsed_query(document);
    let keyed = match kind {
        Some(OperationType::Mutation) => keyed(request).map_err(server_error)?,
        _ => None,
    };
    // After the key's fingerprint, which is of what was sent.
    for (name, value) in defaults {
        request.variables.entry(name).or_insert(value);
    }
    Ok(Prepared { kind, keyed, alone })
}

/// The operation that is meant, or would be if the choice were clear.
fn chosen<'a>(document: &'a ExecutableDocument, name: Option<&str>) -> Option<&'a OperationDefinition> {
    let chosen = match (&document.operations, name) {
        (DocumentOperations::Single(one), _) => Some(one),
        (DocumentOperations::Multiple(many), Some(name)) => many.get(name),
        (DocumentOperations::Multiple(many), None) => many.values().next(),
    };
    chosen.map(|operation| &operation.node)
}

/// The defaults of an operation's variables: the library looks at what was sent alone where it includes and skips.
fn defaults(operation: &OperationDefinition) -> Vec<(Name, Value)> {
    operation
        .variable_definitions
        .iter()
        .filter_map(|definition| {
            let default = definition.node.default_value.as_ref()?;
            Some((definition.node.name.node.clone(), default.node.clone()))
        })
        .collect()
}

/// Ends a mutation whose fields succeeded.
async fn commit(request: &Request, attempt: Option<&Attempt>, data: &Value) -> Result<(), Error> {
    if let Some(attempt) = attempt {
        attempt.record(request, data).await?;
    }
    match request.opened() {
        Some(operation) => operation.commit().await,
        None => Ok(()),
    }
}

fn id_of(data: &Data) -> RequestId {
    find(data).unwrap_or_else(RequestId::fresh)
}

fn find<T: Clone + 'static>(data: &Data) -> Option<T> {
    data.get(&TypeId::of::<T>()).and_then(|value| value.downcast_ref::<T>()).cloned()
}
