//! Signing in: nobody learns who has an account, and guessing is slow without locking anybody out.

use serde_json::json;

use super::{
    Answer, EMAIL, PASSWORD, SIGN_IN, ask, hashes, one, sign_in, sign_in_from, sign_up, superuser, world,
};
use footnote::config::AccountSettings;

/// Lets a wait that has begun begin again now, so that no test depends on how fast it is.
async fn wait_again(world: &crate::support::World) {
    let sql = "update sign_in_attempts set blocked_until = now() + (blocked_until - updated_at) where blocked_until > '-infinity'";
    superuser(world, sql).await;
}

fn without_request_id(answer: &Answer) -> serde_json::Value {
    let mut body = answer.body.clone();
    body["errors"][0]["extensions"]["requestId"] = json!(null);
    body
}

#[tokio::test]
async fn an_unknown_account_and_a_wrong_password_are_the_same_answer_by_the_same_work() {
    let world = world(AccountSettings::default()).await;
    sign_up(&world, EMAIL, PASSWORD).await.data();
    let mut seen = Vec::new();
    // Known with another password, unknown, and known without any password.
    for email in [EMAIL, "nobody@example.com", "owner@acme.example"] {
        let before = hashes(&world);
        let answer = sign_in(&world, email, "not the password").await;
        assert_eq!(answer.code(), "UNAUTHENTICATED");
        seen.push((answer.status, without_request_id(&answer), hashes(&world) - before));
    }
    assert!(seen.iter().all(|one| *one == seen[0] && one.2 == 1), "{seen:#?}");
}

#[tokio::test]
async fn guesses_wait_longer_and_longer_and_an_unknown_account_waits_the_same() {
    let world = world(AccountSettings::default()).await;
    sign_up(&world, EMAIL, PASSWORD).await.data();
    let mut waits = Vec::new();
    for email in [EMAIL, "nobody@example.com"] {
        for _ in 0..5 {
            assert_eq!(sign_in(&world, email, "not the password").await.code(), "UNAUTHENTICATED");
        }
        wait_again(&world).await;
        let before = hashes(&world);
        let slowed = sign_in(&world, email, PASSWORD).await;
        assert_eq!((slowed.status, slowed.code()), (429, "RATE_LIMITED"), "{email}");
        assert_eq!(
            (slowed.error()["retryable"].as_bool(), slowed.header("retry-after")),
            (Some(true), Some("1"))
        );
        assert_eq!(hashes(&world), before, "what is refused is no work");
        waits.push(slowed.error()["retryAfterMs"].as_u64().expect("a wait").div_ceil(1000));
    }
    assert_eq!(waits, [1, 1]);
    // Each further mistake doubles the wait.
    for expected in [2, 4, 8] {
        superuser(&world, "update sign_in_attempts set blocked_until = '-infinity'").await;
        assert_eq!(sign_in(&world, EMAIL, "not the password").await.code(), "UNAUTHENTICATED");
        wait_again(&world).await;
        let wait = sign_in(&world, EMAIL, PASSWORD).await.error()["retryAfterMs"].as_u64().expect("a wait");
        assert_eq!(wait.div_ceil(1000), expected);
    }
    // And after it the right password comes through and starts afresh.
    superuser(&world, "update sign_in_attempts set blocked_until = '-infinity'").await;
    sign_in(&world, EMAIL, PASSWORD).await.data();
    sign_in(&world, EMAIL, "not the password").await.code();
    sign_in(&world, EMAIL, PASSWORD).await.data();
}

#[tokio::test]
async fn many_guesses_at_once_are_counted_one_by_one() {
    let world = world(AccountSettings::default()).await;
    sign_up(&world, EMAIL, PASSWORD).await.data();
    let before = hashes(&world);
    let guesses = (0..20).map(|_| sign_in(&world, EMAIL, "not the password"));
    let answers = futures_util::future::join_all(guesses).await;
    let tried = answers.iter().filter(|answer| answer.code() == "UNAUTHENTICATED").count();
    // One more where the machine was so slow that the first wait was over.
    assert!((5..=6).contains(&tried), "{tried}");
    assert_eq!(hashes(&world) - before, u64::try_from(tried).expect("a count"));
}

