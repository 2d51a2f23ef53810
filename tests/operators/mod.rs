//! Operators: what they see of the installation, how they enter a workspace, and who is told; through GraphQL.

mod command;
mod entries;
mod inside;
mod keys;
mod mails;
mod root;

use footnote::operations::people::People;
use footnote::operators::NewOperatorKey;
use serde_json::{Value, json};
use sqlx::Row;

use crate::support::world::text;
use crate::support::{Reply, World};

const START: &str = "mutation($input: OperatorEntryStartInput!) { operatorEntryStart(input: $input) {
  operatorEntry { id operatorId operatorName workspaceKey reason startedAt expiresAt endedAt endedBy active } } }";
const LEAVE: &str =
    "mutation($id: ID!) { operatorEntryLeave(input: { id: $id }) { operatorEntry { id active endedBy } } }";
const END: &str =
    "mutation($id: ID!) { operatorEntryEnd(input: { id: $id }) { operatorEntry { id active endedBy } } }";
const WORKSPACE: &str = "{ workspace { slug } }";
const REASON: &str = "Ticket 4711: documents stay queued";

/// An operator with a key that holds for a day: the id, and the header `Authorization`.
async fn operator(world: &World, name: &str) -> (String, String) {
    let mut people = People::connect(world.database.owner()).await.expect("the owner");
    let key = NewOperatorKey::random();
    let until = footnote::clock::now() + chrono::TimeDelta::days(1);
    let id = people.add_operator(name, "ops@example.com", &key, until).await.expect("an operator");
    (id.to_string(), format!("Bearer {}", key.text))
}

async fn ask(
    world: &World,
    authorization: &str,
    workspace: Option<&str>,
    query: &str,
    variables: Value,
) -> Reply {
    let mut headers = vec![("authorization", authorization)];
    headers.extend(workspace.map(|workspace| ("x-workspace", workspace)));
    ask_with(world, &headers, query, variables).await
}

async fn ask_with(world: &World, headers: &[(&str, &str)], query: &str, variables: Value) -> Reply {
    let body = json!({ "query": query, "variables": variables });
    let mut request = world.http().post(format!("{}/graphql", world.address)).json(&body);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let response = request.send().await.expect("an answer");
    let status = response.status().as_u16();
    Reply { status, body: response.json().await.expect("JSON") }
}

async fn start(world: &World, authorization: &str, workspace: &str) -> Reply {
    let input = json!({ "workspace": workspace, "reason": REASON, "minutes": 30 });
    ask(world, authorization, None, START, json!({ "input": input })).await
}

/// Enters a workspace; the entry's id.
async fn entered(world: &World, authorization: &str, workspace: &str) -> String {
    let data = start(world, authorization, workspace).await.data();
    text(&data["operatorEntryStart"]["operatorEntry"]["id"])
}

/// Lets a workspace's audit log speak: action, kind of the actor, the actor's id, and what there is after.
async fn audited(world: &World, slug: &str) -> Vec<(String, String, Option<uuid::Uuid>, Value)> {
    let mut superuser = world.superuser().await;
    let rows = sqlx::query(
        "select e.action, e.actor_kind, e.actor_id, coalesce(e.after, 'null') from audit_entries e join workspaces w on w.id = e.workspace_id
         where w.slug = $1 and (e.action like 'operator.%' or e.actor_kind = 'OPERATOR') order by e.seq",
    )
    .bind(slug)
    .fetch_all(&mut superuser)
    .await
    .expect("the log");
    rows.iter().map(|row| (row.get(0), row.get(1), row.get(2), row.get(3))).collect()
}
