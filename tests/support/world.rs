//! Two workspaces, four people, a server on a free port, and workers when a test wants them.

use std::collections::HashMap;
use std::path::PathBuf;
use std::time::Duration;

use footnote::adapters::http::use_ring;
use footnote::config::{Limits, Services};
use footnote::graphql::Credentials;
use footnote::operations::people::People;
use footnote::operations::stack::{Settings, Stack};
use footnote::server::ServeOptions;
use footnote::tenancy::WorkspaceKey;
use serde_json::{Value, json};
use sqlx::{PgConnection, Row};
use tokio::net::TcpListener;

use super::database::{TestDatabase, connect};
use super::{Reply, Who, cluster};

/// How long a test waits for work in the background.
const PATIENCE: Duration = Duration::from_mins(1);

/// A running Footnote with people in it.
pub struct World {
    pub stack: Stack,
    pub database: TestDatabase,
    /// `http://127.0.0.1:port`.
    pub address: String,
    /// The data folder.
    pub data: PathBuf,
    people: HashMap<Who, (Credentials, String)>,
    http: reqwest::Client,
}

impl World {
    /// With a server and a worker.
    pub async fn new() -> Self {
        let mut world = Self::without_worker().await;
        world.stack.start_worker();
        world
    }

    /// With a server, and nobody who runs jobs.
    pub async fn without_worker() -> Self {
        Self::with(Limits::default(), Services::default()).await
    }

    /// With these limits and services, a server, and nobody who runs jobs.
    pub async fn with(limits: Limits, services: Services) -> Self {
        Self::on(TestDatabase::create().await, limits, services).await
    }

    /// The same on a database whose addresses a test has made.
    pub async fn on(database: TestDatabase, limits: Limits, services: Services) -> Self {
        let data = cluster::scratch();
        let settings = Settings {
            data: data.clone(),
            urls: database.urls.clone(),
            limits: Limits { app_connections: 8, worker_connections: 6, ..limits },
            services,
        };
        let mut stack = Stack::open(settings).await.expect("a stack");
        let people = sign_in(&stack, &database).await;
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = format!("http://{}", listener.local_addr().expect("an address"));
        let options =
            ServeOptions { allow_loopback_origins: true, graphiql: true, ..ServeOptions::default() };
        stack.start_server(listener, options);
        use_ring();
        let http = reqwest::Client::builder().timeout(Duration::from_mins(1)).build().expect("a client");
        Self { stack, database, address, data, people, http }
    }

    /// Sends a GraphQL request over HTTP.
    pub async fn ask(&self, who: Who, query: &str, variables: Value) -> Reply {
        self.post(who, json!({ "query": query, "variables": variables }).to_string()).await
    }

    /// Makes somebody with a session who belongs to no workspace; the header that shows it.
    pub async fn person(&self, email: &str) -> String {
        let mut people = People::connect(self.database.owner()).await.expect("the owner");
        let until = footnote::clock::now() + chrono::TimeDelta::hours(1);
        let user = people.create_user(email, email).await.expect("a user");
        let session = people.open_session(user, until).await.expect("a session");
        self.stack.app().tokens().mint(user, session, until).expect("a token")
    }

    /// Sends a GraphQL request over HTTP with these headers.
    pub async fn ask_with(&self, headers: &[(&str, &str)], query: &str, variables: Value) -> Reply {
        let body = json!({ "query": query, "variables": variables }).to_string();
        self.send(headers, body).await
    }

    /// Sends a body over HTTP.
    pub async fn post(&self, who: Who, body: impl Into<reqwest::Body>) -> Reply {
        match self.headers(who) {
            Some((authorization, workspace)) => {
                self.send(&[("authorization", authorization), ("x-workspace", workspace)], body).await
            }
            None => self.send(&[], body).await,
        }
    }

    async fn send(&self, headers: &[(&str, &str)], body: impl Into<reqwest::Body>) -> Reply {
        let mut request = self
            .http
            .post(format!("{}/graphql", self.address))
            .header("content-type", "application/json")
            .body(body);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = request.send().await.expect("an answer");
        let status = response.status().as_u16();
        let text = response.text().await.expect("a body");
        let body = serde_json::from_str(&text).unwrap_or_else(|_| panic!("not JSON: {text}"));
        Reply { status, body }
    }

    /// The HTTP client, for requests that `ask` cannot make.
    pub fn http(&self) -> &reqwest::Client {
        &self.http
    }

    /// The headers of a person; none for nobody.
    pub fn headers(&self, who: Who) -> Option<(&str, &str)> {
        let workspace = Who::PEOPLE.iter().find(|person| person.0 == who)?.3;
        Some((self.people.get(&who)?.1.as_str(), workspace))
    }

    /// What a person's requests show to the doors.
    pub fn credentials(&self, who: Who) -> Credentials {
        self.people[&who].0.clone()
    }

    /// A connection as superuser: to plant and to inspect.
    pub async fn superuser(&self) -> PgConnection {
        connect(&self.database.superuser).await
    }

    /// Plants or changes rows as superuser, past every trigger: what a rule of the database would refuse, or would do by itself.
    pub async fn plant(&self, sql: &'static str) -> u64 {
        let mut connection = self.superuser().await;
        sqlx::query("set session_replication_role = replica")
            .execute(&mut connection)
            .await
            .expect("no triggers");
        sqlx::query(sql).execute(&mut connection).await.expect("planted").rows_affected()
    }

