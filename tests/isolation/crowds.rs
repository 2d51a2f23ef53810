//! Two tenants at once over one server: whatever ends a request, and however few connections there are, each answer is made of
//! its own tenant's rows alone.
//!
//! Both tenants have objects under the same ids, so an answer that took one from the other's would look right but for its names.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use async_graphql::{Context, EmptyMutation, EmptySubscription, Object};
use entity::id::{AgentId, AgentRunId, CollectionId, DocumentId};
use footnote::config::{Limits, Services};
use footnote::graphql::{Bearer, OriginOfRequest, Request, RequestId, request};
use footnote::tenancy::Access;
use futures_util::FutureExt;
use futures_util::future::join_all;
use sea_orm::{ConnectionTrait, DbBackend, Statement};
use serde_json::{Value, json};

use super::people::{Person, Said};
use crate::support::{Who, World};

/// Everything that is nested, by ids and by lists.
const NESTED: &str = "query($collection: ID!, $document: ID!, $agent: ID!, $run: ID!) {
    workspace { slug memberships(first: 5) { nodes { user { email } role { name } } } }
    collections(first: 2) { nodes { id name documents(first: 2) { totalCount nodes { id title collection { id name } ingestion { id status } versions(first: 2) { nodes { id ordinal } } } } } }
    agents(first: 2) { nodes { id name agentRuns(first: 2) { totalCount nodes { id input agent { id name } startedBy { email } } } } }
    nodes(ids: [$collection, $document, $agent, $run]) {
      ... on Collection { name documents(first: 2) { nodes { title } } }
      ... on Document { title collection { name } }
      ... on Agent { name agentRuns(first: 2) { nodes { input } } }
      ... on AgentRun { input agent { name } startedBy { email } }
    }
    document(id: $document) { title collection { name } }
    agentRun(id: $run) { input agent { name } } }";

