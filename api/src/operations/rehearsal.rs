//! The rehearsal of the migrations: each is applied, undone and applied again, and the schema must come out the same.
//!
//! It runs on an empty database: one of a private PostgreSQL of its own, which leaves nothing behind, or one that it is
//! given for this. A database that holds anything is refused, because undoing loses data. From the first migration on
//! there are a person and a workspace, so that later ones do not run over empty tables only.

use std::time::Instant;

use serde::Serialize;
use sqlx::Row;
use sqlx::postgres::PgConnection;

use super::catalog_dump::Dump;
use super::migrations::Migrations;
use super::people::People;
use super::throwaway::Throwaway;
use super::{Failure, roles};

/// How one migration did.
#[derive(Clone, Debug, Serialize)]
pub struct Rehearsed {
    /// The migration.
    pub name: String,
    /// Milliseconds that it took to apply.
    pub up_ms: f64,
    /// Milliseconds that it took to undo.
    pub down_ms: f64,
    /// Whether undoing it gave the schema before it, and applying it again the schema after it.
    pub equal: bool,
    /// What differed, line by line.
    #[serde(skip)]
    pub differences: Vec<String>,
}

/// How all of them did.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// Each migration, in order.
    pub migrations: Vec<Rehearsed>,
    /// Whether every migration, and the undoing of all of them at once, left the schema that it should.
    pub holds: bool,
    /// What differed from the empty database after all were undone.
    #[serde(skip)]
    pub left_behind: Vec<String>,
}

/// Rehearses in a private PostgreSQL of its own, which is gone afterwards, also when `interrupted` ends first.
///
/// # Errors
///
/// [`Failure::Postgres`] and [`Failure::Database`]; [`Failure::Migration`] where a migration cannot be applied or undone.
pub async fn rehearse_privately(interrupted: impl Future<Output = ()>) -> Result<Report, Failure> {
    let throwaway = Throwaway::start("rehearsal").await?;
    throwaway.with(async |throwaway| rehearse(&throwaway.owner_url()).await, interrupted).await
}

/// Rehearses in an empty database to which the address leads as its owner.
///
/// # Errors
///
/// [`Failure::Usage`] where the database is not empty; as [`rehearse_privately`] otherwise.
pub async fn rehearse(owner_url: &str) -> Result<Report, Failure> {
    let mut catalog = roles::connect(owner_url).await?;
    let migrations = Migrations::connect(owner_url).await?;
    refuse_used(&mut catalog, &migrations).await?;
    migrations.install().await?;
    let empty = Dump::read(&mut catalog).await?;
    let mut rehearsed = Vec::new();
    for name in migrations.pending().await? {
        rehearsed.push(rehearse_one(&migrations, &mut catalog, name).await?);
        people(owner_url, &mut catalog).await?;
    }
    migrations.down(None).await?;
    let left_behind = empty.difference(&Dump::read(&mut catalog).await?);
    migrations.close().await;
    let holds = left_behind.is_empty() && !rehearsed.is_empty() && rehearsed.iter().all(|one| one.equal);
    Ok(Report { migrations: rehearsed, holds, left_behind })
}

async fn rehearse_one(
    migrations: &Migrations,
    catalog: &mut PgConnection,
    name: String,
) -> Result<Rehearsed, Failure> {
    let before = Dump::read(catalog).await?;
    let start = Instant::now();
    migrations.up(Some(1)).await?;
    let up_ms = milliseconds(start);
    let after = Dump::read(catalog).await?;
    let start = Instant::now();
    migrations.down(Some(1)).await?;
    let down_ms = milliseconds(start);
    let mut differences = before.difference(&Dump::read(catalog).await?);
    migrations.up(Some(1)).await?;
    differences.extend(after.difference(&Dump::read(catalog).await?));
    Ok(Rehearsed { name, up_ms, down_ms, equal: differences.is_empty(), differences })
}

/// A person and a workspace, as soon as there are doors to make them.
async fn people(owner_url: &str, catalog: &mut PgConnection) -> Result<(), Failure> {
    let possible = sqlx::query(
        "select to_regprocedure('app.create_user(uuid, text, text)') is not null
           and to_regprocedure('app.create_workspace(uuid, text, text, uuid, text)') is not null as possible",
    )
    .fetch_one(catalog)
    .await
    .and_then(|row| row.try_get::<bool, _>("possible"))
    .map_err(Failure::database("look for the doors"))?;
    if possible {
        let mut people = People::connect(owner_url).await?;
        let user = people.create_user("rehearsal@example.com", "Rehearsal").await?;
        people.create_workspace("rehearsal", "Rehearsal", user, "OWNER").await?;
    }
    Ok(())
}

/// Undoing loses data, so a database that has any relation in our schemas is somebody's, but for the record of migrations
/// that an earlier rehearsal has left empty.
async fn refuse_used(catalog: &mut PgConnection, migrations: &Migrations) -> Result<(), Failure> {
    let relations = sqlx::query(
        "select count(*) as relations from pg_class c join pg_namespace n on n.oid = c.relnamespace
         where n.nspname in ('public', 'app') and c.relname not like 'seaql_migrations%'",
    )
    .fetch_one(catalog)
    .await
    .and_then(|row| row.try_get::<i64, _>("relations"))
    .map_err(Failure::database("look at the database"))?;
    if relations == 0 && migrations.status().await?.iter().all(|step| !step.applied) {
        return Ok(());
    }
    Err(Failure::Usage(
        "The rehearsal undoes every migration and would lose the data of this database: give it an empty one.".to_owned(),
    ))
}

/// To a tenth.
fn milliseconds(since: Instant) -> f64 {
    (since.elapsed().as_secs_f64() * 10_000.0).round() / 10.0
}
