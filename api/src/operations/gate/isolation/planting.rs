//! A row of any table in both workspaces, made from the catalogue alone.
//!
//! Columns take their defaults, null where they may, else a value of their type; then the columns of each CHECK that does not hold
//! are tried in all combinations until it does. A row that is there already is as good.

use serde_json::{Map, Value};
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Connection, Row};
use uuid::Uuid;

use super::roles::Workspaces;
use super::tables::{Condition, Table};
use super::{Rows, candidates};

/// Combinations of values that are tried for one CHECK.
const MOST_COMBINATIONS: usize = 20_000;

/// Plants a row in each workspace; says why where it cannot be done.
pub(super) async fn plant(
    superuser: &mut PgConnection,
    table: &Table,
    workspaces: &Workspaces,
) -> Result<Result<Rows, String>, sqlx::Error> {
    let own = match in_workspace(superuser, table, workspaces.own).await? {
        Ok(row) => row,
        Err(reason) => return Ok(Err(reason)),
    };
    Ok(in_workspace(superuser, table, workspaces.other).await?.map(|other| Rows { own, other }))
}

async fn in_workspace(
    superuser: &mut PgConnection,
    table: &Table,
    workspace: Uuid,
) -> Result<Result<Value, String>, sqlx::Error> {
    if let Some(row) = existing(superuser, table, workspace).await? {
        return Ok(Ok(row));
    }
    let row = match sound(superuser, table, workspace).await? {
        Ok(row) => row,
        Err(reason) => return Ok(Err(reason)),
    };
    let written = table.written();
    // sql: literal because names are the catalogue's own, quoted.
    let statement = AssertSqlSafe(format!(
        "insert into {0} ({written}) select {written} from jsonb_populate_record(null::{0}, $1)",
        table.quoted
    ));
    let mut transaction = superuser.begin().await?;
    match sqlx::query(statement).persistent(false).bind(Value::Object(row)).execute(&mut *transaction).await {
        Ok(_) => transaction.commit().await?,
        Err(sqlx::Error::Database(refusal)) => {
            transaction.rollback().await?;
            return Ok(Err(refusal.to_string()));
        }
        Err(error) => return Err(error),
    }
    Ok(existing(superuser, table, workspace).await?.ok_or_else(|| "it went elsewhere".to_owned()))
}

async fn existing(
    superuser: &mut PgConnection,
    table: &Table,
    workspace: Uuid,
) -> Result<Option<Value>, sqlx::Error> {
    // sql: literal because the name is the catalogue's own, quoted.
    let statement = AssertSqlSafe(format!(
        "select to_jsonb(t) as found from {} t where workspace_id = $1 limit 1",
        table.quoted
    ));
    let row = sqlx::query(statement).persistent(false).bind(workspace).fetch_optional(superuser).await?;
    row.map(|row| row.try_get("found")).transpose()
}

/// A row for which every CHECK holds.
async fn sound(
    superuser: &mut PgConnection,
    table: &Table,
    workspace: Uuid,
) -> Result<Result<Map<String, Value>, String>, sqlx::Error> {
    let mut row = match plain(superuser, table, workspace).await? {
        Ok(row) => row,
        Err(reason) => return Ok(Err(reason)),
    };
    // Each round mends one CHECK without breaking another, so there are at most as many as CHECKs.
    for _ in 0..=table.conditions.len() {
        let held = holding(superuser, table, &row, &[Map::new()]).await?.swap_remove(0);
        let Some(broken) = held.iter().position(|held| !held) else { return Ok(Ok(row)) };
        let tried = combinations(table, &table.conditions[broken]);
        let found = holding(superuser, table, &row, &tried).await?;
        let mends = |after: &Vec<bool>| {
            after[broken] && held.iter().zip(after).all(|(before, after)| *after || !before)
        };
        let Some(place) = found.iter().position(mends) else {
            return Ok(Err(format!(
                "no value that was tried satisfies the CHECK {}; operations/gate/isolation/candidates.rs has the values",
                table.conditions[broken].name
            )));
        };
        row.extend(tried[place].clone());
    }
    Ok(Err("its CHECKs contradict each other".to_owned()))
}

/// Defaults, nulls, and the plainest value of each type.
async fn plain(
    superuser: &mut PgConnection,
    table: &Table,
    workspace: Uuid,
) -> Result<Result<Map<String, Value>, String>, sqlx::Error> {
    let mut row = Map::new();
    for column in table.columns.iter().filter(|column| !column.made) {
        let mut value = if column.name == "workspace_id" {
            Value::String(workspace.to_string())
        } else if let Some(default) = &column.default {
            // sql: literal because a default is the catalogue's own text.
            let statement = AssertSqlSafe(format!("select to_jsonb({default}) as value"));
            let made = sqlx::query(statement).persistent(false).fetch_one(&mut *superuser).await?;
            made.try_get::<Option<Value>, _>("value")?.unwrap_or_default()
        } else {
            Value::Null
        };
        // A default may come from a context, which there is none of here.
        if value.is_null() && !column.nullable {
            let Some(plainest) = candidates::of(&column.kind, &[]).into_iter().next() else {
                return Ok(Err(format!("no value of the type {} of {} is known", column.kind, column.name)));
            };
            value = plainest;
        }
        row.insert(column.name.clone(), value);
    }
    Ok(Ok(row))
}

/// Every combination of values for the columns of a CHECK, but for the tenant's.
fn combinations(table: &Table, condition: &Condition) -> Vec<Map<String, Value>> {
    let mut found = vec![Map::new()];
    for column in condition.columns.iter().map(|place| &table.columns[*place]) {
        if column.made || column.name == "workspace_id" {
            continue;
        }
        let naming = table
            .conditions
            .iter()
            .filter(|other| other.columns.iter().any(|place| table.columns[*place].name == column.name));
        let texts: Vec<&str> = naming.map(|condition| condition.sql.as_str()).collect();
        let null = column.nullable.then_some(Value::Null);
        let values: Vec<Value> = null.into_iter().chain(candidates::of(&column.kind, &texts)).collect();
        if values.is_empty() || found.len().saturating_mul(values.len()) > MOST_COMBINATIONS {
            continue;
        }
        found = found
            .into_iter()
            .flat_map(|before| {
                values.iter().map(move |value| {
                    let mut with = before.clone();
                    with.insert(column.name.clone(), value.clone());
                    with
                })
            })
            .collect();
    }
    found
}

/// Which CHECKs hold for the row with each of the changes.
async fn holding(
    superuser: &mut PgConnection,
    table: &Table,
    row: &Map<String, Value>,
    changes: &[Map<String, Value>],
) -> Result<Vec<Vec<bool>>, sqlx::Error> {
    let conditions = table.conditions.iter().map(|condition| format!("({}) is not false", condition.sql));
    let conditions = conditions.collect::<Vec<_>>().join(", ");
    // sql: literal because names and conditions are the catalogue's own text.
    let statement = AssertSqlSafe(format!(
        "select array[{conditions}]::boolean[] as held
         from jsonb_array_elements($2) with ordinality as changes_of_the_gate (change_of_the_gate, place_of_the_gate)
         cross join lateral jsonb_populate_record(null::{}, $1 || change_of_the_gate) as {}
         order by place_of_the_gate",
        table.quoted, table.alias
    ));
    let changes = Value::Array(changes.iter().cloned().map(Value::Object).collect());
    let rows = sqlx::query(statement)
        .persistent(false)
        .bind(Value::Object(row.clone()))
        .bind(changes)
        .fetch_all(superuser)
        .await?;
    rows.iter().map(|row| row.try_get("held")).collect()
}
