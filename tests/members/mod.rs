//! Members: invitations, the life of a membership, roles, and the rules that hold whatever happens at the same time.

mod invitations;
mod memberships;
mod roles;
mod rules;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::support::world::text;
use crate::support::{Reply, Who, World};

const INVITE: &str = "mutation($input: InvitationCreateInput!) { invitationCreate(input: $input) {
  invitation { id email status sends version role { name } invitedBy { email } } } }";
const ACCEPT: &str = "mutation($token: String!) { invitationAccept(input: { token: $token }) {
  membership { id status role { name } user { email } } workspace { slug } } }";

/// The id of a role of `acme` by its name.
async fn role(world: &World, name: &str) -> String {
    let query = "query($name: String!) { roles(filter: { name: { eq: $name } }) { nodes { id } } }";
    let data = world.ask(Who::Owner, query, json!({ "name": name })).await.data();
    text(&data["roles"]["nodes"][0]["id"])
}

/// A role of the workspace's own with these permissions; its id.
async fn own_role(world: &World, name: &str, permissions: &[&str]) -> String {
    let query = "mutation($input: RoleCreateInput!) { roleCreate(input: $input) { role { id } } }";
    let input = json!({ "name": name, "permissions": permissions });
    text(&world.ask(Who::Owner, query, json!({ "input": input })).await.data()["roleCreate"]["role"]["id"])
}

/// The membership of `acme` of whoever has an address: id, version, status and the role's name.
async fn membership(world: &World, email: &str) -> Value {
    let query = "{ memberships(first: 100) { nodes { id version status role { id name } user { email } } } }";
    let data = world.ask(Who::Owner, query, json!({})).await.data();
    let nodes = data["memberships"]["nodes"].as_array().expect("a list").clone();
    nodes.into_iter().find(|node| node["user"]["email"] == email).unwrap_or_else(|| panic!("no {email}"))
}

/// A mutation that takes a membership by id and version, in its version of now.
async fn change(world: &World, who: Who, field: &str, email: &str) -> Reply {
    let member = membership(world, email).await;
    let query = format!(
        "mutation($id: ID!, $version: Int!) {{ {field}(input: {{ id: $id, version: $version }}) {{ membership {{ status version }} }} }}"
    );
    world.ask(who, &query, json!({ "id": member["id"], "version": member["version"] })).await
}

/// Gives a member a role.
async fn give(world: &World, who: Who, email: &str, role: &str) -> Reply {
    let member = membership(world, email).await;
    let query = "mutation($input: MembershipRoleUpdateInput!) { membershipRoleUpdate(input: $input) { membership { role { name } } } }";
    let input = json!({ "id": member["id"], "version": member["version"], "roleId": role });
    world.ask(who, query, json!({ "input": input })).await
}

async fn invite(world: &World, who: Who, email: &str, role: &str) -> Reply {
    world.ask(who, INVITE, json!({ "input": { "email": email, "roleId": role } })).await
}

/// Takes the next mail that is due, which is an invitation's, and writes its link, as the worker does: the token.
async fn link(world: &World) -> String {
    let outbox = world.stack.app().lane().outbox();
    let mail = outbox.claim(1, 60_000).await.expect("a claim").pop().expect("a mail");
    written(world, &mail).await
}

/// The same for the mail to an address, whatever else is due.
pub async fn link_to(world: &World, email: &str) -> String {
    let outbox = world.stack.app().lane().outbox();
    loop {
        let mail = outbox.claim(1, 60_000).await.expect("a claim").pop().expect("a mail to the address");
        if mail.address == email {
            return written(world, &mail).await;
        }
    }
}

async fn written(world: &World, mail: &footnote::tenancy::ClaimedMail) -> String {
    use base64::Engine as _;
    let outbox = world.stack.app().lane().outbox();
    assert_eq!((mail.kind.as_str(), mail.user_id), ("INVITATION", None));
    let bytes: [u8; 32] = Sha256::digest(mail.id.0).into();
    assert!(outbox.mint_invitation(mail, &Sha256::digest(bytes).into()).await.expect("minted"));
    assert!(outbox.sent(mail).await.expect("finished"));
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes)
}

async fn accept(world: &World, authorization: &str, token: &str) -> Reply {
    world.ask_with(&[("authorization", authorization)], ACCEPT, json!({ "token": token })).await
}

/// The code of the only issue of the only error.
#[track_caller]
fn issue(reply: &Reply) -> &str {
    let issues = &reply.body["errors"][0]["extensions"]["issues"];
    issues[0]["code"].as_str().unwrap_or_else(|| panic!("no issue in {:#}", reply.body))
}
