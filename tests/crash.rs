//! kill -9 in the middle: what was accepted is done once, and nothing is half-done.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use sqlx::Row;
use tempfile::TempDir;

use crate::support::database::TestDatabase;
use crate::support::world::text;

/// A process of the real binary on a test's database.
pub struct Process {
    child: Child,
    /// What it said when it was ready.
    pub ready: Value,
    endpoint: String,
}

impl Process {
    fn start(database: &TestDatabase, data: &TempDir) -> Self {
        Self::run(&["serve"], data.path(), database.settings())
    }

    /// Runs a command that says when it is ready, with these settings.
    pub fn run(command: &[&str], data: &Path, settings: Vec<(&'static str, String)>) -> Self {
        use std::io::{BufRead, BufReader};
        let mut child = Command::new(env!("CARGO_BIN_EXE_footnote"))
            .args(command)
            .args(["--json", "--listen", "127.0.0.1:0", "--data"])
            .arg(data)
            .envs(settings)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the server's binary");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("a pipe"))
            .read_line(&mut line)
            .expect("the line that says it is ready");
        let ready: Value = serde_json::from_str(&line).unwrap_or_else(|_| panic!("not ready: {line}"));
        let endpoint = ready["endpoint"].as_str().unwrap_or_default().to_owned();
        Self { child, ready, endpoint }
    }

    /// kill -9, and waits until it is gone.
    pub fn kill(mut self) {
        self.child.kill().expect("killed");
        self.child.wait().expect("gone");
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The owner of the workspace `acme`.
pub struct Caller {
    /// For requests that `ask` cannot make.
    pub http: reqwest::Client,
    /// The header of every request.
    pub authorization: String,
}

impl Caller {
    /// The data of an answer without errors.
    pub async fn ask(&self, process: &Process, query: &str, variables: Value) -> Value {
        let response = self
            .http
            .post(&process.endpoint)
            .header("content-type", "application/json")
            .header("authorization", &self.authorization)
            .header("x-workspace", "acme")
            .body(json!({ "query": query, "variables": variables }).to_string())
            .send()
            .await
            .expect("an answer");
        let body: Value = response.json().await.expect("JSON");
        assert_eq!(body.get("errors"), None, "{body:#}");
        body["data"].clone()
    }
}

/// Makes the owner, whose token the data folder's key has signed.
pub async fn caller(database: &TestDatabase, data: &TempDir) -> Caller {
    use footnote::operations::people::People;
    let mut people = People::connect(database.owner()).await.expect("the owner");
    let user = people.create_user("owner@acme.example", "Owner").await.expect("a user");
    people.create_workspace("acme", "Acme", user, "OWNER").await.expect("a workspace");
    let until = footnote::clock::now() + chrono::TimeDelta::hours(1);
    let session = people.open_session(user, until).await.expect("a session");
    let tokens =
        footnote::operations::stack::signing_key(&footnote::config::SigningKey::default(), data.path())
            .expect("the key");
    let authorization = tokens.mint(user, session, until).expect("a token");
    footnote::adapters::http::use_ring();
    Caller {
        http: reqwest::Client::builder().timeout(Duration::from_secs(30)).build().expect("a client"),
        authorization,
    }
}

const DOCUMENTS: usize = 12;
const RUNS: usize = 6;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kill_nine_during_ingestion_and_runs_loses_and_doubles_nothing() {
    let database = TestDatabase::create().await;
    let data = TempDir::new().expect("a folder");
    let mut process = Process::start(&database, &data);
    let caller = caller(&database, &data).await;
    let made = caller.ask(&process, "mutation { collectionCreate(input: { name: \"Handbook\" }) { collection { id } } agentCreate(input: { name: \"Assistant\" }) { agent { id } } }", json!({})).await;
    let (collection, agent) =
        (text(&made["collectionCreate"]["collection"]["id"]), text(&made["agentCreate"]["agent"]["id"]));
    for number in 0..DOCUMENTS {
        let body = format!(
            "# Topic {number}\n\n{}",
            format!(
                "Rule {number} says that department {number} keeps its records for {} years. ",
                number + 3
            )
            .repeat(120)
        );
        let input =
            json!({ "collectionId": collection, "title": format!("Rule {number}"), "markdown": body });
        caller.ask(&process, "mutation($input: DocumentCreateInput!) { documentCreate(input: $input) { document { id } } }", json!({ "input": input })).await;
        if number % 4 == 3 {
            // In the middle of ingesting what was accepted so far.
            tokio::time::sleep(Duration::from_millis(60)).await;
            process.kill();
            process = Process::start(&database, &data);
        }
    }
    until(&caller, &process, "{ queued: ingestions(status: QUEUED, first: 1) { nodes { id } } running: ingestions(status: RUNNING, first: 1) { nodes { id } } }").await;
    let ingestions =
        caller.ask(&process, "{ ingestions(first: 100) { nodes { status chunkCount } } }", json!({})).await;
    let ingestions = ingestions["ingestions"]["nodes"].as_array().cloned().expect("a list");
    assert_eq!(ingestions.len(), DOCUMENTS);
    assert!(ingestions.iter().all(|ingestion| ingestion["status"] == "SUCCEEDED"), "{ingestions:#?}");
    for number in 0..RUNS {
        let input = json!({ "agentId": agent, "input": format!("How many years does department {number} keep its records?") });
        caller
            .ask(
                &process,
                "mutation($input: AgentRunStartInput!) { agentRunStart(input: $input) { agentRun { id } } }",
                json!({ "input": input }),
            )
            .await;
        if number % 3 == 1 {
            tokio::time::sleep(Duration::from_millis(15)).await;
            process.kill();
            process = Process::start(&database, &data);
        }
    }
    until(&caller, &process, "{ queued: agentRuns(status: QUEUED, first: 1) { nodes { id } } running: agentRuns(status: RUNNING, first: 1) { nodes { id } } waiting: agentRuns(status: WAITING, first: 1) { nodes { id } } }").await;
    let runs = caller.ask(&process, "{ agentRuns(first: 100) { nodes { status steps { nodes { kind } } citations { nodes { verification } } } } }", json!({})).await;
    let runs = runs["agentRuns"]["nodes"].as_array().cloned().expect("a list");
    assert_eq!(runs.len(), RUNS);
    for run in &runs {
        assert_eq!(run["status"], "SUCCEEDED", "{run:#}");
        assert_eq!(run["steps"]["nodes"], json!([{ "kind": "RETRIEVAL" }, { "kind": "ANSWER" }]), "{run:#}");
        assert!(
            run["citations"]["nodes"]
                .as_array()
                .expect("a list")
                .iter()
                .all(|citation| citation["verification"] == "VERIFIED")
        );
    }
    // A search finds each document once: no point was lost, and none stands twice.
    for number in 0..DOCUMENTS {
        let query = "query($query: String!) { search(query: $query, first: 50) { nodes { target { ... on Chunk { id } } } } }";
        let found =
            caller.ask(&process, query, json!({ "query": format!("Rule {number} department") })).await;
        let mut ids: Vec<String> = found["search"]["nodes"]
            .as_array()
            .expect("a list")
            .iter()
            .map(|hit| text(&hit["target"]["id"]))
            .collect();
        let count = ids.len();
        ids.sort();
        ids.dedup();
        assert_eq!(count, ids.len());
        assert!(count > 0);
    }
    process.kill();
    nothing_doubled(&database).await;
}

/// One keyed mutation; none where the connection broke before its answer.
async fn keyed(caller: &Caller, endpoint: &str, name: &str) -> Option<Value> {
    let query = "mutation($name: String!) { collectionCreate(input: { name: $name }) { collection { id } } }";
    let response = caller
        .http
        .post(endpoint)
        .header("content-type", "application/json")
        .header("authorization", &caller.authorization)
        .header("x-workspace", "acme")
        .header("idempotency-key", name)
        .body(json!({ "query": query, "variables": { "name": name } }).to_string())
        .send()
        .await
        .ok()?;
    response.json().await.ok()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kill_nine_between_a_keyed_mutation_and_its_answer_leaves_one_effect() {
    const EACH: usize = 40;
    let database = TestDatabase::create().await;
    let data = TempDir::new().expect("a folder");
    let mut process = Process::start(&database, &data);
    let caller = caller(&database, &data).await;
    let mut unanswered = 0;
    for (round, millis) in [5, 15, 30].into_iter().enumerate() {
        let names: Vec<String> = (0..EACH).map(|number| format!("collection-{round}-{number}")).collect();
        let endpoint = process.endpoint.clone();
        let calls = futures_util::future::join_all(names.iter().map(|name| keyed(&caller, &endpoint, name)));
        let kill = async {
            tokio::time::sleep(Duration::from_millis(millis)).await;
            process.kill();
        };
        let (first, ()) = tokio::join!(calls, kill);
        process = Process::start(&database, &data);
        for (name, first) in names.iter().zip(first) {
            // While the killed server's transaction is still ending, its key is in use.
            let again = loop {
                let again = keyed(&caller, &process.endpoint, name).await.expect("an answer");
                if again["errors"][0]["extensions"]["retryable"] != json!(true) {
                    break again;
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            };
            assert_eq!(again.get("errors"), None, "{again:#}");
            match first {
                Some(first) if first.get("errors").is_none() => assert_eq!(first["data"], again["data"]),
                _ => unanswered += 1,
            }
        }
    }
    assert!(unanswered > 0, "nothing was under way when the server was killed");
    process.kill();
    let mut superuser = crate::support::database::connect(&database.superuser).await;
    for sql in [
        "select count(*) from collections",
        "select count(*) from idempotency_records",
        "select count(*) from events where type = 'collection.created'",
        "select count(*) from audit_entries where action = 'collection.create'",
    ] {
        let count: i64 = sqlx::query(sql).fetch_one(&mut superuser).await.expect("a count").get(0);
        assert_eq!(count, 120, "{sql}");
    }
}

async fn until(caller: &Caller, process: &Process, query: &str) {
    let begun = Instant::now();
    loop {
        let data = caller.ask(process, query, json!({})).await;
        if data.as_object().expect("an object").values().all(|list| list["nodes"] == json!([])) {
            return;
        }
        assert!(begun.elapsed() < Duration::from_secs(90), "still not done: {data:#}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// What holds once everything that was accepted has been done.
pub async fn nothing_doubled(database: &TestDatabase) {
    let mut superuser = crate::support::database::connect(&database.superuser).await;
    for (what, sql) in [
        ("jobs left over", "select count(*) from jobs"),
        (
            "versions published twice",
            "select count(*) from (select data ->> 'document_version_id' from events where type = 'document.published' group by 1 having count(*) > 1) twice",
        ),
        ("versions never published", "select count(*) from documents where current_version_id is null"),
        (
            "runs finished other than once",
            "select count(*) from (select subject from events where type = 'agent_run.finished' group by 1 having count(*) > 1) twice",
        ),
        (
            "gaps in the events of runs",
            "select count(*) from (select seq, row_number() over (partition by agent_run_id order by seq) as place from agent_run_events) e where seq <> place",
        ),
        (
            "gaps in the events of workspaces",
            "select count(*) from (select seq, row_number() over (partition by workspace_id order by seq) as place from events) e where seq <> place",
        ),
        (
            "chunks without a vector",
            "select count(*) from chunks c where not exists (select from chunk_embeddings e where e.chunk_id = c.id)",
        ),
        (
            "chunks stored twice",
            "select count(*) from (select document_version_id, ordinal from chunks group by 1, 2 having count(*) > 1) twice",
        ),
    ] {
        let count: i64 = sqlx::query(sql).fetch_one(&mut superuser).await.expect("a count").get(0);
        assert_eq!(count, 0, "{what}");
    }
}
