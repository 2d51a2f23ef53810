//! The refresh cookie: for pages that may call, and for refreshing and signing out alone.

use serde_json::{Value, json};

use super::{Answer, EMAIL, PASSWORD, REFRESH, SIGN_IN, SIGN_OUT, VIEWER, ask, sign_up, world};
use crate::support::World;
use footnote::config::AccountSettings;

const PAGE: &str = "http://localhost:5173";
const FOREIGN: [&str; 3] = ["https://evil.example", "null", "http://localhost.evil.example"];

async fn with_cookie(world: &World, origin: &str) -> Answer {
    let input = json!({ "email": EMAIL, "password": PASSWORD, "delivery": "COOKIE" });
    ask(world, &[("origin", origin)], SIGN_IN, json!({ "input": input })).await
}

/// The cookie as a browser sends it again.
fn cookie(answer: &Answer) -> String {
    let set = answer.header("set-cookie").expect("a cookie");
    set.split(';').next().expect("a pair").to_owned()
}

async fn by_cookie(world: &World, origin: Option<&str>, cookie: &str, query: &str) -> Answer {
    let mut headers = vec![("cookie", cookie)];
    headers.extend(origin.map(|origin| ("origin", origin)));
    ask(world, &headers, query, json!({ "input": {} })).await
}

async fn signed_up() -> World {
    let world = world(AccountSettings::default()).await;
    sign_up(&world, EMAIL, PASSWORD).await.data();
    world
}

#[tokio::test]
async fn a_page_gets_its_refresh_token_as_a_cookie_that_scripts_cannot_read() {
    let world = signed_up().await;
    let answer = with_cookie(&world, PAGE).await;
    assert_eq!(answer.data()["signIn"]["refreshToken"], Value::Null);
    assert!(answer.data()["signIn"]["accessToken"].is_string());
    let set = answer.header("set-cookie").expect("a cookie");
    for attribute in ["HttpOnly", "SameSite=Strict", "Path=/", "Max-Age="] {
        assert!(set.contains(attribute), "{set}");
    }
    assert_eq!(answer.header("access-control-allow-credentials"), Some("true"));
    assert_eq!(answer.header("access-control-allow-origin"), Some(PAGE));
    let refreshed = by_cookie(&world, Some(PAGE), &cookie(&answer), REFRESH).await;
    assert_eq!(refreshed.data()["sessionRefresh"]["refreshToken"], Value::Null);
    assert_ne!(cookie(&refreshed), cookie(&answer));
    by_cookie(&world, Some(PAGE), &cookie(&refreshed), REFRESH).await.data();
}

#[tokio::test]
async fn two_tabs_that_refresh_at_once_end_up_with_one_cookie() {
    let world = signed_up().await;
    let first = cookie(&with_cookie(&world, PAGE).await);
    let (one, two) = tokio::join!(
        by_cookie(&world, Some(PAGE), &first, REFRESH),
        by_cookie(&world, Some(PAGE), &first, REFRESH)
    );
    one.data();
    two.data();
    assert_eq!(cookie(&one), cookie(&two));
}

#[tokio::test]
async fn no_other_page_and_no_program_gets_or_uses_a_cookie() {
    let world = signed_up().await;
    let kept = cookie(&with_cookie(&world, PAGE).await);
    for origin in FOREIGN {
        let answer = with_cookie(&world, origin).await;
        assert_eq!((answer.issue(), answer.header("set-cookie")), ("NO_COOKIE", None), "{origin}");
        assert_eq!(by_cookie(&world, Some(origin), &kept, REFRESH).await.issue(), "NO_COOKIE", "{origin}");
        let answer = by_cookie(&world, Some(origin), &kept, SIGN_OUT).await;
        assert_eq!(answer.code(), "UNAUTHENTICATED", "{origin}");
    }
    assert_eq!(by_cookie(&world, None, &kept, REFRESH).await.issue(), "NO_COOKIE");
    assert_eq!(by_cookie(&world, None, &kept, SIGN_OUT).await.code(), "UNAUTHENTICATED");
    by_cookie(&world, Some(PAGE), &kept, REFRESH).await.data();
}

#[tokio::test]
async fn a_cookie_opens_nothing_but_refreshing_and_signing_out() {
    let world = signed_up().await;
    let kept = cookie(&with_cookie(&world, PAGE).await);
    assert_eq!(by_cookie(&world, Some(PAGE), &kept, VIEWER).await.code(), "UNAUTHENTICATED");
    let out = by_cookie(&world, Some(PAGE), &kept, SIGN_OUT).await;
    assert_eq!(out.data()["signOut"]["sessionsEnded"], 1);
    assert!(out.header("set-cookie").expect("a cookie").contains("Max-Age=0"));
    let refused = by_cookie(&world, Some(PAGE), &kept, REFRESH).await;
    assert_eq!(refused.code(), "UNAUTHENTICATED");
    assert!(
        refused.header("set-cookie").expect("a cookie").contains("Max-Age=0"),
        "a dead one is taken away"
    );
}

#[tokio::test]
async fn a_page_over_tls_gets_a_cookie_that_only_tls_carries_and_no_other_host_sets() {
    let mut world = signed_up().await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    world.address = format!("http://{}", listener.local_addr().expect("an address"));
    let allowed_origins =
        footnote::server::AllowedOrigins::parse(&["https://app.example".to_owned()]).expect("an origin");
    let options =
        footnote::server::ServeOptions { allowed_origins, ..footnote::server::ServeOptions::default() };
    world.stack.start_server(listener, options);
    let answer = with_cookie(&world, "https://app.example").await;
    let set = answer.header("set-cookie").expect("a cookie");
    assert!(
        set.starts_with("__Host-footnote-refresh=") && set.contains("; Secure") && !set.contains("Domain"),
        "{set}"
    );
    by_cookie(&world, Some("https://app.example"), &cookie(&answer), REFRESH).await.data();
    assert_eq!(with_cookie(&world, PAGE).await.issue(), "NO_COOKIE", "in production no page is local");
}
