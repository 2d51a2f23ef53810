//! The life of a membership.

use serde_json::{Value, json};

use super::{change, give, membership, own_role, role};
use crate::support::{Who, World};

const LEAVE: &str = "mutation($id: ID!) { workspaceLeave(input: { workspaceId: $id }) { workspaceId } }";
const TRANSFER: &str = "mutation($id: ID!, $version: Int!) { ownershipTransfer(input: { membershipId: $id, version: $version }) {
  membership { role { name } } ownMembership { role { name } } } }";

async fn acme(world: &World) -> Value {
    world.ask(Who::Owner, "{ workspace { id } }", json!({})).await.data()["workspace"]["id"].clone()
}

#[tokio::test]
async fn a_suspended_member_is_out_at_the_next_request_and_comes_back() {
    let world = World::without_worker().await;
    let query = "{ workspace { id } }";
    let data = change(&world, Who::Admin, "membershipSuspend", "member@acme.example").await.data();
    assert_eq!(data["membershipSuspend"]["membership"], json!({ "status": "SUSPENDED", "version": 2 }));
    assert_eq!(world.ask(Who::Member, query, json!({})).await.code(), "NOT_FOUND");
    let again = change(&world, Who::Admin, "membershipSuspend", "member@acme.example").await.data();
    assert_eq!(again["membershipSuspend"]["membership"]["version"], 2, "where nothing changes");
    change(&world, Who::Admin, "membershipReactivate", "member@acme.example").await.data();
    world.ask(Who::Member, query, json!({})).await.data();
    change(&world, Who::Admin, "membershipRemove", "member@acme.example").await.data();
    assert_eq!(world.ask(Who::Member, query, json!({})).await.code(), "NOT_FOUND");
    let count = "select count(*) from audit_entries where action in ('membership.suspend', 'membership.reactivate', 'membership.remove')
                 and actor_role = 'ADMIN'";
    assert_eq!(world.count(count).await, 3);
}

#[tokio::test]
async fn a_removed_member_is_seen_as_removed_and_is_not_changed_any_more() {
    let world = World::without_worker().await;
    let member = membership(&world, "viewer@acme.example").await;
    change(&world, Who::Owner, "membershipRemove", "viewer@acme.example").await.data();
    let named = json!({ "id": member["id"], "version": 2 });
    for field in ["membershipSuspend", "membershipReactivate"] {
        let query = format!(
            "mutation($id: ID!, $version: Int!) {{ {field}(input: {{ id: $id, version: $version }}) {{ membership {{ id }} }} }}"
        );
        assert_eq!(world.ask(Who::Owner, &query, named.clone()).await.code(), "CONFLICT", "{field}");
    }
    let query = "query($id: ID!) { node(id: $id) { ... on Membership { status user { email } } } }";
    let seen = world.ask(Who::Owner, query, json!({ "id": member["id"] })).await.data();
    assert_eq!(seen["node"], json!({ "status": "REMOVED", "user": null }));
}

#[tokio::test]
async fn nobody_changes_the_membership_of_somebody_who_may_do_more() {
    let world = World::without_worker().await;
    for field in ["membershipSuspend", "membershipRemove"] {
        assert_eq!(
            change(&world, Who::Admin, field, "owner@acme.example").await.code(),
            "FORBIDDEN",
            "{field}"
        );
        assert_eq!(
            change(&world, Who::Member, field, "viewer@acme.example").await.code(),
            "FORBIDDEN",
            "{field}"
        );
    }
    let (viewer, owner) = (role(&world, "VIEWER").await, role(&world, "OWNER").await);
    assert_eq!(give(&world, Who::Admin, "owner@acme.example", &viewer).await.code(), "FORBIDDEN");
    let up = give(&world, Who::Admin, "admin@acme.example", &owner).await;
    assert_eq!(
        (up.code(), &up.body["errors"][0]["extensions"]["details"]["permission"]),
        ("FORBIDDEN", &json!("workspace:own"))
    );
    let people = own_role(&world, "People", &["member:read", "member:write"]).await;
    give(&world, Who::Owner, "member@acme.example", &people).await.data();
    assert_eq!(
        give(&world, Who::Member, "viewer@acme.example", &people).await.code(),
        "FORBIDDEN",
        "a VIEWER reads documents"
    );
    assert_eq!(give(&world, Who::Member, "member@acme.example", &viewer).await.code(), "FORBIDDEN");
}

#[tokio::test]
async fn everybody_may_leave_but_the_last_owner() {
    let world = World::without_worker().await;
    let id = acme(&world).await;
    assert_eq!(world.ask(Who::Owner, LEAVE, json!({ "id": id })).await.code(), "CONFLICT");
    let other = entity::id::WorkspaceId::new().to_string();
    assert_eq!(world.ask(Who::Viewer, LEAVE, json!({ "id": other })).await.code(), "NOT_FOUND");
    let nothing = own_role(&world, "Nothing", &[]).await;
    give(&world, Who::Owner, "viewer@acme.example", &nothing).await.data();
    world.ask(Who::Viewer, LEAVE, json!({ "id": id })).await.data();
    assert_eq!(world.ask(Who::Viewer, "{ workspace { id } }", json!({})).await.code(), "NOT_FOUND");
    let owner = role(&world, "OWNER").await;
    give(&world, Who::Owner, "member@acme.example", &owner).await.data();
    world.ask(Who::Owner, LEAVE, json!({ "id": id })).await.data();
    assert_eq!(world.ask(Who::Member, LEAVE, json!({ "id": id })).await.code(), "CONFLICT");
    assert_eq!(world.count("select count(*) from audit_entries where action = 'membership.leave'").await, 2);
}

#[tokio::test]
async fn ownership_goes_from_an_owner_to_an_active_member_alone() {
    let world = World::without_worker().await;
    let named = |member: &Value| json!({ "id": member["id"], "version": member["version"] });
    let member = membership(&world, "member@acme.example").await;
    assert_eq!(world.ask(Who::Admin, TRANSFER, named(&member)).await.code(), "FORBIDDEN");
    let own = membership(&world, "owner@acme.example").await;
    assert_eq!(world.ask(Who::Owner, TRANSFER, named(&own)).await.code(), "CONFLICT");
    change(&world, Who::Owner, "membershipSuspend", "viewer@acme.example").await.data();
    let suspended = membership(&world, "viewer@acme.example").await;
    assert_eq!(world.ask(Who::Owner, TRANSFER, named(&suspended)).await.code(), "CONFLICT");
    let data = world.ask(Who::Owner, TRANSFER, named(&member)).await.data()["ownershipTransfer"].clone();
    assert_eq!(
        data,
        json!({ "membership": { "role": { "name": "OWNER" } }, "ownMembership": { "role": { "name": "ADMIN" } } })
    );
    assert_eq!(
        change(&world, Who::Owner, "membershipRemove", "member@acme.example").await.code(),
        "FORBIDDEN"
    );
    assert_eq!(
        world.count("select count(*) from audit_entries where action = 'ownership.transfer'").await,
        2
    );
}
