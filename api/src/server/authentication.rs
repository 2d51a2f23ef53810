//! Who asks: the two headers, which have the same meaning in HTTP and in the first message of a socket.
//!
//! It refuses a token that is not valid instead of going on without one, and anything ambiguous, such as two tokens.

use std::sync::Arc;

use axum::http::{HeaderMap, header};
use entity::id::SessionId;
use serde_json::Value;

use crate::adapters::issuers::Issuers;
use crate::error::{Error, Result};
use crate::graphql::{Bearer, Credentials, OriginOfRequest};
use crate::operators::OperatorKey;
use crate::tenancy::{Identity, OperatorHash, WorkspaceKey};
use crate::tokens::Tokens;

const AUTHORIZATION: &str = "authorization";
const WORKSPACE: &str = "x-workspace";

/// Reads the headers of a request; without a token it is anonymous.
///
/// # Errors
///
/// UNAUTHENTICATED for a token that is not valid, UNAVAILABLE where that cannot be told because its issuer is away, `NOT_FOUND`
/// for what cannot be a workspace.
pub(super) async fn from_headers(
    tokens: &Tokens,
    issuers: &Issuers,
    headers: &HeaderMap,
) -> Result<OriginOfRequest> {
    let text = |name: &str| {
        let values = headers.get_all(name).iter().map(|value| value.to_str().ok());
        single(values)
    };
    origin(tokens, issuers, text(header::AUTHORIZATION.as_str()), text(WORKSPACE)).await
}

/// Reads the payload of `connection_init`, whose names may be in any case; a socket is never anonymous.
///
/// # Errors
///
/// UNAUTHENTICATED without a valid token, UNAVAILABLE where that cannot be told because its issuer is away, `NOT_FOUND` for what
/// cannot be a workspace.
pub(super) async fn from_payload(
    tokens: &Tokens,
    issuers: &Issuers,
    payload: &Value,
) -> Result<OriginOfRequest> {
    let text = |name: &str| {
        let fields = payload.as_object().into_iter().flatten();
        let values = fields.filter(|(key, value)| key.eq_ignore_ascii_case(name) && !value.is_null());
        single(values.map(|(_, value)| value.as_str()))
    };
    let origin = origin(tokens, issuers, text(AUTHORIZATION), text(WORKSPACE)).await?;
    origin.for_request()?;
    Ok(origin)
}

/// What was sent under one name.
#[derive(Clone, Copy)]
enum Sent<'a> {
    Nothing,
    One(&'a str),
    /// Several values, or one that is no text.
    Unclear,
}

fn single<'a>(mut values: impl Iterator<Item = Option<&'a str>>) -> Sent<'a> {
    match (values.next(), values.next()) {
        (None, _) => Sent::Nothing,
        (Some(Some(text)), None) => Sent::One(text),
        _ => Sent::Unclear,
    }
}

async fn origin(
    tokens: &Tokens,
    issuers: &Issuers,
    authorization: Sent<'_>,
    workspace: Sent<'_>,
) -> Result<OriginOfRequest> {
    let shown = match authorization {
        Sent::Nothing => return Ok(OriginOfRequest(None)),
        Sent::One(text) => match OperatorKey::of_header(text) {
            Some(key) => Shown::Operator(key?.hash()),
            None => match issuers.verify(text).await {
                Some(identity) => Shown::Identity(Arc::new(identity?)),
                None => Shown::Session(tokens.verify(text)?),
            },
        },
        Sent::Unclear => return Err(Error::Unauthenticated("Send one token.")),
    };
    let workspace = match workspace {
        Sent::Nothing => None,
        // What cannot be a workspace is answered as one that is not there.
        Sent::One(text) => Some(WorkspaceKey::parse(text).ok_or(Error::NotFound("workspace"))?),
        Sent::Unclear => return Err(Error::NotFound("workspace")),
    };
    Ok(OriginOfRequest(Some(match shown {
        Shown::Session(session) => Bearer::Session(Credentials { session, workspace }),
        Shown::Identity(identity) => Bearer::Identity(identity, workspace),
        Shown::Operator(hash) => Bearer::Operator(hash, workspace),
    })))
}

/// Whose token it was.
enum Shown {
    /// Ours.
    Session(SessionId),
    /// An external issuer's.
    Identity(Arc<Identity>),
    /// An operator's key.
    Operator(OperatorHash),
}

#[cfg(test)]
mod tests {
    use super::{from_headers, from_payload};
    use crate::adapters::issuers::Issuers;
    use crate::clock::now;
    use crate::error::{Error, Result};
    use crate::graphql::{Bearer, Credentials, OriginOfRequest};
    use crate::operators::NewOperatorKey;
    use crate::tokens::Tokens;
    use axum::http::{HeaderMap, HeaderValue};
    use entity::id::{SessionId, UserId};
    use serde_json::json;

