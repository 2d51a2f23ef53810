//! Keys that open nothing: one answer, whatever is wrong with them, and a log that says it.

use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Value, json};

use super::{COLLECTION, VIEWER, later, revoke, with_key};
use crate::support::{Who, World};

/// A key of the right form that nobody has.
fn unknown() -> String {
    footnote::keys::ApiKeySecret::random().reveal()
}

#[tokio::test]
async fn whatever_is_wrong_with_a_key_the_answer_is_the_same() {
    let world = World::without_worker().await;
    let scopes = ["document:read", "collection:write"];
    let (revoked_id, revoked) = world.api_key(Who::Owner, "Revoked", &scopes).await;
    let (_, expired) = world.api_key(Who::Owner, "Expired", &scopes).await;
    let (_, makers) = world.api_key(Who::Admin, "Of somebody who is suspended", &scopes).await;
    for key in [&revoked, &expired, &makers] {
        with_key(&world, key, VIEWER, json!({})).await.data();
    }
    revoke(&world, &revoked_id).await;
    later(&world, "update api_keys set expires_at = now() where name = 'Expired'").await;
    let admin = "update memberships set status = 'SUSPENDED' where user_id = (select id from users where email = 'admin@acme.example')";
    later(&world, admin).await;
    for query in [VIEWER, COLLECTION] {
        let mut answers = Vec::new();
        for key in [&unknown(), &revoked, &expired, &makers] {
            let reply = with_key(&world, key, query, json!({ "name": "x" })).await;
            assert_eq!((reply.code(), &reply.body["data"]), ("UNAUTHENTICATED", &Value::Null));
            answers.push((reply.status, reply.without_request_ids()));
        }
        assert!(answers.windows(2).all(|pair| pair[0] == pair[1]), "{answers:#?}");
    }
    for status in ["REMOVED", "INVITED"] {
        later(
            &world,
            if status == "REMOVED" {
                "update memberships set status = 'REMOVED' where status = 'SUSPENDED'"
            } else {
                "update memberships set status = 'INVITED' where status = 'REMOVED'"
            },
        )
        .await;
        assert_eq!(with_key(&world, &makers, VIEWER, json!({})).await.code(), "UNAUTHENTICATED", "{status}");
    }
    assert_eq!(world.count("select count(*) from collections").await, 0);
}

#[tokio::test]
async fn a_key_with_a_wrong_checksum_is_refused_like_a_forged_token_and_asks_no_database() {
    let world = World::without_worker().await;
    let (_, key) = world.api_key(Who::Owner, "Mine", &["document:read"]).await;
    let last = key.chars().last().expect("a character");
    let wrong = format!("{}{}", &key[..56], if last == '0' { '1' } else { '0' });
    let long = format!("{key}{}", "0".repeat(3000));
    let before = world.stack.app().database().round_trips();
    let mut answers = Vec::new();
    for token in [wrong.as_str(), &key[..56], "fn_live_", "fn_live_äöü", "fn_test_x", "x", &long] {
        // As bytes, because not all of them are text that a header takes.
        let value = reqwest::header::HeaderValue::from_bytes(format!("Bearer {token}").as_bytes());
        let request = world
            .http()
            .post(format!("{}/graphql", world.address))
            .header("authorization", value.expect("a header"))
            .json(&json!({ "query": VIEWER }));
        let response = request.send().await.expect("an answer");
        assert_eq!(response.status().as_u16(), 401, "{token}");
        let mut body: Value = response.json().await.expect("JSON");
        body["errors"][0]["extensions"]["requestId"] = Value::Null;
        // What is no text is not even one token.
        if token.is_ascii() {
            answers.push(body);
        }
    }
    assert!(answers.windows(2).all(|pair| pair[0] == pair[1]), "{answers:#?}");
    assert_eq!(world.stack.app().database().round_trips(), before);
    // The same sentence as of a key that the database does not know.
    let reply = with_key(&world, &unknown(), VIEWER, json!({})).await;
    assert_eq!(reply.body["errors"][0]["message"], answers[0]["errors"][0]["message"]);
}

