//! Every field of every type in the schema, walked: none costs more statements because there are more parents, and none
//! reads another value because it was asked for alone.

use std::collections::{BTreeMap, VecDeque};

use async_graphql::parser::parse_schema;
use async_graphql::parser::types::{BaseType, FieldDefinition, Type, TypeKind, TypeSystemDefinition};
use serde_json::{Value, json};

use crate::support::world::text;
use crate::support::{Who, World};

/// The fields of the object types, and the members of the unions.
struct Schema {
    objects: BTreeMap<String, Vec<FieldDefinition>>,
    unions: BTreeMap<String, Vec<String>>,
}

/// The way from the root to a type, as a query with a hole.
#[derive(Clone)]
struct Way {
    before: String,
    after: String,
    /// Whether the way has a list whose size `$n` is.
    sized: bool,
}

impl Way {
    fn query(&self, selection: &str) -> String {
        format!("query($n: Int) {} {selection} {}", self.before, self.after)
    }

    fn through(&self, before: &str, after: &str) -> Self {
        let (before, after) = (format!("{} {before}", self.before), format!("{after} {}", self.after));
        Self { before, after, sized: self.sized }
    }
}

fn schema() -> Schema {
    let document = parse_schema(footnote::graphql::sdl()).expect("the schema");
    let mut schema = Schema { objects: BTreeMap::new(), unions: BTreeMap::new() };
    for definition in document.definitions {
        let TypeSystemDefinition::Type(one) = definition else { continue };
        let name = one.node.name.node.to_string();
        match one.node.kind {
            TypeKind::Object(object) => {
                schema.objects.insert(name, object.fields.into_iter().map(|field| field.node).collect());
            }
            TypeKind::Union(union) => {
                let members = union.members.into_iter().map(|member| member.node.to_string()).collect();
                schema.unions.insert(name, members);
            }
            _ => {}
        }
    }
    schema
}

fn named(one: &Type) -> &str {
    match &one.base {
        BaseType::Named(name) => name,
        BaseType::List(inner) => named(inner),
    }
}

fn takes(field: &FieldDefinition, argument: &str) -> bool {
    field.arguments.iter().any(|one| one.node.name.node == argument)
}

fn needs_nothing(field: &FieldDefinition) -> bool {
    field.arguments.iter().all(|one| one.node.ty.node.nullable || one.node.default_value.is_some())
}

/// Whether a type holds a list, or an item of one, and is no object of its own.
fn is_wrapping(name: &str) -> bool {
    ["Connection", "Edge", "PageInfo", "SearchResults"].iter().any(|part| name.ends_with(part))
}

/// The shortest way to each object type that can be reached without an id.
fn ways(schema: &Schema) -> BTreeMap<String, Way> {
    let root = Way { before: String::new(), after: String::new(), sized: false };
    let mut found = BTreeMap::new();
    let mut open: VecDeque<(String, Way)> = [("Query".to_owned(), root)].into();
    while let Some((name, way)) = open.pop_front() {
        if found.contains_key(&name) || name.starts_with("__") {
            continue;
        }
        if let Some(members) = schema.unions.get(&name) {
            for member in members {
                open.push_back((member.clone(), way.through(&format!("{{ ... on {member}"), "}")));
            }
            continue;
        }
        let Some(fields) = schema.objects.get(&name) else { continue };
        for field in fields {
            let (field_name, inner) = (&field.name.node, named(&field.ty.node).to_owned());
            let searches = field_name == "search";
            // Members see nothing of the installation; an operator's test asks for all of it.
            if (!needs_nothing(field) && !searches) || field_name == "operations" {
                continue;
            }
            let sizes = takes(field, "first") && !way.sized;
            let arguments = match (searches, sizes) {
                (true, _) => "(query: \"paid leave\", first: $n)",
                (_, true) => "(first: $n)",
                _ if takes(field, "first") => "(first: 4)",
                _ => "",
            };
            let mut next = way.through(&format!("{{ {field_name}{arguments}"), "}");
            next.sized |= sizes || searches;
            open.push_back((inner, next));
        }
        found.insert(name, way);
    }
    found
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
        let agent = world.agent(Who::Owner, &format!("Agent {number}")).await;
        let question = format!("How many days of paid leave do employees of group {number} have?");
        let run = world.run(Who::Owner, &agent, &question).await;
        let run = world.finished(Who::Owner, &run).await;
        assert_ne!(run["citations"]["nodes"], json!([]), "{run:#}");
    }
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
    world
        .plant(
            "with operator as (insert into operators (id, name, email, start, hash, expires_at)
               values (gen_random_uuid(), 'Ann', 'ann@example.com', 'fn_op_abcd', sha256('x'), now() + interval '1 day') returning id)
             insert into operator_entries (workspace_id, id, operator_id, operator_name, workspace_key, reason, expires_at)
             select w.id, gen_random_uuid(), operator.id, 'Ann', 'acme', 'planted by a test', now() + interval '1 hour'
             from workspaces w, operator, generate_series(1, 4) where w.slug = 'acme'",
        )
        .await;
}

#[tokio::test]
async fn no_field_costs_more_statements_because_there_are_more_parents() {
    let world = World::new().await;
    fill(&world).await;
    let schema = schema();
    let ask = async |query: &str, n: i32| {
        let before = world.stack.app().database().round_trips();
        let reply = world.ask(Who::Owner, query, json!({ "n": n })).await;
        (reply.data(), world.stack.app().database().round_trips() - before)
    };
    let mut checked = 0;
    for (name, way) in ways(&schema).into_iter().filter(|(_, way)| way.sized) {
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
    let schema = schema();
    for (name, way) in ways(&schema).into_iter().filter(|(_, way)| way.sized) {
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
