//! What the database should answer in one's own workspace: the grant, and the table's own policies under the permission map.
//!
//! The conditions of the policies are asked as plain expressions over the row, by a superuser in whom no policy has a say, with
//! the permissions that the map gives. So a policy that is not in force, or a door that gives more than the map, shows.

use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Connection, Row};

use super::roles::{self, Actor, Entry, Workspaces};
use super::tables::{Policy, Table};
use super::{Expected, Matrix, Planted, Verb};
use crate::operations::roles::Role;

/// What a policy may ask of whoever acts.
const QUESTIONS: [&str; 3] = ["app.can(", "app.in_job(", "app.actor_id("];

/// A policy that asks nothing of whoever acts would make its own expectation, so it is wrong by itself.
pub(super) fn judge_policies(table: &Table, matrix: &mut Matrix) {
    let ours = |policy: &&Policy| {
        policy.permissive && [Role::App, Role::Worker].iter().any(|role| policy.is_of(*role))
    };
    for policy in table.policies.iter().filter(ours) {
        let text = policy.text();
        let asks = QUESTIONS.iter().any(|question| text.contains(question));
        matrix.answer(asks, || {
            format!("{}: the policy {} asks for no permission, no job and no actor", table.name, policy.name)
        });
    }
}

/// What an actor should reach of each table's own row.
pub(super) async fn of(
    superuser: &mut PgConnection,
    actor: &Actor,
    workspaces: &Workspaces,
    planted: &[Planted<'_>],
) -> Result<Expected, sqlx::Error> {
    if matches!(actor.entry, Entry::Nothing) {
        return Ok(vec![[false; 4]; planted.len()]);
    }
    let mut transaction = superuser.begin().await?;
    roles::set_context(&mut transaction, actor, workspaces).await?;
    let mut expected = Vec::new();
    for (table, rows) in planted {
        let answers = Verb::ALL.map(|verb| allowed(table, actor.role, verb)).join(", ");
        // sql: literal because names and conditions are the catalogue's own text.
        let statement = AssertSqlSafe(format!(
            "select array[{answers}] as answers from jsonb_populate_record(null::{}, $1) as {}",
            table.quoted, table.alias
        ));
        let row =
            sqlx::query(statement).persistent(false).bind(&rows.own).fetch_one(&mut *transaction).await?;
        let answers: Vec<bool> = row.try_get("answers")?;
        let mut by_verb = [false; 4];
        by_verb.iter_mut().zip(answers).for_each(|(place, answer)| *place = answer);
        expected.push(by_verb);
    }
    transaction.rollback().await?;
    Ok(expected)
}

/// The condition under which a role reaches a row by a verb, as an expression over the row.
fn allowed(table: &Table, role: Role, verb: Verb) -> String {
    if !table.grants(role, verb) {
        return "false".to_owned();
    }
    match verb {
        Verb::Select => passes(table, role, verb, Policy::on_rows),
        Verb::Insert => passes(table, role, verb, Policy::on_new_rows),
        // A statement that looks for its row needs to see it, before and after.
        Verb::Update => [
            passes(table, role, verb, Policy::on_rows),
            passes(table, role, verb, Policy::on_new_rows),
            allowed(table, role, Verb::Select),
        ]
        .join(" and "),
        Verb::Delete => {
            [passes(table, role, verb, Policy::on_rows), allowed(table, role, Verb::Select)].join(" and ")
        }
    }
}

/// Any permissive policy, and every restrictive one.
fn passes<'a>(table: &'a Table, role: Role, verb: Verb, condition: impl Fn(&'a Policy) -> &'a str) -> String {
    let texts = |permissive| {
        let bound = table
            .policies
            .iter()
            .filter(move |policy| policy.permissive == permissive && policy.binds(role, verb));
        bound.map(|policy| format!("coalesce(({}), false)", condition(policy))).collect::<Vec<_>>()
    };
    let (permissive, restrictive) = (texts(true), texts(false));
    let any = if permissive.is_empty() { "false".to_owned() } else { permissive.join(" or ") };
    std::iter::once(format!("({any})")).chain(restrictive).collect::<Vec<_>>().join(" and ")
}
