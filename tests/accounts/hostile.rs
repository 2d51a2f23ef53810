//! What is sent to break in.

use std::sync::{Arc, Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;

use super::{
    EMAIL, PASSWORD, REFRESH, RESET, SIGN_IN, SIGN_OUT, SIGN_UP, VERIFY, ask, hashes, link, refresh, sign_in,
    sign_up, somebody, verified, viewer, world,
};
use footnote::config::AccountSettings;

#[tokio::test]
async fn a_password_of_a_megabyte_is_bad_input_at_once() {
    let world = world(AccountSettings::default()).await;
    sign_up(&world, EMAIL, PASSWORD).await.data();
    let before = hashes(&world);
    let enormous = "x".repeat(1 << 20);
    let up = json!({ "input": { "name": "Ann", "email": "a@b.example", "password": enormous } });
    assert_eq!(ask(&world, &[], SIGN_UP, up).await.issue(), "LENGTH");
    assert_eq!(sign_in(&world, EMAIL, &enormous).await.issue(), "LENGTH");
    let reset = json!({ "token": super::base64url(&super::rand_bytes()), "password": enormous });
    assert_eq!(ask(&world, &[], RESET, reset).await.issue(), "LENGTH");
    assert_eq!(hashes(&world), before);
}

#[tokio::test]
async fn every_bad_field_of_a_sign_up_is_named_at_once() {
    let world = world(AccountSettings::default()).await;
    let input = json!({ "input": { "name": "a\nb", "email": "nobody", "password": "password" } });
    let answer = ask(&world, &[], SIGN_UP, input).await;
    let issues = answer.error()["issues"].as_array().expect("issues").clone();
    let found: Vec<_> =
        issues.iter().map(|issue| (issue["path"][1].as_str(), issue["code"].as_str())).collect();
    assert_eq!(
        found,
        [
            (Some("name"), Some("INVALID_CHARACTER")),
            (Some("email"), Some("INVALID")),
            (Some("password"), Some("COMMON"))
        ]
    );
    assert_eq!(hashes(&world), 0);
}

#[tokio::test]
async fn tokens_of_any_other_form_are_refused_like_unknown_ones() {
    let world = world(AccountSettings::default()).await;
    let long = "x".repeat(1 << 20);
    for odd in ["", "x", "../../etc/passwd", "a\0b", "'; drop table users; --", "ä", &long] {
        assert_eq!(refresh(&world, odd).await.code(), "UNAUTHENTICATED");
        assert_eq!(ask(&world, &[], VERIFY, json!({ "token": odd })).await.issue(), "INVALID_LINK");
        let reset = json!({ "token": odd, "password": "an entirely new one" });
        assert_eq!(ask(&world, &[], RESET, reset).await.issue(), "INVALID_LINK");
        let out = json!({ "input": { "refreshToken": odd } });
        assert_eq!(ask(&world, &[], SIGN_OUT, out).await.data()["signOut"]["sessionsEnded"], 0);
    }
    let null = json!({ "input": { "refreshToken": null } });
    assert_eq!(ask(&world, &[], REFRESH, null).await.issue(), "NO_COOKIE");
}

#[tokio::test]
async fn an_access_token_without_a_signature_or_under_another_header_is_no_token() {
    let world = world(AccountSettings::default()).await;
    let (access, refresh_token) = somebody(&world).await;
    let mut parts = access.split('.');
    let (_, claims, signature) =
        (parts.next(), parts.next().expect("claims"), parts.next().expect("a signature"));
    let header = |json: serde_json::Value| URL_SAFE_NO_PAD.encode(json.to_string());
    for (head, signature) in [
        (header(json!({ "alg": "none" })), ""),
        (header(json!({ "alg": "none", "typ": "JWT" })), signature),
        (header(json!({ "alg": "nOnE" })), ""),
        (header(json!({ "alg": "HS256" })), signature),
        (header(json!({ "alg": "EdDSA", "kid": "../../../etc/passwd" })), signature),
        (header(json!({ "alg": "EdDSA", "kid": "x".repeat(3000) })), signature),
        (header(json!({ "alg": "EdDSA", "jku": "https://evil.example/jwks.json" })), signature),
        (header(json!({ "alg": "EdDSA", "crit": ["exp"] })), signature),
    ] {
        let answer = viewer(&world, &format!("{head}.{claims}.{signature}")).await;
        assert_eq!((answer.status, answer.code()), (401, "UNAUTHENTICATED"), "{head}");
    }
    // A refresh token is no access token, and the other way round.
    assert_eq!(viewer(&world, &refresh_token).await.code(), "UNAUTHENTICATED");
    assert_eq!(refresh(&world, &access).await.code(), "UNAUTHENTICATED");
    viewer(&world, &access).await.data();
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
async fn no_token_password_hash_or_address_reaches_the_log_or_the_database() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(move || writer.clone())
        .with_ansi(false)
        .finish();
    // On this thread alone, which is the one that this test's server runs on.
    let guard = tracing::subscriber::set_default(subscriber);
    let world = world(verified()).await;
    sign_up(&world, EMAIL, PASSWORD).await.data();
    let verify = link(&world, "VERIFY_EMAIL").await;
    ask(&world, &[], VERIFY, json!({ "token": verify })).await.data();
    let (access, first) = sign_in(&world, EMAIL, PASSWORD).await.session("signIn");
    let (_, second) = refresh(&world, &first).await.session("sessionRefresh");
    super::superuser(&world, "update refresh_tokens set used_at = used_at - interval '1 minute'").await;
    refresh(&world, &first).await.code();
    sign_in(&world, EMAIL, "not the password").await.code();
    ask(&world, &[], SIGN_IN, json!({ "input": { "email": EMAIL } })).await;
    drop(guard);
    let hash = super::one(&world, "select password_hash from credentials").await;
    let bytes = log.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let ours: String = String::from_utf8_lossy(&bytes)
        .lines()
        // The statements' and clients' own traces are off in production, where they could say anything.
        .filter(|line| line.contains("footnote"))
        .collect();
    assert!(ours.contains("a refresh token came a second time"), "the log was followed");
    for secret in [
        &verify,
        &access,
        &first,
        &second,
        &hash,
        &EMAIL.to_owned(),
        &PASSWORD.to_owned(),
        &"not the password".to_owned(),
    ] {
        assert!(!ours.contains(secret.as_str()), "{secret}");
    }
    for table in
        ["credentials", "refresh_tokens", "account_links", "outgoing_mails", "sessions", "sign_in_attempts"]
    {
        let mut superuser = world.superuser().await;
        // sql: literal because the table's name is one of a list of constants.
        let sql =
            sqlx::AssertSqlSafe(format!("select coalesce(string_agg(t::text, ' '), '') from {table} t"));
        let stored: String =
            sqlx::Row::get(&sqlx::query(sql).fetch_one(&mut superuser).await.expect("a table"), 0);
        for token in [&verify, &access, &first, &second] {
            let raw = URL_SAFE_NO_PAD.decode(token).unwrap_or_default();
            let digits: Vec<_> = raw.iter().map(|byte| format!("{byte:02x}")).collect();
            let hexadecimal = digits.concat();
            assert!(!stored.contains(token.as_str()), "{table}");
            assert!(hexadecimal.is_empty() || !stored.contains(&hexadecimal), "{table}");
        }
        assert!(!stored.contains(PASSWORD), "{table}");
    }
}
