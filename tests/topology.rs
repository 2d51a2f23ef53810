//! The set-up of `docker/compose.yaml` without Docker: its commands and its variables, as processes of this machine.

use std::collections::HashMap;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use footnote_qdrant_server::{Options, Server};
use serde_json::{Value, json};
use sqlx::{Connection, PgConnection};
use tempfile::{TempDir, tempdir};

use crate::support::cluster;
use crate::support::command::{Done, footnote};
use crate::support::compose::{self, Service};
use crate::support::s3::S3Server;

const PATIENCE: Duration = Duration::from_secs(60);

/// The compose file's services with secrets of their own, and the addresses of this machine in the place of its names.
struct SetUp {
    services: HashMap<String, Service>,
    folder: TempDir,
    _postgres: cluster::Own,
    _qdrant: Server,
    objects: S3Server,
}

impl SetUp {
    async fn new() -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let folder = tempdir().expect("a folder");
        let file = folder.path().join("settings");
        let made = Command::new("sh")
            .arg(root.join("docker/new-env"))
            .arg(&file)
            .stderr(Stdio::null())
            .status()
            .expect("a shell");
        assert!(made.success());
        let mut settings = compose::settings(&std::fs::read_to_string(&file).expect("made"));
        let postgres = tokio::task::spawn_blocking(cluster::of_its_own).await.expect("a cluster");
        let superuser = url::Url::parse(&postgres.superuser_url("postgres")).expect("an address");
        settings.insert("POSTGRES_PASSWORD".to_owned(), superuser.password().expect("a password").to_owned());
        let mut connection = PgConnection::connect(superuser.as_str()).await.expect("the superuser");
        sqlx::raw_sql("create database footnote").execute(&mut connection).await.expect("made");
        let key = Some(settings["QDRANT_API_KEY"].clone());
        let qdrant = Server::start_with(Options { api_key: key, ..Options::default() }).expect("a server");
        let objects = S3Server::with(
            "footnote",
            &settings["OBJECTS_ACCESS_KEY_ID"],
            &settings["OBJECTS_SECRET_ACCESS_KEY"],
        )
        .await;
        let place = format!("127.0.0.1:{}", superuser.port().expect("a port"));
        let here = [
            ("postgres:5432", place),
            ("http://qdrant:6334", qdrant.url()),
            ("objects:7070", objects.address.clone()),
            ("0.0.0.0:8787", "127.0.0.1:0".to_owned()),
            ("0.0.0.0:8788", "127.0.0.1:0".to_owned()),
        ];
        let text = std::fs::read_to_string(root.join("docker/compose.yaml")).expect("the compose file");
        let mut services = compose::services(&text, &settings);
        for value in services.values_mut().flat_map(|service| service.variables.values_mut()) {
            for (name, address) in &here {
                *value = value.replace(name, address);
            }
        }
        Self { services, folder, _postgres: postgres, _qdrant: qdrant, objects }
    }

    fn variables(&self, service: &str) -> Vec<(&str, &str)> {
        self.services[service].variables.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
    }

    /// Runs a service that ends by itself.
    fn run(&self, service: &str, more: &[&str]) -> Done {
        let command = self.services[service].command.iter().map(String::as_str).chain(more.iter().copied());
        footnote(self.folder.path(), &self.variables(service), &command.collect::<Vec<_>>())
    }

    /// Starts a service that goes on.
    fn start(&self, service: &str) -> Running {
        let data = self.folder.path().join(service);
        let mut child = Command::new(env!("CARGO_BIN_EXE_footnote"))
            .args(&self.services[service].command)
            .arg("--json")
            .current_dir(self.folder.path())
            .env_clear()
            .envs(self.variables(service))
            .env("FOOTNOTE_DATA", &data)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the binary");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("a pipe")).read_line(&mut line).expect("a line");
        let ready = serde_json::from_str(&line).unwrap_or_else(|_| panic!("{service} is not ready: {line}"));
        Running { child, ready }
    }
}

