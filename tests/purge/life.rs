//! Another name, another slug, a deletion that is asked for and called off.

use chrono::{DateTime, TimeDelta, Utc};
use entity::id::WorkspaceId;
use serde_json::{Value, json};

use super::{RESTORE, UPDATE, ask_in, delete, purge, restore, workspace, world};
use crate::support::world::text;
use crate::support::{Reply, Who, World};

async fn update(world: &World, who: Who, input: Value) -> Reply {
    world.ask(who, UPDATE, json!({ "input": input })).await
}

fn field(reply: &Reply) -> &Value {
    &reply.body["errors"][0]["extensions"]["field"]
}

#[tokio::test]
async fn a_workspace_gets_another_name_and_slug_and_the_header_takes_the_new_one_at_once() {
    let world = world(30, 0).await;
    let same = update(&world, Who::Admin, json!({ "version": 1, "name": "acme" })).await.data();
    assert_eq!(same["workspaceUpdate"]["workspace"]["version"], 1, "nothing differs");
    let input = json!({ "version": 1, "name": " Acme & Sons ", "slug": "acme-and-sons" });
    let data = update(&world, Who::Admin, input).await.data();
    let changed = &data["workspaceUpdate"]["workspace"];
    assert_eq!(
        (&changed["name"], &changed["slug"], &changed["version"]),
        (&json!("Acme & Sons"), &json!("acme-and-sons"), &json!(2))
    );
    let look = "{ workspace { slug } }";
    assert_eq!(ask_in(&world, Who::Viewer, "acme", look, json!({})).await.code(), "NOT_FOUND");
    let found = ask_in(&world, Who::Viewer, "acme-and-sons", look, json!({})).await.data();
    assert_eq!(found["workspace"]["slug"], "acme-and-sons");
    for sql in [
        "select count(*) from events where type = 'workspace.updated' and data = '{\"name\": \"Acme & Sons\", \"slug\": \"acme-and-sons\"}'",
        "select count(*) from audit_entries where action = 'workspace.update' and before ->> 'slug' = 'acme' and after ->> 'slug' = 'acme-and-sons' and actor_role = 'ADMIN'",
    ] {
        assert_eq!(world.count(sql).await, 1, "{sql}");
    }
}

#[tokio::test]
async fn a_slug_that_is_taken_an_old_version_and_another_workspace_are_told_apart_and_change_nothing() {
    let world = world(30, 0).await;
    let taken = update(&world, Who::Owner, json!({ "version": 1, "slug": "globex" })).await;
    assert_eq!((taken.code(), field(&taken)), ("CONFLICT", &json!("input.slug")));
    let old = update(&world, Who::Owner, json!({ "version": 7, "name": "x" })).await;
    assert_eq!(
        (old.code(), &old.body["errors"][0]["extensions"]["details"]["version"]),
        ("CONFLICT", &json!(1))
    );
    let mut superuser = world.superuser().await;
    let globex = WorkspaceId(workspace(&mut superuser, "globex").await).to_string();
    let random = WorkspaceId::new().to_string();
    let another = update(&world, Who::Owner, json!({ "id": globex, "version": 1, "name": "x" })).await;
    let none = update(&world, Who::Owner, json!({ "id": random, "version": 1, "name": "x" })).await;
    assert_eq!(another.code(), "NOT_FOUND");
    assert_eq!(another.without_request_ids(), none.without_request_ids());
    for who in [Who::Member, Who::Viewer] {
        let refused = update(&world, who, json!({ "version": 1, "name": "x" })).await;
        assert_eq!(refused.code(), "FORBIDDEN");
        assert_eq!(refused.body["errors"][0]["extensions"]["details"]["permission"], "workspace:write");
    }
    assert_eq!(
        world
            .count("select count(*) from workspaces where version <> 1 or name not in ('acme', 'globex')")
            .await,
        0
    );
}

#[tokio::test]
async fn of_two_changes_at_once_one_is_told_to_read_again() {
    let world = world(30, 0).await;
    let one = update(&world, Who::Owner, json!({ "version": 1, "name": "One" }));
    let two = update(&world, Who::Admin, json!({ "version": 1, "slug": "two" }));
    let (one, two) = tokio::join!(one, two);
    let failed = [&one, &two].into_iter().filter(|reply| reply.body.get("errors").is_some());
    let codes: Vec<_> = failed.map(Reply::code).collect();
    // Where the slug came first, the other one's header names nobody any more.
    assert!(codes == ["CONFLICT"] || codes == ["NOT_FOUND"], "{codes:?}");
    assert_eq!(world.count("select count(*) from workspaces where version = 2").await, 1);
}

