//! The demo's people, workspaces, documents and agents.
//!
//! People and workspaces are made through the owner's doors, everything in a workspace through the API as its owner, so it
//! obeys the rules that clients obey. What exists is left as it is: a second run makes only what is missing, and goes on
//! where an interrupted one stopped.

use std::collections::HashSet;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Map, Value, json};
use tokio::time::Instant;

use super::Failure;
use super::manual;
use super::people::People;
use super::signed_in::SignedIn;
use crate::accounts::passwords::Password;
use crate::app::App;
use crate::config::SecretSetting;
use crate::error::Error;
use crate::{clock, graphql};

/// The question that the demo asks, and shows how to ask.
pub const QUESTION: &str = "How can an index be built without locking out writes to the table?";

/// Documents that one mutation makes: a fraction of the largest request, and one commit.
const BATCH: usize = 10;
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// When nothing was ingested for so long, the demo starts without waiting for the rest.
const STANDSTILL: Duration = Duration::from_mins(3);

/// Somebody of the demo.
#[derive(Debug)]
pub struct Person {
    /// The address.
    pub email: &'static str,
    /// The name to show.
    pub name: &'static str,
    /// The role in the workspace.
    pub role: &'static str,
    /// The workspace's slug.
    pub workspace: &'static str,
}

/// Everybody of the demo; the first one owns the first workspace.
pub const PEOPLE: [Person; 4] = [
    Person { email: "owner@acme.example", name: "Acme's owner", role: "OWNER", workspace: "acme" },
    Person { email: "member@acme.example", name: "Acme's member", role: "MEMBER", workspace: "acme" },
    Person { email: "viewer@acme.example", name: "Acme's viewer", role: "VIEWER", workspace: "acme" },
    Person { email: "owner@globex.example", name: "Globex's owner", role: "OWNER", workspace: "globex" },
];

/// A person with a session.
#[derive(Debug)]
pub struct User {
    /// Who it is.
    pub person: &'static Person,
    /// The session.
    pub session: entity::id::SessionId,
    /// The value of the header `Authorization`.
    pub authorization: String,
    /// What they sign in with; another one at each start.
    pub password: SecretSetting,
}

/// What the demo's queries name.
#[derive(Clone, Debug)]
pub struct Seeded {
    /// The first workspace's agent.
    pub agent_id: String,
    /// A run of it.
    pub agent_run_id: String,
}

/// Follows the ingestion of the documents.
pub trait Progress {
    /// So many documents are to be ingested.
    fn begin(&mut self, total: usize);
    /// So many of them are done.
    fn advance(&mut self, done: usize);
    /// There is nothing more to wait for; so many could not be ingested.
    fn end(&mut self, failed: usize);
}

/// Makes the people and the workspaces, gives each person a password, and opens a session of so many hours for each person.
///
/// # Errors
///
/// [`Failure::Database`], or [`Failure::Start`] where the key does not sign.
pub async fn people(app: &App, owner_url: &str, hours: i64) -> Result<Vec<User>, Failure> {
    let mut doors = People::connect(owner_url).await?;
    let until: DateTime<Utc> = clock::now() + TimeDelta::hours(hours);
    let mut users = Vec::new();
    for person in &PEOPLE {
        let user = doors.create_user(person.email, person.name).await?;
        let name = workspace(person.workspace).name;
        doors.create_workspace(person.workspace, name, user, person.role).await?;
        let session = doors.open_session(user, until).await?;
        let authorization =
            app.tokens().mint(user, session, until).map_err(|error| Failure::Start(error.message()))?;
        let (password, text) = Password::random();
        let refused = |error: Error| Failure::Start(error.message());
        let hash = app.accounts().hasher().hash(&password).await.map_err(refused)?;
        doors.set_password(user, &hash).await?;
        users.push(User { person, session, authorization, password: text });
    }
    Ok(users)
}

/// Fills the workspaces and waits until their documents can be found; a worker must be running.
///
/// # Errors
///
/// [`Failure::Refused`] with what the API says.
pub async fn content(app: &Arc<App>, users: &[User], progress: &mut dyn Progress) -> Result<Seeded, Failure> {
    let schema = graphql::Schema::new(app.clone());
    let owners: Vec<SignedIn> = WORKSPACES
        .iter()
        .filter_map(|workspace| {
            let owner = users
                .iter()
                .find(|user| user.person.workspace == workspace.slug && user.person.role == "OWNER")?;
            Some(SignedIn::new(&schema, owner.session, workspace.slug))
        })
        .collect();
    let mut agents = Vec::new();
    for (workspace, owner) in WORKSPACES.iter().zip(&owners) {
        fill(owner, workspace).await?;
        agents.push(agent(owner, workspace).await?);
    }
    wait(&owners, progress).await?;
    let (Some(owner), Some(agent_id)) = (owners.first(), agents.into_iter().next()) else {
        return Err(Failure::Start("the demo has no owner".to_owned()));
    };
    let agent_run_id = run(owner, &agent_id).await?;
    Ok(Seeded { agent_id, agent_run_id })
}

