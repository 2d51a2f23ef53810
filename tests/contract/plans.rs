//! The plans of every order of every list: a range of an index that leads with the workspace, never a sort, never the table.
//!
//! The plans are PostgreSQL's own, of the statements that requests send: the extension auto_explain writes them to the
//! server's log. Sequential scans, bitmaps and sorts are made dear, so that one shows only where there is no index.

use async_graphql::parser::parse_schema;
use async_graphql::parser::types::{TypeKind, TypeSystemDefinition};
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Row};

use crate::support::{Who, World};

/// The lists, as queries with a place for the order, and the type that the order has.
const LISTS: &[(&str, &str)] = &[
    ("{ collections(ORDER) { nodes { id } } }", "CollectionOrderField"),
    ("{ documents(ORDER) { nodes { id } } }", "DocumentOrderField"),
    ("{ collections { nodes { documents(ORDER) { nodes { id } } } } }", "DocumentOrderField"),
    ("{ documents { nodes { versions(ORDER) { nodes { id } } } } }", "DocumentVersionOrderField"),
    ("{ documents { nodes { ingestion { id } } } }", ""),
    ("{ ingestions(ORDER) { nodes { id } } }", "IngestionOrderField"),
    ("{ ingestions(status: QUEUED) { nodes { id } } }", ""),
    ("{ agents(ORDER) { nodes { id } } }", "AgentOrderField"),
    ("{ agentRuns(ORDER) { nodes { id } } }", "AgentRunOrderField"),
    ("{ agentRuns(status: QUEUED) { nodes { id } } }", ""),
    ("{ agents { nodes { agentRuns(ORDER) { nodes { id } } } } }", "AgentRunOrderField"),
    ("{ agentRuns { nodes { steps(ORDER) { nodes { id } } } } }", "AgentRunStepOrderField"),
    ("{ agentRuns { nodes { citations(ORDER) { nodes { id } } } } }", "CitationOrderField"),
    ("{ jobs(ORDER) { nodes { id } } }", "JobOrderField"),
    ("{ jobs(status: QUEUED) { nodes { id } } }", ""),
    ("{ workspace { memberships(ORDER) { nodes { id } } } }", "MembershipOrderField"),
    ("{ memberships(ORDER) { nodes { id } } }", "MembershipOrderField"),
    ("{ workspace { roles(ORDER) { nodes { id } } } }", "RoleOrderField"),
    ("{ invitations(ORDER) { nodes { id } } }", "InvitationOrderField"),
    ("{ roles(ORDER) { nodes { id } } }", "RoleOrderField"),
    ("{ apiKeys(ORDER) { nodes { id } } }", "ApiKeyOrderField"),
    ("{ apiKeys(status: ACTIVE) { nodes { id } } }", ""),
    ("{ auditLog(ORDER) { nodes { id } } }", "AuditEntryOrderField"),
    (
        "{ auditLog(filter: { action: { eq: \"agent.create\" } }, ORDER) { nodes { id } } }",
        "AuditEntryOrderField",
    ),
    ("{ operatorEntries(ORDER) { nodes { id } } }", "OperatorEntryOrderField"),
];

/// The values of an enum of the schema.
fn values(name: &str) -> Vec<String> {
    let document = parse_schema(footnote::graphql::sdl()).expect("the schema");
    let found = document.definitions.into_iter().find_map(|definition| match definition {
        TypeSystemDefinition::Type(one) if one.node.name.node == name => match one.node.kind {
            TypeKind::Enum(values) => {
                Some(values.values.into_iter().map(|value| value.node.value.node.to_string()).collect())
            }
            _ => None,
        },
        _ => None,
    });
    found.unwrap_or_else(|| panic!("no enum {name}"))
}

