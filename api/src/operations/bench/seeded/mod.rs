//! A database of its own that is full of consistent tenant data: what reads and writes are measured on.
//!
//! It guarantees that a folder is seeded once and wholly: all rows, and the note that they are there, are one transaction, and a second
//! opening finds them. Rows are written past triggers and foreign keys, but obey them, which a test checks. It refuses a folder
//! that was seeded for another number of workspaces or rows.

mod ids;
mod scale;

#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::time::Instant;

use serde::Serialize;
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{ConnectOptions, Connection, Row};

pub(crate) use self::ids::{Ids, Kind};
pub use self::scale::Scale;
pub(crate) use self::scale::{AGENTS, Shape};
use super::rounded;
use crate::clock;
use crate::embedded::DataFolder;
use crate::operations::Failure;
use crate::operations::migrations::Migrations;
use crate::operations::private_database::PrivateDatabase;
use crate::operations::roles::Role;

/// Connections that a measurement may open: three contenders with 64 clients at most, one after another, and their leftovers.
const CONNECTIONS: u32 = 200;
/// How long ago the first workspace was made, in milliseconds: 330 days.
const AGO: i64 = 330 * 24 * 3_600_000;

/// The parts of the seeding, in order.
const PARTS: [(&str, &str); 4] = [
    ("people, workspaces and collections", include_str!("sql/people.sql")),
    ("documents, versions and passages", include_str!("sql/knowledge.sql")),
    ("agents, runs, steps and retrievals", include_str!("sql/runs.sql")),
    ("hits and citations", include_str!("sql/citations.sql")),
];

/// Who is told how far it is.
pub type Tell<'a> = &'a (dyn Fn(&str) + Send + Sync);

/// What a seeded database holds.
#[derive(Clone, Debug, Serialize)]
pub struct SeedReport {
    /// Its folder.
    pub folder: PathBuf,
    /// Workspaces.
    pub workspaces: u32,
    /// Those of them that have agents with runs and citations.
    pub readable_workspaces: usize,
    /// Rows of all tenant tables together.
    pub rows: u64,
    /// Its size on the disk, in MiB, indexes included.
    pub size_mib: i64,
    /// How long the rows took to write.
    pub seconds: f64,
    /// How long it took to make it ready after that: statistics, visibility map, a checkpoint. Zero where it was ready.
    pub vacuum_seconds: f64,
    /// Whether it had been seeded before.
    pub reused: bool,
}

/// A running seeded database.
pub struct Seeded {
    database: PrivateDatabase,
    folder: DataFolder,
    ids: Ids,
    shape: Shape,
    report: SeedReport,
}

impl Seeded {
    /// Opens the one of a scale below a data folder, seeding it first where there is none.
    ///
    /// # Errors
    ///
    /// [`Failure::Usage`] for too few rows; otherwise what did not open, or what the database said.
    pub async fn open(data: &Path, scale: Scale, tell: Tell<'_>) -> Result<Self, Failure> {
        let shape = scale.shape()?;
        let folder = data.join(format!("{}-workspaces-{}-rows", scale.workspaces, scale.rows));
        let folder = DataFolder::open(&folder)?;
        let database = PrivateDatabase::start(&folder, CONNECTIONS).await?;
        match fill(&database, &shape, scale, tell).await {
            Ok((start, report)) => {
                let ids = Ids { start, workspaces: i64::from(scale.workspaces), step: shape.step };
                let report = SeedReport { folder: folder.path().to_owned(), ..report };
                Ok(Self { database, folder, ids, shape, report })
            }
            Err(failure) => {
                database.stop().await;
                Err(failure)
            }
        }
    }

    /// What it holds.
    #[must_use]
    pub fn report(&self) -> &SeedReport {
        &self.report
    }

    /// Its folder, where a measurement may keep what it needs.
    pub(super) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Its address for a role.
    pub(super) fn url(&self, role: Role) -> String {
        self.database.url(role)
    }

    /// Its ids.
    pub(super) fn ids(&self) -> Ids {
        self.ids
    }

    /// How its rows are spread.
    pub(super) fn shape(&self) -> &Shape {
        &self.shape
    }

    /// A connection of the superuser, which no policy binds.
    pub(super) async fn superuser(&self) -> Result<PgConnection, Failure> {
        superuser(&self.database).await
    }

    /// Removes what measured writes left behind.
    pub(super) async fn reset(&self) -> Result<(), Failure> {
        let failed = |error| Failure::database("remove what was written")(error);
        let mut connection = self.superuser().await?;
        let mut transaction = connection.begin().await.map_err(failed)?;
        sqlx::raw_sql(include_str!("sql/reset.sql")).execute(&mut *transaction).await.map_err(failed)?;
        transaction.commit().await.map_err(failed)?;
        // After the deletion: scans would meet the dead rows.
        sqlx::raw_sql("vacuum (analyze)").execute(&mut connection).await.map(drop).map_err(failed)
    }

    /// Stops it; what it holds is kept.
    pub async fn close(self) {
        self.database.stop().await;
        drop(self.folder);
    }
}