#[tokio::test]
async fn a_deletion_needs_ownership_and_the_slug_typed_again_and_is_announced_with_its_time() {
    let world = world(30, 0).await;
    for who in [Who::Admin, Who::Member, Who::Viewer] {
        let refused = delete(&world, who, "acme").await;
        assert_eq!(refused.code(), "FORBIDDEN");
        assert_eq!(refused.body["errors"][0]["extensions"]["details"]["permission"], "workspace:own");
    }
    assert_eq!(restore(&world).await.code(), "CONFLICT", "it does not wait");
    for (slug, code) in [("globex", "MISMATCH"), ("ACME", "INVALID"), ("", "INVALID")] {
        let refused = delete(&world, Who::Owner, slug).await;
        assert_eq!(refused.code(), "BAD_USER_INPUT");
        assert_eq!(refused.body["errors"][0]["extensions"]["issues"][0]["code"], code);
        assert_eq!(field(&refused), "input.slug");
    }
    let stale = "mutation { workspaceDelete(input: { slug: \"acme\", version: 7 }) { workspace { id } } }";
    let stale = world.ask(Who::Owner, stale, json!({})).await;
    let told = &stale.body["errors"][0]["extensions"]["details"]["version"];
    assert_eq!((stale.code(), told), ("CONFLICT", &json!(1)));
    assert_eq!(world.count("select count(*) from workspace_purges").await, 0);
    assert_eq!(world.count("select count(*) from workspaces where purge_at is not null").await, 0);
    let data = delete(&world, Who::Owner, "acme").await.data();
    let told = text(&data["workspaceDelete"]["workspace"]["purgeAt"]);
    let purge_at: DateTime<Utc> = told.parse().expect("a time");
    let left = purge_at - footnote::clock::now();
    assert!(left > TimeDelta::days(29) && left <= TimeDelta::days(30), "{left}");
    assert_eq!(delete(&world, Who::Owner, "acme").await.code(), "CONFLICT", "asked for already");
    // Every member sees it, and until when.
    let look = "{ workspace { purgeAt } viewer { workspaces { slug purgeAt } permissions } }";
    let seen = world.ask(Who::Viewer, look, json!({})).await.data();
    assert_eq!(seen["workspace"]["purgeAt"], told);
    assert_eq!(seen["viewer"]["workspaces"], json!([{ "slug": "acme", "purgeAt": told }]));
    assert_eq!(seen["viewer"]["permissions"], json!(["member:read", "workspace:read"]));
    for sql in [
        "select count(*) from events e join workspaces w on w.id = e.workspace_id
         where e.type = 'workspace.deletion_requested' and (e.data ->> 'purge_at')::timestamptz = w.purge_at",
        "select count(*) from audit_entries where action = 'workspace.delete' and actor_role = 'OWNER' and after ->> 'purge_at' is not null",
        "select count(*) from workspace_purges p join workspaces w on w.id = p.tenant_id where w.slug = 'acme' and p.due_at = w.purge_at and p.status = 'QUEUED'",
    ] {
        assert_eq!(world.count(sql).await, 1, "{sql}");
    }
}

#[tokio::test]
async fn until_its_time_a_deletion_can_be_called_off_and_asked_for_again() {
    let world = world(30, 0).await;
    let mut superuser = world.superuser().await;
    let acme = workspace(&mut superuser, "acme").await;
    for round in 0..2 {
        delete(&world, Who::Owner, "acme").await.data();
        assert_eq!(world.ask(Who::Admin, RESTORE, json!({})).await.code(), "FORBIDDEN");
        let data = restore(&world).await.data();
        assert_eq!(data["workspaceRestore"]["workspace"]["purgeAt"], Value::Null);
        assert_eq!(data["workspaceRestore"]["workspace"]["version"], 3 + 2 * round);
        assert_eq!(purge(&mut superuser, acme).await, Value::Null);
        world.collection(Who::Member, &format!("Round {round}")).await;
        assert_eq!(restore(&world).await.code(), "CONFLICT");
    }
    for sql in [
        "select count(*) from events where type = 'workspace.restored'",
        "select count(*) from audit_entries where action = 'workspace.restore' and before ->> 'purge_at' is not null",
    ] {
        assert_eq!(world.count(sql).await, 2, "{sql}");
    }
}

#[tokio::test]
async fn two_deletions_at_once_are_one() {
    let world = world(30, 0).await;
    let (one, two) = tokio::join!(delete(&world, Who::Owner, "acme"), delete(&world, Who::Owner, "acme"));
    let failed = [&one, &two].into_iter().filter(|reply| reply.body.get("errors").is_some());
    // The later one finds that it waits already, or that it may do nothing but own and read.
    assert_eq!(failed.map(Reply::code).collect::<Vec<_>>(), ["CONFLICT"]);
    assert_eq!(world.count("select count(*) from workspace_purges").await, 1);
    assert_eq!(world.count("select count(*) from audit_entries where action = 'workspace.delete'").await, 1);
}
