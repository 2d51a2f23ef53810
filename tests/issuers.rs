//! People who come with a token of somebody else's issuer.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use footnote::config::{IdentityService, Limits, Services};
use futures_util::future::join_all;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};

use crate::support::issuer::{IssuerKey, TestIssuer};
use crate::support::proxy::{Fault, FaultProxy};
use crate::support::{Reply, Who, World};

const VIEWER: &str = "{ viewer { user { id email name } role workspaces { slug } } }";

fn setting(issuer: &TestIssuer, algorithms: &[&str]) -> Value {
    json!({ "issuer": issuer.name, "audience": "footnote", "algorithms": algorithms })
}

async fn world(issuers: Value) -> World {
    let identity = IdentityService { issuers: Some(issuers.to_string()) };
    World::with(Limits::default(), Services { identity, ..Services::default() }).await
}

async fn ask(world: &World, token: &str, workspace: Option<&str>, query: &str) -> Reply {
    let mut request = world
        .http()
        .post(format!("{}/graphql", world.address))
        .header("content-type", "application/json")
        .header("authorization", token)
        .body(json!({ "query": query }).to_string());
    if let Some(workspace) = workspace {
        request = request.header("x-workspace", workspace);
    }
    let response = request.send().await.expect("an answer");
    let status = response.status().as_u16();
    Reply { status, body: response.json().await.expect("JSON") }
}

/// Who a token is, by id.
async fn person(world: &World, token: &str) -> Value {
    ask(world, token, None, VIEWER).await.data()["viewer"]["user"].clone()
}

async fn join(world: &World, subject: &str, slug: &str) {
    let mut superuser = world.superuser().await;
    // What makes members otherwise writes to the audit log.
    sqlx::query("set session_replication_role = replica").execute(&mut superuser).await.expect("no triggers");
    let joined = sqlx::query(
        "insert into memberships (workspace_id, id, user_id, role_id)
         select w.id, gen_random_uuid(), i.user_id, r.id
         from identities i, workspaces w join roles r on r.workspace_id = w.id and r.built_in = 'MEMBER'
         where w.slug = $2 and i.subject = $1",
    )
    .bind(subject)
    .bind(slug)
    .execute(&mut superuser)
    .await
    .expect("joined");
    assert_eq!(joined.rows_affected(), 1);
}

#[tokio::test]
async fn a_person_of_an_issuer_works_in_a_workspace_and_finds_no_other() {
    let key = IssuerKey::ed25519("k1");
    let issuer = TestIssuer::start(&[&key]).await;
    let world = world(json!([setting(&issuer, &["EdDSA"])])).await;
    let mut claims = issuer.claims("ada");
    claims["name"] = json!("Ada\u{7}");
    claims["email"] = json!("owner@acme.example");
    claims["email_verified"] = json!(true);
    let token = key.sign(&claims);
    let user = person(&world, &token).await;
    assert_eq!(user["name"], "Ada");
    assert_eq!(user["email"], Value::Null, "nobody said that this issuer may vouch for addresses");
    assert_eq!(ask(&world, &token, Some("acme"), VIEWER).await.code(), "NOT_FOUND");
    join(&world, "ada", "acme").await;
    let data = ask(&world, &token, Some("acme"), VIEWER).await.data();
    assert_eq!(data["viewer"]["role"], "MEMBER");
    assert_eq!(data["viewer"]["workspaces"], json!([{ "slug": "acme" }]));
    let made = ask(
        &world,
        &token,
        Some("acme"),
        "mutation { collectionCreate(input: { name: \"Ada's\" }) { collection { id } } }",
    );
    made.await.data();
    assert_eq!(ask(&world, &token, Some("globex"), VIEWER).await.code(), "NOT_FOUND");
    assert_eq!(
        world.count("select count(*) from identities").await,
        1,
        "one person, however often they come"
    );
    world
        .plant("update memberships set status = 'REMOVED' where user_id = (select user_id from identities)")
        .await;
    assert_eq!(ask(&world, &token, Some("acme"), VIEWER).await.code(), "NOT_FOUND", "at the next request");
}

