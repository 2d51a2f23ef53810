//! What is told besides answers: log lines, what processes call to each other, cursors and the names of things.

use std::collections::HashSet;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};
use sqlx::postgres::PgListener;
use tracing::Dispatch;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

use super::people::Person;
use crate::support::world::text;
use crate::support::{Who, World};

/// What was logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    /// Takes what was logged so far.
    fn take(&self) -> String {
        let bytes = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        String::from_utf8(bytes).expect("text")
    }
}

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

/// A document, its ingestion, a search, a run, refusals and a fault, of which each text contains the mark; the tokens that were shown.
async fn work(world: &World, who: Who, mark: &str) -> Vec<String> {
    let collection = world.collection(who, &format!("Collection {mark}")).await;
    let body = format!("The {mark} clause holds for thirty days of paid leave.");
    let document = world.document(who, &collection, &format!("Title {mark}"), &body).await;
    assert_eq!(world.ingested(who, &document).await["status"], "SUCCEEDED");
    let malformed = world.document(who, &collection, "Empty", &format!("<!-- {mark} -->")).await;
    world.ingested(who, &malformed).await;
    let search = "query($query: String!) { search(query: $query) { nodes { passage } } }";
    let found = world.ask(who, search, json!({ "query": format!("{mark} clause") })).await.data();
    assert_ne!(found["search"]["nodes"], json!([]));
    let agent = world.agent(who, &format!("Agent {mark}")).await;
    let run = world.run(who, &agent, &format!("How long does the {mark} clause hold?")).await;
    assert_eq!(world.finished(who, &run).await["status"], "SUCCEEDED");
    // Refused: for its form, for its length, for what it names, and for a document that is none.
    let long = mark.repeat(10_000);
    let create =
        "mutation($name: String!) { collectionCreate(input: { name: $name }) { collection { id } } }";
    for name in [format!("{mark}\u{0}"), long, String::new()] {
        assert_eq!(world.ask(who, create, json!({ "name": name })).await.code(), "BAD_USER_INPUT");
    }
    let unknown = format!("{{ {mark}(id: \"{mark}\") {{ {mark} }} }}");
    assert_eq!(world.ask(who, &unknown, json!({})).await.code(), "GRAPHQL_VALIDATION_FAILED");
    assert_eq!(world.ask(who, &format!("{{ {mark} "), json!({})).await.code(), "GRAPHQL_PARSE_FAILED");
    // A fault of ours, made by hand: PostgreSQL tells of the whole row in it.
    let forbid = "alter table collections drop constraint if exists of_a_test; alter table collections add constraint of_a_test check (name not like '%fault')";
    sqlx::raw_sql(forbid).execute(&mut world.superuser().await).await.expect("a constraint");
    let fault = world.ask(who, create, json!({ "name": format!("{mark} fault") })).await;
    assert_eq!(fault.code(), "INTERNAL");
    assert!(
        !fault.body.to_string().contains(mark) && !fault.body.to_string().contains("of_a_test"),
        "{:#}",
        fault.body
    );
    let upload =
        "mutation($input: DocumentCreateInput!) { documentCreate(input: $input) { upload { url } } }";
    let asked = json!({ "filename": format!("{mark}.md"), "contentType": "text/markdown", "sizeBytes": 5 });
    let input = json!({ "collectionId": collection, "title": mark, "upload": asked });
    let url = text(
        &world.ask(who, upload, json!({ "input": input })).await.data()["documentCreate"]["upload"]["url"],
    );
    let sent =
        world.http().put(format!("{}{url}", world.address)).body("12345").send().await.expect("an answer");
    assert_eq!(sent.status().as_u16(), 200);
    let (token, _) = world.headers(who).expect("a token");
    vec![token.trim_start_matches("Bearer ").to_owned(), url.rsplit('/').next().expect("a token").to_owned()]
}

/// Everything that a server logs where nothing else is set, and more of ours.
fn listening(log: Log) -> Dispatch {
    let filter = EnvFilter::new("info,sqlx=warn,qdrant_edge=warn,footnote=trace");
    Dispatch::new(
        tracing_subscriber::fmt().with_env_filter(filter).with_ansi(false).with_writer(log).finish(),
    )
}