    fn token() -> (Tokens, SessionId, String) {
        let folder = tempfile::tempdir().expect("a folder");
        let tokens = Tokens::open(&folder.path().join("key")).expect("a key");
        let session = SessionId::new();
        let token =
            tokens.mint(UserId::new(), session, now() + chrono::TimeDelta::hours(1)).expect("a token");
        (tokens, session, token)
    }

    fn session_of(origin: Result<OriginOfRequest>) -> Credentials {
        match origin.expect("valid").0.expect("signed in") {
            Bearer::Session(credentials) => credentials,
            other => panic!("a token of ours is a session, not {other:?}"),
        }
    }

    #[tokio::test]
    async fn headers_name_a_session_and_a_workspace() {
        let (tokens, session, token) = token();
        let mut headers = HeaderMap::new();
        headers.insert("x-workspace", HeaderValue::from_static("not a workspace"));
        assert!(from_headers(&tokens, &Issuers::default(), &headers).await.expect("anonymous").0.is_none());
        headers.insert("authorization", HeaderValue::from_str(&token).expect("a header"));
        assert!(matches!(
            from_headers(&tokens, &Issuers::default(), &headers).await,
            Err(Error::NotFound("workspace"))
        ));
        headers.insert("x-workspace", HeaderValue::from_static("acme"));
        let credentials = session_of(from_headers(&tokens, &Issuers::default(), &headers).await);
        assert_eq!(credentials.session, session);
        assert!(credentials.workspace.is_some());
    }

    #[tokio::test]
    async fn an_invalid_token_is_not_anonymous_and_two_tokens_are_refused() {
        let (tokens, _, token) = token();
        let mut headers = HeaderMap::new();
        headers.insert("authorization", HeaderValue::from_static("Bearer a.b.c"));
        assert!(matches!(
            from_headers(&tokens, &Issuers::default(), &headers).await,
            Err(Error::Unauthenticated(_))
        ));
        headers.insert("authorization", HeaderValue::from_bytes(b"\xff").expect("a header"));
        assert!(matches!(
            from_headers(&tokens, &Issuers::default(), &headers).await,
            Err(Error::Unauthenticated(_))
        ));
        let valid = HeaderValue::from_str(&token).expect("a header");
        headers.insert("authorization", valid.clone());
        assert!(from_headers(&tokens, &Issuers::default(), &headers).await.is_ok());
        headers.append("authorization", valid);
        assert!(matches!(
            from_headers(&tokens, &Issuers::default(), &headers).await,
            Err(Error::Unauthenticated(_))
        ));
    }

    #[tokio::test]
    async fn a_key_of_an_operator_is_read_in_both_places_and_a_mistyped_one_is_no_token() {
        let (tokens, _, _) = token();
        let issuers = Issuers::default();
        let key = NewOperatorKey::random();
        let good = format!("Bearer {}", key.text);
        let mut headers = HeaderMap::new();
        headers.insert("authorization", HeaderValue::from_str(&good).expect("a header"));
        headers.insert("x-workspace", HeaderValue::from_static("acme"));
        let payload = json!({ "authorization": good, "x-workspace": "acme" });
        for origin in
            [from_headers(&tokens, &issuers, &headers).await, from_payload(&tokens, &issuers, &payload).await]
        {
            let bearer = origin.expect("a good key").0;
            assert!(matches!(bearer, Some(Bearer::Operator(hash, Some(_))) if hash == key.hash));
        }
        let wrong = json!({ "authorization": format!("{good}x") });
        assert!(matches!(from_payload(&tokens, &issuers, &wrong).await, Err(Error::Unauthenticated(_))));
    }

    #[tokio::test]
    async fn a_socket_reads_the_same_names_in_any_case_and_is_never_anonymous() {
        let (tokens, session, token) = token();
        let issuers = Issuers::default();
        let origin =
            from_payload(&tokens, &issuers, &json!({ "Authorization": token, "X-Workspace": "acme" })).await;
        assert_eq!(session_of(origin).session, session);
        for bad in [
            json!(null),
            json!({}),
            json!([token]),
            json!({ "authorization": 1 }),
            json!({ "authorization": token, "Authorization": token }),
            json!({ "authorization": "Bearer x" }),
        ] {
            assert!(
                matches!(from_payload(&tokens, &issuers, &bad).await, Err(Error::Unauthenticated(_))),
                "{bad}"
            );
        }
        assert!(
            from_payload(&tokens, &issuers, &json!({ "authorization": token, "x-workspace": {} }))
                .await
                .is_err()
        );
    }
}