#[tokio::test]
async fn every_kind_of_key_counts_where_it_is_pinned_and_nowhere_else() {
    let keys = [IssuerKey::ed25519("ed"), IssuerKey::p256("p256"), IssuerKey::rsa("rsa")];
    let published: Vec<&IssuerKey> = keys.iter().collect();
    let (all, one) = (TestIssuer::start(&published).await, TestIssuer::start(&published).await);
    let issuers = json!([setting(&all, &["EdDSA", "ES256", "RS256"]), setting(&one, &["ES256"])]);
    let world = world(issuers).await;
    for key in &keys {
        person(&world, &key.sign(&all.claims("ada"))).await;
        let reply = ask(&world, &key.sign(&one.claims("ada")), None, VIEWER).await;
        if key.id == "p256" {
            reply.data();
        } else {
            assert_eq!(reply.code(), "UNAUTHENTICATED", "{}", key.id);
        }
    }
    assert_eq!(
        world.count("select count(*) from identities").await,
        2,
        "one for each issuer, not for each key"
    );
}

#[tokio::test]
async fn a_token_that_is_not_exactly_right_is_refused_like_any_other() {
    let (key, stolen) = (IssuerKey::rsa("k1"), IssuerKey::ed25519("k2"));
    let issuer = TestIssuer::start(&[&key, &stolen]).await;
    let foreign = TestIssuer::start(&[&key]).await;
    let world = world(json!([setting(&issuer, &["RS256", "EdDSA"])])).await;
    let now = footnote::clock::now().timestamp();
    let good = issuer.claims("ada");
    person(&world, &key.sign(&good)).await;
    let with = |name: &str, value: Value| {
        let mut claims = good.clone();
        claims[name] = value;
        key.sign(&claims)
    };
    let without = |name: &str| {
        let mut claims = good.clone();
        claims.as_object_mut().expect("claims").remove(name);
        key.sign(&claims)
    };
    let head = |change: fn(&mut Header)| {
        let mut head = Header { kid: Some("k1".to_owned()), ..Header::new(Algorithm::RS256) };
        change(&mut head);
        key.sign_with(&head, &good)
    };
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    // Signed with what everybody knows: the public key, as the secret of an HMAC.
    let public = key.public["n"].as_str().expect("a modulus");
    let hmac = jsonwebtoken::encode(
        &Header { kid: Some("k1".to_owned()), ..Header::new(Algorithm::HS256) },
        &good,
        &EncodingKey::from_secret(public.as_bytes()),
    );
    let own = IssuerKey::ed25519("k1");
    let unsigned =
        |alg: &str| format!("Bearer {}.{}.", part(&json!({ "alg": alg, "kid": "k1" })), part(&good));
    let right = key.sign(&good);
    let bad = [
        ("unsigned", unsigned("none")),
        ("unsigned in capitals", unsigned("NONE")),
        ("unsigned under its algorithm", unsigned("RS256")),
        ("signed with the public key", format!("Bearer {}", hmac.expect("signed"))),
        ("signed with another key", own.sign(&good)),
        ("signed with another key of the issuer", {
            let head = Header { kid: Some("k1".to_owned()), ..Header::new(Algorithm::EdDSA) };
            stolen.sign_with(&head, &good)
        }),
        ("cut", right[..right.len() - 4].to_owned()),
        ("for somebody else", with("aud", json!("another"))),
        ("for a list of others", with("aud", json!(["a", "b"]))),
        ("for nobody", without("aud")),
        ("expired", with("exp", json!(now - 60))),
        ("without an end", without("exp")),
        ("for a year", with("exp", json!(now + 365 * 86_400))),
        ("for ever", with("exp", json!(i64::MAX))),
        ("not yet valid", with("nbf", json!(now + 600))),
        ("of nobody", without("sub")),
        ("of an empty subject", with("sub", json!(""))),
        ("of a number", with("sub", json!(7))),
        ("of a subject with a zero byte", with("sub", json!("a\u{0}b"))),
        ("of a long subject", with("sub", json!("a".repeat(256)))),
        ("of a list of issuers", with("iss", json!([issuer.name]))),
        ("of an issuer that nobody trusts", key.sign(&foreign.claims("ada"))),
        ("with an unknown key", head(|head| head.kid = Some("k9".to_owned()))),
        ("with a path as its key", head(|head| head.kid = Some("../../etc/passwd".to_owned()))),
        ("with an address as its key", head(|head| head.kid = Some("http://127.0.0.1:1/k1".to_owned()))),
        ("with a long key id", head(|head| head.kid = Some("k".repeat(5000)))),
        ("with a critical extension", head(|head| head.crit = Some(vec!["exp".to_owned()]))),
        ("for another purpose", head(|head| head.typ = Some("logout+jwt".to_owned()))),
        ("a long one", format!("Bearer {}", "a".repeat(60_000))),
    ];
    let expected = ask(&world, "Bearer a.b.c", None, VIEWER).await.without_request_ids();
    for (what, token) in bad {
        let reply = ask(&world, &token, None, VIEWER).await;
        assert_eq!(reply.status, 401, "{what}");
        assert_eq!(reply.without_request_ids(), expected, "{what}");
    }
    // Where the head says that keys are is nobody's business.
    let elsewhere = head(|head| {
        head.jku = Some(format!("http://127.0.0.1:1/{}", "keys"));
        head.x5u = Some("http://127.0.0.1:1/certificate".to_owned());
    });
    person(&world, &elsewhere).await;
    assert_eq!(foreign.fetches(), 0);
    assert_eq!(world.count("select count(*) from identities").await, 1);
}

