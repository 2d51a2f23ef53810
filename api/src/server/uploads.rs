//! `PUT /uploads/{token}`: the bytes of a document, from a page or a program that holds the token, into the object store.
//!
//! It guarantees that bytes go through in memory of bounded size, that no more than was declared is taken, that bytes that
//! stop half-way, are others than was said or come too slowly leave nothing and the token as it was, and that of several
//! attempts one is kept. The token is the credential; what is wrong with one, nobody learns: unknown, expired, withdrawn and
//! another workspace's tokens get the same answer.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use axum::Extension;
use axum::body::BodyDataStream;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use entity::id::OriginalId;
use entity::upload::{self, UploadStatus};
use futures_util::StreamExt;
use serde_json::json;
use sha2::{Digest, Sha256};
use tokio::time::{Instant, timeout_at};
use tracing::Instrument;

use super::Server;
use super::body::discard;
use super::refusal::Refusal;
use crate::adapters::objects::{Chunks, PutFailure};
use crate::error::Error;
use crate::graphql::RequestId;
use crate::knowledge::uploads::{self, Arrived, Unfinished};
use crate::supervisor;
use crate::tenancy::UploadToken;
use crate::worker::Awaited;

/// What the path begins with; the rest is secret.
pub(super) const PATH: &str = "/uploads/";
/// SHA-256 of the body, in hexadecimal digits.
pub(super) const CHECKSUM: HeaderName = HeaderName::from_static("x-checksum-sha256");
/// Digests of the body (RFC 9530); `sha-256` is looked at.
pub(super) const CONTENT_DIGEST: HeaderName = HeaderName::from_static("content-digest");
/// The longest silence of a client.
const SILENCE: Duration = Duration::from_secs(20);

/// Takes the bytes of one upload. A client that leaves ends the body, and with it the attempt, unless all of it has come:
/// so the attempt is a task of its own, which is not dropped between the object and the row that names it.
pub(super) async fn receive(
    State(server): State<Arc<Server>>,
    Extension(id): Extension<RequestId>,
    request: Request,
) -> Response {
    let attempt = attempt(server, id.clone(), request).instrument(tracing::Span::current());
    let answer = supervisor::spawn("upload", attempt).join().await;
    answer.unwrap_or_else(|| Refusal::from(Error::internal("an upload did not end")).respond(&id))
}

async fn attempt(server: Arc<Server>, id: RequestId, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let mut body = body.into_data_stream();
    let token = head.uri.path().strip_prefix(PATH).and_then(uploads::read_token);
    let outcome = match token {
        Some(token) => take(&server, &id, token, &head.headers, &mut body).await,
        None => Err(Error::NotFound("upload").into()),
    };
    match outcome {
        Ok(response) => response,
        Err(refusal) => {
            // A client that expects a word before it sends gets the answer instead.
            if !head.headers.contains_key(header::EXPECT) {
                discard(&mut body).await;
            }
            refusal.respond(&id)
        }
    }
}

async fn take(
    server: &Arc<Server>,
    id: &RequestId,
    token: UploadToken,
    headers: &HeaderMap,
    body: &mut BodyDataStream,
) -> Result<Response, Refusal> {
    let row = uploads::find(&server.app, token).await?;
    let Some(_slot) = server.uploads.take(row.workspace_id, row.actor_id) else {
        return Err(Error::Unavailable("service for uploads").into());
    };
    let mut incoming = Incoming::new(&row, headers, body, server.app.limits().upload_seconds)?;
    if row.status == UploadStatus::Stored {
        while incoming.next().await?.is_some() {}
        uploads::compare(&row, incoming.digest())?;
        return Ok(stored(&row, &incoming.digest()));
    }
    let original = OriginalId::new();
    let objects = server.app.objects().for_workspace(row.workspace_id);
    objects.put((row.document_version_id, original), &mut incoming).await.map_err(
        |failure| match failure {
            PutFailure::Sender(refusal) => refusal,
            // Whatever it is, an operator mends it and the same request succeeds then.
            PutFailure::Store(_) => Error::Unavailable(Awaited::Objects.name()).into(),
        },
    )?;
    let arrived = Arrived { original, sha256: incoming.digest() };
    match uploads::finish(&server.app, &id.0, token, &arrived).await {
        Ok(()) => Ok(stored(&row, &arrived.sha256)),
        Err(Unfinished::Unknown(error)) => Err(error.into()),
        Err(Unfinished::Withdrawn(error)) => {
            if objects.delete(row.document_version_id, original).await.is_err() {
                tracing::warn!("an object that nobody needs stays until the sweep of its upload");
            }
            Err(error.into())
        }
    }
}

