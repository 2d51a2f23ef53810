//! Mails about accounts: whatever happens on the way, each arrives at least once, under one Message-ID.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use footnote::config::{Limits, MailService, Services};
use serde_json::json;
use sha2::{Digest, Sha256};
use sqlx::Row;
use uuid::Uuid;

use crate::support::mailbox::{Mailbox, Mishap, Received};
use crate::support::proxy::{Fault, FaultProxy};
use crate::support::{Who, World};

/// How long a test waits for a mail.
const PATIENCE: Duration = Duration::from_secs(40);

async fn world(server: impl std::fmt::Display) -> World {
    let mail = MailService {
        smtp_url: format!("smtp://{server}").parse().ok(),
        public_url: Some("https://app.example".to_owned()),
        ..MailService::default()
    };
    World::with(Limits::default(), Services { mail, ..Services::default() }).await
}

/// Queues a mail, as the door that is its reason does.
async fn queue(world: &World, kind: &str, address: &str) -> Uuid {
    let mut superuser = world.superuser().await;
    let id = entity::id::MailId::new().0;
    sqlx::query(
        "insert into outgoing_mails (id, kind, user_id, address)
         select $1, $2, u.id, $3 from users u where u.email = 'owner@acme.example'",
    )
    .bind(id)
    .bind(kind)
    .bind(address)
    .execute(&mut superuser)
    .await
    .expect("queued");
    id
}

struct State {
    status: String,
    attempts: i32,
    last_error: Option<String>,
}

async fn row(world: &World, id: Uuid) -> State {
    let mut superuser = world.superuser().await;
    let row = sqlx::query("select status, attempts, last_error from outgoing_mails where id = $1")
        .bind(id)
        .fetch_one(&mut superuser)
        .await
        .expect("the mail");
    State { status: row.get(0), attempts: row.get(1), last_error: row.get(2) }
}