#[tokio::test]
async fn two_issuers_with_one_subject_are_two_people() {
    let (key, other) = (IssuerKey::ed25519("k1"), IssuerKey::ed25519("k1"));
    let (first, second) = (TestIssuer::start(&[&key]).await, TestIssuer::start(&[&other]).await);
    let world = world(json!([setting(&first, &["EdDSA"]), setting(&second, &["EdDSA"])])).await;
    let one = person(&world, &key.sign(&first.claims("ada"))).await;
    let two = person(&world, &other.sign(&second.claims("ada"))).await;
    assert_ne!(one["id"], two["id"]);
    let impostor = ask(&world, &key.sign(&second.claims("ada")), None, VIEWER).await;
    assert_eq!(impostor.code(), "UNAUTHENTICATED", "one issuer does not sign for the other");
}

#[tokio::test]
async fn an_address_links_only_where_both_sides_have_verified_it_and_the_issuer_is_trusted_with_it() {
    let key = IssuerKey::ed25519("k1");
    let (trusted, other) = (TestIssuer::start(&[&key]).await, TestIssuer::start(&[&key]).await);
    let mut trusting = setting(&trusted, &["EdDSA"]);
    trusting["trust_email"] = json!(true);
    let world = world(json!([trusting, setting(&other, &["EdDSA"])])).await;
    let mut superuser = world.superuser().await;
    sqlx::query("update users set email_verified_at = now() where email = 'owner@acme.example'")
        .execute(&mut superuser)
        .await
        .expect("verified");
    let says = |issuer: &TestIssuer, subject: &str, email: &str, verified: Value| {
        let mut claims = issuer.claims(subject);
        claims["email"] = json!(email);
        claims["email_verified"] = verified;
        key.sign(&claims)
    };
    let owner = "owner@acme.example";
    let linked = says(&trusted, "owner", "Owner@ACME.example", json!(true));
    let data = ask(&world, &linked, Some("acme"), VIEWER).await.data();
    assert_eq!((&data["viewer"]["role"], &data["viewer"]["user"]["email"]), (&json!("OWNER"), &json!(owner)));
    for (what, token) in [
        ("an issuer without that trust", says(&other, "s1", owner, json!(true))),
        ("an address that the issuer has not verified", says(&trusted, "s2", owner, json!(false))),
        ("a word for it", says(&trusted, "s3", owner, json!("true"))),
        ("an account that has not verified it", says(&trusted, "s4", "member@acme.example", json!(true))),
    ] {
        let user = person(&world, &token).await;
        assert_eq!(user["email"], Value::Null, "{what}");
        assert_eq!(ask(&world, &token, Some("acme"), VIEWER).await.code(), "NOT_FOUND", "{what}");
    }
    let fresh = person(&world, &says(&trusted, "s5", "new@acme.example", json!(true))).await;
    assert_eq!(fresh["email"], "new@acme.example", "an address that nobody has is theirs");
}

