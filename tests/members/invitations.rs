//! Invitations: by mail, once, for one address, and worth no more than whoever sent it may still give.

use std::time::Duration;

use footnote::config::{Limits, MemberSettings, Services};
use futures_util::future::join_all;
use serde_json::{Value, json};

use super::{accept, change, give, invite, issue, link, membership, own_role, role};
use crate::support::world::text;
use crate::support::{Who, World};

const ANN: &str = "ann@example.com";

#[tokio::test]
async fn whoever_is_invited_accepts_by_the_link_of_the_mail_and_works_in_the_workspace() {
    let world = World::without_worker().await;
    let member = role(&world, "MEMBER").await;
    let data = invite(&world, Who::Admin, "Ann@Example.com ", &member).await.data();
    let invitation = data["invitationCreate"]["invitation"].clone();
    assert_eq!(
        (
            &invitation["email"],
            &invitation["status"],
            &invitation["role"]["name"],
            &invitation["invitedBy"]["email"]
        ),
        (&json!(ANN), &json!("PENDING"), &json!("MEMBER"), &json!("admin@acme.example"))
    );
    let token = link(&world).await;
    let ann = world.person(ANN).await;
    let data = accept(&world, &ann, &token).await.data()["invitationAccept"].clone();
    assert_eq!(data["workspace"]["slug"], "acme");
    assert_eq!(data["membership"]["role"]["name"], "MEMBER");
    let headers = [("authorization", ann.as_str()), ("x-workspace", "acme")];
    let make = "mutation { collectionCreate(input: { name: \"Ann's\" }) { collection { id } } }";
    world.ask_with(&headers, make, json!({})).await.data();
    let query = "query($id: ID!) { node(id: $id) { ... on Invitation { status acceptedAt } } }";
    let seen = world.ask(Who::Owner, query, json!({ "id": invitation["id"] })).await.data();
    assert_eq!(seen["node"]["status"], "ACCEPTED");
    let audit = "select count(*) from audit_entries a join workspaces w on w.id = a.workspace_id
                 where w.slug = 'acme' and action in ('invitation.create', 'invitation.accept') and actor_kind = 'USER'";
    assert_eq!(world.count(audit).await, 2);
    // Nothing of it is anybody else's business, and nobody's address stands in the log.
    let others = "select count(*) from audit_entries a join workspaces w on w.id = a.workspace_id
                  where w.slug <> 'acme' and action like 'invitation%' or a::text like '%ann@example%'";
    assert_eq!(world.count(others).await, 0);
}

#[tokio::test]
async fn a_link_is_used_once_and_by_nobody_else() {
    let world = World::without_worker().await;
    let viewer = role(&world, "VIEWER").await;
    invite(&world, Who::Owner, ANN, &viewer).await.data();
    let token = link(&world).await;
    let other = world.person("other@example.com").await;
    assert_eq!(issue(&accept(&world, &other, &token).await), "OTHER_ADDRESS");
    let ann = world.person(ANN).await;
    let all = join_all((0..8).map(|_| accept(&world, &ann, &token))).await;
    assert_eq!(all.iter().filter(|reply| reply.body.get("errors").is_none()).count(), 1, "{all:?}");
    assert!(
        all.iter().filter(|reply| reply.body.get("errors").is_some()).all(|reply| reply.code() == "CONFLICT")
    );
    assert_eq!(accept(&world, &ann, &token).await.code(), "CONFLICT");
    for nonsense in ["", "x", "'; drop table users", &"A".repeat(43), &"A".repeat(100_000)] {
        assert_eq!(
            issue(&accept(&world, &ann, nonsense).await),
            "INVALID",
            "{}",
            &nonsense[..nonsense.len().min(30)]
        );
    }
    let anonymous = world.ask_with(&[], super::ACCEPT, json!({ "token": token })).await;
    assert_eq!(anonymous.code(), "UNAUTHENTICATED");
}

