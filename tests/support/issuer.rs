//! Somebody else's issuer: discovery, a set of keys that the test changes, and tokens signed with any of them.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use axum::extract::State;
use axum::routing::get;
use axum::{Json, Router};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_dalek::SigningKey;
use ed25519_dalek::pkcs8::EncodePrivateKey;
use footnote::supervisor::{self, AbortOnDrop};
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// Of the tests alone.
const RSA_KEY: &[u8] = include_bytes!("issuer-rsa-key.pem");

/// A key of an issuer.
pub struct IssuerKey {
    pub id: String,
    algorithm: Algorithm,
    signing: EncodingKey,
    /// Its public half, as the key set has it.
    pub public: Value,
}

impl IssuerKey {
    /// A new one for EdDSA.
    pub fn ed25519(id: &str) -> Self {
        let key = SigningKey::from_bytes(&rand::random());
        let der = key.to_pkcs8_der().expect("a key").as_bytes().to_vec();
        let x = URL_SAFE_NO_PAD.encode(key.verifying_key().as_bytes());
        let public =
            json!({ "kty": "OKP", "crv": "Ed25519", "x": x, "kid": id, "use": "sig", "alg": "EdDSA" });
        Self {
            id: id.to_owned(),
            algorithm: Algorithm::EdDSA,
            signing: EncodingKey::from_ed_der(&der),
            public,
        }
    }

    /// A new one for ES256.
    pub fn p256(id: &str) -> Self {
        let key = rcgen::KeyPair::generate().expect("a key");
        let signing = EncodingKey::from_ec_pem(key.serialize_pem().as_bytes()).expect("a key");
        Self::of(id, Algorithm::ES256, signing)
    }

    /// The one of the tests for RS256.
    pub fn rsa(id: &str) -> Self {
        Self::of(id, Algorithm::RS256, EncodingKey::from_rsa_pem(RSA_KEY).expect("a key"))
    }

    fn of(id: &str, algorithm: Algorithm, signing: EncodingKey) -> Self {
        let public = Jwk::from_encoding_key(&signing, algorithm).expect("its public half");
        let mut public = serde_json::to_value(public).expect("JSON");
        public["kid"] = json!(id);
        Self { id: id.to_owned(), algorithm, signing, public }
    }

    /// A token in the form of the header Authorization.
    pub fn sign(&self, claims: &Value) -> String {
        let header = Header { kid: Some(self.id.clone()), ..Header::new(self.algorithm) };
        self.sign_with(&header, claims)
    }

    /// The same with a head of the test's own.
    pub fn sign_with(&self, header: &Header, claims: &Value) -> String {
        format!("Bearer {}", jsonwebtoken::encode(header, claims, &self.signing).expect("signed"))
    }
}

#[derive(Default)]
struct Published {
    name: Mutex<String>,
    keys: Mutex<Vec<Value>>,
    fetches: AtomicUsize,
}

/// A running issuer; ends when it is dropped.
pub struct TestIssuer {
    /// What stands in `iss`.
    pub name: String,
    published: Arc<Published>,
    _serving: AbortOnDrop<()>,
}

impl TestIssuer {
    /// One that publishes these keys.
    pub async fn start(keys: &[&IssuerKey]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let name = format!("http://{}", listener.local_addr().expect("an address"));
        let published = Arc::new(Published::default());
        published.name.lock().expect("no panic").clone_from(&name);
        let router = Router::new()
            .route("/.well-known/openid-configuration", get(discover))
            .route("/keys", get(keys_of))
            .with_state(published.clone());
        let serving = supervisor::spawn("test issuer", async move {
            axum::serve(listener, router).await.expect("served");
        });
        let issuer = Self { name, published, _serving: serving.abort_on_drop() };
        issuer.publish(keys);
        issuer
    }

    /// From now on it has these keys.
    pub fn publish(&self, keys: &[&IssuerKey]) {
        *self.published.keys.lock().expect("no panic") = keys.iter().map(|key| key.public.clone()).collect();
    }

    /// How often its keys were asked for.
    pub fn fetches(&self) -> usize {
        self.published.fetches.load(Ordering::SeqCst)
    }

    /// Claims that count for ten minutes.
    pub fn claims(&self, subject: &str) -> Value {
        let now = footnote::clock::now().timestamp();
        json!({ "iss": self.name, "aud": "footnote", "sub": subject, "iat": now, "nbf": now, "exp": now + 600 })
    }
}

async fn discover(State(published): State<Arc<Published>>) -> Json<Value> {
    let name = published.name.lock().expect("no panic").clone();
    Json(
        json!({ "issuer": name, "jwks_uri": format!("{name}/keys"), "authorization_endpoint": "https://elsewhere.example" }),
    )
}

async fn keys_of(State(published): State<Arc<Published>>) -> Json<Value> {
    published.fetches.fetch_add(1, Ordering::SeqCst);
    Json(json!({ "keys": published.keys.lock().expect("no panic").clone() }))
}
