//! Every field of every type in the schema, walked: none costs more statements because there are more parents, and none
//! reads another value because it was asked for alone.

use async_graphql::parser::types::FieldDefinition;
use serde_json::{Value, json};

use crate::support::schema::{Schema, named, needs_nothing, takes};
use crate::support::world::text;
use crate::support::{Who, World};

/// Whether a type holds a list, or an item of one, and is no object of its own.
fn is_wrapping(name: &str) -> bool {
    ["Connection", "Edge", "PageInfo", "SearchResults"].iter().any(|part| name.ends_with(part))
}

/// The selection of one field, with everything that it offers in a list.
fn selection(schema: &Schema, field: &FieldDefinition) -> String {
    let (name, inner) = (&field.name.node, named(&field.ty.node));
    if inner.ends_with("Connection") {
        return format!("{name}(first: 3) {{ nodes {{ __typename }} edges {{ cursor }} totalCount }}");
    }
    let below = if schema.objects.contains_key(inner) || schema.unions.contains_key(inner) {
        " { __typename }"
    } else {
        ""
    };
    let other_unit = if takes(field, "unit") {
        format!(" {name}Utf16: {name}(unit: UTF16){below}")
    } else {
        String::new()
    };
    format!("{name}{below}{other_unit}")
}

/// The objects of a type in an answer, in its order.
fn objects<'a>(value: &'a Value, name: &str, found: &mut Vec<&'a Value>) {
    match value {
        Value::Array(values) => values.iter().for_each(|value| objects(value, name, found)),
        Value::Object(fields) => {
            if fields.get("__typename").is_some_and(|found| found == name) && fields.contains_key("marked") {
                found.push(value);
            } else {
                fields.values().for_each(|value| objects(value, name, found));
            }
        }
        _ => {}
    }
}

/// Four of everything, so that twos and fours can be compared.
async fn fill(world: &World) {
    for number in 0..4 {
        let collection = world.collection(Who::Owner, &format!("Collection {number}")).await;
        let markdown = format!(
            "# Leave {number}\n\nEmployees of group {number} have thirty days of paid leave. 🦀 Paid leave is asked for in writing."
        );
        let document = world.document(Who::Owner, &collection, &format!("Leave {number}"), &markdown).await;
        assert_eq!(world.ingested(Who::Owner, &document).await["status"], "SUCCEEDED");
    }
    for number in 0..4 {
        world.api_key(Who::Owner, &format!("Key {number}"), &["document:read"]).await;
    }
    for number in 0..4 {
        let agent = world.agent(Who::Owner, &format!("Agent {number}")).await;
        let question = format!("How many days of paid leave do employees of group {number} have?");
        let run = world.run(Who::Owner, &agent, &question).await;
        let run = world.finished(Who::Owner, &run).await;
        assert_ne!(run["citations"]["nodes"], json!([]), "{run:#}");
    }
    world
        .plant(
            "insert into invitations (workspace_id, id, email, role_id, invited_by, expires_at)
             select m.workspace_id, gen_random_uuid(), 'guest' || n || '@example.com', m.role_id, m.user_id, now() + interval '1 day'
             from memberships m join users u on u.id = m.user_id and u.email = 'owner@acme.example', generate_series(1, 4) n",
        )
        .await;
    world
        .plant(
            "with operator as (insert into operators (id, name, email, start, hash, expires_at)
               values (gen_random_uuid(), 'Planted', 'planted@ops.example', 'fn_op_abcd', sha256('planted'), now() + interval '1 day') returning id)
             insert into operator_entries (workspace_id, id, operator_id, operator_name, workspace_key, reason, expires_at)
             select w.id, gen_random_uuid(), operator.id, 'Planted', w.slug, 'planted by a test', now() + interval '1 hour'
             from workspaces w, operator, generate_series(1, 4) where w.slug = 'acme'",
        )
        .await;
    let mut superuser = world.superuser().await;
    // Jobs of a kind that no worker takes.
    sqlx::query(
        "insert into jobs (workspace_id, id, kind, subject_id, correlation_id, run_at)
        select w.id, gen_random_uuid(), 'test.nothing', gen_random_uuid(), 'test', now() + interval '1 day'
        from workspaces w, generate_series(1, 4) where w.slug = 'acme'",
    )
    .execute(&mut superuser)
    .await
    .expect("jobs");
}