#[tokio::test]
async fn a_withdrawn_and_an_expired_invitation_open_nothing_and_free_the_address() {
    let world = World::without_worker().await;
    let viewer = role(&world, "VIEWER").await;
    let ann = world.person(ANN).await;
    let first = invite(&world, Who::Owner, ANN, &viewer).await.data();
    let token = link(&world).await;
    assert_eq!(invite(&world, Who::Owner, ANN, &viewer).await.code(), "CONFLICT", "one at a time");
    let id = &first["invitationCreate"]["invitation"]["id"];
    let revoke = "mutation($id: ID!, $version: Int) { invitationRevoke(input: { id: $id, version: $version }) { invitation { status version } } }";
    assert_eq!(world.ask(Who::Owner, revoke, json!({ "id": id, "version": 7 })).await.code(), "CONFLICT");
    assert_eq!(world.ask(Who::Member, revoke, json!({ "id": id })).await.code(), "FORBIDDEN");
    let revoked = world.ask(Who::Owner, revoke, json!({ "id": id })).await.data();
    assert_eq!(revoked["invitationRevoke"]["invitation"], json!({ "status": "REVOKED", "version": 2 }));
    assert_eq!(issue(&accept(&world, &ann, &token).await), "REVOKED");
    let again = world.ask(Who::Owner, revoke, json!({ "id": id })).await.data();
    assert_eq!(again["invitationRevoke"]["invitation"]["version"], 2);
    let second = invite(&world, Who::Owner, ANN, &viewer).await.data();
    let token = link(&world).await;
    world
        .plant("update invitations set expires_at = now() - interval '1 second' where status = 'PENDING'")
        .await;
    assert_eq!(issue(&accept(&world, &ann, &token).await), "EXPIRED");
    let query = "query($id: ID!) { node(id: $id) { ... on Invitation { status } } }";
    let id = &second["invitationCreate"]["invitation"]["id"];
    assert_eq!(world.ask(Who::Owner, query, json!({ "id": id })).await.data()["node"]["status"], "EXPIRED");
    let resend = "mutation($id: ID!) { invitationResend(input: { id: $id }) { invitation { sends } } }";
    assert_eq!(world.ask(Who::Owner, resend, json!({ "id": id })).await.code(), "CONFLICT");
    invite(&world, Who::Owner, ANN, &viewer).await.data();
    accept(&world, &ann, &link(&world).await).await.data();
}

#[tokio::test]
async fn an_invitation_is_worth_what_whoever_sent_it_may_still_give() {
    let world = World::without_worker().await;
    let (viewer, admin) = (role(&world, "VIEWER").await, role(&world, "ADMIN").await);
    let owner = role(&world, "OWNER").await;
    assert_eq!(invite(&world, Who::Admin, ANN, &owner).await.code(), "FORBIDDEN", "more than an ADMIN has");
    assert_eq!(invite(&world, Who::Member, ANN, &viewer).await.code(), "FORBIDDEN");
    invite(&world, Who::Admin, ANN, &admin).await.data();
    let token = link(&world).await;
    let ann = world.person(ANN).await;
    let inviters = own_role(&world, "Inviters", &["member:read", "member:write"]).await;
    give(&world, Who::Owner, "admin@acme.example", &inviters).await.data();
    assert_eq!(
        issue(&accept(&world, &ann, &token).await),
        "REVOKED",
        "an ADMIN's permissions are not theirs any more"
    );
    give(&world, Who::Owner, "admin@acme.example", &admin).await.data();
    change(&world, Who::Owner, "membershipSuspend", "admin@acme.example").await.data();
    assert_eq!(issue(&accept(&world, &ann, &token).await), "REVOKED");
    change(&world, Who::Owner, "membershipReactivate", "admin@acme.example").await.data();
    accept(&world, &ann, &token).await.data();
}

#[tokio::test]
async fn a_member_is_not_invited_and_a_former_one_comes_back_by_invitation_alone() {
    let world = World::without_worker().await;
    let viewer = role(&world, "VIEWER").await;
    let own = invite(&world, Who::Owner, "owner@acme.example", &viewer).await;
    assert_eq!(
        (own.code(), own.body["errors"][0]["message"].as_str()),
        ("CONFLICT", Some("You are a member of this workspace already."))
    );
    assert_eq!(invite(&world, Who::Owner, "member@acme.example", &viewer).await.code(), "CONFLICT");
    // Somebody of another workspace is somebody whom nobody knows here.
    invite(&world, Who::Owner, "owner@globex.example", &viewer).await.data();
    link(&world).await;
    change(&world, Who::Owner, "membershipRemove", "member@acme.example").await.data();
    let reply = world.ask(Who::Member, "{ workspace { id } }", json!({})).await;
    assert_eq!(reply.code(), "NOT_FOUND");
    invite(&world, Who::Owner, "member@acme.example", &viewer).await.data();
    let token = link(&world).await;
    let (authorization, _) = world.headers(Who::Member).expect("a token");
    let data = accept(&world, authorization, &token).await.data();
    assert_eq!(data["invitationAccept"]["membership"]["role"]["name"], "VIEWER");
    assert_eq!(world.count("select count(*) from memberships m join users u on u.id = m.user_id where u.email = 'member@acme.example'").await, 1);
    world.ask(Who::Member, "{ workspace { id } }", json!({})).await.data();
}

