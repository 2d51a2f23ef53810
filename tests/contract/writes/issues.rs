//! One answer names every bad field, malformed ids included.

use std::collections::BTreeSet;

use entity::id::{AgentId, CollectionId, DocumentId};
use footnote::config::{Limits, Services};
use serde_json::{Value, json};

use super::{issues, mutations};
use crate::support::{Reply, Who, World};

/// A mutation by its name and the type of its input, asked with this input.
async fn write(world: &World, name: &str, input: Value) -> Reply {
    let r#type = format!("{}{}Input", name[..1].to_uppercase(), &name[1..]);
    let query = format!("mutation($input: {type}!) {{ {name}(input: $input) {{ __typename }} }}");
    world.ask(Who::Owner, &query, json!({ "input": input })).await
}

/// A mutation, an input in which several fields are bad, and what is to be said of it.
type Case = (&'static str, Value, Vec<&'static str>);

fn bad_knowledge() -> Vec<Case> {
    let (long, nul) = ("x".repeat(20_001), "a\0b");
    let (collection, agent) = (CollectionId::new().to_string(), AgentId::new().to_string());
    vec![
        (
            "collectionCreate",
            json!({ "id": agent, "name": " ", "description": nul }),
            vec!["input.id INVALID_ID", "input.name LENGTH", "input.description INVALID_CHARACTER"],
        ),
        (
            "collectionUpdate",
            json!({ "id": "nonsense", "version": 0, "name": "", "description": long }),
            vec![
                "input.id INVALID_ID",
                "input.version OUT_OF_RANGE",
                "input.name LENGTH",
                "input.description LENGTH",
            ],
        ),
        (
            "collectionDelete",
            json!({ "id": agent, "version": -1 }),
            vec!["input.id INVALID_ID", "input.version OUT_OF_RANGE"],
        ),
        (
            "documentCreate",
            json!({ "id": "", "collectionId": agent, "title": "", "text": "", "html": nul }),
            vec![
                "input.id INVALID_ID",
                "input.collectionId INVALID_ID",
                "input.title LENGTH",
                "input.text EXCLUSIVE",
                "input.text EMPTY",
                "input.html EXCLUSIVE",
                "input.html INVALID_CHARACTER",
            ],
        ),
        (
            "documentCreate",
            json!({ "collectionId": "x", "title": nul }),
            vec!["input.collectionId INVALID_ID", "input.title INVALID_CHARACTER", "input.text REQUIRED"],
        ),
        (
            "documentUpdate",
            json!({ "id": collection, "version": 0, "title": "", "markdown": " ", "html": "<p>" }),
            vec![
                "input.id INVALID_ID",
                "input.version OUT_OF_RANGE",
                "input.title LENGTH",
                "input.markdown EXCLUSIVE",
                "input.markdown EMPTY",
                "input.html EXCLUSIVE",
            ],
        ),
        (
            "documentDelete",
            json!({ "id": collection, "version": 0 }),
            vec!["input.id INVALID_ID", "input.version OUT_OF_RANGE"],
        ),
        ("ingestionRetry", json!({ "id": collection }), vec!["input.id INVALID_ID"]),
    ]
}

fn bad_agents_and_jobs() -> Vec<Case> {
    let (long, nul) = ("x".repeat(20_001), "a\0b");
    let (collection, agent) = (CollectionId::new().to_string(), AgentId::new().to_string());
    vec![
        (
            "agentCreate",
            json!({ "id": collection, "name": nul, "instructions": long, "maxPassages": 0 }),
            vec![
                "input.id INVALID_ID",
                "input.name INVALID_CHARACTER",
                "input.instructions LENGTH",
                "input.maxPassages OUT_OF_RANGE",
            ],
        ),
        (
            "agentUpdate",
            json!({ "id": "1", "version": -5, "name": "", "instructions": nul, "maxPassages": 51 }),
            vec![
                "input.id INVALID_ID",
                "input.version OUT_OF_RANGE",
                "input.name LENGTH",
                "input.instructions INVALID_CHARACTER",
                "input.maxPassages OUT_OF_RANGE",
            ],
        ),
        (
            "agentRunStart",
            json!({ "id": agent, "agentId": "x", "input": "",
                    "collectionIds": [collection, "x", collection, agent] }),
            vec![
                "input.id INVALID_ID",
                "input.agentId INVALID_ID",
                "input.input LENGTH",
                "input.collectionIds.1 INVALID_ID",
                "input.collectionIds.3 INVALID_ID",
            ],
        ),
        ("agentRunCancel", json!({ "id": "run_" }), vec!["input.id INVALID_ID"]),
        ("jobRetry", json!({ "id": "x".repeat(100_000) }), vec!["input.id INVALID_ID"]),
        ("operatorEntryEnd", json!({ "id": agent }), vec!["input.id INVALID_ID"]),
    ]
}