    /// How many rows a statement of the superuser counts.
    pub async fn count(&self, sql: &'static str) -> i64 {
        let mut connection = self.superuser().await;
        sqlx::query(sql).fetch_one(&mut connection).await.expect("a count").get(0)
    }

    /// Makes a collection; its id.
    pub async fn collection(&self, who: Who, name: &str) -> String {
        let query =
            "mutation($name: String!) { collectionCreate(input: { name: $name }) { collection { id } } }";
        let data = self.ask(who, query, json!({ "name": name })).await.data();
        text(&data["collectionCreate"]["collection"]["id"])
    }

    /// Makes a Markdown document; its id.
    pub async fn document(&self, who: Who, collection: &str, title: &str, markdown: &str) -> String {
        let query =
            "mutation($input: DocumentCreateInput!) { documentCreate(input: $input) { document { id } } }";
        let input = json!({ "collectionId": collection, "title": title, "markdown": markdown });
        let data = self.ask(who, query, json!({ "input": input })).await.data();
        text(&data["documentCreate"]["document"]["id"])
    }

    /// Makes an agent; its id.
    pub async fn agent(&self, who: Who, name: &str) -> String {
        let query = "mutation($name: String!) { agentCreate(input: { name: $name }) { agent { id } } }";
        let data = self.ask(who, query, json!({ "name": name })).await.data();
        text(&data["agentCreate"]["agent"]["id"])
    }

    /// Makes an API key; its id, and the key itself.
    pub async fn api_key(&self, who: Who, name: &str, scopes: &[&str]) -> (String, String) {
        let query =
            "mutation($input: ApiKeyCreateInput!) { apiKeyCreate(input: $input) { apiKey { id } secret } }";
        let input = json!({ "name": name, "scopes": scopes });
        let data = self.ask(who, query, json!({ "input": input })).await.data();
        (text(&data["apiKeyCreate"]["apiKey"]["id"]), text(&data["apiKeyCreate"]["secret"]))
    }

    /// Starts a run; its id.
    pub async fn run(&self, who: Who, agent: &str, input: &str) -> String {
        let query = "mutation($agent: ID!, $input: String!) { agentRunStart(input: { agentId: $agent, input: $input }) { agentRun { id } } }";
        let data = self.ask(who, query, json!({ "agent": agent, "input": input })).await.data();
        text(&data["agentRunStart"]["agentRun"]["id"])
    }

    /// Waits until a document's newest ingestion has ended; the ingestion.
    pub async fn ingested(&self, who: Who, document: &str) -> Value {
        let query = "query($id: ID!) { document(id: $id) { ingestion { id status stage failureClass failureMessage chunkCount embeddedCount } } }";
        self.until(who, query, document, |data| {
            let ingestion = &data["document"]["ingestion"];
            let ended = ["SUCCEEDED", "FAILED", "CANCELED"]
                .contains(&ingestion["status"].as_str().unwrap_or_default());
            ended.then(|| ingestion.clone())
        })
        .await
    }

    /// Waits until a run has ended; the run with its answer and citations.
    pub async fn finished(&self, who: Who, run: &str) -> Value {
        let query = "query($id: ID!) { agentRun(id: $id) { id status failureClass failureMessage
            answer { text abstained coverage { supported sentences ratio } }
            steps(first: 10) { nodes { kind status detail } }
            citations(first: 20) { nodes { id quote startOffset endOffset answerStartOffset answerEndOffset sha256 verification sourceStatus
              document { id title } documentVersion { id } } } } }";
        self.until(who, query, run, |data| {
            let run = &data["agentRun"];
            let ended = ["SUCCEEDED", "FAILED", "CANCELED", "EXPIRED"]
                .contains(&run["status"].as_str().unwrap_or_default());
            ended.then(|| run.clone())
        })
        .await
    }

    async fn until(&self, who: Who, query: &str, id: &str, done: impl Fn(&Value) -> Option<Value>) -> Value {
        let begun = std::time::Instant::now();
        loop {
            let data = self.ask(who, query, json!({ "id": id })).await.data();
            if let Some(value) = done(&data) {
                return value;
            }
            assert!(begun.elapsed() < PATIENCE, "still not done: {data:#}");
            tokio::time::sleep(Duration::from_millis(30)).await;
        }
    }
}

/// The text of a JSON string.
#[track_caller]
pub fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("not a string: {value}")).to_owned()
}

async fn sign_in(stack: &Stack, database: &TestDatabase) -> HashMap<Who, (Credentials, String)> {
    let mut people = People::connect(database.owner()).await.expect("the owner");
    let until = footnote::clock::now() + chrono::TimeDelta::hours(1);
    let mut signed_in = HashMap::new();
    for (who, email, role, slug) in Who::PEOPLE {
        let user = people.create_user(email, email).await.expect("a user");
        people.create_workspace(slug, slug, user, role).await.expect("a workspace");
        let session = people.open_session(user, until).await.expect("a session");
        let authorization = stack.app().tokens().mint(user, session, until).expect("a token");
        let credentials = Credentials { session, workspace: WorkspaceKey::parse(slug) };
        signed_in.insert(who, (credentials, authorization));
    }
    signed_in
}
