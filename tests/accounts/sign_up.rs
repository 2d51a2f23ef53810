//! Signing up: the same answer for everybody, and an account for whoever reads the address.

use serde_json::json;

use super::{
    EMAIL, PASSWORD, REQUEST_RESET, RESET, VERIFY, ask, hashes, link, next_mail, one, sign_in, sign_up,
    superuser, verified, world,
};
use crate::support::Who;
use footnote::config::AccountSettings;

#[tokio::test]
async fn a_known_and_an_unknown_address_are_answered_the_same_by_the_same_work() {
    let world = world(AccountSettings::default()).await;
    let before = hashes(&world);
    let new = sign_up(&world, " Ann@Example.com ", PASSWORD).await;
    let known = sign_up(&world, EMAIL, "another password").await;
    assert_eq!((new.status, &new.body), (known.status, &known.body));
    assert_eq!(new.data(), &json!({ "signUp": { "sent": true } }));
    assert_eq!(hashes(&world) - before, 2, "one hash each");
    assert_eq!(next_mail(&world).await.expect("a mail").0, "VERIFY_EMAIL");
    assert_eq!(next_mail(&world).await, Some(("ACCOUNT_EXISTS".to_owned(), None)));
    assert_eq!(world.count("select count(*) from users where email = 'ann@example.com'").await, 1);
    sign_in(&world, EMAIL, PASSWORD).await.data();
    assert_eq!(sign_in(&world, EMAIL, "another password").await.code(), "UNAUTHENTICATED");
}

#[tokio::test]
async fn two_who_sign_up_at_once_with_one_address_make_one_account() {
    let world = world(AccountSettings::default()).await;
    let (one, two) =
        tokio::join!(sign_up(&world, EMAIL, PASSWORD), sign_up(&world, EMAIL, "another password"));
    assert_eq!((one.status, one.data()), (two.status, two.data()));
    assert_eq!(world.count("select count(*) from users where email = 'ann@example.com'").await, 1);
    assert_eq!(world.count("select count(*) from credentials").await, 1);
    let signed_in =
        [sign_in(&world, EMAIL, PASSWORD).await, sign_in(&world, EMAIL, "another password").await];
    assert_eq!(signed_in.iter().filter(|answer| answer.body.get("errors").is_none()).count(), 1);
}

#[tokio::test]
async fn where_addresses_are_verified_nobody_signs_in_before() {
    let world = world(verified()).await;
    sign_up(&world, EMAIL, PASSWORD).await.data();
    assert_eq!(sign_in(&world, EMAIL, PASSWORD).await.issue(), "UNVERIFIED");
    assert_eq!(sign_in(&world, EMAIL, "not the password").await.code(), "UNAUTHENTICATED");
    let token = link(&world, "VERIFY_EMAIL").await;
    assert_eq!(
        ask(&world, &[], VERIFY, json!({ "token": token })).await.data()["emailVerify"]["verified"],
        true
    );
    sign_in(&world, EMAIL, PASSWORD).await.data();
    // A link is used once.
    assert_eq!(ask(&world, &[], VERIFY, json!({ "token": token })).await.issue(), "INVALID_LINK");
}

#[tokio::test]
async fn a_strangers_password_does_not_wait_for_the_owners_click() {
    let world = world(verified()).await;
    sign_up(&world, EMAIL, "the stranger's password").await.data();
    let earlier = link(&world, "VERIFY_EMAIL").await;
    sign_up(&world, EMAIL, PASSWORD).await.data();
    let newer = link(&world, "VERIFY_EMAIL").await;
    assert_eq!(ask(&world, &[], VERIFY, json!({ "token": earlier })).await.issue(), "INVALID_LINK");
    ask(&world, &[], VERIFY, json!({ "token": newer })).await.data();
    sign_in(&world, EMAIL, PASSWORD).await.data();
    assert_eq!(sign_in(&world, EMAIL, "the stranger's password").await.code(), "UNAUTHENTICATED");
    // Verified, it is nobody's to take over.
    sign_up(&world, EMAIL, "the stranger's password").await.data();
    assert_eq!(next_mail(&world).await, Some(("ACCOUNT_EXISTS".to_owned(), None)));
    sign_in(&world, EMAIL, PASSWORD).await.data();
}

