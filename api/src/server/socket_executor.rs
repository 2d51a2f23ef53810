//! What the library's socket executes with: the schema, and around each operation an id, a place and a deadline.
//!
//! A socket follows a bounded number of operations at a time, and a query or mutation over it has the deadline of HTTP. A
//! subscription has none: it ends with its socket, or by itself.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use async_graphql::parser::types::OperationType;
use async_graphql::{Data, Executor, Request, Response};
use futures_util::StreamExt;
use futures_util::stream::{BoxStream, once};
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::refusal::errors;
use super::request_id::{operation_name, panic_message};
use crate::error::Error;
use crate::graphql::{RequestId, Schema, selected_operation};

/// How many operations one socket may have in progress. All of them are polled by one task.
const MOST_OPERATIONS: usize = 100;

/// The executor of one socket.
#[derive(Clone)]
pub(super) struct SocketExecutor {
    schema: Schema,
    deadline: Duration,
    places: Arc<Semaphore>,
}

impl SocketExecutor {
    /// For a new socket.
    pub(super) fn new(schema: Schema, deadline: Duration) -> Self {
        Self { schema, deadline, places: Arc::new(Semaphore::new(MOST_OPERATIONS)) }
    }
}

impl Executor for SocketExecutor {
    async fn execute(&self, request: Request) -> Response {
        self.schema.execute(request).await
    }

    fn execute_stream(&self, mut request: Request, data: Option<Arc<Data>>) -> BoxStream<'static, Response> {
        let id = RequestId::fresh();
        tracing::info!(
            footnote.request_id = id.0,
            graphql.operation.name = operation_name(request.operation_name.as_deref()),
            "operation over a socket"
        );
        let Ok(place) = self.places.clone().try_acquire_owned() else {
            let message = format!("This socket has {MOST_OPERATIONS} operations in progress already.");
            return once(std::future::ready(refusal(&Error::QueryTooCostly(message), &id))).boxed();
        };
        request.data.insert(id.clone());
        let follows = is_subscription(&mut request);
        let answers = self.schema.stream(request, data.unwrap_or_default());
        let mut answers = survive(answers, id.clone());
        if follows {
            return answers
                .inspect(move |_| {
                    let _held = &place;
                })
                .boxed();
        }
        let deadline = self.deadline;
        once(async move {
            let _held = place;
            match timeout(deadline, answers.next()).await {
                Ok(Some(answer)) => answer,
                Ok(None) => refusal(&Error::internal("the library gave no answer"), &id),
                Err(_) => refusal(&Error::DeadlineExceeded, &id),
            }
        })
        .boxed()
    }
}

/// Ends an operation that panics with an answer, and leaves the socket's others alone.
fn survive(answers: BoxStream<'static, Response>, id: RequestId) -> BoxStream<'static, Response> {
    let answers = AssertUnwindSafe(answers).catch_unwind();
    answers
        .map(move |answer| {
            answer.unwrap_or_else(|panic| refusal(&Error::Internal(panic_message(panic.as_ref())), &id))
        })
        .boxed()
}

fn refusal(error: &Error, id: &RequestId) -> Response {
    error.log(&id.0);
    serde_json::from_value(errors(error, id)).unwrap_or_default()
}

/// Whether the chosen operation is a subscription. A document that cannot be read is left to the library's answer.
fn is_subscription(request: &mut Request) -> bool {
    let name = request.operation_name.clone();
    let Ok(document) = request.parsed_query() else { return false };
    let chosen = selected_operation(document, name.as_deref());
    chosen.is_some_and(|(_, kind)| kind == OperationType::Subscription)
}

#[cfg(test)]
mod tests {
    use super::{is_subscription, refusal, survive};
    use crate::error::Error;
    use crate::graphql::RequestId;
    use async_graphql::{Request, Response};
    use futures_util::StreamExt;
    use futures_util::stream::once;

    #[test]
    fn the_chosen_operation_says_whether_it_is_followed() {
        let two = "query A { a } subscription B { b }";
        for (query, name, expected) in [
            ("subscription { a }", None, true),
            ("subscription B { a }", None, true),
            ("{ a }", None, false),
            (two, Some("B"), true),
            (two, Some("A"), false),
            (two, Some("C"), false),
            (two, None, false),
            ("subscription {", None, false),
        ] {
            let mut request = Request::new(query);
            request.operation_name = name.map(str::to_owned);
            assert_eq!(is_subscription(&mut request), expected, "{query} {name:?}");
        }
    }

    #[tokio::test]
    async fn a_panic_ends_its_operation_with_an_answer_that_does_not_quote_it() {
        let answers = once(async { panic!("secret") }).boxed();
        let answers: Vec<Response> = survive(answers, RequestId("r1".to_owned())).collect().await;
        let text = serde_json::to_string(&answers).expect("JSON");
        assert!(answers.len() == 1 && text.contains("\"INTERNAL\"") && !text.contains("secret"), "{text}");
    }

    #[test]
    fn a_refusal_keeps_its_code_and_id() {
        let response = refusal(&Error::DeadlineExceeded, &RequestId("r1".to_owned()));
        let text = serde_json::to_string(&response).expect("JSON");
        assert!(text.contains("\"DEADLINE_EXCEEDED\"") && text.contains("\"r1\""), "{text}");
    }
}