fn stored(row: &upload::Model, sha256: &[u8; 32]) -> Response {
    axum::Json(json!({
        "documentId": row.document_id.to_string(),
        "documentVersionId": row.document_version_id.to_string(),
        "sizeBytes": row.size_bytes,
        "sha256": uploads::to_hex(sha256),
    }))
    .into_response()
}

/// A body on its way in: counted, hashed, and compared with what was said of it.
struct Incoming<'a> {
    body: &'a mut BodyDataStream,
    hasher: Sha256,
    received: u64,
    declared: u64,
    /// What the bytes must hash to, as often as it was said.
    promised: Vec<[u8; 32]>,
    deadline: Instant,
}

impl<'a> Incoming<'a> {
    fn new(
        row: &upload::Model,
        headers: &HeaderMap,
        body: &'a mut BodyDataStream,
        seconds: u32,
    ) -> Result<Self, Refusal> {
        let declared = u64::try_from(row.size_bytes).map_err(Error::internal)?;
        check_length(headers, declared)?;
        if headers.get(header::CONTENT_ENCODING).is_some_and(|encoding| encoding != "identity") {
            let message = "The file is sent as it is, without a content encoding.";
            let error = Error::field("headers.content-encoding", "UNSUPPORTED", message);
            return Err(Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, error));
        }
        let mut promised = promised(headers)?;
        if row.status == UploadStatus::Pending {
            promised.extend(row.sha256.as_deref().and_then(|hash| <[u8; 32]>::try_from(hash).ok()));
        }
        let left = (row.expires_at - crate::clock::now()).to_std().unwrap_or_default();
        let deadline = Instant::now() + left.min(Duration::from_secs(seconds.into()));
        Ok(Self { body, hasher: Sha256::new(), received: 0, declared, promised, deadline })
    }

    fn digest(&self) -> [u8; 32] {
        self.hasher.clone().finalize().into()
    }

    fn too_large(&self) -> Refusal {
        Error::PayloadTooLarge("file", self.declared).into()
    }

    /// What is wrong with the whole.
    fn end(&self) -> Result<(), Refusal> {
        if self.received < self.declared {
            return Err(incomplete(format!(
                "{} bytes were declared, {} came.",
                self.declared, self.received
            )));
        }
        let digest = self.digest();
        if self.promised.iter().any(|promised| *promised != digest) {
            let message = "The bytes do not have the SHA-256 that was declared.";
            let error = Error::field("body", "CHECKSUM_MISMATCH", message);
            return Err(Refusal::new(StatusCode::UNPROCESSABLE_ENTITY, error));
        }
        Ok(())
    }
}

#[async_trait]
impl Chunks for Incoming<'_> {
    type Error = Refusal;

    async fn next(&mut self) -> Result<Option<Bytes>, Refusal> {
        let until = self.deadline.min(Instant::now() + SILENCE);
        let late = |_| Refusal::new(StatusCode::REQUEST_TIMEOUT, Error::DeadlineExceeded);
        match timeout_at(until, self.body.next()).await.map_err(late)? {
            None => self.end().map(|()| None),
            Some(Err(_)) => Err(incomplete("The file broke off.".to_owned())),
            Some(Ok(bytes)) => {
                self.received += bytes.len() as u64;
                if self.received > self.declared {
                    return Err(self.too_large());
                }
                self.hasher.update(&bytes);
                Ok(Some(bytes))
            }
        }
    }
}

