//! Members, invitations and roles.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use entity::id::{EventId, InvitationId, MembershipId, RoleId};
use footnote::operations::people::People;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use sqlx::Row;

use super::{Operation, Place, new_name};
use crate::support::Who;

/// Whoever has left comes back.
const COME_BACK: &str = "update memberships set status = 'ACTIVE' where status = 'REMOVED'";
/// The owners of every world are owners again.
const OWN_AGAIN: &str = "update memberships m set role_id = r.id from users u, roles r
    where u.id = m.user_id and u.email in ('owner@acme.example', 'owner@globex.example')
    and r.workspace_id = m.workspace_id and r.built_in = 'OWNER'";

/// The call of a root field.
pub(super) async fn operation(place: Place<'_>, field: &str) -> Option<Operation> {
    Some(match field {
        "memberships" | "roles" | "invitations" => Operation::needs("member:read", json!({ "first": 3 })),
        "permissions" => Operation::member(json!({})),
        "invitationCreate" => {
            let input = json!({ "email": email(), "roleId": viewers(place).await });
            Operation::needs("member:write", json!({ "input": input }))
        }
        "invitationResend" | "invitationRevoke" => {
            Operation::needs("member:write", json!({ "input": { "id": invitation(place).await } }))
        }
        "invitationAccept" => Operation::person(json!({ "input": { "token": link(place).await } })),
        "membershipSuspend" | "membershipRemove" => {
            let input = json!({ "id": member(place, "VIEWER").await.to_string(), "version": 1 });
            Operation::needs("member:write", json!({ "input": input }))
        }
        "membershipReactivate" => {
            let id = member(place, "VIEWER").await;
            place.plant("update memberships set status = 'SUSPENDED' where id = $1 and $2 <> ''", id.0).await;
            Operation::needs("member:write", json!({ "input": { "id": id.to_string(), "version": 1 } }))
        }
        "membershipRoleUpdate" => {
            let id = member(place, "MEMBER").await.to_string();
            let input = json!({ "id": id, "version": 1, "roleId": viewers(place).await });
            Operation::needs("member:write", json!({ "input": input }))
        }
        "ownershipTransfer" => {
            let input = json!({ "membershipId": member(place, "MEMBER").await.to_string(), "version": 1 });
            Operation::needs("workspace:own", json!({ "input": input })).undone_by(OWN_AGAIN)
        }
        "workspaceLeave" => {
            // Somebody has to own it afterwards.
            member(place, "OWNER").await;
            let input = json!({ "workspaceId": place.some("Workspace").await });
            Operation::member(json!({ "input": input })).undone_by(COME_BACK)
        }
        "roleCreate" => {
            let input = json!({ "name": new_name(), "permissions": ["job:read"] });
            Operation::needs("role:write", json!({ "input": input }))
        }
        "roleUpdate" => {
            let input = json!({ "id": role(place).await, "version": 1, "name": new_name() });
            Operation::needs("role:write", json!({ "input": input }))
        }
        "roleDelete" => Operation::needs("role:write", json!({ "input": { "id": role(place).await } })),
        _ => return None,
    })
}

/// An address that nobody has.
fn email() -> String {
    format!("{}@example.com", EventId::new().0.simple())
}

/// The id of the role VIEWER.
async fn viewers(place: Place<'_>) -> Value {
    let query = "{ roles(filter: { name: { eq: \"VIEWER\" } }) { nodes { id } } }";
    place.world.ask(place.who, query, json!({})).await.data()["roles"]["nodes"][0]["id"].clone()
}

/// The membership of somebody new.
async fn member(place: Place<'_>, role: &str) -> MembershipId {
    let mut doors = People::connect(place.world.database.owner()).await.expect("the owner");
    let user = doors.create_user(&email(), "Somebody").await.expect("a user");
    doors.create_workspace(place.slug(), place.slug(), user, role).await.expect("a member");
    let mut superuser = place.world.superuser().await;
    let row = sqlx::query("select id from memberships where user_id = $1").bind(user.0);
    MembershipId(row.fetch_one(&mut superuser).await.expect("a membership").get(0))
}

/// A role of the workspace's own that nobody has.
async fn role(place: Place<'_>) -> String {
    let id = RoleId::new();
    let insert = "insert into roles (workspace_id, id, name, permissions)
                  select w.id, $1, 'Role ' || $1::text, '{job:read}' from workspaces w where w.slug = $2";
    place.plant(insert, id.0).await;
    id.to_string()
}

/// A pending invitation whose mail went out long ago.
async fn invitation(place: Place<'_>) -> String {
    let id = InvitationId::new();
    let insert = "insert into invitations (workspace_id, id, email, role_id, invited_by, expires_at)
                  select w.id, $1, $1::text || '@example.com', r.id, m.user_id, now() + interval '1 hour' from workspaces w
                  join roles r on r.workspace_id = w.id and r.built_in = 'VIEWER'
                  join roles o on o.workspace_id = w.id and o.built_in = 'OWNER'
                  join memberships m on m.workspace_id = w.id and m.role_id = o.id where w.slug = $2 limit 1";
    place.plant(insert, id.0).await;
    id.to_string()
}

/// The token of an invitation of the workspace's owner into a third workspace.
async fn link(place: Place<'_>) -> String {
    let slug = new_name().to_lowercase().replace(' ', "-of-a-third-");
    let mut doors = People::connect(place.world.database.owner()).await.expect("the owner");
    let founder = doors.create_user(&email(), "Founder").await.expect("a user");
    doors.create_workspace(&slug, &slug, founder, "OWNER").await.expect("a workspace");
    let id = InvitationId::new();
    let (_, invited, _, _) = Who::PEOPLE.into_iter().find(|person| person.0 == place.who).expect("somebody");
    let bytes: [u8; 32] = Sha256::digest(id.0).into();
    let mut superuser = place.past_triggers().await;
    sqlx::query(
        "insert into invitations (workspace_id, id, email, role_id, invited_by, expires_at)
         select w.id, $1, $2, r.id, $3, now() + interval '1 hour' from workspaces w
         join roles r on r.workspace_id = w.id and r.built_in = 'VIEWER' where w.slug = $4",
    )
    .bind(id.0)
    .bind(invited)
    .bind(founder.0)
    .bind(&slug)
    .execute(&mut superuser)
    .await
    .expect("an invitation");
    sqlx::query(
        "insert into invitation_tokens (workspace_id, id, invitation_id, hash)
         select workspace_id, gen_random_uuid(), id, $2 from invitations where id = $1",
    )
    .bind(id.0)
    .bind(Sha256::digest(bytes).to_vec())
    .execute(&mut superuser)
    .await
    .expect("its token");
    URL_SAFE_NO_PAD.encode(bytes)
}