fn bad_accounts() -> Vec<Case> {
    let agent = AgentId::new().to_string();
    vec![
        (
            "signUp",
            json!({ "name": "", "email": "x", "password": "short" }),
            vec!["input.name LENGTH", "input.email INVALID", "input.password LENGTH"],
        ),
        (
            "signIn",
            json!({ "email": "x", "password": "x".repeat(300) }),
            vec!["input.email INVALID", "input.password LENGTH"],
        ),
        ("sessionRefresh", json!({}), vec!["headers.origin NO_COOKIE"]),
        ("emailVerify", json!({ "token": "x" }), vec!["input.token INVALID_LINK"]),
        ("passwordResetRequest", json!({ "email": "x@y" }), vec!["input.email INVALID"]),
        (
            "passwordReset",
            json!({ "token": "x", "newPassword": "password" }),
            vec!["input.token INVALID_LINK", "input.newPassword COMMON"],
        ),
        ("accountDelete", json!({ "password": "x".repeat(300) }), vec!["input.password LENGTH"]),
        (
            "workspaceCreate",
            json!({ "id": agent, "name": "", "slug": "A" }),
            vec!["input.id INVALID_ID", "input.name LENGTH", "input.slug INVALID"],
        ),
        (
            "workspaceUpdate",
            json!({ "id": agent, "version": 0, "name": "", "slug": "A" }),
            vec![
                "input.id INVALID_ID",
                "input.version OUT_OF_RANGE",
                "input.name LENGTH",
                "input.slug INVALID",
            ],
        ),
        (
            "workspaceDelete",
            json!({ "slug": "A b", "version": 0 }),
            vec!["input.version OUT_OF_RANGE", "input.slug INVALID"],
        ),
        ("workspaceRestore", json!({ "id": agent }), vec!["input.id INVALID_ID"]),
    ]
}

fn bad_keys() -> Vec<Case> {
    vec![
        (
            "apiKeyCreate",
            json!({ "name": "", "scopes": ["x", "job:read", "job:read"], "expiresAt": "2020-01-01T00:00:00Z" }),
            vec![
                "input.name LENGTH",
                "input.scopes.0 UNKNOWN",
                "input.scopes.2 DUPLICATE",
                "input.expiresAt OUT_OF_RANGE",
            ],
        ),
        (
            "apiKeyUpdate",
            json!({ "id": "x", "version": 0, "name": "x".repeat(101) }),
            vec!["input.id INVALID_ID", "input.version OUT_OF_RANGE", "input.name LENGTH"],
        ),
        ("apiKeyRevoke", json!({ "id": AgentId::new().to_string() }), vec!["input.id INVALID_ID"]),
    ]
}

fn bad_members() -> Vec<Case> {
    let agent = AgentId::new().to_string();
    let wrong = json!({ "id": agent, "version": 0 });
    let both = vec!["input.id INVALID_ID", "input.version OUT_OF_RANGE"];
    vec![
        (
            "invitationCreate",
            json!({ "id": agent, "email": "x", "roleId": "x", "expiresInHours": 721 }),
            vec![
                "input.id INVALID_ID",
                "input.email INVALID",
                "input.roleId INVALID_ID",
                "input.expiresInHours OUT_OF_RANGE",
            ],
        ),
        ("invitationResend", json!({ "id": "x".repeat(100_000) }), vec!["input.id INVALID_ID"]),
        ("invitationRevoke", wrong.clone(), both.clone()),
        ("invitationAccept", json!({ "token": "x".repeat(100_000) }), vec!["input.token INVALID"]),
        (
            "membershipRoleUpdate",
            json!({ "id": agent, "version": 0, "roleId": "x" }),
            vec!["input.id INVALID_ID", "input.version OUT_OF_RANGE", "input.roleId INVALID_ID"],
        ),
        ("membershipSuspend", wrong.clone(), both.clone()),
        ("membershipReactivate", wrong.clone(), both.clone()),
        ("membershipRemove", wrong.clone(), both.clone()),
        ("workspaceLeave", json!({ "workspaceId": agent }), vec!["input.workspaceId INVALID_ID"]),
        (
            "ownershipTransfer",
            json!({ "membershipId": agent, "version": 0 }),
            vec!["input.membershipId INVALID_ID", "input.version OUT_OF_RANGE"],
        ),
        (
            "roleCreate",
            json!({ "id": agent, "name": "", "description": "x".repeat(501), "permissions": ["x", "job:read", "y"] }),
            vec![
                "input.id INVALID_ID",
                "input.name LENGTH",
                "input.description LENGTH",
                "input.permissions.0 UNKNOWN",
                "input.permissions.2 UNKNOWN",
            ],
        ),
        (
            "roleUpdate",
            json!({ "id": agent, "version": 0, "name": "\0", "permissions": ["x"] }),
            vec![
                "input.id INVALID_ID",
                "input.version OUT_OF_RANGE",
                "input.name INVALID_CHARACTER",
                "input.permissions.0 UNKNOWN",
            ],
        ),
        ("roleDelete", wrong, both),
    ]
}