#[tokio::test]
async fn no_field_costs_more_statements_because_there_are_more_parents() {
    let world = World::new().await;
    fill(&world).await;
    let schema = Schema::served();
    let ask = async |query: &str, n: i32| {
        let before = world.stack.app().database().round_trips();
        let reply = world.ask(Who::Owner, query, json!({ "n": n })).await;
        (reply.data(), world.stack.app().database().round_trips() - before)
    };
    let mut checked = 0;
    for (name, way) in schema.ways().into_iter().filter(|(_, way)| way.sized) {
        if is_wrapping(&name) {
            continue;
        }
        for field in schema.objects[&name].iter().filter(|field| needs_nothing(field)) {
            let selection = selection(&schema, field);
            let query = way.query(&format!("{{ __typename marked: __typename {selection} }}"));
            let ((two, cost_of_two), (four, cost_of_four)) = (ask(&query, 2).await, ask(&query, 4).await);
            let count = |value: &Value| {
                let mut found = Vec::new();
                objects(value, &name, &mut found);
                found.len()
            };
            assert!(count(&four) > count(&two) && count(&two) > 0, "no data for {query}: {four}");
            assert_eq!(cost_of_two, cost_of_four, "{name}.{}: {query}", field.name.node);
            checked += 1;
        }
    }
    assert!(checked > 100, "only {checked} fields were reached");
    // The same for objects by their ids.
    let documents = ask("{ documents { nodes { id } } }", 0).await.0;
    let ids: Vec<String> = documents["documents"]["nodes"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|one| text(&one["id"]))
        .collect();
    let nodes =
        "query($ids: [ID!]!) { nodes(ids: $ids) { id ... on Document { versions { nodes { id } } } } }";
    let mut costs = Vec::new();
    for ids in [&ids[..2], &ids[..]] {
        let before = world.stack.app().database().round_trips();
        world.ask(Who::Owner, nodes, json!({ "ids": ids })).await.data();
        costs.push(world.stack.app().database().round_trips() - before);
    }
    assert_eq!(costs[0], costs[1]);
}

#[tokio::test]
async fn a_field_that_is_asked_for_alone_has_the_value_that_it_has_among_all() {
    let world = World::new().await;
    fill(&world).await;
    let schema = Schema::served();
    for (name, way) in schema.ways().into_iter().filter(|(_, way)| way.sized) {
        if is_wrapping(&name) {
            continue;
        }
        let fields: Vec<_> = schema.objects[&name].iter().filter(|field| needs_nothing(field)).collect();
        let all: Vec<_> = fields.iter().map(|field| selection(&schema, field)).collect();
        let ask = async |selection: &str| {
            let query = way.query(&format!("{{ __typename marked: __typename {selection} }}"));
            world.ask(Who::Owner, &query, json!({ "n": 3 })).await.data()
        };
        let whole = ask(&all.join(" ")).await;
        let mut rows = Vec::new();
        objects(&whole, &name, &mut rows);
        for (field, selection) in fields.iter().zip(&all) {
            let alone = ask(selection).await;
            let mut sparse = Vec::new();
            objects(&alone, &name, &mut sparse);
            assert_eq!(sparse.len(), rows.len(), "{name}.{}", field.name.node);
            for (sparse, row) in sparse.into_iter().zip(&rows) {
                for (key, value) in sparse.as_object().expect("an object") {
                    assert_eq!(value, &row[key], "{name}.{key}");
                }
            }
        }
    }
}

/// How many messages go to the database and are waited for, for queries that front ends make.
#[tokio::test]
async fn what_typical_queries_cost() {
    let world = World::new().await;
    fill(&world).await;
    let agent = world.ask(Who::Owner, "{ agents(first: 1) { nodes { id } } }", json!({})).await.data();
    let id = text(&agent["agents"]["nodes"][0]["id"]);
    let corpus = [
        ("{ viewer { user { name } workspaces { slug } } }", 3),
        ("{ agents { nodes { id name } } }", 2),
        ("{ agents { totalCount nodes { id } } }", 3),
        ("query($id: ID!) { node(id: $id) { id } }", 2),
        ("query($id: ID!) { a: agent(id: $id) { name } b: agent(id: $id) { model } }", 2),
        (
            "{ agents(first: 20) { nodes { id agentRuns(first: 5) { nodes { id citations(first: 3) { nodes { quote } } } } } } }",
            4,
        ),
        (
            "{ agents { nodes { agentRuns(first: 2) { totalCount nodes { id } } again: agentRuns(first: 3) { nodes { id } } } } }",
            5,
        ),
        (
            "{ documents { nodes { title collection { name } ingestion { status } currentVersion { charCount } versions { nodes { id } } } } }",
            6,
        ),
        (
            "{ agentRuns { nodes { agent { name } startedBy { name } citations { nodes { document { title } chunk { text } documentVersion { id } } } } } }",
            8,
        ),
    ];
    for (query, expected) in corpus {
        let before = world.stack.app().database().round_trips();
        world.ask(Who::Owner, query, json!({ "id": id })).await.data();
        assert_eq!(world.stack.app().database().round_trips() - before, expected, "{query}");
    }
}
