//! Roles of a workspace's own.

use serde_json::{Value, json};

use super::{change, give, invite, issue, own_role, role};
use crate::support::world::text;
use crate::support::{Reply, Who, World};

const UPDATE: &str =
    "mutation($input: RoleUpdateInput!) { roleUpdate(input: $input) { role { name permissions version } } }";
const DELETE: &str = "mutation($id: ID!) { roleDelete(input: { id: $id }) { deletedId } }";

async fn create(world: &World, who: Who, name: &str, permissions: &[&str]) -> Reply {
    let query = "mutation($input: RoleCreateInput!) { roleCreate(input: $input) { role { id name builtIn permissions version } } }";
    world.ask(who, query, json!({ "input": { "name": name, "permissions": permissions } })).await
}

#[tokio::test]
async fn a_member_may_do_what_their_role_says_from_the_next_request_on() {
    let world = World::without_worker().await;
    let id = own_role(&world, "Readers", &["document:read"]).await;
    give(&world, Who::Owner, "member@acme.example", &id).await.data();
    let viewer = world
        .ask(Who::Member, "{ viewer { role permissions } collections { totalCount } }", json!({}))
        .await
        .data();
    assert_eq!(viewer["viewer"], json!({ "role": "Readers", "permissions": ["document:read"] }));
    let make = "mutation { collectionCreate(input: { name: \"x\" }) { collection { id } } }";
    assert_eq!(world.ask(Who::Member, make, json!({})).await.code(), "FORBIDDEN");
    let input = json!({ "id": id, "version": 1, "name": "Writers", "permissions": ["collection:write", "document:read", "collection:write"] });
    let data = world.ask(Who::Owner, UPDATE, json!({ "input": input })).await.data();
    assert_eq!(
        data["roleUpdate"]["role"],
        json!({ "name": "Writers", "permissions": ["document:read", "collection:write"], "version": 2 })
    );
    world.ask(Who::Member, make, json!({})).await.data();
    assert_eq!(
        world.ask(Who::Owner, UPDATE, json!({ "input": { "id": id, "version": 1 } })).await.code(),
        "CONFLICT"
    );
}

#[tokio::test]
async fn a_role_gives_no_more_than_its_maker_has() {
    let world = World::without_worker().await;
    let reply = create(&world, Who::Admin, "Kings", &["workspace:own"]).await;
    assert_eq!(
        (reply.code(), &reply.body["errors"][0]["extensions"]["details"]["permission"]),
        ("FORBIDDEN", &json!("workspace:own"))
    );
    assert_eq!(create(&world, Who::Member, "x", &[]).await.code(), "FORBIDDEN");
    let kings = own_role(&world, "Kings", &["workspace:own", "role:write"]).await;
    for permissions in [json!(["role:write"]), json!(["workspace:own", "role:write", "agent:read"])] {
        let input = json!({ "id": kings, "version": 1, "permissions": permissions });
        let reply = world.ask(Who::Admin, UPDATE, json!({ "input": input })).await;
        assert_eq!(reply.code(), "FORBIDDEN", "nor is it taken by whoever does not have it");
    }
    assert_eq!(world.ask(Who::Admin, DELETE, json!({ "id": kings })).await.code(), "FORBIDDEN");
    let reply = create(&world, Who::Owner, "x", &["document:read", "document:burn", "'; drop"]).await;
    let issues = reply.body["errors"][0]["extensions"]["issues"].as_array().expect("issues").len();
    assert_eq!((issue(&reply), issues), ("UNKNOWN", 2));
    let many = vec!["document:read"; 10_000];
    assert_eq!(issue(&create(&world, Who::Owner, "x", &many).await), "LENGTH");
}

#[tokio::test]
async fn built_in_roles_stay_as_they_are_and_names_are_unique_whatever_their_case() {
    let world = World::without_worker().await;
    let viewer = role(&world, "VIEWER").await;
    assert_eq!(
        world
            .ask(Who::Owner, UPDATE, json!({ "input": { "id": viewer, "version": 1, "name": "x" } }))
            .await
            .code(),
        "CONFLICT"
    );
    assert_eq!(world.ask(Who::Owner, DELETE, json!({ "id": viewer })).await.code(), "CONFLICT");
    for name in ["viewer", "Owner"] {
        assert_eq!(create(&world, Who::Owner, name, &[]).await.code(), "CONFLICT", "{name}");
    }
    create(&world, Who::Owner, "Editors", &[]).await.data();
    assert_eq!(create(&world, Who::Owner, "EDITORS", &[]).await.code(), "CONFLICT");
    create(&world, Who::Stranger, "Editors", &[]).await.data();
    assert_eq!(issue(&create(&world, Who::Owner, &"x".repeat(61), &[]).await), "LENGTH");
}

#[tokio::test]
async fn a_role_in_use_is_not_deleted_and_one_of_former_members_is() {
    let world = World::without_worker().await;
    let id = own_role(&world, "Guests", &["document:read"]).await;
    give(&world, Who::Owner, "viewer@acme.example", &id).await.data();
    assert_eq!(world.ask(Who::Owner, DELETE, json!({ "id": id })).await.code(), "CONFLICT");
    change(&world, Who::Owner, "membershipRemove", "viewer@acme.example").await.data();
    let invitation = invite(&world, Who::Owner, "ann@example.com", &id).await.data();
    assert_eq!(
        world.ask(Who::Owner, DELETE, json!({ "id": id })).await.code(),
        "CONFLICT",
        "a pending invitation has it"
    );
    let revoke = "mutation($id: ID!) { invitationRevoke(input: { id: $id }) { invitation { status } } }";
    world
        .ask(Who::Owner, revoke, json!({ "id": invitation["invitationCreate"]["invitation"]["id"] }))
        .await
        .data();
    let data = world.ask(Who::Owner, DELETE, json!({ "id": id })).await.data();
    assert_eq!(text(&data["roleDelete"]["deletedId"]), id);
    let list = world.ask(Who::Owner, "{ invitations { nodes { role { id } } } }", json!({})).await.data();
    assert_eq!(list["invitations"]["nodes"][0]["role"], Value::Null);
    assert_eq!(world.ask(Who::Owner, DELETE, json!({ "id": id })).await.code(), "NOT_FOUND");
}

#[tokio::test]
async fn the_catalogue_of_permissions_is_the_one_of_the_program() {
    let world = World::without_worker().await;
    let data =
        world.ask(Who::Viewer, "{ permissions { name description operator } }", json!({})).await.data();
    let mut known: Vec<&str> =
        footnote::tenancy::Permission::ALL.into_iter().map(footnote::tenancy::Permission::name).collect();
    known.sort_unstable();
    let listed: Vec<_> =
        data["permissions"].as_array().expect("a list").iter().map(|one| text(&one["name"])).collect();
    assert_eq!(listed, known);
    assert!(
        data["permissions"]
            .as_array()
            .expect("a list")
            .iter()
            .all(|one| !text(&one["description"]).is_empty())
    );
}
