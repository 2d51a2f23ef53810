//! `footnote migrate`: applies, undoes, lists and rehearses migrations.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde::Serialize;

use super::interrupt::Interrupt;
use super::output;
use crate::operations::Failure;
use crate::operations::migrations::{Migrations, Step};
use crate::operations::owner_access::OwnerAccess;
use crate::operations::rehearsal::{self, Report};

/// How many lines of a difference are shown.
const MOST_DIFFERENCES: usize = 40;

/// What to do about migrations.
#[derive(Args, Debug)]
pub struct Migrate {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Apply what is pending.
    Up {
        #[command(flatten)]
        database: OwnedDatabase,
        /// How many, in order; all unless said.
        #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..))]
        steps: Option<u32>,
    },
    /// Undo the last ones, and lose the data that they hold.
    Down {
        #[command(flatten)]
        database: OwnedDatabase,
        /// How many, from the last one back.
        #[arg(long, default_value_t = 1, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..))]
        steps: u32,
    },
    /// List every migration, and whether it was applied.
    Status {
        #[command(flatten)]
        database: OwnedDatabase,
    },
    /// Apply, undo and apply every migration on an empty database, and compare the schemas.
    ///
    /// It starts a private PostgreSQL for this and removes it afterwards.
    Rehearse {
        /// An empty database to use instead, as `footnote_owner`; the roles must exist.
        #[arg(long, value_name = "URL")]
        scratch_database_url: Option<String>,
        /// Print one JSON object.
        #[arg(long)]
        json: bool,
    },
}

/// The database of a server.
#[derive(Args, Debug)]
struct OwnedDatabase {
    /// The database as `footnote_owner`; the private one of the data folder unless said.
    #[arg(long, env = "FOOTNOTE_OWNER_DATABASE_URL", hide_env_values = true, value_name = "URL")]
    owner_database_url: Option<String>,
    /// The data folder.
    #[arg(long, env = "FOOTNOTE_DATA", default_value = ".footnote", value_name = "DIR")]
    data: PathBuf,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Changed {
    changed: Vec<String>,
}

#[derive(Serialize)]
struct Status {
    migrations: Vec<Step>,
}

impl Migrate {
    /// Does it.
    pub async fn run(self, mut interrupt: Interrupt) -> Result<(), Failure> {
        match self.action {
            Action::Up { database, steps } => {
                let work = async |migrations: &Migrations| migrations.up(steps).await;
                let changed = database.with(&mut interrupt, work).await?;
                tell_changed(changed, "applied", database.json)
            }
            Action::Down { database, steps } => {
                let work = async |migrations: &Migrations| migrations.down(Some(steps)).await;
                let changed = database.with(&mut interrupt, work).await?;
                tell_changed(changed, "undone", database.json)
            }
            Action::Status { database } => {
                let work = async |migrations: &Migrations| migrations.status().await;
                let migrations = database.with(&mut interrupt, work).await?;
                if database.json {
                    output::json(&Status { migrations })
                } else {
                    output::text(&status(&migrations))
                }
            }
            Action::Rehearse { scratch_database_url, json } => {
                let report = match scratch_database_url {
                    Some(url) => interrupt.or(rehearsal::rehearse(&url)).await?,
                    None => rehearsal::rehearse_privately(interrupt.wait()).await?,
                };
                tell_rehearsed(&report, json)
            }
        }
    }
}

impl OwnedDatabase {
    /// Does the work as the owner, and stops what was started for it, however the work ends.
    async fn with<T>(
        &self,
        interrupt: &mut Interrupt,
        work: impl AsyncFnOnce(&Migrations) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let access = interrupt.or(OwnerAccess::open(self.owner_database_url.as_deref(), &self.data)).await?;
        let done = interrupt
            .or(async {
                let migrations = Migrations::connect(access.url()).await?;
                let done = work(&migrations).await;
                migrations.close().await;
                done
            })
            .await;
        access.close().await;
        done
    }
}

fn tell_changed(changed: Vec<String>, verb: &str, json: bool) -> Result<(), Failure> {
    if json {
        return output::json(&Changed { changed });
    }
    if changed.is_empty() {
        return output::text("Nothing to do.");
    }
    let lines: Vec<String> = changed.iter().map(|name| format!("{verb}  {name}")).collect();
    output::text(&lines.join("\n"))
}

fn status(migrations: &[Step]) -> String {
    let line =
        |step: &Step| format!("{:<8} {}\n", if step.applied { "applied" } else { "pending" }, step.name);
    migrations.iter().map(line).collect()
}

fn tell_rehearsed(report: &Report, json: bool) -> Result<(), Failure> {
    if json {
        output::json(report)?;
    } else {
        output::text(&table(report))?;
    }
    if report.holds {
        return Ok(());
    }
    let different = report.migrations.iter().filter(|one| !one.equal);
    for (name, differences) in different
        .map(|one| (one.name.as_str(), &one.differences))
        .chain([("all of them, undone together", &report.left_behind)])
        .filter(|(_, differences)| !differences.is_empty())
    {
        output::note(&format!("{name}:"));
        for line in differences.iter().take(MOST_DIFFERENCES) {
            output::note(&format!("  {line}"));
        }
    }
    Err(Failure::DoesNotHold(
        "a migration does not undo itself: the lines above were in one schema and not in the other."
            .to_owned(),
    ))
}

fn table(report: &Report) -> String {
    let width = report.migrations.iter().map(|one| one.name.len()).max().unwrap_or(0).max("migration".len());
    let head = format!("{:<width$}  {:>9}  {:>9}  equal\n", "migration", "up", "down");
    let rows = report.migrations.iter().map(|one| {
        let equal = if one.equal { "yes" } else { "NO" };
        format!("{:<width$}  {:>6.1} ms  {:>6.1} ms  {equal}\n", one.name, one.up_ms, one.down_ms)
    });
    std::iter::once(head).chain(rows).collect()
}

#[cfg(test)]
mod tests {
    use super::{Report, table};
    use crate::operations::rehearsal::Rehearsed;

    #[test]
    fn the_report_has_the_shape_that_scripts_read() {
        let report = Report {
            migrations: vec![Rehearsed {
                name: "m20260101_000001_create_a".to_owned(),
                up_ms: 12.3,
                down_ms: 4.0,
                equal: false,
                differences: vec!["+ table public.a".to_owned()],
            }],
            holds: false,
            left_behind: Vec::new(),
        };
        assert_eq!(
            serde_json::to_value(&report).expect("JSON"),
            serde_json::json!({
                "migrations": [{ "name": "m20260101_000001_create_a", "up_ms": 12.3, "down_ms": 4.0, "equal": false }],
                "holds": false,
            })
        );
        assert!(table(&report).ends_with("   12.3 ms     4.0 ms  NO\n"), "{}", table(&report));
    }
}
