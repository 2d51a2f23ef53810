//! Who works when: the contenders in turns, and before them the forms of the statement, of which the fastest one takes part.

use std::sync::Arc;

use serde::Serialize;
use sqlx::Row;

use super::super::processes::Family;
use super::super::rounded;
use super::super::seeded::{Ids, Kind, Seeded, Tell};
use super::pgbench::{Pgbench, Script};
use super::report::{Contested, Plan, Turns, per_second};
use super::slice::{Contender, Way};
use crate::operations::Failure;

/// How many clients try a form of the statement.
const TRY_CLIENTS: usize = 16;
/// How often each form of the statement is tried, and how long, in seconds.
const TRIES: u32 = 2;
const TRY: u64 = 1;

/// A form of a statement.
#[derive(Clone, Debug, Serialize)]
pub struct Form {
    /// Its name.
    pub name: &'static str,
    /// Requests per second in a short try.
    pub requests_per_second: f64,
}

/// Everybody in turns, with each number of clients.
pub(in super::super) async fn in_turns(
    ways: &[(Contender, Way)],
    plan: &Plan,
    postgres: Option<Family>,
    tell: Tell<'_>,
) -> Result<Vec<Contested>, Failure> {
    let mut turns = Turns::default();
    for clients in &plan.clients {
        for round in 0..plan.rounds {
            for turn in 0..ways.len() {
                let (contender, way) = &ways[(round + turn) % ways.len()];
                let slice = way.run(*clients, plan.seconds, postgres).await?;
                tell(&format!(
                    "{clients} clients, round {} of {}: {} {:.0}/s",
                    round + 1,
                    plan.rounds,
                    contender.name(),
                    per_second(&slice)
                ));
                turns.push(*clients, *contender, slice);
            }
        }
    }
    Ok(turns.measured())
}

/// The processes of the seeded database.
pub(in super::super) async fn postgres(seeded: &Seeded) -> Result<Option<Family>, Failure> {
    let mut connection = seeded.superuser().await?;
    // The process of this connection; the server is its parent.
    let row = sqlx::query("select pg_backend_pid() as process").fetch_one(&mut connection).await;
    let process: i32 = row
        .and_then(|row| row.try_get("process"))
        .map_err(Failure::database("ask for the database's process"))?;
    Ok(Family::of_parent(process.cast_unsigned()))
}

/// Tries the forms of a statement with 16 clients, in turns; the fastest one.
pub(in super::super) async fn best_form(
    pgbench: &Arc<Pgbench>,
    scripts: Vec<Script>,
    postgres: Option<Family>,
    tell: Tell<'_>,
) -> Result<(Vec<Form>, Way), Failure> {
    let form = |script: Script| {
        let form = Form { name: script.name, requests_per_second: 0.0 };
        (form, Way::Pgbench(pgbench.clone(), Arc::new(script)))
    };
    let mut tried: Vec<(Form, Way)> = scripts.into_iter().map(form).collect();
    for _ in 0..TRIES {
        for (form, way) in &mut tried {
            let rate = per_second(&way.run(TRY_CLIENTS, TRY, postgres).await?);
            form.requests_per_second += rate / f64::from(TRIES);
        }
    }
    for (form, _) in &mut tried {
        form.requests_per_second = rounded(form.requests_per_second);
        tell(&format!("{}: {:.0}/s", form.name, form.requests_per_second));
    }
    tried.sort_by(|(one, _), (other, _)| other.requests_per_second.total_cmp(&one.requests_per_second));
    let best = tried.first().map(|(_, way)| way.clone());
    let best = best.ok_or_else(|| Failure::Start("there is no form to try".to_owned()))?;
    Ok((tried.into_iter().map(|(form, _)| form).collect(), best))
}

/// The door, for the workspace whose number `pgbench` has chosen.
pub(in super::super) fn door(ids: Ids) -> String {
    let (session, workspace) = (ids.sql(Kind::Session, ":w", "0"), ids.sql(Kind::Workspace, ":w", "0"));
    format!("select app.enter_session({session}, {workspace}, null)")
}