/// A refresh token that is none is that of a session that has ended, which is no fault; and members are no operators, whose bad fields
/// `every_bad_field_is_named_at_once_and_begins_nothing` names.
const WITHOUT_BAD_INPUT: [&str; 3] = ["signOut", "operatorEntryStart", "operatorEntryLeave"];

#[tokio::test]
async fn every_mutation_names_all_bad_fields_at_once() {
    let world = World::without_worker().await;
    let cases = [bad_knowledge(), bad_agents_and_jobs(), bad_members(), bad_keys(), bad_accounts()].concat();
    for (name, input, expected) in &cases {
        let reply = write(&world, name, input.clone()).await;
        assert_eq!(issues(&reply), *expected, "{name}");
        assert!(reply.body.to_string().len() < 3000, "{name} repeats what it was sent");
    }
    let covered = cases.iter().map(|(name, ..)| *name).chain(WITHOUT_BAD_INPUT);
    let covered: BTreeSet<_> = covered.map(str::to_owned).collect();
    assert_eq!(covered, mutations().into_iter().collect(), "a new mutation needs a case");
}

#[tokio::test]
async fn lists_that_are_too_long_are_named_without_reading_all_of_them() {
    let world = World::without_worker().await;
    let ids = vec!["x"; 10_000];
    let reply =
        write(&world, "agentRunStart", json!({ "agentId": "x", "input": "", "collectionIds": ids })).await;
    let found = issues(&reply);
    assert_eq!(found.len(), 3 + 100, "the agent, the question, the length, and those that were looked at");
    assert!(found.contains(&"input.collectionIds LENGTH".to_owned()));
}

#[tokio::test]
async fn a_document_that_is_too_large_is_one_bad_field_among_others() {
    let world =
        World::with(Limits { max_document_bytes: 1000, ..Limits::default() }, Services::default()).await;
    let collection = world.collection(Who::Owner, "Handbook").await;
    let large = "x".repeat(1001);
    let reply =
        write(&world, "documentCreate", json!({ "collectionId": collection, "title": "T", "text": large }))
            .await;
    assert_eq!(reply.code(), "PAYLOAD_TOO_LARGE");
    let reply =
        write(&world, "documentCreate", json!({ "collectionId": "x", "title": "T", "text": large })).await;
    assert_eq!(issues(&reply), ["input.collectionId INVALID_ID", "input.text TOO_LARGE"]);
}

#[tokio::test]
async fn look_ups_name_their_arguments() {
    let world = World::without_worker().await;
    let document = DocumentId::new().to_string();
    for (query, expected) in [
        ("query($x: ID!) { document(id: $x) { id } }", vec!["id INVALID_ID"]),
        ("query($x: ID!) { agent(id: $x) { id } }", vec!["id INVALID_ID"]),
        ("query($x: ID!) { agentRun(id: $x) { id } }", vec!["id INVALID_ID"]),
        ("query($x: ID!) { node(id: $x) { id } }", vec!["id INVALID_ID"]),
        (
            "query($x: ID!, $document: ID!) { nodes(ids: [$document, $x, $document, $x]) { id } }",
            vec!["ids.1 INVALID_ID", "ids.3 INVALID_ID"],
        ),
        (
            "query($x: ID!, $document: ID!) { search(query: \"\", first: 0, collections: [$x, $document]) { nodes { passage } } }",
            vec!["query EMPTY", "collections.0 INVALID_ID", "collections.1 INVALID_ID", "first OUT_OF_RANGE"],
        ),
    ] {
        let reply = world.ask(Who::Owner, query, json!({ "x": "nonsense", "document": document })).await;
        assert_eq!(issues(&reply), expected, "{query}");
    }
    // A whole number is an ID of GraphQL; a truth value is none.
    let reply = world.ask(Who::Owner, "{ document(id: 7) { id } }", json!({})).await;
    assert_eq!(issues(&reply), ["id INVALID_ID"]);
    let reply = world.ask(Who::Owner, "{ document(id: true) { id } }", json!({})).await;
    assert_eq!(reply.code(), "GRAPHQL_VALIDATION_FAILED");
}