#[tokio::test]
async fn logs_have_no_text_no_secret_and_nothing_of_another_tenant() {
    let log = Log::default();
    // Two of them, because with a single one the places that log are asked once, on whatever thread comes there first, whether
    // anybody listens; and the other tests' threads do not.
    let (_other, ours) = (listening(Log::default()), listening(log.clone()));
    // On this thread alone, on which this test's server and worker run.
    let _logging = tracing::dispatcher::set_default(&ours);
    let world = World::new().await;
    let mut secrets = vec!["correct-horse-battery".to_owned()];
    let mut logs = Vec::new();
    for (who, mark) in [(Who::Owner, "zanzibar"), (Who::Stranger, "xylophone")] {
        log.take();
        secrets.extend(work(&world, who, mark).await);
        logs.push(log.take());
    }
    let email = "ann@example.com";
    let input = json!({ "name": "Ann Sesame", "email": email, "password": secrets[0] });
    let sign_up = "mutation($input: SignUpInput!) { signUp(input: $input) { sent } }";
    world.ask(Who::Anonymous, sign_up, json!({ "input": input })).await.data();
    let sign_in = "mutation($input: SignInInput!) { signIn(input: $input) { accessToken refreshToken } }";
    let wrong = json!({ "input": { "email": email, "password": format!("{} no", secrets[0]) } });
    assert_eq!(world.ask(Who::Anonymous, sign_in, wrong).await.code(), "UNAUTHENTICATED");
    let right = json!({ "input": { "email": email, "password": secrets[0] } });
    let session = world.ask(Who::Anonymous, sign_in, right).await.data()["signIn"].clone();
    secrets.extend([text(&session["accessToken"]), text(&session["refreshToken"])]);
    logs.push(log.take());
    for line in logs.iter().flat_map(|log| log.lines()) {
        for secret in secrets.iter().map(String::as_str).chain([
            "zanzibar",
            "xylophone",
            "thirty days",
            "Sesame",
            email,
        ]) {
            assert!(!line.to_lowercase().contains(&secret.to_lowercase()), "{secret}: {line}");
        }
    }
    for (log, own) in logs.iter().zip(["acme", "globex"]) {
        assert!(log.lines().count() > 20, "nothing was logged:\n{log}");
        assert!(log.contains("of_a_test"), "the fault of ours was not logged:\n{log}");
        let theirs = ids_outside(&world, own).await;
        let found: Vec<_> = theirs.iter().filter(|id| log.contains(id.as_str())).collect();
        assert!(found.is_empty(), "while {own} worked, {found:?} was logged:\n{log}");
    }
}

/// Every id of the other workspaces, as PostgreSQL and as the schema write it.
async fn ids_outside(world: &World, slug: &str) -> HashSet<String> {
    let mut superuser = world.superuser().await;
    let mut ids = HashSet::new();
    for (table, _, _, _, _) in super::TENANT_TABLES {
        // sql: literal because the table's name is one of a list of constants.
        let sql = format!(
            "select t.id from public.{table} t join public.workspaces w on w.id = t.workspace_id where w.slug <> $1
             union select id from public.workspaces where slug <> $1"
        );
        // sql: literal because the table's name is one of a list of constants.
        let query = sqlx::query_scalar::<_, uuid::Uuid>(sqlx::AssertSqlSafe(sql)).bind(slug);
        for id in query.fetch_all(&mut superuser).await.expect("ids") {
            let type_id = entity::id::EventId(id).to_string();
            ids.extend([id.to_string(), id.simple().to_string(), type_id.replace("event_", "")]);
        }
    }
    ids
}

#[tokio::test]
async fn processes_call_ids_to_each_other_and_nothing_else() {
    let world = World::new().await;
    let mut listener = PgListener::connect(&world.database.superuser).await.expect("a listener");
    listener.listen("footnote_wake").await.expect("listening");
    for (who, mark) in [(Who::Owner, "zanzibar"), (Who::Stranger, "xylophone")] {
        work(&world, who, mark).await;
    }
    let (mut jobs, mut runs) = (0, 0);
    while let Ok(heard) = tokio::time::timeout(Duration::from_secs(2), listener.recv()).await {
        let payload = heard.expect("a notification").payload().to_owned();
        for wake in serde_json::from_str::<Vec<Value>>(&payload).expect("a list") {
            match &wake {
                Value::String(kind) if kind == "jobs" || kind == "mails" => jobs += 1,
                Value::Object(fields) if fields.len() == 1 => {
                    let id = fields.values().next().and_then(Value::as_str).unwrap_or_default();
                    assert!(uuid::Uuid::parse_str(id).is_ok(), "{payload}");
                    runs += 1;
                }
                _ => panic!("more than an id: {payload}"),
            }
        }
        if jobs > 3 && runs > 3 {
            return;
        }
    }
    panic!("only {jobs} jobs and {runs} runs were heard of");
}

#[tokio::test]
async fn a_cursor_of_another_tenants_run_is_a_cursor_of_none() {
    let world = World::without_worker().await;
    let follow = "subscription($run: ID!, $after: String) { agentRunEvents(agentRunId: $run, after: $after) { cursor seq } }";
    let mut runs = Vec::new();
    for who in [Who::Owner, Who::Stranger] {
        let agent = world.agent(who, "Clerk").await;
        let run = world.run(who, &agent, "How many days?").await;
        let said = Person::of(&world, who).follow(&world, follow, &json!({ "run": run })).await;
        runs.push((run, text(&said.body["data"]["agentRunEvents"]["cursor"])));
    }
    let (acme, globex) = (&runs[0], &runs[1]);
    let stranger = Person::of(&world, Who::Stranger);
    let ask = async |run: &str, after: &str| {
        stranger.follow(&world, follow, &json!({ "run": run, "after": after })).await
    };
    let random = entity::id::AgentRunId::new().to_string();
    let foreign = ask(&globex.0, &acme.1).await;
    assert_eq!(foreign.code(), "BAD_USER_INPUT");
    assert_eq!(foreign.text, ask(&globex.0, "nonsense").await.text, "nobody's cursor");
    // With its cursor another tenant's run is as little there as without.
    assert_eq!(ask(&acme.0, &globex.1).await.text, ask(&random, &globex.1).await.text);
    assert_eq!(ask(&acme.0, &acme.1).await.code(), "NOT_FOUND");
}
