//! Uploads: from `documentCreate` over `PUT /uploads/{token}` into the object store and into search.

mod attempts;
mod faults;
mod isolation;
mod lifecycle;

use footnote::config::{Limits, Services};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::support::world::text;
use crate::support::{Reply, Who, World};

const HANDBOOK: &str = "# Leave\n\nEvery employee has thirty days of paid leave in a calendar year.\n\n## Carrying over\n\nUp to five days may be carried over into the following spring.";

const CREATE: &str = "mutation($input: DocumentCreateInput!) { documentCreate(input: $input) {
    document { id version ingestion { id status waitReason } } upload { url method headers { name value } expiresAt } } }";

/// A document that waits for its bytes.
struct Ticket {
    document: String,
    url: String,
}

/// What the server answers to bytes.
struct Answer {
    status: u16,
    body: Value,
}

impl Answer {
    #[track_caller]
    fn assert(&self, status: u16, code: &str) {
        let extensions = &self.body["errors"][0]["extensions"];
        assert_eq!((self.status, extensions["code"].as_str()), (status, Some(code)), "{:#}", self.body);
        assert!(extensions["requestId"].is_string(), "{:#}", self.body);
    }
}

fn declared(bytes: &[u8]) -> Value {
    json!({ "filename": "leave.md", "contentType": "text/markdown", "sizeBytes": bytes.len() })
}

fn hex(bytes: &[u8]) -> String {
    footnote::knowledge::uploads::to_hex(&Sha256::digest(bytes))
}

async fn create(world: &World, who: Who, upload: Value) -> Reply {
    let collection = world.collection(who, &format!("Collection {}", entity::id::EventId::new())).await;
    let input = json!({ "collectionId": collection, "title": "Leave", "upload": upload });
    world.ask(who, CREATE, json!({ "input": input })).await
}

async fn ticket(world: &World, who: Who, upload: Value) -> Ticket {
    let data = create(world, who, upload).await.data();
    let payload = &data["documentCreate"];
    assert_eq!(payload["document"]["ingestion"]["waitReason"], "UPLOAD", "{payload:#}");
    assert_eq!(payload["upload"]["method"], "PUT");
    Ticket { document: text(&payload["document"]["id"]), url: text(&payload["upload"]["url"]) }
}

fn request(world: &World, url: &str) -> reqwest::RequestBuilder {
    world.http().put(format!("{}{url}", world.address))
}

async fn answer(request: reqwest::RequestBuilder) -> Answer {
    let response = request.send().await.expect("an answer");
    let status = response.status().as_u16();
    let text = response.text().await.expect("a body");
    let body = serde_json::from_str(&text).unwrap_or_else(|_| panic!("not JSON: {text}"));
    Answer { status, body }
}

async fn put(world: &World, url: &str, bytes: &[u8]) -> Answer {
    answer(request(world, url).body(bytes.to_vec())).await
}

/// Bytes that come in small pieces, each after a pause.
fn slowly(bytes: Vec<u8>, pause: std::time::Duration) -> reqwest::Body {
    let pieces = futures_util::stream::unfold((bytes, 0), move |(bytes, place)| async move {
        if place >= bytes.len() {
            return None;
        }
        tokio::time::sleep(pause).await;
        let end = bytes.len().min(place + 60);
        let piece = bytes[place..end].to_vec();
        Some((Ok::<_, std::io::Error>(piece), (bytes, end)))
    });
    reqwest::Body::wrap_stream(pieces)
}

/// A server whose uploads expire after so many seconds.
async fn expiring(seconds: u32) -> World {
    let limits = Limits { upload_expiry_seconds: seconds, ..Limits::default() };
    World::with(limits, Services::default()).await
}

/// The objects in the data folder of a world.
fn objects(world: &World) -> Vec<String> {
    let folder = world.data.join("objects");
    assert!(folder.is_dir(), "objects lie on the disk");
    crate::support::s3::files(&folder)
}

async fn wait_until(what: &str, mut done: impl AsyncFnMut() -> bool) {
    for _ in 0..600 {
        if done().await {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    panic!("still not: {what}");
}