#[tokio::test]
async fn an_account_in_use_is_not_taken_over_though_nobody_verified_it() {
    let world = world(AccountSettings::default()).await;
    sign_up(&world, EMAIL, PASSWORD).await.data();
    sign_in(&world, EMAIL, PASSWORD).await.data();
    sign_up(&world, EMAIL, "the stranger's password").await.data();
    assert_eq!(sign_in(&world, EMAIL, "the stranger's password").await.code(), "UNAUTHENTICATED");
    // Nor is one that the command line made, which has no password.
    sign_up(&world, "owner@acme.example", "the stranger's password").await.data();
    assert_eq!(
        sign_in(&world, "owner@acme.example", "the stranger's password").await.code(),
        "UNAUTHENTICATED"
    );
}

#[tokio::test]
async fn nobodys_mailbox_is_filled_by_strangers() {
    let world = world(AccountSettings::default()).await;
    for _ in 0..5 {
        sign_up(&world, EMAIL, PASSWORD).await.data();
        ask(&world, &[], REQUEST_RESET, json!({ "email": EMAIL })).await.data();
    }
    for kind in ["ACCOUNT_EXISTS", "PASSWORD_RESET"] {
        let mails = one(&world, "select string_agg(kind, ' ') from outgoing_mails").await;
        assert_eq!(mails.matches(kind).count(), 3, "{mails}");
    }
    // And an address asks so often.
    let mut asked = 5;
    let refused = loop {
        let answer = ask(&world, &[], REQUEST_RESET, json!({ "email": "x@example.com" })).await;
        asked += 1;
        if answer.body.get("errors").is_some() {
            break answer;
        }
        assert!(asked < 30, "never slowed");
    };
    assert_eq!((refused.status, refused.code()), (429, "RATE_LIMITED"));
    assert!(refused.error()["retryAfterMs"].as_i64().expect("a wait") > 0);
    assert!(refused.header("retry-after").is_some());
}

#[tokio::test]
async fn a_reset_link_changes_the_password_once_ends_every_session_and_is_of_its_kind() {
    let world = world(verified()).await;
    sign_up(&world, EMAIL, PASSWORD).await.data();
    let verify = link(&world, "VERIFY_EMAIL").await;
    let reset = |token: &str| json!({ "token": token, "password": "an entirely new one" });
    assert_eq!(ask(&world, &[], RESET, reset(&verify)).await.issue(), "INVALID_LINK", "of another kind");
    ask(&world, &[], VERIFY, json!({ "token": verify })).await.data();
    let (access, refresh) = sign_in(&world, EMAIL, PASSWORD).await.session("signIn");
    let known = ask(&world, &[], REQUEST_RESET, json!({ "email": EMAIL })).await;
    let unknown = ask(&world, &[], REQUEST_RESET, json!({ "email": "nobody@example.com" })).await;
    assert_eq!((known.status, &known.body), (unknown.status, &unknown.body));
    ask(&world, &[], REQUEST_RESET, json!({ "email": EMAIL })).await.data();
    let (token, second) = (link(&world, "PASSWORD_RESET").await, link(&world, "PASSWORD_RESET").await);
    assert_eq!(next_mail(&world).await, None, "nobody else got one");
    assert_eq!(ask(&world, &[], VERIFY, json!({ "token": token })).await.issue(), "INVALID_LINK");
    assert_eq!(
        ask(&world, &[], RESET, json!({ "token": token, "password": "short" })).await.issue(),
        "LENGTH"
    );
    let before = hashes(&world);
    assert_eq!(ask(&world, &[], RESET, reset(&"x".repeat(43))).await.issue(), "INVALID_LINK");
    assert_eq!(hashes(&world), before, "no work for a link that does not hold");
    // Twice at once, and then the other one of the same kind.
    let (token, second) = (reset(&token), reset(&second));
    let (one, two) = tokio::join!(ask(&world, &[], RESET, token.clone()), ask(&world, &[], RESET, token));
    assert_eq!([one, two].iter().filter(|answer| answer.body.get("errors").is_none()).count(), 1);
    assert_eq!(ask(&world, &[], RESET, second).await.issue(), "INVALID_LINK");
    assert_eq!(super::viewer(&world, &access).await.code(), "UNAUTHENTICATED");
    assert_eq!(super::refresh(&world, &refresh).await.code(), "UNAUTHENTICATED");
    assert_eq!(sign_in(&world, EMAIL, PASSWORD).await.code(), "UNAUTHENTICATED");
    sign_in(&world, EMAIL, "an entirely new one").await.data();
}

