//! `POST /graphql`, by the rules of *GraphQL over HTTP* (<https://graphql.github.io/graphql-over-http/draft/>).
//!
//! It guarantees an answer in a media type that the client accepts and within the deadline: an operation that is late is
//! dropped, which rolls its transaction back. A request that was never executed is answered without `data`.

use std::sync::Arc;
use std::time::Duration;

use async_graphql::Value;
use axum::Extension;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::Response;
use tokio::time::{Instant, timeout_at};

use super::media::Media;
use super::refusal::{Refusal, status};
use super::request_id::operation_name;
use super::{Server, authentication, body, clients, media};
use crate::error::{Error, Result};
use crate::graphql::{HeaderKey, REPLAYED, RequestId};

/// The header by which a client names a mutation that it may send again.
pub(super) const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// The header of an answer that was given before.
pub(super) const IDEMPOTENT_REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");

/// Answers one operation.
pub(super) async fn answer(
    State(server): State<Arc<Server>>,
    Extension(id): Extension<RequestId>,
    request: Request,
) -> Response {
    execute(&server, &id, request).await.unwrap_or_else(|refusal| refusal.respond(&id))
}

async fn execute(server: &Server, id: &RequestId, request: Request) -> Result<Response, Refusal> {
    let limits = server.app.limits();
    let deadline = Instant::now() + Duration::from_secs(limits.request_seconds);
    let (head, body) = request.into_parts();
    // The body is read before anything is refused: a client that is still writing would not see the answer.
    let body = body::read(body, &head.headers, limits.max_body_bytes).await;
    let media = media::negotiate(&head.headers)?;
    let refuse = |refusal: Refusal| refusal.in_media(media);
    media::require_json(&head.headers).map_err(refuse)?;
    let request = body::parse(&body.map_err(refuse)?).map_err(|error| refuse(error.into()))?;
    if let Some(name) = operation_name(request.operation_name.as_deref()) {
        tracing::Span::current().record("graphql.operation.name", name);
    }
    let authenticating =
        authentication::from_headers(server.app.tokens(), server.app.issuers(), &head.headers);
    let origin = timeout_at(deadline, authenticating)
        .await
        .map_err(|_| Refusal::from(Error::DeadlineExceeded).of_operation(media))?
        .map_err(|error| match error {
            Error::Unauthenticated(_) => refuse(error.into()),
            _ => Refusal::from(error).of_operation(media),
        })?;
    let client = clients::of_request(server, &head);
    let mut request = request.data(id.clone()).data(origin).data(client.clone());
    let keys = head.headers.get_all(IDEMPOTENCY_KEY).iter();
    if let Some(key) = HeaderKey::read(keys.map(|value| value.to_str().ok())) {
        request.data.insert(key);
    }
    let executing = server.schema.execute(request);
    let response = timeout_at(deadline, executing)
        .await
        .map_err(|_| Refusal::from(Error::DeadlineExceeded).of_operation(media))?;
    let mut answer = present(&response, media).map_err(|error| refuse(error.into()))?;
    clients::keep(&client, &head.headers, answer.headers_mut());
    Ok(answer)
}

/// The library's answer as a response.
fn present(response: &async_graphql::Response, media: Media) -> Result<Response> {
    let with_its_status = refusal_with_its_status(response);
    let refused = with_its_status.is_some() || was_never_executed(response);
    let bytes = if refused {
        serde_json::to_vec(&serde_json::json!({ "errors": response.errors }))
    } else {
        serde_json::to_vec(response)
    };
    let mut answer = Response::new(Body::from(bytes.map_err(Error::internal)?));
    if let Some(error) = with_its_status {
        // In both media types: whoever sends a key, or stands in between and waits, looks for these.
        *answer.status_mut() = status(error);
    } else if refused && media == Media::GraphqlResponse {
        *answer.status_mut() = StatusCode::BAD_REQUEST;
    }
    let headers = answer.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media.content_type()));
    if let Some(Error::InProgress(retry_after_ms) | Error::RateLimited(retry_after_ms)) = with_its_status {
        headers.insert(header::RETRY_AFTER, HeaderValue::from(retry_after_ms.div_ceil(1000)));
    }
    if response.extensions.contains_key(REPLAYED) {
        headers.insert(IDEMPOTENT_REPLAYED, HeaderValue::from_static("true"));
    }
    Ok(answer)
}

/// What an operation was refused with as a whole: because of its idempotency key, or for asking too often.
fn refusal_with_its_status(response: &async_graphql::Response) -> Option<&Error> {
    let source = response.errors.first()?.source.as_ref()?;
    let error = source.downcast_ref::<Error>()?;
    let refused = matches!(error, Error::IdempotencyConflict | Error::InProgress(_) | Error::RateLimited(_));
    (refused && response.data == Value::Null).then_some(error)
}

/// Whether the errors are a request's and not a field's: of the document or of the choice of its operation. A failed commit
/// has no field either, but another code.
fn was_never_executed(response: &async_graphql::Response) -> bool {
    const OF_A_REQUEST: [&str; 4] =
        ["GRAPHQL_PARSE_FAILED", "GRAPHQL_VALIDATION_FAILED", "QUERY_TOO_COSTLY", "BAD_USER_INPUT"];
    response.data == Value::Null
        && !response.errors.is_empty()
        && response.errors.iter().all(|error| {
            let code = error.extensions.as_ref().and_then(|extensions| extensions.get("code"));
            error.path.is_empty()
                && matches!(code, Some(Value::String(code)) if OF_A_REQUEST.contains(&code.as_str()))
        })
}

#[cfg(test)]
mod tests {
    use super::{Media, present};
    use async_graphql::{Response, Value};
    use axum::http::StatusCode;
    use serde_json::{Value as Json, from_value, json};

    async fn presented(response: Json, media: Media) -> (StatusCode, Json) {
        let response: Response = from_value(response).expect("a response");
        let answer = present(&response, media).expect("an answer");
        let status = answer.status();
        let bytes = axum::body::to_bytes(answer.into_body(), 10_000).await.expect("bytes");
        (status, serde_json::from_slice(&bytes).expect("JSON"))
    }

    #[tokio::test]
    async fn a_request_that_was_never_executed_has_no_data_and_a_status() {
        let error = json!({ "message": "m", "extensions": { "code": "GRAPHQL_VALIDATION_FAILED" } });
        let response = json!({ "data": null, "errors": [error] });
        let (status, body) = presented(response.clone(), Media::GraphqlResponse).await;
        assert_eq!((status, body.get("data")), (StatusCode::BAD_REQUEST, None));
        let (status, body) = presented(response, Media::Json).await;
        assert_eq!((status, body.get("data")), (StatusCode::OK, None));
    }

    #[tokio::test]
    async fn an_executed_operation_has_data_even_where_it_is_null() {
        for error in [
            json!({ "message": "m", "path": ["a"], "extensions": { "code": "BAD_USER_INPUT" } }),
            json!({ "message": "m", "extensions": { "code": "CONFLICT" } }),
        ] {
            let (status, body) =
                presented(json!({ "data": null, "errors": [error] }), Media::GraphqlResponse).await;
            assert_eq!((status, body.get("data")), (StatusCode::OK, Some(&Json::Null)));
        }
        let whole = Response::new(Value::Boolean(true));
        assert_eq!(present(&whole, Media::Json).expect("an answer").status(), StatusCode::OK);
    }
}