#[tokio::test]
async fn invitations_have_limits_that_say_what_to_do() {
    let members = MemberSettings { invitations_per_workspace: 3, ..MemberSettings::default() };
    let world = World::with(Limits::default(), Services { members, ..Services::default() }).await;
    let viewer = role(&world, "VIEWER").await;
    let emails: Vec<_> = (0..12).map(|n| format!("guest{n}@example.com")).collect();
    let all = join_all(emails.iter().map(|email| invite(&world, Who::Owner, email, &viewer))).await;
    let made: Vec<_> = all.iter().filter(|reply| reply.body.get("errors").is_none()).collect();
    assert_eq!(made.len(), 3, "{all:?}");
    assert!(
        all.iter().filter(|reply| reply.body.get("errors").is_some()).all(|reply| [
            "CONFLICT",
            "RATE_LIMITED"
        ]
        .contains(&reply.code()))
    );
    assert_eq!(world.count("select count(*) from outgoing_mails where kind = 'INVITATION'").await, 3);
    let id = text(&made[0].body["data"]["invitationCreate"]["invitation"]["id"]);
    let revoke = "mutation($id: ID!) { invitationRevoke(input: { id: $id }) { invitation { status } } }";
    world.ask(Who::Owner, revoke, json!({ "id": id })).await.data();
    let after = invite(&world, Who::Owner, "late@example.com", &viewer).await;
    assert_eq!(after.code(), "RATE_LIMITED", "withdrawing does not send more mails a day");
    let resend = "mutation($id: ID!) { invitationResend(input: { id: $id }) { invitation { sends } } }";
    world.plant("update invitations set sent_at = now() - interval '2 days'").await;
    let other = text(&made[1].body["data"]["invitationCreate"]["invitation"]["id"]);
    let sent = world.ask(Who::Owner, resend, json!({ "id": other })).await.data();
    assert_eq!(sent["invitationResend"]["invitation"]["sends"], 2);
    let soon = world.ask(Who::Owner, resend, json!({ "id": other })).await;
    assert_eq!(soon.code(), "RATE_LIMITED");
    let wait = soon.body["errors"][0]["extensions"]["retryAfterMs"].as_i64().expect("milliseconds");
    assert!((1..=60_000).contains(&wait), "{wait}");
    for (input, code) in [
        (json!({ "email": "nobody", "roleId": viewer }), "INVALID"),
        (json!({ "email": "a@example.com", "roleId": "role_x" }), "INVALID_ID"),
        (json!({ "email": "a@example.com", "roleId": viewer, "expiresInHours": 0 }), "OUT_OF_RANGE"),
        (json!({ "email": "a@example.com", "roleId": viewer, "expiresInHours": 721 }), "OUT_OF_RANGE"),
    ] {
        let reply = world.ask(Who::Owner, super::INVITE, json!({ "input": input })).await;
        assert_eq!(issue(&reply), code);
    }
}

#[tokio::test]
async fn the_mail_of_an_invitation_carries_its_link_and_no_text_of_a_stranger() {
    let mut world = World::without_worker().await;
    world.plant("update workspaces set name = 'Win at https://evil.example/' where slug = 'acme'").await;
    let viewer = role(&world, "VIEWER").await;
    invite(&world, Who::Owner, ANN, &viewer).await.data();
    world.stack.start_worker();
    let folder = world.data.join("mail");
    let mut text = String::new();
    for _ in 0..200 {
        tokio::time::sleep(Duration::from_millis(50)).await;
        let files = std::fs::read_dir(&folder).into_iter().flatten().flatten();
        let paths: Vec<_> = files
            .map(|file| file.path())
            .filter(|path| path.extension().is_some_and(|e| e == "eml"))
            .collect();
        if let [path] = paths.as_slice() {
            text = std::fs::read_to_string(path).expect("a mail").replace("=\r\n", "").replace("=3D", "=");
            break;
        }
    }
    assert!(text.contains("#invite=") && text.contains("Win at https evil example"), "{text}");
    assert!(!text.contains("https://evil"), "{text}");
    let token = text.split("#invite=").nth(1).expect("a link").chars().take(43).collect::<String>();
    let ann = world.person(ANN).await;
    accept(&world, &ann, &token).await.data();
    assert_eq!(membership(&world, ANN).await["status"], "ACTIVE");
}

#[tokio::test]
async fn another_workspace_learns_nothing_of_invitations() {
    let world = World::without_worker().await;
    let viewer = role(&world, "VIEWER").await;
    let data = invite(&world, Who::Owner, ANN, &viewer).await.data();
    let id = &data["invitationCreate"]["invitation"]["id"];
    let list =
        world.ask(Who::Stranger, "{ invitations { nodes { id } totalCount } }", json!({})).await.data();
    assert_eq!(list["invitations"], json!({ "nodes": [], "totalCount": 0 }));
    let query = "query($id: ID!) { node(id: $id) { id } }";
    assert_eq!(world.ask(Who::Stranger, query, json!({ "id": id })).await.data()["node"], Value::Null);
    let foreign = invite(&world, Who::Stranger, ANN, &viewer).await;
    assert_eq!(foreign.code(), "NOT_FOUND", "a role of another workspace");
}