#[tokio::test]
async fn a_link_that_is_too_old_is_worth_nothing() {
    let world = world(verified()).await;
    sign_up(&world, EMAIL, PASSWORD).await.data();
    let verify = link(&world, "VERIFY_EMAIL").await;
    ask(&world, &[], REQUEST_RESET, json!({ "email": EMAIL })).await.data();
    let reset = link(&world, "PASSWORD_RESET").await;
    superuser(&world, "update account_links set expires_at = now()").await;
    assert_eq!(ask(&world, &[], VERIFY, json!({ "token": verify })).await.issue(), "INVALID_LINK");
    let variables = json!({ "token": reset, "password": "an entirely new one" });
    assert_eq!(ask(&world, &[], RESET, variables).await.issue(), "INVALID_LINK");
}

#[tokio::test]
async fn a_sign_up_under_a_key_happens_once_and_its_key_belongs_to_the_address() {
    let world = world(AccountSettings::default()).await;
    let send = async |email: &str, password: &str| {
        let input = json!({ "input": { "name": "Ann", "email": email, "password": password } });
        ask(&world, &[("idempotency-key", "one")], super::SIGN_UP, input).await
    };
    let first = send(EMAIL, PASSWORD).await;
    let before = hashes(&world);
    let again = send(EMAIL, PASSWORD).await;
    assert_eq!(first.data(), again.data());
    assert_eq!(
        (first.header("idempotent-replayed"), again.header("idempotent-replayed")),
        (None, Some("true"))
    );
    assert_eq!(hashes(&world), before, "a replay is no work");
    assert_eq!(world.count("select count(*) from outgoing_mails").await, 1);
    let other = send(EMAIL, "another password").await;
    assert_eq!((other.status, other.code()), (422, "IDEMPOTENCY_CONFLICT"));
    send("bob@example.com", PASSWORD).await.data();
    // Two at once with a new key: one effect, and the other one is told to come again, or gets the answer.
    let input = json!({ "input": { "name": "Cem", "email": "cem@example.com", "password": PASSWORD } });
    let key = [("idempotency-key", "two")];
    let (one, two) = tokio::join!(
        ask(&world, &key, super::SIGN_UP, input.clone()),
        ask(&world, &key, super::SIGN_UP, input.clone())
    );
    for answer in [&one, &two] {
        assert!(answer.body.get("errors").is_none() || answer.code() == "CONFLICT", "{:#}", answer.body);
    }
    ask(&world, &key, super::SIGN_UP, input).await.data();
    let mails = "select count(*) from outgoing_mails where address = 'cem@example.com'";
    assert_eq!(world.count(mails).await, 1);
    // The record knows neither the address nor the password, and no key of ours is in the database.
    let stored = one_text(&world).await;
    assert!(!stored.contains("example.com") && !stored.contains(PASSWORD), "{stored}");
}

async fn one_text(world: &crate::support::World) -> String {
    one(world, "select string_agg(r::text, ' ') from account_idempotency_records r").await
}

#[tokio::test]
async fn an_account_alone_sees_no_workspace() {
    let world = world(AccountSettings::default()).await;
    let (access, _) = super::somebody(&world).await;
    let viewer = super::viewer(&world, &access).await;
    assert_eq!(
        viewer.data(),
        &json!({ "viewer": { "user": { "email": EMAIL, "name": "Ann" }, "workspaces": [] } })
    );
    let bearer = format!("Bearer {access}");
    let headers = [("authorization", bearer.as_str()), ("x-workspace", "acme")];
    assert_eq!(ask(&world, &headers, "{ workspace { slug } }", json!({})).await.code(), "NOT_FOUND");
    assert_eq!(world.ask(Who::Anonymous, super::VIEWER, json!({})).await.code(), "UNAUTHENTICATED");
}