struct Running {
    child: Child,
    ready: Value,
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Sends a request to the gateway; its data.
async fn ask(gateway: &Running, headers: &Value, query: &str, variables: Value) -> Value {
    footnote::adapters::http::use_ring();
    let request = reqwest::Client::builder().timeout(PATIENCE).build().expect("a client");
    let request = request
        .post(gateway.ready["endpoint"].as_str().expect("an endpoint"))
        .header("authorization", headers["authorization"].as_str().expect("a token"))
        .header("x-workspace", headers["x-workspace"].as_str().expect("a workspace"))
        .header("content-type", "application/json")
        .body(json!({ "query": query, "variables": variables }).to_string());
    let answer: Value = request.send().await.expect("an answer").json().await.expect("JSON");
    assert!(answer["errors"].is_null(), "{answer:#}");
    answer["data"].clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_compose_files_commands_and_variables_make_a_whole_that_works() {
    let set_up = SetUp::new().await;
    for _ in 0..2 {
        // It runs at each `up`.
        let done = set_up.run("bootstrap", &["--json"]);
        assert_eq!(done.code, 0, "{}", done.stderr);
        assert_eq!(done.json()["given"].as_array().map(Vec::len), Some(4), "{}", done.stdout);
    }
    for service in ["gateway", "worker"] {
        let variables = set_up.variables(service);
        assert!(
            variables.iter().all(|(name, _)| !name.contains("OWNER") && *name != "DATABASE_URL"),
            "{service}"
        );
    }
    let gateway = set_up.start("gateway");
    let _worker = set_up.start("worker");
    let owner = set_up.services["bootstrap"].variables["FOOTNOTE_OWNER_DATABASE_URL"].clone();
    let mut people = footnote::operations::people::People::connect(&owner).await.expect("the owner");
    let user = people.create_user("owner@acme.example", "Owner").await.expect("a user");
    people.create_workspace("acme", "Acme", user, "OWNER").await.expect("a workspace");
    let key = set_up.services["gateway"].variables["FOOTNOTE_SIGNING_KEY"].clone();
    let token = footnote(
        set_up.folder.path(),
        &[("FOOTNOTE_OWNER_DATABASE_URL", owner.as_str()), ("FOOTNOTE_SIGNING_KEY", key.as_str())],
        &["token", "--email", "owner@acme.example", "--workspace", "acme", "--json"],
    );
    assert_eq!(token.code, 0, "{}", token.stderr);
    let headers = token.json()["headers"].clone();
    let collection = ask(
        &gateway,
        &headers,
        "mutation { collectionCreate(input: { name: \"c\" }) { collection { id } } }",
        json!({}),
    )
    .await;
    let input = json!({
        "collectionId": collection["collectionCreate"]["collection"]["id"], "title": "Locks",
        "markdown": "# Locks\n\nAn index that is built concurrently does not lock out writes to its table.",
    });
    let create =
        "mutation($input: DocumentCreateInput!) { documentCreate(input: $input) { document { id } } }";
    let document = ask(&gateway, &headers, create, json!({ "input": input })).await;
    let id = document["documentCreate"]["document"]["id"].clone();
    let begun = Instant::now();
    loop {
        let query = "query($id: ID!) { document(id: $id) { ingestion { status failureMessage } } }";
        let data = ask(&gateway, &headers, query, json!({ "id": id })).await;
        let ingestion = &data["document"]["ingestion"];
        if ingestion["status"] == "SUCCEEDED" {
            break;
        }
        assert!(ingestion["status"] != "FAILED" && begun.elapsed() < PATIENCE, "{ingestion}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let found = ask(
        &gateway,
        &headers,
        "{ search(query: \"concurrently built index\", first: 1) { nodes { passage } } }",
        json!({}),
    )
    .await;
    assert!(
        found["search"]["nodes"][0]["passage"]
            .as_str()
            .is_some_and(|passage| passage.contains("concurrently")),
        "{found:#}"
    );
    assert!(!set_up.folder.path().join("gateway/vectors").exists(), "vectors are kept elsewhere");
    let address = gateway.ready["endpoint"].as_str().expect("an endpoint").trim_end_matches("/graphql");
    assert_eq!(footnote(set_up.folder.path(), &[], &["health", "--url", address]).code, 0);
    let doctor: Vec<_> = set_up
        .variables("gateway")
        .into_iter()
        .filter(|(name, _)| !matches!(*name, "FOOTNOTE_NO_GRAPHIQL" | "FOOTNOTE_ALLOWED_ORIGINS"))
        .collect();
    let examined = footnote(set_up.folder.path(), &doctor, &["doctor", "--json", "--url", address]);
    assert_eq!(examined.code, 0, "{}", examined.stdout);
    assert!(examined.stdout.contains("everything answers"), "{}", examined.stdout);
    drop(set_up.objects);
}
