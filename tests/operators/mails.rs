//! The mail to the owners: who gets it, what it says, and that it comes with the entry or not at all.

use std::time::Duration;

use footnote::config::{Limits, MailService, Services};
use serde_json::json;

use super::{REASON, START, ask, entered, operator};
use crate::support::World;
use crate::support::mailbox::Mailbox;

#[tokio::test]
async fn every_active_owner_of_the_workspace_gets_a_mail_and_nobody_else() {
    let mailbox = Mailbox::start().await;
    let mail = MailService {
        smtp_url: format!("smtp://{}", mailbox.address()).parse().ok(),
        public_url: Some("https://app.example".to_owned()),
        ..MailService::default()
    };
    let mut world = World::with(Limits::default(), Services { mail, ..Services::default() }).await;
    // The admin becomes an owner as well; a suspended one is told nothing.
    world.plant("update memberships m set role_id = r.id from users u, roles r where u.id = m.user_id and u.email in ('admin@acme.example', 'member@acme.example') and r.workspace_id = m.workspace_id and r.built_in = 'OWNER'").await;
    world.plant("update memberships m set status = 'SUSPENDED' from users u where u.id = m.user_id and u.email = 'member@acme.example'").await;
    world.plant("update workspaces set name = 'Acme & Sons' where slug = 'acme'").await;
    world.stack.start_worker();
    let (_, key) = operator(&world, "Ann <of> support").await;
    let entry = entered(&world, &key, "acme").await;
    let begun = std::time::Instant::now();
    while world.count("select count(*) from outgoing_mails where status = 'SENT'").await < 2 {
        assert!(begun.elapsed() < Duration::from_secs(30), "still not sent");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let received = mailbox.received();
    let mut to: Vec<_> = received.iter().flat_map(|mail| mail.to.clone()).collect();
    to.sort();
    assert_eq!(to, ["RCPT TO:<admin@acme.example>", "RCPT TO:<owner@acme.example>"]);
    for mail in &received {
        assert_eq!(mail.header("Subject"), "An operator entered your workspace");
        let text = mail.unfolded();
        for fact in [
            "Workspace: Acme & Sons",
            "Operator: Ann <of> support",
            &format!("Reason: {REASON}"),
            &format!("Entry: {entry}"),
            "Operator: Ann &lt;of&gt; support",
        ] {
            assert!(text.contains(fact), "{fact} in {text}");
        }
    }
    assert_eq!(world.count("select count(*) from outgoing_mails").await, 2);
}

#[tokio::test]
async fn an_entry_that_is_refused_mails_nobody() {
    let world = World::without_worker().await;
    let (_, key) = operator(&world, "Ann").await;
    entered(&world, &key, "acme").await;
    let again = json!({ "input": { "workspace": "acme", "reason": REASON, "minutes": 30 } });
    assert_eq!(ask(&world, &key, None, START, again).await.code(), "CONFLICT");
    assert_eq!(world.count("select count(*) from outgoing_mails").await, 1);
    assert_eq!(world.count("select count(*) from outgoing_mails where kind = 'OPERATOR_ENTERED' and detail ->> 'workspace' = 'acme'").await, 1);
}
