//! Mails about accounts, as a worker sees them: leased, sent once, given back, and never forgotten.

use super::{EMAIL, PASSWORD, next_mail, one, sign_up, superuser, world};
use crate::support::database::connect;
use footnote::config::AccountSettings;

#[tokio::test]
async fn a_mail_is_claimed_by_one_worker_and_finished_under_its_lease_alone() {
    let world = world(AccountSettings::default()).await;
    sign_up(&world, EMAIL, PASSWORD).await.data();
    let outbox = world.stack.app().lane().outbox();
    let (one, two) = tokio::join!(outbox.claim(10, 60_000), outbox.claim(10, 60_000));
    let mut claimed: Vec<_> = one.expect("a claim").into_iter().chain(two.expect("a claim")).collect();
    assert_eq!(claimed.len(), 1);
    let mail = claimed.pop().expect("one");
    assert_eq!(
        (mail.kind.as_str(), mail.address.as_str(), mail.name.as_deref(), mail.attempt),
        ("VERIFY_EMAIL", EMAIL, Some("Ann"), 1)
    );
    assert!(!format!("{mail:?}").contains(EMAIL), "a log line does not say to whom");
    let mut foreign = mail.clone();
    foreign.lease_token = uuid::Uuid::nil();
    let until = footnote::clock::now() + chrono::TimeDelta::hours(1);
    assert!(!outbox.mint_link(&foreign, &[1; 32], until).await.expect("answered"));
    assert!(!outbox.sent(&foreign).await.expect("answered"));
    assert!(outbox.mint_link(&mail, &[1; 32], until).await.expect("answered"));
    assert!(outbox.sent(&mail).await.expect("answered"));
    assert!(!outbox.sent(&mail).await.expect("answered"), "once");
    assert!(!outbox.mint_link(&mail, &[2; 32], until).await.expect("answered"), "no link after the end");
    assert_eq!(next_mail(&world).await, None);
}

#[tokio::test]
async fn a_failed_mail_comes_again_when_it_is_due_and_a_dead_one_never() {
    let world = world(AccountSettings::default()).await;
    sign_up(&world, EMAIL, PASSWORD).await.data();
    let outbox = world.stack.app().lane().outbox();
    let mail = outbox.claim(1, 60_000).await.expect("a claim").pop().expect("one");
    assert!(outbox.failed(&mail, "away", Some(3_600_000)).await.expect("answered"));
    assert!(outbox.claim(1, 60_000).await.expect("a claim").is_empty(), "not due yet");
    superuser(&world, "update outgoing_mails set run_at = now()").await;
    let mail = outbox.claim(1, 60_000).await.expect("a claim").pop().expect("due");
    assert_eq!(mail.attempt, 2);
    assert!(outbox.failed(&mail, &"refused ".repeat(1000), None).await.expect("answered"));
    superuser(&world, "update outgoing_mails set run_at = now() - interval '1 day'").await;
    assert!(outbox.claim(1, 60_000).await.expect("a claim").is_empty());
    assert_eq!(one(&world, "select status from outgoing_mails").await, "DEAD");
}

#[tokio::test]
async fn a_mail_of_a_worker_that_died_is_claimed_by_another_one_but_not_for_ever() {
    let world = world(AccountSettings::default()).await;
    sign_up(&world, EMAIL, PASSWORD).await.data();
    let outbox = world.stack.app().lane().outbox();
    let lost = outbox.claim(1, 0).await.expect("a claim").pop().expect("one");
    tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    let mail = outbox.claim(1, 60_000).await.expect("a claim").pop().expect("taken over");
    assert_eq!((mail.id, mail.attempt), (lost.id, 2));
    assert!(!outbox.sent(&lost).await.expect("answered"), "the dead one's word does not count");
    superuser(
        &world,
        "update outgoing_mails set attempts = 20, lease_expires_at = now() - interval '1 second'",
    )
    .await;
    assert!(outbox.claim(1, 60_000).await.expect("a claim").is_empty());
    assert_eq!(one(&world, "select status from outgoing_mails").await, "DEAD");
}

#[tokio::test]
async fn the_application_reads_and_writes_none_of_it() {
    let world = world(AccountSettings::default()).await;
    sign_up(&world, EMAIL, PASSWORD).await.data();
    for url in [world.database.app(), world.database.worker()] {
        let mut connection = connect(url).await;
        for statement in [
            "select * from credentials",
            "select * from refresh_tokens",
            "select * from account_links",
            "select * from outgoing_mails",
            "select * from sign_in_attempts",
            "select * from account_idempotency_records",
            "select email_verified_at from users",
            "update users set name = 'x'",
            "select app.set_password(gen_random_uuid(), 'x')",
            "select app.count_attempt('ADDRESS', sha256('x'), 1, 1)",
            "select app.owner_of_key(null)",
        ] {
            let error = sqlx::query(statement).execute(&mut connection).await.expect_err(statement);
            let code = error.as_database_error().and_then(sqlx::error::DatabaseError::code);
            assert_eq!(code.as_deref(), Some("42501"), "{statement}");
        }
    }
    let mut app = connect(world.database.app()).await;
    assert!(
        sqlx::query("select * from app.claim_mails(1, 1)").execute(&mut app).await.is_err(),
        "workers only"
    );
}