/// Every order of a list, as queries.
fn queries((list, enumeration): (&str, &str)) -> Vec<String> {
    if enumeration.is_empty() {
        return vec![list.to_owned()];
    }
    let orders = values(enumeration).into_iter().flat_map(|field| {
        ["ASC", "DESC"].map(|direction| format!("orderBy: {{ field: {field}, direction: {direction} }}"))
    });
    orders.map(|order| list.replace("ORDER", &order)).collect()
}

/// The nodes of a plan.
fn walk<'a>(plan: &'a Value, found: &mut Vec<&'a Value>) {
    found.push(plan);
    plan["Plans"].as_array().into_iter().flatten().for_each(|plan| walk(plan, found));
}

/// The plans in the server's log: each is JSON on lines that are indented by a tab.
fn plans(log: &str) -> Vec<Value> {
    let parts = log.split("plan:\n").skip(1);
    parts
        .map(|part| {
            let lines: Vec<&str> = part.lines().take_while(|line| line.starts_with('\t')).collect();
            serde_json::from_str(&lines.join("\n")).expect("a plan")
        })
        .collect()
}

fn is_list(plan: &Value) -> bool {
    let mut nodes = Vec::new();
    walk(&plan["Plan"], &mut nodes);
    nodes.iter().any(|node| node["Node Type"] == "Limit")
}

/// What is wrong with the plan of a list.
fn fault(plan: &Value) -> Option<String> {
    let mut nodes = Vec::new();
    walk(&plan["Plan"], &mut nodes);
    nodes.into_iter().find_map(|node| {
        let kind = node["Node Type"].as_str().unwrap_or_default();
        // A workspace is the tenant itself: its own id leads.
        let reads = node.get("Relation Name").is_some_and(|table| table != "workspaces");
        let led = node["Index Cond"].as_str().is_some_and(|condition| condition.contains("workspace_id"));
        (kind.contains("Sort") || (reads && !led)).then(|| format!("{kind}: {node:#}"))
    })
}

#[tokio::test]
async fn a_page_of_every_list_in_every_order_is_a_range_of_an_index() {
    let world = World::without_worker().await;
    let collection = world.collection(Who::Owner, "Handbook").await;
    world.document(Who::Owner, &collection, "Leave", "Thirty days of paid leave.").await;
    let agent = world.agent(Who::Owner, "Assistant").await;
    world.run(Who::Owner, &agent, "How many days?").await;
    let mut superuser = world.superuser().await;
    let name: String =
        sqlx::query("select current_database()").fetch_one(&mut superuser).await.expect("a name").get(0);
    for setting in [
        "session_preload_libraries = 'auto_explain'",
        "auto_explain.log_min_duration = 0",
        "auto_explain.log_format = 'json'",
        "enable_seqscan = off",
        "enable_bitmapscan = off",
        "enable_sort = off",
    ] {
        let sql = format!("alter database {name} set {setting}");
        // sql: literal because the name is of the test's own making, and the settings are constants.
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut superuser).await.expect("a setting");
    }
    sqlx::query("select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()")
        .execute(&mut superuser).await.expect("ended");
    let log: String = sqlx::query("select current_setting('data_directory') || '/../postgres.log'")
        .fetch_one(&mut superuser)
        .await
        .expect("a folder")
        .get(0);
    // The connections that were ended are found out one by one.
    for _ in 0..20 {
        world.ask(Who::Owner, "{ agents { nodes { id } } }", json!({})).await;
    }
    let read = || String::from_utf8_lossy(&std::fs::read(&log).expect("the server's log")).into_owned();
    for query in LISTS.iter().flat_map(|list| queries(*list)) {
        let before = read().len();
        world.ask(Who::Owner, &query, json!({})).await.data();
        let text = read();
        let plans = plans(&text[before..]);
        let lists = plans.iter().filter(|plan| is_list(plan)).count();
        assert!(lists > 0, "no plan of {query} was logged");
        for plan in plans.iter().filter(|plan| is_list(plan)) {
            assert_eq!(fault(plan), None, "{query}: {}", plan["Query Text"]);
        }
    }
}
