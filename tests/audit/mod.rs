//! The audit log: what its readers find in it, and that nobody changes it unseen.

mod reading;
mod verification;

use serde_json::{Value, json};
use sqlx::Row;

use crate::support::{Who, World};

const LOG: &str = "query($filter: AuditEntryFilter, $first: Int, $after: String) {
  auditLog(filter: $filter, first: $first, after: $after) { totalCount pageInfo { hasNextPage endCursor }
    nodes { id seq action actorKind actorId actorRole user { email } targets before after requestId createdAt hash previousHash } } }";
const VERIFY: &str = "query($after: Int! = 0) { auditVerify(after: $after) {
  holds complete entries checkedThrough head headHash firstFault { seq kind } } }";

async fn log(world: &World, who: Who, filter: Value) -> Vec<Value> {
    let data = world.ask(who, LOG, json!({ "filter": filter, "first": 50 })).await.data();
    let nodes = data["auditLog"]["nodes"].as_array().expect("a list").clone();
    assert_eq!(data["auditLog"]["totalCount"], json!(nodes.len()), "all of it is one page");
    nodes
}

async fn verify(world: &World, who: Who) -> Value {
    world.ask(who, VERIFY, json!({})).await.data()["auditVerify"].clone()
}

async fn id_of(world: &World, email: &'static str) -> String {
    let mut superuser = world.superuser().await;
    let id = sqlx::query("select id from users where email = $1").bind(email).fetch_one(&mut superuser).await;
    entity::id::UserId(id.expect("a person").get(0)).to_string()
}
