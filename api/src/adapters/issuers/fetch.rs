//! Asking an issuer for its keys: bounded in time and size, without redirects.

use std::time::Duration;

use serde::Deserialize;
use url::Url;

use super::keys::KeySet;
use super::settings::{IssuerSetting, safe_address};
use crate::adapters::http::{self, HttpLimits};

/// The largest answer of an issuer, in bytes.
const LARGEST: usize = 256 * 1024;
const LIMITS: HttpLimits = HttpLimits {
    connect: Duration::from_secs(2),
    silence: Duration::from_secs(3),
    total: Duration::from_secs(5),
};

/// Where the keys of an issuer are.
pub(super) enum Source {
    /// There.
    Address(String),
    /// Where the issuer's discovery document says.
    Discovery(String),
}

impl Source {
    /// Of an issuer.
    pub(super) fn of(setting: &IssuerSetting) -> Self {
        match &setting.jwks_url {
            Some(url) => Self::Address(url.clone()),
            None => Self::Discovery(setting.issuer.clone()),
        }
    }

    /// For the log.
    pub(super) fn name(&self) -> &str {
        match self {
            Self::Address(name) | Self::Discovery(name) => name,
        }
    }
}

/// What asks.
pub(super) fn client() -> Result<reqwest::Client, String> {
    http::client(LIMITS)
}

/// Fetches the keys.
pub(super) async fn keys(http: &reqwest::Client, source: &Source) -> Result<KeySet, &'static str> {
    let url = match source {
        Source::Address(url) => safe_address(url).ok_or("its address is none")?,
        Source::Discovery(issuer) => discover(http, issuer).await?,
    };
    KeySet::read(&get(http, url).await?)
}

/// OpenID Connect Discovery 1.0, section 4.
#[derive(Deserialize)]
struct Discovered {
    issuer: String,
    jwks_uri: String,
}

async fn discover(http: &reqwest::Client, issuer: &str) -> Result<Url, &'static str> {
    let address = format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'));
    let url = Url::parse(&address).map_err(|_| "its discovery document has no address")?;
    let bytes = get(http, url).await?;
    let found: Discovered =
        serde_json::from_slice(&bytes).map_err(|_| "its discovery document is not one")?;
    // Section 4.3: or the keys would be another issuer's.
    if found.issuer != issuer {
        return Err("its discovery document names another issuer");
    }
    safe_address(&found.jwks_uri).ok_or("its discovery document names an address without TLS")
}

async fn get(http: &reqwest::Client, url: Url) -> Result<Vec<u8>, &'static str> {
    let request = http.get(url).header("accept", "application/json").send();
    let mut response = request.await.map_err(|_| "it does not answer")?;
    if response.status() != reqwest::StatusCode::OK {
        return Err("it refuses to answer");
    }
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|_| "its answer breaks off")? {
        if bytes.len() + chunk.len() > LARGEST {
            return Err("its answer is too large");
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::body::Body;
    use axum::http::{Response, StatusCode, header};
    use axum::routing::get;

    use super::{LARGEST, Source, client, keys};
    use crate::supervisor::{self, AbortOnDrop};

    // The key of RFC 8037, appendix A.2.
    const KEYS: &str =
        r#"{"keys":[{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#;

    /// A server that answers one path with this.
    async fn server(path: &str, status: StatusCode, body: &str) -> (String, AbortOnDrop<()>) {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let name = format!("http://{}", listener.local_addr().expect("an address"));
        let body = body.replace("{name}", &name);
        let answer = get(async move || {
            let response = Response::builder().status(status).header(header::LOCATION, "/elsewhere");
            response.body(Body::from(body)).expect("a response")
        });
        let elsewhere = get(async || KEYS);
        let router = Router::new().route(path, answer).route("/elsewhere", elsewhere);
        let serving = supervisor::spawn("test issuer", async move {
            axum::serve(listener, router).await.expect("served");
        });
        (name, serving.abort_on_drop())
    }

    async fn from_address(status: StatusCode, body: &str) -> Result<(), &'static str> {
        let (name, _serving) = server("/keys", status, body).await;
        keys(&client().expect("a client"), &Source::Address(format!("{name}/keys"))).await.map(|_| ())
    }

    async fn by_discovery(document: &str) -> Result<(), &'static str> {
        let path = "/.well-known/openid-configuration";
        let (name, _serving) = server(path, StatusCode::OK, document).await;
        keys(&client().expect("a client"), &Source::Discovery(name)).await.map(|_| ())
    }

    #[tokio::test]
    async fn only_a_set_of_keys_that_was_meant_is_one() {
        assert_eq!(from_address(StatusCode::OK, KEYS).await, Ok(()));
        let spaces = " ".repeat(LARGEST);
        for (status, body) in [
            (StatusCode::OK, "<html>welcome</html>"),
            (StatusCode::OK, ""),
            (StatusCode::OK, r#"{"keys":[]}"#),
            (StatusCode::OK, &format!("{spaces}{KEYS}")),
            (StatusCode::FOUND, KEYS),
            (StatusCode::INTERNAL_SERVER_ERROR, KEYS),
        ] {
            assert!(from_address(status, body).await.is_err(), "{status} {}", body.len());
        }
    }

    #[tokio::test]
    async fn discovery_leads_to_the_issuers_own_keys_alone() {
        assert_eq!(by_discovery(r#"{"issuer":"{name}","jwks_uri":"{name}/elsewhere"}"#).await, Ok(()));
        for document in [
            r#"{"issuer":"https://other.example","jwks_uri":"{name}/elsewhere"}"#,
            r#"{"issuer":"{name}/","jwks_uri":"{name}/elsewhere"}"#,
            r#"{"issuer":"{name}","jwks_uri":"http://keys.example/elsewhere"}"#,
            r#"{"issuer":"{name}","jwks_uri":"file:///etc/passwd"}"#,
            r#"{"issuer":"{name}"}"#,
            "[]",
        ] {
            assert!(by_discovery(document).await.is_err(), "{document}");
        }
    }
}
