//! Members, invitations and roles.

use entity::id::{InvitationId, UserId};
use footnote::operations::people::People;
use serde_json::{Value, json};

use super::{Operation, Place, new_name};
use crate::support::world::text;

/// The call of a root field.
pub(super) async fn operation(place: Place<'_>, field: &str) -> Option<Operation> {
    Some(match field {
        "memberships" | "roles" | "invitations" => Operation::needs("member:read", json!({ "first": 3 })),
        "permissions" => Operation::member(json!({})),
        "invitationCreate" => {
            let input = json!({ "email": new_address(), "roleId": role(place, "VIEWER").await });
            Operation::needs("member:write", json!({ "input": input }))
        }
        "invitationResend" => {
            let id = invitation(place).await;
            place
                .plant(
                    "update invitations set sent_at = now() - interval '1 hour' where id = $1 and $2 <> ''",
                    id.0,
                )
                .await;
            Operation::needs("member:write", json!({ "input": { "id": id.to_string() } }))
        }
        "invitationRevoke" => {
            let id = invitation(place).await.to_string();
            Operation::needs("member:write", json!({ "input": { "id": id } }))
        }
        "invitationAccept" => Operation::apart(
            "whoever accepts belongs to one workspace more: tests/members",
            json!({ "input": { "token": "A".repeat(43) } }),
        ),
        "membershipRoleUpdate" => {
            let mut input = member(place).await;
            input["roleId"] = json!(role(place, "VIEWER").await);
            Operation::needs("member:write", json!({ "input": input }))
        }
        "membershipSuspend" | "membershipRemove" => {
            Operation::needs("member:write", json!({ "input": member(place).await }))
        }
        "membershipReactivate" => {
            let mut input = member(place).await;
            let query = "mutation($input: MembershipSuspendInput!) { membershipSuspend(input: $input) { membership { version } } }";
            let data = place.world.ask(place.who, query, json!({ "input": input })).await.data();
            input["version"] = data["membershipSuspend"]["membership"]["version"].clone();
            Operation::needs("member:write", json!({ "input": input }))
        }
        "workspaceLeave" => Operation::apart(
            "whoever leaves is no member any more, and the last owner cannot: tests/members",
            json!({ "input": { "workspaceId": place.some("Workspace").await } }),
        ),
        "ownershipTransfer" => {
            let mut input = member(place).await;
            let id = input.as_object_mut().expect("an input").remove("id");
            input["membershipId"] = json!(id);
            Operation::apart(
                "whoever hands over is no owner any more: tests/members",
                json!({ "input": input }),
            )
        }
        "roleCreate" => Operation::needs(
            "role:write",
            json!({ "input": { "name": new_name(), "permissions": ["job:read"] } }),
        ),
        "roleUpdate" => {
            let input = json!({ "id": own_role(place).await, "version": 1, "description": "changed" });
            Operation::needs("role:write", json!({ "input": input }))
        }
        "roleDelete" => Operation::needs("role:write", json!({ "input": { "id": own_role(place).await } })),
        _ => return None,
    })
}

fn new_address() -> String {
    format!("{}@example.com", UserId::new().0.simple())
}

/// The id of a role by its name.
async fn role(place: Place<'_>, name: &str) -> String {
    let query = "query($name: String!) { roles(filter: { name: { eq: $name } }) { nodes { id } } }";
    let data = place.world.ask(place.who, query, json!({ "name": name })).await.data();
    text(&data["roles"]["nodes"][0]["id"])
}

/// A role of the workspace's own that nobody has.
async fn own_role(place: Place<'_>) -> String {
    let query = "mutation($input: RoleCreateInput!) { roleCreate(input: $input) { role { id } } }";
    let input = json!({ "name": new_name(), "permissions": ["job:read"] });
    let data = place.world.ask(place.who, query, json!({ "input": input })).await.data();
    text(&data["roleCreate"]["role"]["id"])
}

/// A pending invitation.
async fn invitation(place: Place<'_>) -> InvitationId {
    let query =
        "mutation($input: InvitationCreateInput!) { invitationCreate(input: $input) { invitation { id } } }";
    let input = json!({ "email": new_address(), "roleId": role(place, "VIEWER").await });
    let data = place.world.ask(place.who, query, json!({ "input": input })).await.data();
    InvitationId::parse(&text(&data["invitationCreate"]["invitation"]["id"])).expect("an id")
}

/// Somebody new who is MEMBER of the workspace: the membership's id and version.
async fn member(place: Place<'_>) -> Value {
    let mut people = People::connect(place.world.database.owner()).await.expect("the owner");
    let user = people.create_user(&new_address(), &new_name()).await.expect("a user");
    people.create_workspace(place.slug(), place.slug(), user, "MEMBER").await.expect("a member");
    let query =
        "query($user: ID!) { memberships(filter: { userId: { eq: $user } }) { nodes { id version } } }";
    let data = place.world.ask(place.who, query, json!({ "user": user.to_string() })).await.data();
    data["memberships"]["nodes"][0].clone()
}