#[tokio::test]
async fn others_who_guess_do_not_lock_out_whoever_signed_in_from_here_before() {
    let settings = AccountSettings { trusted_proxies: 1, ..AccountSettings::default() };
    let world = world(settings).await;
    sign_up(&world, EMAIL, PASSWORD).await.data();
    let home = [("x-forwarded-for", "192.0.2.1")];
    sign_in_from(&world, &home, EMAIL, PASSWORD).await.data();
    // From one address: only that address waits.
    let thief = [("x-forwarded-for", "192.0.2.1, 203.0.113.5")];
    for _ in 0..5 {
        assert_eq!(sign_in_from(&world, &thief, EMAIL, "not the password").await.code(), "UNAUTHENTICATED");
    }
    wait_again(&world).await;
    assert_eq!(sign_in_from(&world, &thief, EMAIL, PASSWORD).await.code(), "RATE_LIMITED");
    sign_in_from(&world, &home, EMAIL, PASSWORD).await.data();
    // From a thousand addresses: the account waits, but not for whom it knows.
    let many = "update sign_in_attempts set attempts = 200, updated_at = now(), blocked_until = now() + interval '1 minute'
                where scope = 'ACCOUNT'";
    superuser(&world, many).await;
    let elsewhere = [("x-forwarded-for", "198.51.100.9")];
    assert_eq!(sign_in_from(&world, &elsewhere, EMAIL, PASSWORD).await.code(), "RATE_LIMITED");
    sign_in_from(&world, &home, EMAIL, PASSWORD).await.data();
}

#[tokio::test]
async fn without_trusted_proxies_a_client_does_not_choose_its_address() {
    let world = world(AccountSettings::default()).await;
    sign_up(&world, EMAIL, PASSWORD).await.data();
    let mut codes = Vec::new();
    for guess in 0..6 {
        wait_again(&world).await;
        let forged = format!("192.0.2.{guess}");
        let headers = [("x-forwarded-for", forged.as_str()), ("forwarded", "for=192.0.2.9")];
        codes.push(sign_in_from(&world, &headers, EMAIL, "not the password").await.code().to_owned());
    }
    assert_eq!(codes[5], "RATE_LIMITED");
    assert!(codes[..5].iter().all(|code| code == "UNAUTHENTICATED"), "{codes:?}");
}

#[tokio::test]
async fn the_database_holds_no_address_of_those_who_tried() {
    let world = world(AccountSettings::default()).await;
    sign_in(&world, "nobody@example.com", "not the password").await.code();
    let stored = one(&world, "select string_agg(a::text, ' ') from sign_in_attempts a").await;
    let plain = one(
        &world,
        "select encode(sha256('nobody@example.com'), 'hex') || ' ' || encode(sha256('127.0.0.1'), 'hex') || ' ' || encode(sha256('\\x7f000001'), 'hex')",
    )
    .await;
    assert!(!stored.contains("example.com"), "{stored}");
    assert!(plain.split(' ').all(|hash| !stored.contains(hash)), "{stored}");
}

#[tokio::test]
async fn a_hash_of_weaker_parameters_is_made_anew_at_the_next_sign_in() {
    let world = world(AccountSettings::default()).await;
    sign_up(&world, EMAIL, PASSWORD).await.data();
    let weak = weak_hash(PASSWORD);
    let mut superuser = world.superuser().await;
    sqlx::query("update credentials set password_hash = $1")
        .bind(&weak)
        .execute(&mut superuser)
        .await
        .expect("planted");
    sign_in(&world, EMAIL, PASSWORD).await.data();
    let stored = one(&world, "select password_hash from credentials").await;
    assert!(stored.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{stored}");
    sign_in(&world, EMAIL, PASSWORD).await.data();
}

fn weak_hash(password: &str) -> String {
    use argon2::password_hash::{PasswordHasher as _, SaltString};
    use argon2::{Algorithm, Argon2, Params, Version};
    let weak =
        Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::new(64, 1, 1, None).expect("parameters"));
    let salt = SaltString::encode_b64(&[7; 16]).expect("a salt");
    weak.hash_password(password.as_bytes(), &salt).expect("a hash").to_string()
}

#[tokio::test]
async fn a_mutation_of_accounts_stands_alone_so_nobody_guesses_fifty_times_in_one_request() {
    let world = world(AccountSettings::default()).await;
    let before = hashes(&world);
    let many: Vec<_> = (0..40)
        .map(|n| {
            format!(
                "g{n}: signIn(input: {{ email: \"{EMAIL}\", password: \"guess {n}\" }}) {{ accessToken }} "
            )
        })
        .collect();
    let many = many.concat();
    let answer = ask(&world, &[], &format!("mutation {{ {many} }}"), json!({})).await;
    assert_eq!((answer.code(), answer.issue()), ("BAD_USER_INPUT", "ALONE"));
    assert_eq!(hashes(&world), before);
    let keyed = [("idempotency-key", "one")];
    let variables = json!({ "input": { "email": EMAIL, "password": PASSWORD } });
    assert_eq!(ask(&world, &keyed, SIGN_IN, variables).await.issue(), "NOT_TAKEN");
    assert_eq!(hashes(&world), before);
}
