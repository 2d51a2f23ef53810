//! The direction of dependencies, read off the `use` lines: what an arrow of the design does not allow, fails here.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// The capabilities; each may use another one only through its `service`, its types, or what its `mod.rs` offers.
const CAPABILITIES: &[&str] =
    &["accounts", "agents", "jobs", "knowledge", "members", "operators", "workspaces"];

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder of the sources") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// Every `use crate::…` of the sources: the file below `src`, and what it uses.
fn uses() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&root, &mut files);
    assert!(files.len() > 80, "the sources were not found");
    let mut found = Vec::new();
    for file in files {
        let name = file.strip_prefix(&root).expect("below src").to_string_lossy().into_owned();
        let text = fs::read_to_string(&file).expect("a source");
        let code = text.split("#[cfg(test)]").next().unwrap_or_default();
        for part in code.split("crate::").skip(1) {
            let used: String =
                part.chars().take_while(|c| c.is_alphanumeric() || matches!(c, '_' | ':')).collect();
            found.push((name.clone(), used));
        }
    }
    found
}

fn violations(allowed: impl Fn(&str, &str) -> bool) -> BTreeSet<String> {
    let uses = uses();
    uses.iter()
        .filter(|(file, used)| !allowed(file, used))
        .map(|(file, used)| format!("{file} uses {used}"))
        .collect()
}

fn within(file: &str, folders: &[&str]) -> bool {
    folders.iter().any(|folder| file.starts_with(&format!("{folder}/")))
}

#[test]
fn the_lower_layers_know_nothing_of_the_capabilities() {
    let lower = ["tenancy", "worker", "adapters", "embedded"];
    let above = |used: &str| {
        let first = used.split(':').next().unwrap_or_default();
        CAPABILITIES.contains(&first) || ["graphql", "server", "commands", "operations"].contains(&first)
    };
    assert_eq!(violations(|file, used| !within(file, &lower) || !above(used)), BTreeSet::new());
}

#[test]
fn only_the_assembly_and_the_look_up_by_id_name_capabilities_in_the_schema() {
    let named = |used: &str| CAPABILITIES.contains(&used.split(':').next().unwrap_or_default());
    let assembly = ["graphql/mod.rs", "graphql/node.rs"];
    let allowed =
        |file: &str, used: &str| !within(file, &["graphql"]) || assembly.contains(&file) || !named(used);
    assert_eq!(violations(allowed), BTreeSet::new());
}

#[test]
fn rules_know_nothing_of_graphql() {
    let transport =
        ["query.rs", "mutation.rs", "subscription.rs", "types.rs", "mod.rs", "inputs.rs", "loaders.rs"];
    let is_rule =
        |file: &str| within(file, CAPABILITIES) && !transport.iter().any(|name| file.ends_with(name));
    let graphql = |used: &str| ["graphql", "server"].contains(&used.split(':').next().unwrap_or_default());
    assert_eq!(violations(|file, used| !is_rule(file) || !graphql(used)), BTreeSet::new());
}

#[test]
fn nobody_but_the_commands_starts_servers_and_commands() {
    let outer = |used: &str| {
        ["commands", "operations", "server"].contains(&used.split(':').next().unwrap_or_default())
    };
    let allowed = |file: &str, used: &str| {
        within(file, &["commands", "operations", "server"]) || !file.contains('/') || !outer(used)
    };
    assert_eq!(violations(allowed), BTreeSet::new());
}
