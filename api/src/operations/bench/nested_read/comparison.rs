//! Whether all contenders give the same answer, field by field.

use serde_json::{Value, json};
use sqlx::{Connection, Row};

use super::super::contest::{Normal, Target, Tenant, fetch, normal};
use super::super::seeded::Seeded;
use super::queries::STATEMENTS;
use crate::operations::Failure;
use crate::operations::roles::{self, Role};

/// How many workspaces the answers are compared in.
const COMPARED: usize = 4;

/// Compares the answers in several workspaces; the length of an answer of this server.
pub(in super::super) async fn compare(
    seeded: &Seeded,
    tenants: &[Tenant],
    ours: &Target,
    theirs: Option<&Target>,
) -> Result<usize, Failure> {
    let mut bytes = 0;
    let step = (tenants.len() / COMPARED).max(1);
    for (n, tenant) in tenants.iter().enumerate().step_by(step) {
        let answer = fetch(ours.address, &ours.requests[n]).await?;
        bytes = answer.to_string().len();
        let answer = data(answer)?;
        let counts = ["agents", "agentRuns", "citations"].map(|list| answer.count(list));
        if counts != [20, 100, 300] {
            return Err(Failure::DoesNotHold(format!(
                "an answer has {counts:?} rows where there are [20, 100, 300]"
            )));
        }
        for statement in STATEMENTS {
            let statement = statement_answer(seeded, tenant, statement).await?;
            differ("the statement", answer.difference(&statement))?;
        }
        if let Some(theirs) = theirs {
            let theirs = data(fetch(theirs.address, &theirs.requests[n]).await?)?;
            differ("PostGraphile", answer.difference(&theirs))?;
        }
    }
    Ok(bytes)
}

fn data(mut answer: Value) -> Result<Normal, Failure> {
    if answer.get("errors").is_some() {
        return Err(Failure::DoesNotHold(format!("an answer has errors: {}", answer["errors"])));
    }
    Ok(normal(answer["data"].take()))
}

async fn statement_answer(
    seeded: &Seeded,
    tenant: &Tenant,
    statement: &'static str,
) -> Result<Normal, Failure> {
    let failed = |error| Failure::database("run the statement")(error);
    let mut connection = roles::connect(&seeded.url(Role::App)).await?;
    let mut transaction = connection.begin().await.map_err(failed)?;
    // The door, as an operation goes through it.
    sqlx::query("select app.enter_session($1, $2, null)")
        .bind(tenant.session.0)
        .bind(tenant.workspace.0)
        .execute(&mut *transaction)
        .await
        .map_err(failed)?;
    let row = sqlx::query(statement).fetch_one(&mut *transaction).await.map_err(failed)?;
    let agents: Value = row.try_get("agents").map_err(failed)?;
    transaction.rollback().await.map_err(failed)?;
    Ok(normal(json!({ "agents": agents })))
}

fn differ(whose: &str, difference: Option<String>) -> Result<(), Failure> {
    match difference {
        None => Ok(()),
        Some(where_) => {
            Err(Failure::DoesNotHold(format!("this server and {whose} answer differently: {where_}")))
        }
    }
}
