//! What the database does answer. Every attempt is undone before the next.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Connection, Row};

use super::roles::{self, Actor, Entry, OTHER, OWN, Workspaces};
use super::tables::{IN_ITS_WORKSPACE, Table};
use super::{Matrix, Planted, Verb};
use crate::operations::roles::Role;

/// What an attempt came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    /// Grants and policies let it through; a constraint may have had a word afterwards.
    Reached,
    /// No row, or no right.
    Nothing,
}

impl Outcome {
    const fn verb(self) -> &'static str {
        match self {
            Self::Reached => "reaches it",
            Self::Nothing => "reaches nothing",
        }
    }
}

/// Asks the door: it lets a member into its own workspace with what the map gives, and into no other one.
pub(super) async fn ask_the_door(
    superuser: &mut PgConnection,
    actor: &Actor,
    map: &BTreeMap<String, Vec<String>>,
    matrix: &mut Matrix,
) -> Result<(), sqlx::Error> {
    let Entry::Session(session) = actor.entry else { return Ok(()) };
    let mut transaction = superuser.begin().await?;
    become_role(&mut transaction, actor.role).await?;
    let entered = enter(&mut transaction, session, OTHER).await;
    transaction.rollback().await?;
    matrix.answer(entered.is_err(), || format!("the door lets {} into another workspace", actor.name));

    let every: BTreeSet<&String> = map.values().flatten().collect();
    let mut transaction = superuser.begin().await?;
    become_role(&mut transaction, actor.role).await?;
    enter(&mut transaction, session, OWN).await?;
    for permission in every {
        let row =
            sqlx::query("select app.can($1) as can").bind(permission).fetch_one(&mut *transaction).await?;
        let can: bool = row.try_get("can")?;
        matrix.answer(can == actor.permissions.contains(permission), || {
            format!("{permission} of {}: the map and the context do not agree", actor.name)
        });
    }
    transaction.rollback().await
}

/// Asks for every verb on every table's row of the own workspace and of the other one.
pub(super) async fn ask_the_tables(
    superuser: &mut PgConnection,
    actor: &Actor,
    workspaces: &Workspaces,
    planted: &[Planted<'_>],
    expected: &[[bool; 4]],
    matrix: &mut Matrix,
) -> Result<(), sqlx::Error> {
    let mut transaction = superuser.begin().await?;
    if let Entry::Job = actor.entry {
        roles::set_context(&mut transaction, actor, workspaces).await?;
    }
    become_role(&mut transaction, actor.role).await?;
    if let Entry::Session(session) = actor.entry {
        enter(&mut transaction, session, OWN).await?;
    }
    for ((table, rows), expected) in planted.iter().zip(expected) {
        for (verb, allowed) in Verb::ALL.into_iter().zip(expected) {
            // Of one's own workspace the one row for which the answer is known; of another, whatever is there.
            let own = table.finding();
            for (place, row, found, allowed) in [
                ("its own", &rows.own, own.as_str(), *allowed),
                ("another", &rows.other, IN_ITS_WORKSPACE, false),
            ] {
                sqlx::raw_sql("savepoint attempt").execute(&mut *transaction).await?;
                let statement = statement(table, actor.role, verb, found);
                let observed = attempt(&mut transaction, statement, verb, row).await?;
                sqlx::raw_sql("rollback to savepoint attempt").execute(&mut *transaction).await?;
                let wanted = if allowed { Outcome::Reached } else { Outcome::Nothing };
                let place = if matches!(actor.entry, Entry::Nothing) { "a" } else { place };
                matrix.answer(observed == wanted, || {
                    format!(
                        "{}: {} of {place} workspace's row as {} {}, expected: {}",
                        table.name,
                        verb.name(),
                        actor.name,
                        observed.verb(),
                        wanted.verb()
                    )
                });
            }
        }
    }
    transaction.rollback().await
}

/// A statement that does this, whose `$1` is a row as JSON.
fn statement(table: &Table, role: Role, verb: Verb, found: &str) -> String {
    let name = &table.quoted;
    match verb {
        Verb::Select => format!("select 1 from {name} where {found}"),
        Verb::Update => format!("update {name} set {0} = {0} where {found}", table.updated(role)),
        Verb::Delete => format!("delete from {name} where {found}"),
        Verb::Insert => format!(
            "insert into {name} ({0}) select {0} from jsonb_populate_record(null::{name}, $1)",
            table.written()
        ),
    }
}

async fn attempt(
    connection: &mut PgConnection,
    statement: String,
    verb: Verb,
    row: &Value,
) -> Result<Outcome, sqlx::Error> {
    let row = if verb == Verb::Insert { with_another_id(row) } else { row.clone() };
    // sql: literal because names are the catalogue's own, quoted.
    let asked = sqlx::query(AssertSqlSafe(statement)).persistent(false).bind(row).execute(connection).await;
    match asked {
        Ok(done) if done.rows_affected() > 0 => Ok(Outcome::Reached),
        Ok(_) => Ok(Outcome::Nothing),
        Err(error) => {
            let code = error.as_database_error().and_then(sqlx::error::DatabaseError::code);
            match code.as_deref() {
                Some("42501") => Ok(Outcome::Nothing),
                // A constraint, or a trigger that always fires, spoke: so the policies had let it through.
                Some(code) if code.starts_with("23") || code.starts_with("FN") || code == "P0001" => {
                    Ok(Outcome::Reached)
                }
                _ => Err(error),
            }
        }
    }
}

/// The same row under an id that nobody has, where it has one.
fn with_another_id(row: &Value) -> Value {
    let mut row = row.clone();
    if let Some(id) =
        row.get_mut("id").filter(|id| id.as_str().is_some_and(|text| uuid::Uuid::parse_str(text).is_ok()))
    {
        *id = Value::String(super::fresh_id().to_string());
    }
    row
}

async fn become_role(connection: &mut PgConnection, role: Role) -> Result<(), sqlx::Error> {
    sqlx::query("select set_config('role', $1, true)").bind(role.name()).execute(connection).await?;
    Ok(())
}

async fn enter(connection: &mut PgConnection, session: uuid::Uuid, slug: &str) -> Result<(), sqlx::Error> {
    sqlx::query("select * from app.enter_session($1, null, $2)")
        .bind(session)
        .bind(slug)
        .execute(connection)
        .await?;
    Ok(())
}