#[tokio::test]
async fn two_tokens_are_not_one_and_a_key_is_a_bearer_token_alone() {
    let world = World::without_worker().await;
    let (_, key) = world.api_key(Who::Owner, "Mine", &["document:read"]).await;
    let bearer = format!("Bearer {key}");
    let (person, _) = world.headers(Who::Owner).expect("a token");
    let both = [("authorization", bearer.as_str()), ("authorization", person), ("x-workspace", "acme")];
    assert_eq!(world.ask_with(&both, VIEWER, json!({})).await.code(), "UNAUTHENTICATED");
    for odd in [format!("Basic {key}"), key.clone(), format!("Bearer{key}"), format!("Token {key}")] {
        let reply = world.ask_with(&[("authorization", &odd)], VIEWER, json!({})).await;
        assert_eq!((reply.status, reply.code()), (401, "UNAUTHENTICATED"));
    }
    world.ask_with(&[("authorization", &format!("bearer  {key}"))], VIEWER, json!({})).await.data();
}

/// What the log says.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test(flavor = "current_thread")]
async fn the_log_says_why_a_key_was_refused_and_never_the_key() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(move || writer.clone())
        .with_ansi(false)
        .finish();
    // Were there one subscriber alone, a place in the code that logs on another test's thread first would be taken for one that nobody
    // listens to, for ever.
    let _second = tracing::Dispatch::new(tracing_subscriber::registry());
    // On this thread alone, which is the one that this test's server runs on.
    let guard = tracing::subscriber::set_default(subscriber);
    let world = World::without_worker().await;
    let scopes = ["document:read"];
    let (revoked_id, revoked) = world.api_key(Who::Owner, "Revoked", &scopes).await;
    let (_, expired) = world.api_key(Who::Owner, "Expired", &scopes).await;
    let (_, makers) = world.api_key(Who::Admin, "Suspended", &scopes).await;
    let (_, other) = world.api_key(Who::Stranger, "Other", &scopes).await;
    with_key(&world, &revoked, VIEWER, json!({})).await.data();
    revoke(&world, &revoked_id).await;
    later(&world, "update api_keys set expires_at = now() where name = 'Expired'").await;
    later(&world, "update memberships set status = 'SUSPENDED' where user_id = (select id from users where email = 'admin@acme.example')").await;
    let unknown = unknown();
    let wrong = format!("{}-", &revoked[..56]);
    for key in [&unknown, &revoked, &expired, &makers, &wrong] {
        with_key(&world, key, VIEWER, json!({})).await.code();
    }
    let headers = [("authorization", format!("Bearer {other}")), ("x-workspace", "acme".to_owned())];
    let headers = headers.each_ref().map(|(name, value)| (*name, value.as_str()));
    assert_eq!(world.ask_with(&headers, VIEWER, json!({})).await.code(), "NOT_FOUND");
    drop(guard);
    let bytes = log.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let text = String::from_utf8_lossy(&bytes);
    // The statements' and clients' own traces are off in production, where they could say anything.
    let ours: Vec<&str> = text.lines().filter(|line| line.contains("footnote")).collect();
    for (reason, key) in [
        ("unknown", &unknown),
        ("revoked", &revoked),
        ("expired", &expired),
        ("its maker is no active member", &makers),
        ("of another workspace", &other),
    ] {
        let told = |line: &&&str| {
            line.contains("an API key was refused")
                && line.contains(&format!("reason=\"{reason}\""))
                && line.contains(&key[..12])
        };
        assert_eq!(ours.iter().filter(told).count(), 1, "{reason}");
    }
    assert!(ours.iter().any(|line| line.contains("a wrong checksum")));
    for key in [&unknown, &revoked, &expired, &makers, &other] {
        assert!(!ours.iter().any(|line| line.contains(&key[12..]) || line.contains(&key[..20])));
    }
}