/// What a workspace of the demo begins with.
struct Workspace {
    slug: &'static str,
    name: &'static str,
    collection: &'static str,
    description: &'static str,
    agent: &'static str,
    instructions: &'static str,
    documents: fn() -> Vec<NewDocument>,
}

struct NewDocument {
    title: String,
    /// Which field of the input takes the source.
    format: &'static str,
    source: String,
}

const WORKSPACES: [Workspace; 2] = [
    Workspace {
        slug: "acme",
        name: "Acme",
        collection: "PostgreSQL manual",
        description: "158 pages of the PostgreSQL 15 manual, and its legal notice.",
        agent: "Database guide",
        instructions: "Answer questions about PostgreSQL from the manual, and cite it.",
        documents: manual_pages,
    },
    Workspace {
        slug: "globex",
        name: "Globex",
        collection: "Field notes",
        description: "What only Globex knows: another workspace never finds it.",
        agent: "Note reader",
        instructions: "Answer from the field notes, and cite them.",
        documents: field_notes,
    },
];

fn workspace(slug: &str) -> &'static Workspace {
    WORKSPACES.iter().find(|workspace| workspace.slug == slug).unwrap_or(&WORKSPACES[0])
}

fn manual_pages() -> Vec<NewDocument> {
    let document = |page: manual::Page| NewDocument { title: page.title, format: "html", source: page.html };
    manual::pages().into_iter().map(document).collect()
}

fn field_notes() -> Vec<NewDocument> {
    let source = "The greenhouse at the north field is watered at six in the morning. Its index of seedlings is kept on paper, \
                  one line for each tray. Nobody locks the table in the shed: whoever writes the notes needs it.";
    vec![NewDocument { title: "Greenhouse notes".to_owned(), format: "text", source: source.to_owned() }]
}

/// Makes the pages of the manual that a workspace lacks, for measurements.
///
/// # Errors
///
/// [`Failure::Refused`] with what the API says.
pub(super) async fn manual_documents(owner: &SignedIn) -> Result<(), Failure> {
    fill(owner, &WORKSPACES[0]).await
}

/// Makes the collection and the documents that are missing.
async fn fill(owner: &SignedIn, workspace: &Workspace) -> Result<(), Failure> {
    let collection = named(
        owner,
        "collections",
        "query($after: String) { collections(first: 100, after: $after) { nodes { id name } pageInfo { hasNextPage endCursor } } }",
        workspace.collection,
    );
    let collection_id = if let Some(id) = collection.await? {
        id
    } else {
        let made = owner.execute(
            "make a collection",
            "mutation($name: String!, $description: String) {
               collectionCreate(input: { name: $name, description: $description }) { collection { id } } }",
            json!({ "name": workspace.collection, "description": workspace.description }),
        );
        text(&made.await?["collectionCreate"]["collection"]["id"])
    };
    let present = owner.list(
        "list the documents",
        "documents",
        "query($collection: ID, $after: String) {
           documents(collectionId: $collection, first: 100, after: $after) { nodes { title } pageInfo { hasNextPage endCursor } } }",
        json!({ "collection": collection_id }),
    );
    let present: HashSet<String> = present.await?.iter().map(|node| text(&node["title"])).collect();
    let mut missing = (workspace.documents)();
    missing.retain(|document| !present.contains(&document.title));
    while !missing.is_empty() {
        let batch: Vec<NewDocument> = missing.drain(..missing.len().min(BATCH)).collect();
        let (document, variables) = creation(&collection_id, batch);
        owner.execute("make the documents", &document, variables).await?;
    }
    Ok(())
}

/// One mutation that makes all of these, and its variables.
fn creation(collection_id: &str, batch: Vec<NewDocument>) -> (String, Value) {
    let mut arguments = "$collection: ID!".to_owned();
    let mut fields = String::new();
    let mut variables = Map::from_iter([("collection".to_owned(), Value::from(collection_id))]);
    for (n, new) in batch.into_iter().enumerate() {
        // Writing to a string cannot fail.
        let _ = write!(arguments, ", $title{n}: String!, $source{n}: String!");
        let _ = write!(
            fields,
            " d{n}: documentCreate(input: {{ collectionId: $collection, title: $title{n}, {}: $source{n} }}) {{ document {{ id }} }}",
            new.format
        );
        variables.insert(format!("title{n}"), Value::from(new.title));
        variables.insert(format!("source{n}"), Value::from(new.source));
    }
    (format!("mutation({arguments}) {{{fields} }}"), Value::Object(variables))
}

