//! Accounts: signing up, in and out, through GraphQL, and what strangers learn by it: nothing.

mod cookies;
mod hostile;
mod mails;
mod recipes;
mod sessions;
mod sign_in;
mod sign_up;
mod workspaces;

use entity::id::UserId;
use footnote::config::{AccountSettings, Limits, Services};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use sqlx::Row;

use crate::support::World;
use crate::support::world::text;

const EMAIL: &str = "ann@example.com";
const PASSWORD: &str = "correct horse battery";

const SIGN_UP: &str = "mutation($input: SignUpInput!) { signUp(input: $input) { sent } }";
const SIGN_IN: &str = "mutation($input: SignInInput!) { signIn(input: $input) {
  accessToken accessTokenExpiresAt refreshToken refreshTokenExpiresAt sessionExpiresAt } }";
const REFRESH: &str = "mutation($input: SessionRefreshInput!) { sessionRefresh(input: $input) {
  accessToken accessTokenExpiresAt refreshToken refreshTokenExpiresAt sessionExpiresAt } }";
const SIGN_OUT: &str = "mutation($input: SignOutInput!) { signOut(input: $input) { sessionsEnded } }";
const VERIFY: &str = "mutation($token: String!) { emailVerify(input: { token: $token }) { verified } }";
const REQUEST_RESET: &str =
    "mutation($email: String!) { passwordResetRequest(input: { email: $email }) { sent } }";
const RESET: &str = "mutation($token: String!, $password: String!) {
  passwordReset(input: { token: $token, newPassword: $password }) { reset } }";
const VIEWER: &str = "{ viewer { user { email name } workspaces { slug role } } }";

/// What came back, with its headers.
pub struct Answer {
    status: u16,
    headers: reqwest::header::HeaderMap,
    body: Value,
}

impl Answer {
    /// The data of an answer without errors.
    #[track_caller]
    pub fn data(&self) -> &Value {
        assert_eq!(self.body.get("errors"), None, "{:#}", self.body);
        &self.body["data"]
    }

    /// The extensions of the only error.
    #[track_caller]
    fn error(&self) -> &Value {
        assert_eq!(self.body["errors"].as_array().map(Vec::len), Some(1), "{:#}", self.body);
        &self.body["errors"][0]["extensions"]
    }

    #[track_caller]
    fn code(&self) -> &str {
        self.error()["code"].as_str().expect("a code")
    }

    /// The code of the only issue of the only error.
    #[track_caller]
    fn issue(&self) -> &str {
        assert_eq!(self.error()["issues"].as_array().map(Vec::len), Some(1), "{:#}", self.body);
        self.error()["issues"][0]["code"].as_str().expect("a code")
    }

    /// The tokens of a session: access and refresh.
    #[track_caller]
    pub fn session(&self, field: &str) -> (String, String) {
        let session = &self.data()[field];
        (text(&session["accessToken"]), text(&session["refreshToken"]))
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().expect("text"))
    }
}

/// With these settings, and nobody who runs jobs or sends mails.
async fn world(accounts: AccountSettings) -> World {
    World::with(Limits::default(), Services { accounts, ..Services::default() }).await
}

/// Where only verified addresses sign in.
fn verified() -> AccountSettings {
    AccountSettings { require_verified_email: Some(true), ..AccountSettings::default() }
}

/// Asks with these headers.
pub async fn ask(world: &World, headers: &[(&str, &str)], query: &str, variables: Value) -> Answer {
    let body = json!({ "query": query, "variables": variables });
    let mut request = world.http().post(format!("{}/graphql", world.address)).json(&body);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let response = request.send().await.expect("an answer");
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let text = response.text().await.expect("a body");
    let body = serde_json::from_str(&text).unwrap_or_else(|_| panic!("not JSON: {text}"));
    Answer { status, headers, body }
}

/// Signs up.
pub async fn sign_up(world: &World, email: &str, password: &str) -> Answer {
    let input = json!({ "name": "Ann", "email": email, "password": password });
    ask(world, &[], SIGN_UP, json!({ "input": input })).await
}

/// Signs in.
pub async fn sign_in(world: &World, email: &str, password: &str) -> Answer {
    sign_in_from(world, &[], email, password).await
}

async fn sign_in_from(world: &World, headers: &[(&str, &str)], email: &str, password: &str) -> Answer {
    ask(world, headers, SIGN_IN, json!({ "input": { "email": email, "password": password } })).await
}

async fn refresh(world: &World, token: &str) -> Answer {
    ask(world, &[], REFRESH, json!({ "input": { "refreshToken": token } })).await
}

/// Asks with an access token.
async fn viewer(world: &World, access: &str) -> Answer {
    ask(world, &[("authorization", &format!("Bearer {access}"))], VIEWER, json!({})).await
}

/// Somebody with an account and a session: access and refresh token.
async fn somebody(world: &World) -> (String, String) {
    sign_up(world, EMAIL, PASSWORD).await.data();
    sign_in(world, EMAIL, PASSWORD).await.session("signIn")
}

/// Takes the oldest mail that is due and writes its link, as the worker does: kind, and the token of the link where there is one.
pub async fn next_mail(world: &World) -> Option<(String, Option<String>)> {
    let outbox = world.stack.app().lane().outbox();
    let mail = outbox.claim(1, 60_000).await.expect("a claim").pop()?;
    let bytes: [u8; 32] = rand_bytes();
    let token = base64url(&bytes);
    let until = footnote::clock::now() + chrono::TimeDelta::hours(1);
    let minted = outbox.mint_link(&mail, &Sha256::digest(bytes).into(), until).await.expect("minted");
    assert!(outbox.sent(&mail).await.expect("finished"));
    Some((mail.kind, minted.then_some(token)))
}

/// The token of the next mail's link, which is of this kind.
async fn link(world: &World, kind: &str) -> String {
    let (found, token) = next_mail(world).await.expect("a mail");
    assert_eq!(found, kind);
    token.expect("a link")
}

fn rand_bytes() -> [u8; 32] {
    Sha256::new().chain_update(UserId::new().0).chain_update(UserId::new().0).finalize().into()
}

fn base64url(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes)
}

/// How many hashes were computed so far.
fn hashes(world: &World) -> u64 {
    world.stack.app().accounts().hasher().computed()
}

/// Runs a statement as superuser: to let time pass, or to plant.
async fn superuser(world: &World, sql: &'static str) {
    let mut superuser = world.superuser().await;
    sqlx::query(sql).execute(&mut superuser).await.expect("executed");
}

/// One text of the database.
async fn one(world: &World, sql: &'static str) -> String {
    let mut superuser = world.superuser().await;
    sqlx::query(sql).fetch_one(&mut superuser).await.expect("a row").get(0)
}