#[tokio::test]
async fn a_first_visit_of_many_requests_at_once_makes_one_person() {
    let key = IssuerKey::ed25519("k1");
    let issuer = TestIssuer::start(&[&key]).await;
    let world = world(json!([setting(&issuer, &["EdDSA"])])).await;
    let token = key.sign(&issuer.claims("ada"));
    let people = join_all((0..20).map(|_| person(&world, &token))).await;
    assert!(people.iter().all(|person| person["id"] == people[0]["id"]), "{people:#?}");
    assert_eq!(world.count("select count(*) from identities").await, 1);
    assert_eq!(world.count("select count(*) from users where email is null").await, 1);
    assert_eq!(issuer.fetches(), 1, "the keys were asked for once");
}

#[tokio::test]
async fn a_storm_of_unknown_keys_asks_the_issuer_once_at_most() {
    let key = IssuerKey::ed25519("k1");
    let issuer = TestIssuer::start(&[&key]).await;
    let world = world(json!([setting(&issuer, &["EdDSA"])])).await;
    person(&world, &key.sign(&issuer.claims("ada"))).await;
    let storm = (0..200).map(|number| {
        let unknown = IssuerKey::ed25519(&format!("unknown-{number}"));
        let token = unknown.sign(&issuer.claims("ada"));
        let world = &world;
        async move { ask(world, &token, None, VIEWER).await.code().to_owned() }
    });
    let codes = join_all(storm).await;
    assert!(codes.iter().all(|code| code == "UNAUTHENTICATED"), "{codes:?}");
    assert!(issuer.fetches() <= 2, "{}", issuer.fetches());
    person(&world, &key.sign(&issuer.claims("ada"))).await;
}

#[tokio::test]
async fn an_issuer_that_is_away_holds_up_only_those_whose_keys_are_not_known() {
    let key = IssuerKey::ed25519("k1");
    let (away, here) = (TestIssuer::start(&[&key]).await, TestIssuer::start(&[&key]).await);
    let address = away.name.strip_prefix("http://").expect("an address");
    let proxy = FaultProxy::before(address).await;
    proxy.set(Fault::Silence);
    let mut slow = setting(&away, &["EdDSA"]);
    slow["jwks_url"] = json!(format!("http://{}/keys", proxy.address()));
    let world = world(json!([slow, setting(&here, &["EdDSA"])])).await;
    let token = key.sign(&away.claims("ada"));
    let begun = std::time::Instant::now();
    let reply = ask(&world, &token, None, VIEWER).await;
    assert_eq!(reply.code(), "UNAVAILABLE");
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
    let text = reply.body.to_string();
    assert!(!text.contains(address) && !text.contains("keys"), "{text}");
    person(&world, &key.sign(&here.claims("ada"))).await;
    world.ask(Who::Owner, VIEWER, json!({})).await.data();
    proxy.set(Fault::None);
    let mut patience = 100;
    while ask(&world, &token, None, VIEWER).await.body.get("errors").is_some() {
        patience -= 1;
        assert!(patience > 0, "it came back, and nobody noticed");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    proxy.set(Fault::Reset);
    person(&world, &token).await;
}