async fn superuser(database: &PrivateDatabase) -> Result<PgConnection, Failure> {
    let options: PgConnectOptions =
        database.superuser_url().parse().map_err(Failure::database("read the database's address"))?;
    // That a million rows take seconds is nothing to warn of.
    PgConnection::connect_with(&options.disable_statement_logging())
        .await
        .map_err(Failure::database("connect to the database"))
}

/// Brings the schema up to date and fills it where it is empty; when the first workspace was made, and what it holds now.
async fn fill(
    database: &PrivateDatabase,
    shape: &Shape,
    scale: Scale,
    tell: Tell<'_>,
) -> Result<(i64, SeedReport), Failure> {
    let migrations = Migrations::connect(&database.url(Role::Owner)).await?;
    let migrated = migrations.up(None).await;
    migrations.close().await;
    migrated?;
    let mut connection = superuser(database).await?;
    let failed = Failure::database("seed the database");
    let (start, reused, vacuum_seconds) = match seeded_at(&mut connection).await {
        Ok(Some(start)) => (start, true, 0.0),
        Ok(None) => {
            let start = clock::now().timestamp_millis() - AGO;
            seed(&mut connection, shape, start, tell).await?;
            tell("statistics");
            let began = Instant::now();
            // After the seeding: plans need statistics, index-only scans the visibility map.
            let vacuumed = sqlx::raw_sql("vacuum (analyze)").execute(&mut connection).await;
            vacuumed.map_err(Failure::database("vacuum the database"))?;
            let written = sqlx::raw_sql("checkpoint").execute(&mut connection).await;
            written.map_err(Failure::database("write a checkpoint"))?;
            (start, false, began.elapsed().as_secs_f64())
        }
        Err(error) => return Err(failed(error)),
    };
    // The report: what the seeding noted, and the size.
    let row = sqlx::query(
        "select rows, seconds, pg_database_size(current_database()) / 1048576 as size_mib from bench.seeded",
    )
    .fetch_one(&mut connection)
    .await;
    let read = |row: sqlx::postgres::PgRow| {
        Ok(SeedReport {
            folder: PathBuf::new(),
            workspaces: scale.workspaces,
            readable_workspaces: shape.readable(),
            rows: row.try_get::<i64, _>("rows")?.cast_unsigned(),
            size_mib: row.try_get("size_mib")?,
            seconds: rounded(row.try_get("seconds")?),
            vacuum_seconds: rounded(vacuum_seconds),
            reused,
        })
    };
    let report = row.and_then(read).map_err(Failure::database("look at what was seeded"))?;
    if report.rows != shape.rows {
        return Err(Failure::Start(format!(
            "the database was seeded with {} rows where this version seeds {}: remove its folder",
            report.rows, shape.rows
        )));
    }
    Ok((start, report))
}

/// When the first workspace of a seeded database was made, in milliseconds; none where it is not seeded.
async fn seeded_at(connection: &mut PgConnection) -> Result<Option<i64>, sqlx::Error> {
    // Whether there is the note of an earlier seeding.
    let noted = sqlx::query("select to_regclass('bench.seeded') is not null as noted");
    if !noted.fetch_one(&mut *connection).await?.try_get::<bool, _>("noted")? {
        return Ok(None);
    }
    // What it noted.
    let row = sqlx::query("select start_ms from bench.seeded").fetch_one(connection).await?;
    row.try_get("start_ms").map(Some)
}

async fn seed(
    connection: &mut PgConnection,
    shape: &Shape,
    start: i64,
    tell: Tell<'_>,
) -> Result<(), Failure> {
    let failed = |error| Failure::database("seed the database")(error);
    let mut transaction = connection.begin().await.map_err(failed)?;
    sqlx::raw_sql(include_str!("sql/prepare.sql")).execute(&mut *transaction).await.map_err(failed)?;
    // The scale and the tenants, from which everything follows.
    sqlx::query(
        "with scaled as (insert into pg_temp.scale values (cardinality($1), $2, $3) returning start)
         insert into pg_temp.tenants
         select w - 1, runs, start + w - 1, pg_temp.id(start + w - 1, '001', w - 1, 0), pg_temp.id(start + w - 1, '002', w - 1, 0)
         from scaled, unnest($1::bigint[]) with ordinality given (runs, w)",
    )
    .bind(&shape.runs)
    .bind(start)
    .bind(shape.step)
    .execute(&mut *transaction)
    .await
    .map_err(failed)?;
    // The number of rows, for the note.
    sqlx::query("select set_config('bench.rows', $1, true)")
        .bind(shape.rows.to_string())
        .execute(&mut *transaction)
        .await
        .map_err(failed)?;
    sqlx::raw_sql("analyze pg_temp.tenants, pg_temp.scale")
        .execute(&mut *transaction)
        .await
        .map_err(failed)?;
    for (what, sql) in PARTS {
        tell(what);
        sqlx::raw_sql(sql).execute(&mut *transaction).await.map_err(failed)?;
    }
    sqlx::raw_sql(include_str!("sql/finish.sql")).execute(&mut *transaction).await.map_err(failed)?;
    transaction.commit().await.map_err(failed)
}