/// Both tenants with their rows, in a server with so many connections.
struct Crowd {
    world: World,
    ids: Value,
    tenants: [(Who, &'static str); 2],
}

impl Crowd {
    async fn on(app_connections: u32) -> Self {
        let world = World::with(Limits { app_connections, ..Limits::default() }, Services::default()).await;
        let ids = json!({
            "collection": CollectionId::new().to_string(), "document": DocumentId::new().to_string(),
            "agent": AgentId::new().to_string(), "run": AgentRunId::new().to_string(),
        });
        let tenants = [(Who::Owner, "acme"), (Who::Stranger, "globex")];
        for (who, slug) in tenants {
            let make = "mutation($c: CollectionCreateInput!, $d: DocumentCreateInput!, $a: AgentCreateInput!, $r: AgentRunStartInput!) {
                collectionCreate(input: $c) { collection { id } } documentCreate(input: $d) { document { id } }
                agentCreate(input: $a) { agent { id } } agentRunStart(input: $r) { agentRun { id } } }";
            let variables = json!({
                "c": { "id": ids["collection"], "name": format!("Notes of {slug}") },
                "d": { "id": ids["document"], "collectionId": ids["collection"], "title": format!("Lease of {slug}"), "text": "Text." },
                "a": { "id": ids["agent"], "name": format!("Clerk of {slug}") },
                "r": { "id": ids["run"], "agentId": ids["agent"], "input": format!("What does {slug} pay?") },
            });
            world.ask(who, make, variables).await.data();
        }
        Self { world, ids, tenants }
    }

    /// A connection may be waited for too long on a busy machine, which is no answer to what is asked here.
    async fn ask(&self, who: Who) -> Said {
        loop {
            let said = Person::of(&self.world, who).ask(&self.world, NESTED, &self.ids).await;
            if said.code() != "UNAVAILABLE" {
                return said;
            }
        }
    }

    /// What each tenant is answered while nobody else asks.
    async fn alone(&self) -> [String; 2] {
        let mut answers = Vec::new();
        for (place, (who, slug)) in self.tenants.into_iter().enumerate() {
            let said = self.ask(who).await;
            assert_eq!(said.body.get("errors"), None, "{}", said.text);
            let other = self.tenants[1 - place].1;
            assert!(said.text.matches(slug).count() > 15 && !said.text.contains(other), "{}", said.text);
            answers.push(said.text);
        }
        answers.try_into().expect("two")
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nested_answers_of_two_tenants_at_once_are_those_of_each_alone() {
    let crowd = Crowd::on(8).await;
    let alone = crowd.alone().await;
    for _ in 0..25 {
        let answers = join_all((0..16).map(|number| crowd.ask(crowd.tenants[number % 2].0))).await;
        for (number, said) in answers.iter().enumerate() {
            assert_eq!(said.text, alone[number % 2]);
        }
    }
}

/// A schema of the test's own, whose field works in the server's request as any resolver does, and then panics.
struct Panicking;

#[Object]
impl Panicking {
    async fn change_and_panic(&self, context: &Context<'_>) -> async_graphql::Result<bool> {
        let operation = request(context)?.operation().await?;
        let change = "update public.collections set name = 'changed by a panic'";
        let changed = operation.execute_raw(Statement::from_string(DbBackend::Postgres, change)).await?;
        assert_eq!(
            changed.rows_affected(),
            0,
            "the rows of its own tenant were changed, and then this panic came"
        );
        Ok(true)
    }
}

/// Executes the field above as somebody; whether it panicked.
async fn panic_as(world: &World, who: Who) -> bool {
    let schema = async_graphql::Schema::new(Panicking, EmptyMutation, EmptySubscription);
    let origin = OriginOfRequest(Some(Bearer::Session(world.credentials(who))));
    let app = world.stack.app().clone();
    let ours = Arc::new(Request::new(app, origin, RequestId::fresh(), Access::ReadWrite));
    let asked = async_graphql::Request::new("{ changeAndPanic }").data(ours);
    AssertUnwindSafe(schema.execute(asked)).catch_unwind().await.is_err()
}

/// What became of a request.
#[derive(PartialEq, Eq)]
enum End {
    Answered,
    Canceled,
    Panicked,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_requests_of_two_tenants_on_two_connections_with_cancellations_and_panics() {
    let crowd = Crowd::on(2).await;
    let alone = crowd.alone().await;
    let requests = (0..200_usize).map(|number| {
        let (crowd, alone) = (&crowd, &alone);
        async move {
            let who = crowd.tenants[number % 2].0;
            match number % 10 {
                // The client goes away, at once or in the midst of it.
                0..=2 => {
                    let patience = Duration::from_micros(700 * number as u64);
                    match tokio::time::timeout(patience, crowd.ask(who)).await {
                        Err(_) => End::Canceled,
                        Ok(said) => {
                            assert_eq!(said.text, alone[number % 2]);
                            End::Answered
                        }
                    }
                }
                3 | 4 => {
                    // On a busy machine a connection may be waited for too long first.
                    while !panic_as(&crowd.world, who).await {}
                    End::Panicked
                }
                _ => {
                    assert_eq!(crowd.ask(who).await.text, alone[number % 2]);
                    End::Answered
                }
            }
        }
    });
    let ends = join_all(requests).await;
    let count = |end: &End| ends.iter().filter(|one| *one == end).count();
    assert_eq!(count(&End::Panicked), 40);
    assert!(count(&End::Canceled) >= 20, "only {} were cancelled", count(&End::Canceled));
    // Nothing of it is left: no change, no open transaction, and both connections work.
    assert_eq!(crowd.world.count("select count(*) from collections where name like '%panic%'").await, 0);
    let open = "select count(*) from pg_stat_activity where datname = current_database() and usename = 'footnote_app' and xact_start is not null";
    for _ in 0..200 {
        if crowd.world.count(open).await == 0 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(crowd.world.count(open).await, 0, "a transaction was left open");
    for number in 0..20 {
        assert_eq!(crowd.ask(crowd.tenants[number % 2].0).await.text, alone[number % 2]);
    }
}
