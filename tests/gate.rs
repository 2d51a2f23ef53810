//! `footnote gate`: what it measures, and that it can fail.

use std::path::Path;

use footnote::operations::gate::isolation;
use serde_json::Value;
use tempfile::tempdir;

use crate::support::command::{Done, footnote};
use crate::support::database::{TestDatabase, connect};

/// Where PostgreSQL's programs come from is the run's choice.
fn gate(folder: &Path, arguments: &[&str]) -> Done {
    let kind = std::env::var_os("FOOTNOTE_POSTGRES").and_then(|kind| kind.into_string().ok());
    let variables: Vec<_> = kind.iter().map(|kind| ("FOOTNOTE_POSTGRES", kind.as_str())).collect();
    footnote(folder, &variables, &[&["gate"], arguments].concat())
}

fn sources() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

/// The two numbers of `N of M …`.
fn counted(gate: &Value) -> (u32, u32) {
    let figure = gate["figure"].as_str().expect("a figure");
    let mut numbers = figure.split(' ').filter_map(|word| word.parse().ok());
    (numbers.next().expect(figure), numbers.next().expect(figure))
}

#[test]
fn every_gate_holds_and_says_so_in_one_object() {
    let done = gate(sources(), &["--json"]);
    assert_eq!(done.code, 0, "{}{}", done.stdout, done.stderr);
    let measured = done.json();
    assert_eq!(measured["holds"], true);
    let gates = measured["gates"].as_array().expect("gates");
    let names: Vec<_> = gates.iter().map(|gate| gate["name"].as_str().expect("a name")).collect();
    assert_eq!(names, ["architecture", "migrations", "tenant isolation"]);
    for gate in gates {
        assert_eq!(gate["holds"], true, "{gate}");
        let (right, asked) = counted(gate);
        assert!(right == asked && asked > 0, "{gate}");
        assert!(gate["command"].as_str().is_some_and(|command| command.starts_with("footnote ")), "{gate}");
    }
    assert!(counted(&gates[2]).1 > 1_000, "the matrix has asked too little: {}", gates[2]);
}

#[test]
fn without_sources_the_architecture_is_left_out_and_that_is_said() {
    let folder = tempdir().expect("a folder");
    let done = gate(folder.path(), &["--only", "architecture"]);
    assert_eq!(done.code, 2, "{}{}", done.stdout, done.stderr);
    let done = gate(folder.path(), &["--source", "nowhere"]);
    assert_eq!(done.code, 2, "{}{}", done.stdout, done.stderr);
    let done = gate(folder.path(), &["--json"]);
    assert_eq!(done.code, 0, "{}{}", done.stdout, done.stderr);
    assert!(done.stderr.contains("architecture is left out"), "{}", done.stderr);
    let names: Vec<_> =
        done.json()["gates"].as_array().expect("gates").iter().map(|gate| gate["name"].clone()).collect();
    assert_eq!(names, ["migrations", "tenant isolation"]);
}

#[test]
fn an_arrow_that_points_up_fails_the_command_and_is_named() {
    let folder = tempdir().expect("a folder");
    let library = folder.path().join("api/src/tenancy");
    std::fs::create_dir_all(&library).expect("folders");
    std::fs::write(folder.path().join("api/src/lib.rs"), "pub mod tenancy;").expect("written");
    std::fs::write(library.join("mod.rs"), "use crate::{clock, knowledge::service};").expect("written");
    let done = gate(folder.path(), &["--only", "architecture", "--json"]);
    assert_eq!(done.code, 1, "{}{}", done.stdout, done.stderr);
    assert_eq!(done.json()["holds"], false);
    assert!(done.stderr.contains("tenancy/mod.rs uses knowledge::service"), "{}", done.stderr);
}

#[tokio::test]
async fn the_matrix_names_every_table_whose_isolation_somebody_broke() {
    let database = TestDatabase::create_on_the_server().await;
    let mut superuser = connect(&database.superuser).await;
    for broken in [
        // Another workspace's rows become visible.
        "drop policy tenant on public.chunks",
        "alter table public.citations disable row level security",
        "alter policy tenant on public.documents using (true)",
        // Rows can be written into another workspace.
        "alter policy tenant on public.agents with check (true)",
        // In one's own workspace the answer is not the map's.
        "create policy wide on public.events for select to footnote_app using (true)",
        "create policy nobody on public.collections as restrictive to footnote_app using (app.workspace_id() is null or version > 0)",
        // Nothing can be planted, so nothing is shown.
        "alter table public.uploads add constraint never check (size_bytes = -size_bytes and size_bytes > 0)",
        // A right without a policy lets nothing through, and is the catalogue's to find.
        "grant delete on public.retrievals to footnote_app",
    ] {
        sqlx::raw_sql(broken).execute(&mut superuser).await.expect(broken);
    }
    let matrix = isolation::measure(database.owner(), &database.superuser).await.expect("measured");
    assert!(!matrix.holds());
    for (table, said) in [
        ("chunks: SELECT of another workspace's row as OWNER", "reaches it"),
        ("chunks: DELETE of another workspace's row as a job", "reaches it"),
        ("citations: SELECT of another workspace's row as VIEWER", "reaches it"),
        ("citations: SELECT of a workspace's row as nobody", "reaches it"),
        ("documents: SELECT of another workspace's row as MEMBER", "reaches it"),
        ("agents: INSERT of another workspace's row as ADMIN", "reaches it"),
        ("events: the policy wide asks for", "no permission"),
        ("uploads: no row can be planted", "never"),
    ] {
        let named = matrix.wrong.iter().any(|line| line.starts_with(table) && line.contains(said));
        assert!(named, "{table}: {:#?}", matrix.wrong);
    }
    for sound in ["jobs:", "memberships:", "retrievals:", "collections:", "idempotency_records:"] {
        assert!(!matrix.wrong.iter().any(|line| line.starts_with(sound)), "{sound}: {:#?}", matrix.wrong);
    }
}

#[tokio::test]
async fn the_matrix_names_a_door_that_gives_more_than_the_map() {
    let database = TestDatabase::create_on_the_server().await;
    let mut superuser = connect(&database.superuser).await;
    let wide = "create or replace function app.can(permission text) returns boolean language sql stable parallel safe return true";
    sqlx::raw_sql(wide).execute(&mut superuser).await.expect("replaced");
    let matrix = isolation::measure(database.owner(), &database.superuser).await.expect("measured");
    let named = |line: &String| line.starts_with("audit:read of VIEWER");
    assert!(matrix.wrong.iter().any(named), "{:#?}", matrix.wrong);
}
