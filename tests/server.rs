//! The thin edge: what reaches the schema at all, and in which form refusals come.

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;

use crate::support::{Who, World};

async fn refusal(response: reqwest::Response) -> (u16, String) {
    let status = response.status().as_u16();
    assert!(response.headers().contains_key("x-request-id"), "{response:?}");
    let body: Value = response.json().await.expect("every refusal is JSON");
    (
        status,
        body["errors"][0]["extensions"]["code"]
            .as_str()
            .unwrap_or_else(|| panic!("no code in {body:#}"))
            .to_owned(),
    )
}

#[tokio::test]
async fn only_a_json_post_of_one_request_is_executed() {
    let world = World::without_worker().await;
    let url = format!("{}/graphql", world.address);
    let mutation =
        json!({ "query": "mutation { collectionCreate(input: { name: \"x\" }) { collection { id } } }" })
            .to_string();
    let (token, workspace) = world.headers(Who::Owner).expect("a token");
    let post = || world.http().post(&url).header("authorization", token).header("x-workspace", workspace);
    let by_get = format!(
        "{url}?query=mutation%20%7B%20collectionCreate(input:%20%7Bname:%20%22x%22%7D)%20%7B%20collection%20%7B%20id%20%7D%20%7D%20%7D"
    );
    let get = world.http().get(by_get).header("authorization", token).header("x-workspace", workspace);
    assert_eq!(refusal(get.send().await.expect("sent")).await.0, 405);
    for content_type in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"]
    {
        let response =
            post().header("content-type", content_type).body(mutation.clone()).send().await.expect("sent");
        assert_eq!(refusal(response).await.0, 415, "{content_type}");
    }
    assert_eq!(refusal(post().body(mutation.clone()).send().await.expect("sent")).await.0, 415);
    for body in [
        format!("[{mutation},{mutation}]").into_bytes(),
        b"\"x\"".to_vec(),
        b"{".to_vec(),
        b"{\"query\": \"\xff\"}".to_vec(),
        b"{}".to_vec(),
    ] {
        let response =
            post().header("content-type", "application/json").body(body.clone()).send().await.expect("sent");
        assert_eq!(
            refusal(response).await,
            (400, "BAD_USER_INPUT".to_owned()),
            "{}",
            String::from_utf8_lossy(&body)
        );
    }
    let large = format!("{{\"query\": \"{}\"}}", " ".repeat(7 << 20));
    let response = post().header("content-type", "application/json").body(large).send().await.expect("sent");
    assert_eq!(refusal(response).await, (413, "PAYLOAD_TOO_LARGE".to_owned()));
    assert_eq!(world.count("select count(*) from collections").await, 0);
}

#[tokio::test]
async fn forged_and_expired_tokens_are_refused_alike() {
    let world = World::without_worker().await;
    let url = format!("{}/graphql", world.address);
    let body = json!({ "query": "{ viewer { user { email } } }" }).to_string();
    let session = world.credentials(Who::Owner).session;
    let user = entity::id::UserId::new();
    let past = footnote::clock::now() - chrono::TimeDelta::minutes(5);
    let expired = world.stack.app().tokens().mint(user, session, past).expect("a token");
    let (valid, _) = world.headers(Who::Owner).expect("a token");
    let forged = format!("{}AAAA", &valid[..valid.len() - 4]);
    let mut answers = Vec::new();
    for token in [expired.as_str(), &forged, "Bearer x", "Basic eA=="] {
        let response = world
            .http()
            .post(&url)
            .header("content-type", "application/json")
            .header("authorization", token)
            .body(body.clone())
            .send()
            .await
            .expect("sent");
        assert_eq!(response.status().as_u16(), 401, "{token}");
        let mut body: Value = response.json().await.expect("JSON");
        body["errors"][0]["extensions"]["requestId"] = json!(null);
        answers.push(body);
    }
    assert!(answers.windows(2).all(|pair| pair[0] == pair[1]), "{answers:#?}");
}

#[tokio::test]
async fn a_request_id_is_kept_and_a_bad_one_replaced() {
    let world = World::without_worker().await;
    for (sent, kept) in [("abc-123", true), ("a b", false), ("x", true)] {
        let response = world
            .http()
            .post(format!("{}/graphql", world.address))
            .header("content-type", "application/json")
            .header("x-request-id", sent)
            .body(json!({ "query": "{ nothing }" }).to_string())
            .send()
            .await
            .expect("sent");
        let id = response.headers()["x-request-id"].to_str().expect("text").to_owned();
        let body: Value = response.json().await.expect("JSON");
        assert_eq!(body["errors"][0]["extensions"]["requestId"], json!(id));
        assert_eq!(id == sent, kept, "{sent}");
    }
}

#[tokio::test]
async fn health_graphiql_and_unknown_paths() {
    let world = World::without_worker().await;
    let get = |path: &str| world.http().get(format!("{}{path}", world.address)).send();
    assert_eq!(get("/healthz").await.expect("sent").status().as_u16(), 200);
    let ready = get("/readyz").await.expect("sent");
    assert_eq!(ready.status().as_u16(), 200, "{:?}", ready.text().await);
    let page = get("/graphiql").await.expect("sent");
    assert_eq!(page.status().as_u16(), 200);
    assert!(page.headers()["content-security-policy"].to_str().expect("text").contains("default-src 'none'"));
    let page = page.text().await.expect("a page");
    assert!(!page.contains("https://"), "nothing comes from elsewhere");
    assert_eq!(get("/nothing").await.expect("sent").status().as_u16(), 404);
}

#[tokio::test]
async fn a_socket_without_a_valid_token_is_closed() {
    let world = World::without_worker().await;
    for payload in [json!({ "authorization": "Bearer x" }), json!(null)] {
        let mut request = format!("{}/graphql/ws", world.address.replace("http", "ws"))
            .into_client_request()
            .expect("an address");
        request
            .headers_mut()
            .insert("sec-websocket-protocol", "graphql-transport-ws".parse().expect("a header"));
        let (mut socket, _) = tokio_tungstenite::connect_async(request).await.expect("a socket");
        socket
            .send(Message::text(json!({ "type": "connection_init", "payload": payload }).to_string()))
            .await
            .expect("sent");
        let closed = loop {
            match socket.next().await {
                Some(Ok(Message::Text(text))) => panic!("acknowledged: {text}"),
                Some(Ok(Message::Close(frame))) => break frame,
                Some(Ok(_)) => {}
                Some(Err(_)) | None => break None,
            }
        };
        assert!(closed.is_some(), "closed with a code");
    }
}

#[tokio::test]
async fn introspection_works_before_signing_in_and_nothing_else_does() {
    let world = World::without_worker().await;
    let data =
        world.ask(Who::Anonymous, "{ __schema { queryType { name } } __typename }", json!({})).await.data();
    assert_eq!(data["__schema"]["queryType"]["name"], "Query");
    for query in [
        "{ workspace { id } }",
        "{ agents { nodes { id } } }",
        "{ search(query: \"x\") { nodes { passage } } }",
        "mutation { agentCreate(input: { name: \"x\" }) { agent { id } } }",
    ] {
        assert_eq!(world.ask(Who::Anonymous, query, json!({})).await.code(), "UNAUTHENTICATED", "{query}");
    }
}
