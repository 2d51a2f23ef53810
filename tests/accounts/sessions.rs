//! Sessions: refresh tokens are exchanged once, and what is ended is ended at once.

use std::collections::HashSet;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;

use super::{
    EMAIL, PASSWORD, SIGN_OUT, VIEWER, ask, one, refresh, sign_in, sign_up, somebody, superuser, viewer,
    world,
};
use crate::support::World;
use footnote::config::AccountSettings;

#[tokio::test]
async fn a_refresh_token_gives_a_session_that_goes_on() {
    let world = world(AccountSettings::default()).await;
    let (access, first) = somebody(&world).await;
    viewer(&world, &access).await.data();
    let (access, second) = refresh(&world, &first).await.session("sessionRefresh");
    assert_ne!(first, second);
    viewer(&world, &access).await.data();
    let (access, third) = refresh(&world, &second).await.session("sessionRefresh");
    assert_ne!(second, third);
    viewer(&world, &access).await.data();
    assert_eq!(world.count("select count(distinct session_id) from refresh_tokens").await, 1);
}

#[tokio::test]
async fn twenty_who_show_one_token_at_once_get_one_successor_and_working_sessions() {
    let world = world(AccountSettings::default()).await;
    let (_, token) = somebody(&world).await;
    let answers = futures_util::future::join_all((0..20).map(|_| refresh(&world, &token))).await;
    let pairs: Vec<_> = answers.iter().map(|answer| answer.session("sessionRefresh")).collect();
    assert_eq!(pairs.iter().map(|pair| &pair.1).collect::<HashSet<_>>().len(), 1, "one successor");
    for (access, _) in &pairs {
        viewer(&world, access).await.data();
    }
    refresh(&world, &pairs[0].1).await.data();
}

#[tokio::test]
async fn a_tab_that_is_late_within_the_window_joins_the_other_one_where_it_is() {
    let world = world(AccountSettings::default()).await;
    let (_, first) = somebody(&world).await;
    let (_, second) = refresh(&world, &first).await.session("sessionRefresh");
    let (_, third) = refresh(&world, &second).await.session("sessionRefresh");
    let (access, joined) = refresh(&world, &first).await.session("sessionRefresh");
    assert_eq!(joined, third);
    viewer(&world, &access).await.data();
}

#[tokio::test]
async fn a_token_that_comes_again_after_the_window_ends_its_session_and_no_other() {
    let world = world(AccountSettings::default()).await;
    let (_, other_device) = somebody(&world).await;
    let (_, first) = sign_in(&world, EMAIL, PASSWORD).await.session("signIn");
    let (access, second) = refresh(&world, &first).await.session("sessionRefresh");
    superuser(&world, "update refresh_tokens set used_at = used_at - interval '11 seconds'").await;
    let unknown = refresh(&world, &super::base64url(&super::rand_bytes())).await;
    let reused = refresh(&world, &first).await;
    assert_eq!((reused.code(), reused.status), (unknown.code(), unknown.status));
    assert_eq!(reused.body["errors"][0]["message"], unknown.body["errors"][0]["message"], "no more is told");
    assert_eq!(viewer(&world, &access).await.code(), "UNAUTHENTICATED", "the thief's session is over");
    assert_eq!(refresh(&world, &second).await.code(), "UNAUTHENTICATED", "and so is the other's");
    refresh(&world, &other_device).await.data();
}

#[tokio::test]
async fn without_a_window_a_second_use_ends_the_session_at_once() {
    let settings = AccountSettings { refresh_grace_seconds: 0, ..AccountSettings::default() };
    let world = world(settings).await;
    let (_, token) = somebody(&world).await;
    let (access, _) = refresh(&world, &token).await.session("sessionRefresh");
    assert_eq!(refresh(&world, &token).await.code(), "UNAUTHENTICATED");
    assert_eq!(viewer(&world, &access).await.code(), "UNAUTHENTICATED");
}

#[tokio::test]
async fn an_idle_session_ends_and_so_does_one_that_is_used_for_ever() {
    let world =
        world(AccountSettings { session_idle_hours: 1, session_hours: 2, ..AccountSettings::default() })
            .await;
    let (_, token) = somebody(&world).await;
    let spans = "select round(extract(epoch from t.expires_at - t.created_at) / 3600) || ' ' || round(extract(epoch from s.expires_at - s.created_at) / 3600)
                 from refresh_tokens t join sessions s on s.id = t.session_id where t.used_at is null and s.revoked_at is null
                 order by t.created_at desc limit 1";
    assert_eq!(one(&world, spans).await, "1 2");
    // Nearly at the end of the session the next token ends with it.
    superuser(
        &world,
        "update sessions set expires_at = now() + interval '5 minutes' where revoked_at is null",
    )
    .await;
    let answer = refresh(&world, &token).await;
    let session = &answer.data()["sessionRefresh"];
    assert_eq!(session["refreshTokenExpiresAt"], session["sessionExpiresAt"]);
    let (_, token) = answer.session("sessionRefresh");
    superuser(&world, "update refresh_tokens set expires_at = now()").await;
    assert_eq!(refresh(&world, &token).await.code(), "UNAUTHENTICATED", "idle");
    let (access, token) = sign_in(&world, EMAIL, PASSWORD).await.session("signIn");
    superuser(&world, "update sessions set expires_at = now()").await;
    assert_eq!(refresh(&world, &token).await.code(), "UNAUTHENTICATED", "over");
    assert_eq!(viewer(&world, &access).await.code(), "UNAUTHENTICATED", "over");
}