fn incomplete(message: String) -> Refusal {
    Error::field("body", "INCOMPLETE", message).into()
}

/// Refuses a length that is not the declared one before a byte is read.
fn check_length(headers: &HeaderMap, declared: u64) -> Result<(), Refusal> {
    let announced: Option<u64> =
        headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
    match announced {
        Some(length) if length > declared => Err(Error::PayloadTooLarge("file", declared).into()),
        Some(length) if length < declared => {
            let message = format!("{declared} bytes were declared, {length} are announced.");
            Err(Error::field("headers.content-length", "LENGTH_MISMATCH", message).into())
        }
        // A body in chunks announces nothing and is counted.
        _ => Ok(()),
    }
}

/// What the headers say that the body hashes to.
fn promised(headers: &HeaderMap) -> Result<Vec<[u8; 32]>, Error> {
    let mut promised = Vec::new();
    for value in headers.get_all(CHECKSUM) {
        let hash = value.to_str().ok().and_then(uploads::from_hex).ok_or_else(|| {
            Error::field("headers.x-checksum-sha256", "INVALID", "This header takes 64 hexadecimal digits.")
        })?;
        promised.push(hash);
    }
    for value in headers.get_all(CONTENT_DIGEST) {
        promised.extend(sha256_of_digests(value).ok_or_else(|| {
            let message = "This header takes digests as `sha-256=:base64:` (RFC 9530).";
            Error::field("headers.content-digest", "INVALID", message)
        })?);
    }
    Ok(promised)
}

/// The SHA-256 digests in a list; none where it is malformed. Digests of other kinds are not looked at.
fn sha256_of_digests(value: &HeaderValue) -> Option<Vec<[u8; 32]>> {
    let mut found = Vec::new();
    for member in value.to_str().ok()?.split(',') {
        let (name, digest) = member.trim().split_once('=')?;
        let digest = digest.strip_prefix(':')?.strip_suffix(':')?;
        if name.eq_ignore_ascii_case("sha-256") {
            found.push(STANDARD.decode(digest).ok()?.try_into().ok()?);
        }
    }
    Some(found)
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderMap, HeaderValue};
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;

    use super::{CHECKSUM, CONTENT_DIGEST, check_length, promised};

    #[test]
    fn both_headers_promise_a_hash_and_a_malformed_one_is_refused() {
        let hash = [7; 32];
        let mut headers = HeaderMap::new();
        headers.insert(CHECKSUM, HeaderValue::from_str(&"07".repeat(32)).expect("a header"));
        let digest = format!("md5=:AAAA:, sha-256=:{}:", STANDARD.encode(hash));
        headers.insert(CONTENT_DIGEST, HeaderValue::from_str(&digest).expect("a header"));
        assert_eq!(promised(&headers).expect("well-formed"), [hash, hash]);
        assert!(promised(&HeaderMap::new()).expect("nothing").is_empty());
        for (name, wrong) in [
            (CHECKSUM, "xyz"),
            (CHECKSUM, ""),
            (CONTENT_DIGEST, ""),
            (CONTENT_DIGEST, "sha-256=abc"),
            (CONTENT_DIGEST, "sha-256=:AAAA:"),
            (CONTENT_DIGEST, "sha-256"),
        ] {
            let headers = HeaderMap::from_iter([(name, HeaderValue::from_static(wrong))]);
            assert!(promised(&headers).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_length_that_is_not_the_declared_one_is_refused_before_the_body() {
        let of = |length: &'static str| {
            HeaderMap::from_iter([(axum::http::header::CONTENT_LENGTH, HeaderValue::from_static(length))])
        };
        assert!(check_length(&of("10"), 10).is_ok() && check_length(&HeaderMap::new(), 10).is_ok());
        assert!(check_length(&of("9"), 10).is_err() && check_length(&of("11"), 10).is_err());
    }
}