async fn until(world: &World, id: Uuid, what: impl Fn(&State) -> bool) -> State {
    let begun = std::time::Instant::now();
    loop {
        let row = row(world, id).await;
        if what(&row) {
            return row;
        }
        assert!(begun.elapsed() < PATIENCE, "still {} after {} attempts", row.status, row.attempts);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn sent(world: &World, id: Uuid) -> State {
    until(world, id, |row| row.status == "SENT").await
}

#[track_caller]
fn only(mailbox: &Mailbox) -> Received {
    let received = mailbox.received();
    assert_eq!(received.len(), 1, "{received:#?}");
    received[0].clone()
}

/// The token of a link that begins like this, from a mail's text.
#[track_caller]
fn token(mail: &Received, link: &str) -> String {
    let text = mail.unfolded();
    let (_, rest) = text.split_once(link).unwrap_or_else(|| panic!("no link in {text}"));
    rest.chars().take_while(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_')).collect()
}

#[tokio::test]
async fn a_mail_arrives_with_a_link_whose_token_stands_nowhere_else() {
    let mailbox = Mailbox::start().await;
    let mut world = world(mailbox.address()).await;
    world.stack.start_worker();
    for (kind, link, subject) in [
        ("VERIFY_EMAIL", Some("https://app.example/account#verify="), "Confirm your address"),
        ("PASSWORD_RESET", Some("https://app.example/account#reset="), "Choose a new password"),
        ("ACCOUNT_EXISTS", None, "You have an account already"),
    ] {
        let id = queue(&world, kind, "ada@example.org").await;
        assert_eq!(sent(&world, id).await.attempts, 1);
        let mail = mailbox.received().pop().expect("a mail");
        assert_eq!(mail.to, ["RCPT TO:<ada@example.org>"]);
        assert_eq!(mail.header("Subject"), subject);
        assert_eq!(mail.header("Message-ID"), format!("<{id}@localhost>"));
        let Some(link) = link else {
            assert!(!mail.unfolded().contains("https://"), "{}", mail.text);
            continue;
        };
        let token = token(&mail, link);
        assert_eq!(token.len(), 43, "256 bits");
        let mut superuser = world.superuser().await;
        let links = sqlx::query(
            "select kind, expires_at - now() <= interval '24 hours' as bounded, to_jsonb(l)::text as whole from account_links l where hash = $1",
        )
        .bind(Sha256::digest(URL_SAFE_NO_PAD.decode(&token).expect("base64url")).to_vec())
        .fetch_all(&mut superuser)
        .await
        .expect("links");
        assert_eq!(links.len(), 1, "the database has the hash of the token of {kind}");
        assert!(links[0].get::<bool, _>("bounded"));
        assert!(!links[0].get::<String, _>("whole").contains(&token));
    }
}

#[tokio::test]
async fn without_a_mail_server_each_mail_is_a_file() {
    let mut world = World::without_worker().await;
    world.stack.start_worker();
    let id = queue(&world, "VERIFY_EMAIL", "ada@example.org").await;
    sent(&world, id).await;
    let text = std::fs::read_to_string(world.data.join("mail").join(format!("{id}.eml"))).expect("a file");
    let mail = Received { to: Vec::new(), text };
    assert_eq!(token(&mail, "http://127.0.0.1:8787/account#verify=").len(), 43);
}

#[tokio::test]
async fn a_mail_server_that_is_away_slow_or_breaks_connections_gets_the_mail_once_it_is_back() {
    let mailbox = Mailbox::start().await;
    let proxy = FaultProxy::before(mailbox.address().to_string()).await;
    proxy.set(Fault::Reset);
    let mut world = world(proxy.address()).await;
    world.stack.start_worker();
    let id = queue(&world, "VERIFY_EMAIL", "ada@example.org").await;
    for fault in [Fault::Cut, Fault::Reset] {
        let before = row(&world, id).await.attempts;
        proxy.set(fault);
        let failed = until(&world, id, |row| row.attempts > before && row.last_error.is_some()).await;
        assert_eq!(failed.last_error.as_deref(), Some("the mail server could not be reached"), "{fault:?}");
    }
    proxy.set(Fault::Delay(Duration::from_millis(100)));
    sent(&world, id).await;
    assert_eq!(only(&mailbox).header("Message-ID"), format!("<{id}@localhost>"));
    assert_eq!(row(&world, id).await.last_error, None);
}

#[tokio::test]
async fn a_connection_cut_in_the_middle_of_a_mail_leaves_no_half_of_it_and_sends_it_again() {
    let mailbox = Mailbox::start().await;
    mailbox.fail([Mishap::CutData, Mishap::CutData]);
    let mut world = world(mailbox.address()).await;
    world.stack.start_worker();
    let id = queue(&world, "PASSWORD_RESET", "ada@example.org").await;
    assert_eq!(sent(&world, id).await.attempts, 3);
    only(&mailbox);
}

#[tokio::test]
async fn a_mail_whose_receipt_was_lost_comes_again_under_the_same_message_id_and_both_links_work() {
    let mailbox = Mailbox::start().await;
    mailbox.fail([Mishap::LoseAnswer]);
    let mut world = world(mailbox.address()).await;
    world.stack.start_worker();
    let id = queue(&world, "PASSWORD_RESET", "ada@example.org").await;
    assert_eq!(sent(&world, id).await.attempts, 2);
    let ids: Vec<String> = mailbox.received().iter().map(|mail| mail.header("Message-ID")).collect();
    assert_eq!(ids, [format!("<{id}@localhost>"), format!("<{id}@localhost>")]);
    assert_eq!(world.count("select count(*) from account_links where used_at is null").await, 2);
}

#[tokio::test]
async fn a_worker_that_dies_while_it_sends_loses_no_mail() {
    let mailbox = Mailbox::start().await;
    let mut world = world(mailbox.address()).await;
    let id = queue(&world, "VERIFY_EMAIL", "ada@example.org").await;
    let outbox = world.stack.app().lane().outbox();
    let dead = outbox.claim(10, 500).await.expect("claimed").pop().expect("the mail");
    assert!(outbox.claim(10, 500).await.expect("claimed").is_empty(), "one worker has it");
    world.stack.start_worker();
    assert_eq!(sent(&world, id).await.attempts, 2);
    only(&mailbox);
    let hash = Sha256::digest(b"late").into();
    let late = footnote::clock::now() + chrono::TimeDelta::hours(1);
    assert!(!outbox.mint_link(&dead, &hash, late).await.expect("answered"), "its lease is over");
    assert!(!outbox.failed(&dead, "late", None).await.expect("answered"), "and it has no say any more");
    assert_eq!(row(&world, id).await.status, "SENT");
}

#[tokio::test]
async fn what_a_server_refuses_for_good_is_dead_at_once_and_what_it_postpones_is_not() {
    let mailbox = Mailbox::start().await;
    mailbox.fail([
        Mishap::Refuse("550 5.1.1 <ada@example.org>: no such user"),
        Mishap::Refuse("451 4.3.2 later"),
    ]);
    let mut world = world(mailbox.address()).await;
    world.stack.start_worker();
    let refused = queue(&world, "VERIFY_EMAIL", "ada@example.org").await;
    let dead = until(&world, refused, |row| row.status == "DEAD").await;
    assert_eq!(dead.attempts, 1);
    assert_eq!(
        dead.last_error.as_deref(),
        Some("the mail server refused the mail (550)"),
        "nothing of the server's words"
    );
    let postponed = queue(&world, "VERIFY_EMAIL", "bob@example.org").await;
    assert_eq!(sent(&world, postponed).await.attempts, 2);
    let hostile = queue(&world, "VERIFY_EMAIL", "ada@example.org\r\nBcc: eve@example.net").await;
    let dead = until(&world, hostile, |row| row.status == "DEAD").await;
    assert_eq!(dead.last_error.as_deref(), Some("the address cannot be written to"));
    assert_eq!(only(&mailbox).to, ["RCPT TO:<bob@example.org>"]);
}

#[tokio::test]
async fn a_stop_waits_for_the_mail_under_way() {
    let mailbox = Mailbox::start().await;
    let proxy = FaultProxy::before(mailbox.address().to_string()).await;
    proxy.set(Fault::Delay(Duration::from_millis(150)));
    let mut world = world(proxy.address()).await;
    world.stack.start_worker();
    let id = queue(&world, "VERIFY_EMAIL", "ada@example.org").await;
    until(&world, id, |row| row.status == "SENDING").await;
    let World { stack, database, .. } = world;
    stack.close().await.expect("closed");
    let mut superuser = crate::support::database::connect(&database.superuser).await;
    let status: String = sqlx::query("select status from outgoing_mails where id = $1")
        .bind(id)
        .fetch_one(&mut superuser)
        .await
        .expect("the mail")
        .get(0);
    assert_eq!(status, "SENT");
    only(&mailbox);
}

#[tokio::test]
async fn a_person_signs_up_opens_the_link_of_the_mail_and_signs_in() {
    let mailbox = Mailbox::start().await;
    let mut world = world(mailbox.address()).await;
    world.stack.start_worker();
    let address = "ada@example.org";
    let new = json!({ "input": { "name": "Buy at evil.example", "email": address, "password": "correct horse battery" } });
    let sign_up = "mutation($input: SignUpInput!) { signUp(input: $input) { sent } }";
    let sign_in = "mutation($input: SignInInput!) { signIn(input: $input) { accessToken } }";
    let known = json!({ "input": { "email": address, "password": "correct horse battery" } });
    world.ask(Who::Anonymous, sign_up, new.clone()).await.data();
    let mail = arrived(&mailbox, 1).await;
    assert_eq!(mail.to, ["RCPT TO:<ada@example.org>"]);
    let refused = world.ask(Who::Anonymous, sign_in, known.clone()).await;
    assert!(refused.body["errors"][0].to_string().contains("UNVERIFIED"), "{:#}", refused.body);
    let verify = "mutation($token: String!) { emailVerify(input: { token: $token }) { verified } }";
    let token = json!({ "token": token(&mail, "https://app.example/account#verify=") });
    world.ask(Who::Anonymous, verify, token.clone()).await.data();
    assert!(world.ask(Who::Anonymous, sign_in, known).await.data()["signIn"]["accessToken"].is_string());
    let again = world.ask(Who::Anonymous, verify, token).await;
    assert!(again.body["errors"][0].to_string().contains("INVALID_LINK"), "{:#}", again.body);
    world.ask(Who::Anonymous, sign_up, new).await.data();
    let told = arrived(&mailbox, 2).await;
    assert_eq!(told.header("Subject"), "You have an account already");
    assert!(
        !told.text.contains("evil") && !mail.text.contains("evil"),
        "nothing that whoever signed up wrote"
    );
}

/// The mail that makes it so many.
async fn arrived(mailbox: &Mailbox, count: usize) -> Received {
    let begun = std::time::Instant::now();
    loop {
        let mut received = mailbox.received();
        if received.len() == count {
            return received.pop().expect("a mail");
        }
        assert!(begun.elapsed() < PATIENCE, "{} mails", received.len());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