#[tokio::test]
async fn signing_out_ends_this_session_or_all_of_them_at_once() {
    let world = world(AccountSettings::default()).await;
    let (one, one_refresh) = somebody(&world).await;
    let (two, two_refresh) = sign_in(&world, EMAIL, PASSWORD).await.session("signIn");
    let (three, _) = sign_in(&world, EMAIL, PASSWORD).await.session("signIn");
    let out = async |headers: &[(&str, &str)], input: Value| {
        ask(&world, headers, SIGN_OUT, json!({ "input": input })).await
    };
    let bearer = format!("Bearer {one}");
    let answer = out(&[("authorization", &bearer)], json!({})).await;
    assert_eq!(answer.data()["signOut"]["sessionsEnded"], 1);
    assert_eq!(viewer(&world, &one).await.code(), "UNAUTHENTICATED");
    assert_eq!(refresh(&world, &one_refresh).await.code(), "UNAUTHENTICATED");
    viewer(&world, &two).await.data();
    // Again is no fault.
    assert_eq!(out(&[("authorization", &bearer)], json!({})).await.data()["signOut"]["sessionsEnded"], 0);
    assert_eq!(out(&[], json!({})).await.code(), "UNAUTHENTICATED");
    assert_eq!(out(&[], json!({ "refreshToken": "x" })).await.data()["signOut"]["sessionsEnded"], 0);
    // By the refresh token, for a client whose access token has ended.
    let answer = out(&[], json!({ "refreshToken": two_refresh, "everywhere": true })).await;
    assert_eq!(answer.data()["signOut"]["sessionsEnded"], 2);
    for access in [two, three] {
        assert_eq!(viewer(&world, &access).await.code(), "UNAUTHENTICATED");
    }
}

#[tokio::test]
async fn a_token_that_was_exchanged_long_ago_does_not_sign_out_everywhere() {
    let world = world(AccountSettings::default()).await;
    let (other, _) = somebody(&world).await;
    let (_, stolen) = sign_in(&world, EMAIL, PASSWORD).await.session("signIn");
    refresh(&world, &stolen).await.data();
    superuser(&world, "update refresh_tokens set used_at = used_at - interval '1 minute'").await;
    let input = json!({ "input": { "refreshToken": stolen, "everywhere": true } });
    assert_eq!(ask(&world, &[], SIGN_OUT, input).await.data()["signOut"]["sessionsEnded"], 1);
    viewer(&world, &other).await.data();
}

#[tokio::test]
async fn an_open_socket_of_a_session_that_was_signed_out_answers_unauthenticated() {
    let world = world(AccountSettings::default()).await;
    let (access, _) = somebody(&world).await;
    let mut socket = open(&world, &access).await;
    let answer = follow(&mut socket, "one").await;
    assert_eq!(answer["data"]["viewer"]["user"]["email"], EMAIL);
    let bearer = format!("Bearer {access}");
    ask(&world, &[("authorization", &bearer)], SIGN_OUT, json!({ "input": {} })).await.data();
    let answer = follow(&mut socket, "two").await;
    assert_eq!(answer["errors"][0]["extensions"]["code"], "UNAUTHENTICATED", "{answer}");
}

type Socket = tokio_tungstenite::WebSocketStream<tokio_tungstenite::MaybeTlsStream<tokio::net::TcpStream>>;

async fn open(world: &World, access: &str) -> Socket {
    let address = format!("{}/graphql/ws", world.address.replace("http", "ws"));
    let mut request = address.into_client_request().expect("an address");
    request.headers_mut().insert("sec-websocket-protocol", "graphql-transport-ws".parse().expect("a header"));
    let (mut socket, _) = tokio_tungstenite::connect_async(request).await.expect("a socket");
    let payload = json!({ "authorization": format!("Bearer {access}") });
    send(&mut socket, json!({ "type": "connection_init", "payload": payload })).await;
    assert_eq!(receive(&mut socket).await["type"], "connection_ack");
    socket
}

/// Asks who the viewer is; the payload of the answer.
async fn follow(socket: &mut Socket, id: &str) -> Value {
    send(socket, json!({ "type": "subscribe", "id": id, "payload": { "query": VIEWER } })).await;
    loop {
        let message = receive(socket).await;
        if message["id"] == id && message["type"] == "next" {
            return message["payload"].clone();
        }
    }
}

async fn send(socket: &mut Socket, message: Value) {
    socket.send(Message::text(message.to_string())).await.expect("sent");
}

async fn receive(socket: &mut Socket) -> Value {
    loop {
        let message = tokio::time::timeout(Duration::from_secs(20), socket.next()).await.expect("in time");
        if let Message::Text(text) = message.expect("open").expect("a message") {
            return serde_json::from_str(&text).expect("JSON");
        }
    }
}

#[tokio::test]
async fn access_tokens_are_short() {
    let world = world(AccountSettings::default()).await;
    sign_up(&world, EMAIL, PASSWORD).await.data();
    let answer = sign_in(&world, EMAIL, PASSWORD).await;
    let ends = answer.data()["signIn"]["accessTokenExpiresAt"].as_str().expect("a moment").to_owned();
    let ends = chrono::DateTime::parse_from_rfc3339(&ends).expect("a moment");
    let left = (ends.to_utc() - footnote::clock::now()).num_seconds();
    assert!((580..=600).contains(&left), "{left}");
}
