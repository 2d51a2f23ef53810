//! The matrix of tenant isolation, made from the catalogue: every table that has `workspace_id` × SELECT, INSERT, UPDATE, DELETE ×
//! every built-in role, a job and nobody × {own workspace, another one, no context}.
//!
//! Of another workspace's rows, and without a context, nothing may be reached: that is absolute. In one's own workspace the answer
//! must be what the grants and the table's own policies come to under the permission map. Roles come in by the door that
//! requests use. Rows are planted in both workspaces past triggers and foreign keys, so that nothing but grants and policies
//! can answer; a table in which no row can be planted proves nothing, and does not hold.

mod asking;
mod candidates;
mod expectation;
mod planting;
mod roles;
mod tables;

use std::collections::BTreeMap;

use serde_json::Value;
use sqlx::postgres::PgConnection;
use uuid::Uuid;

use self::roles::{Actor, Entry, Workspaces};
use self::tables::Table;
use super::super::migrations::Migrations;
use super::super::throwaway::Throwaway;
use super::super::{Failure, roles as database_roles};

/// What the database answered.
#[derive(Clone, Debug, Default)]
pub struct Matrix {
    /// How many tables were asked.
    pub tables: usize,
    /// How many questions there were.
    pub asked: usize,
    /// The answers that are not as they should be, each with its table.
    pub wrong: Vec<String>,
}

impl Matrix {
    /// Whether something was asked, and every answer was right.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.tables > 0 && self.asked > 0 && self.wrong.is_empty()
    }

    /// Counts an answer, and keeps what is wrong with it.
    fn answer(&mut self, right: bool, wrong: impl FnOnce() -> String) {
        self.asked += 1;
        if !right {
            self.wrong.push(wrong());
        }
    }
}

/// A verb of the matrix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verb {
    Select,
    Insert,
    Update,
    Delete,
}

impl Verb {
    const ALL: [Self; 4] = [Self::Select, Self::Insert, Self::Update, Self::Delete];

    const fn name(self) -> &'static str {
        match self {
            Self::Select => "SELECT",
            Self::Insert => "INSERT",
            Self::Update => "UPDATE",
            Self::Delete => "DELETE",
        }
    }
}

/// A row of a table in each of the two workspaces, as JSON.
struct Rows {
    own: Value,
    other: Value,
}

/// Measures in a private PostgreSQL of its own, which is gone afterwards, also when `interrupted` ends first.
///
/// # Errors
///
/// [`Failure::Postgres`], [`Failure::Migration`], [`Failure::Database`] or [`Failure::Interrupted`].
pub async fn measure_privately(interrupted: impl Future<Output = ()>) -> Result<Matrix, Failure> {
    let throwaway = Throwaway::start("isolation").await?;
    let work = async |throwaway: &Throwaway| {
        let owner_url = throwaway.owner_url();
        let migrations = Migrations::connect(&owner_url).await?;
        let applied = migrations.up(None).await;
        migrations.close().await;
        applied?;
        measure(&owner_url, &throwaway.superuser_url()).await
    };
    throwaway.with(work, interrupted).await
}

/// Measures in a migrated database, and leaves two workspaces of its own with their rows in it.
///
/// # Errors
///
/// As [`measure_privately`].
pub async fn measure(owner_url: &str, superuser_url: &str) -> Result<Matrix, Failure> {
    let map = {
        let mut superuser = database_roles::connect(superuser_url).await?;
        roles::permission_map(&mut superuser).await.map_err(Failure::database("read the permission map"))?
    };
    let (workspaces, actors) = roles::make(owner_url, &map).await?;
    let mut superuser = database_roles::connect(superuser_url).await?;
    ask_everything(&mut superuser, &workspaces, &actors, &map)
        .await
        .map_err(Failure::database("ask the database for the matrix"))
}

async fn ask_everything(
    superuser: &mut PgConnection,
    workspaces: &Workspaces,
    actors: &[Actor],
    map: &BTreeMap<String, Vec<String>>,
) -> Result<Matrix, sqlx::Error> {
    // For this session alone: no trigger fires and no foreign key is checked, so only grants and policies are left.
    sqlx::raw_sql("set session_replication_role = replica").execute(&mut *superuser).await?;
    let mut matrix = Matrix::default();
    let tables = tables::read(superuser).await?;
    let mut planted = Vec::new();
    for table in &tables {
        matrix.tables += 1;
        expectation::judge_policies(table, &mut matrix);
        match planting::plant(superuser, table, workspaces).await? {
            Ok(rows) => planted.push((table, rows)),
            Err(reason) => {
                matrix.answer(false, || {
                    format!("{}: no row can be planted, so nothing is shown: {reason}", table.name)
                });
            }
        }
    }
    for actor in actors {
        if let Entry::Session(_) = actor.entry {
            asking::ask_the_door(superuser, actor, map, &mut matrix).await?;
        }
        let expected = expectation::of(superuser, actor, workspaces, &planted).await?;
        asking::ask_the_tables(superuser, actor, workspaces, &planted, &expected, &mut matrix).await?;
    }
    Ok(matrix)
}

/// What is expected of an actor in its own workspace, by the place of the table.
type Expected = Vec<[bool; 4]>;
type Planted<'a> = (&'a Table, Rows);

/// An id that nobody has.
fn fresh_id() -> Uuid {
    entity::id::EventId::new().0
}
