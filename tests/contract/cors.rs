//! Which pages of other origins may call, and what they may send and read.

use std::time::Duration;

use footnote::server::{AllowedOrigins, ServeOptions};
use reqwest::{Method, Response};
use serde_json::json;
use tokio::net::TcpListener;
use tokio_tungstenite::tungstenite;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;

use crate::support::{Who, World};

const NAMED: [&str; 2] = ["https://app.example", "http://localhost:5173"];
const FOREIGN: [&str; 7] = [
    "https://evil.example",
    "http://app.example",
    "https://app.example:8443",
    "https://app.example.evil.example",
    "http://localhost:3000",
    "http://127.0.0.1:5173",
    "null",
];

/// A world whose server is told the origins, as in production.
async fn world(origins: &[&str]) -> World {
    let mut world = World::without_worker().await;
    let origins: Vec<String> = origins.iter().map(|origin| (*origin).to_owned()).collect();
    let allowed_origins = AllowedOrigins::parse(&origins).expect("origins");
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    world.address = format!("http://{}", listener.local_addr().expect("an address"));
    world.stack.start_server(listener, ServeOptions { allowed_origins, ..ServeOptions::default() });
    world
}

async fn preflight(world: &World, origin: &str, headers: &str) -> Response {
    world
        .http()
        .request(Method::OPTIONS, format!("{}/graphql", world.address))
        .header("origin", origin)
        .header("access-control-request-method", "POST")
        .header("access-control-request-headers", headers)
        .send()
        .await
        .expect("an answer")
}

fn header(response: &Response, name: &str) -> Option<String> {
    Some(response.headers().get(name)?.to_str().expect("text").to_ascii_lowercase())
}

#[tokio::test]
async fn a_named_origin_may_send_every_header_of_the_api() {
    let world = world(&NAMED).await;
    let wanted = "authorization,content-type,idempotency-key,x-request-id,x-workspace";
    for origin in NAMED {
        let response = preflight(&world, origin, wanted).await;
        assert_eq!(response.status().as_u16(), 200);
        assert_eq!(header(&response, "access-control-allow-origin").as_deref(), Some(origin));
        let allowed = header(&response, "access-control-allow-headers").expect("headers");
        for name in wanted.split(',') {
            assert!(allowed.split(',').any(|allowed| allowed.trim() == name), "{name} in {allowed}");
        }
        assert!(header(&response, "access-control-allow-methods").expect("methods").contains("post"));
        assert_eq!(
            header(&response, "access-control-allow-credentials").as_deref(),
            Some("true"),
            "for the refresh cookie"
        );
        assert!(header(&response, "vary").expect("vary").contains("origin"));
    }
}

#[tokio::test]
async fn a_named_origin_reads_whether_an_answer_is_a_replay_and_when_to_ask_again() {
    let world = world(&NAMED).await;
    let (authorization, workspace) = world.headers(Who::Owner).expect("a token");
    let response = world
        .http()
        .post(format!("{}/graphql", world.address))
        .header("origin", NAMED[0])
        .header("authorization", authorization)
        .header("x-workspace", workspace)
        .json(&json!({ "query": "{ workspace { slug } }" }))
        .send()
        .await
        .expect("an answer");
    assert_eq!(header(&response, "access-control-allow-origin").as_deref(), Some(NAMED[0]));
    let exposed = header(&response, "access-control-expose-headers").expect("headers");
    for name in ["x-request-id", "idempotent-replayed", "retry-after"] {
        assert!(exposed.split(',').any(|exposed| exposed.trim() == name), "{name} in {exposed}");
    }
    assert_eq!(response.text().await.expect("a body"), r#"{"data":{"workspace":{"slug":"acme"}}}"#);
}

#[tokio::test]
async fn no_other_origin_is_let_in() {
    let world = world(&NAMED).await;
    for origin in FOREIGN {
        let response = preflight(&world, origin, "content-type").await;
        assert_eq!(header(&response, "access-control-allow-origin"), None, "{origin}");
    }
    let closed = self::world(&[]).await;
    for origin in NAMED.iter().chain(&FOREIGN) {
        let response = preflight(&closed, origin, "content-type").await;
        assert_eq!(header(&response, "access-control-allow-origin"), None, "{origin}");
        assert_eq!(response.status().as_u16(), 405, "{origin}");
    }
}

async fn opens(world: &World, origin: &str) -> bool {
    let address = format!("{}/graphql/ws", world.address.replace("http", "ws"));
    let mut request = address.into_client_request().expect("an address");
    request.headers_mut().insert("sec-websocket-protocol", "graphql-transport-ws".parse().expect("a header"));
    request.headers_mut().insert("origin", origin.parse().expect("a header"));
    let opening = tokio::time::timeout(Duration::from_secs(10), tokio_tungstenite::connect_async(request));
    match opening.await.expect("in time") {
        Ok(_) => true,
        Err(tungstenite::Error::Http(response)) => {
            assert_eq!(response.status().as_u16(), 403, "{origin}");
            false
        }
        Err(error) => panic!("{origin}: {error}"),
    }
}

#[tokio::test]
async fn a_socket_opens_for_the_same_origins() {
    let world = world(&NAMED).await;
    for origin in NAMED.iter().chain([&world.address.as_str()]) {
        assert!(opens(&world, origin).await, "{origin}");
    }
    for origin in FOREIGN {
        assert!(!opens(&world, origin).await, "{origin}");
    }
}

#[test]
fn a_server_that_is_told_what_is_no_origin_does_not_start_and_says_why_of_each() {
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_footnote"))
        .args(["serve", "--listen", "127.0.0.1:0", "--data", "/nowhere"])
        .env("FOOTNOTE_ALLOWED_ORIGINS", "*,https://app.example,app.example/,null")
        .output()
        .expect("the server's binary");
    assert_eq!(output.status.code(), Some(2));
    let said = String::from_utf8(output.stderr).expect("text");
    for line in ["`*` is not", "`app.example/` is not", "`null` is not"] {
        assert!(said.contains(line), "{line} in {said}");
    }
    assert!(!said.contains("`https://app.example` is not"), "{said}");
}