/// The workspace's agent, made where it is missing.
async fn agent(owner: &SignedIn, workspace: &Workspace) -> Result<String, Failure> {
    let found = named(
        owner,
        "agents",
        "query($after: String) { agents(first: 100, after: $after) { nodes { id name } pageInfo { hasNextPage endCursor } } }",
        workspace.agent,
    );
    if let Some(id) = found.await? {
        return Ok(id);
    }
    let made = owner.execute(
        "make an agent",
        "mutation($name: String!, $instructions: String!) {
           agentCreate(input: { name: $name, instructions: $instructions }) { agent { id } } }",
        json!({ "name": workspace.agent, "instructions": workspace.instructions }),
    );
    Ok(text(&made.await?["agentCreate"]["agent"]["id"]))
}

/// The newest run of the workspace, started where there is none.
async fn run(owner: &SignedIn, agent_id: &str) -> Result<String, Failure> {
    let newest = owner
        .execute("look for a run", "{ agentRuns(first: 1) { nodes { id } } }", Value::Object(Map::new()))
        .await?;
    if let Some(id) = newest["agentRuns"]["nodes"][0]["id"].as_str() {
        return Ok(id.to_owned());
    }
    let started = owner.execute(
        "start a run",
        "mutation($agent: ID!, $input: String!) { agentRunStart(input: { agentId: $agent, input: $input }) { agentRun { id } } }",
        json!({ "agent": agent_id, "input": QUESTION }),
    );
    Ok(text(&started.await?["agentRunStart"]["agentRun"]["id"]))
}

/// The id of the node of a list that has this name.
async fn named(
    owner: &SignedIn,
    field: &'static str,
    document: &str,
    name: &str,
) -> Result<Option<String>, Failure> {
    let nodes = owner.list("look for what is there", field, document, json!({})).await?;
    Ok(nodes.iter().find(|node| node["name"] == name).map(|node| text(&node["id"])))
}

/// Waits until nothing is being ingested any more.
async fn wait(owners: &[SignedIn], progress: &mut dyn Progress) -> Result<(), Failure> {
    let total = pending(owners).await?;
    if total == 0 {
        return Ok(());
    }
    progress.begin(total);
    let (mut left, mut moved) = (total, Instant::now());
    while left > 0 && moved.elapsed() < STANDSTILL {
        tokio::time::sleep(LOOK_EVERY).await;
        let now = pending(owners).await?;
        if now != left {
            (left, moved) = (now, Instant::now());
            progress.advance(total.saturating_sub(left));
        }
    }
    if left > 0 {
        tracing::warn!(documents = left, "documents are still being ingested; the demo starts without them");
    }
    progress.end(failures(owners).await?);
    Ok(())
}

async fn pending(owners: &[SignedIn]) -> Result<usize, Failure> {
    let mut count = 0;
    for owner in owners {
        for status in ["QUEUED", "RUNNING"] {
            count += ingestions(owner, status).await?.len();
        }
    }
    Ok(count)
}

/// Says in the log which documents could not be ingested, and why; returns how many.
async fn failures(owners: &[SignedIn]) -> Result<usize, Failure> {
    let mut count = 0;
    for owner in owners {
        for failed in ingestions(owner, "FAILED").await? {
            count += 1;
            let (id, class) = (text(&failed["id"]), text(&failed["failureClass"]));
            tracing::warn!(
                ingestion.id = id,
                failure.class = class,
                "a document could not be ingested; `ingestionRetry` tries again"
            );
        }
    }
    Ok(count)
}

async fn ingestions(owner: &SignedIn, status: &str) -> Result<Vec<Value>, Failure> {
    let document = "query($status: IngestionStatus, $after: String) {
      ingestions(status: $status, first: 100, after: $after) { nodes { id failureClass } pageInfo { hasNextPage endCursor } } }";
    owner.list("follow the ingestion", "ingestions", document, json!({ "status": status })).await
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::{NewDocument, PEOPLE, WORKSPACES, creation};

    #[test]
    fn the_first_user_owns_the_first_workspace_and_each_workspace_has_an_owner() {
        assert_eq!((PEOPLE[0].role, PEOPLE[0].workspace), ("OWNER", WORKSPACES[0].slug));
        for workspace in &WORKSPACES {
            assert!(PEOPLE.iter().any(|person| person.role == "OWNER" && person.workspace == workspace.slug));
        }
    }

    #[test]
    fn no_title_and_no_source_stands_in_the_text_of_a_mutation() {
        let hostile =
            || NewDocument { title: "\"}) { x }".to_owned(), format: "text", source: "}}".to_owned() };
        let (document, variables) = creation("collection_x", vec![hostile(), hostile()]);
        assert!(!document.contains("{ x }") && document.matches("documentCreate").count() == 2, "{document}");
        assert_eq!(variables["title1"], "\"}) { x }");
        async_graphql::parser::parse_query(&document).expect("a document");
    }
}
