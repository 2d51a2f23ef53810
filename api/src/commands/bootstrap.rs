//! `footnote bootstrap`: prepares a PostgreSQL that somebody else runs.
//!
//! It makes the roles, gives those that are new a random password, applies the migrations as the owner, and prints the
//! settings. A second run changes no password, so that running servers go on, unless it is told to.

use std::collections::BTreeMap;

use clap::Args;
use serde::Serialize;

use super::interrupt::Interrupt;
use super::output;
use crate::operations::Failure;
use crate::operations::migrations::Migrations;
use crate::operations::roles::{self, Passwords, Role};

pub const EXAMPLES: &str = "Examples:
  footnote bootstrap --database-url postgresql://postgres:secret@db/footnote > footnote.env
  DATABASE_URL=… footnote bootstrap --json
  footnote bootstrap --rotate-passwords        new passwords for all roles; running servers need the new settings

The database must exist, and the role must be allowed to make roles.";

/// What a database is prepared with.
#[derive(Args, Debug)]
pub struct Bootstrap {
    /// The database, as a role that may make roles.
    #[arg(long, env = "DATABASE_URL", hide_env_values = true, value_name = "URL")]
    database_url: String,
    /// Give every role a new password.
    #[arg(long)]
    rotate_passwords: bool,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

/// What was done.
#[derive(Serialize)]
struct Prepared {
    /// The settings of the roles that got a password, by name.
    settings: BTreeMap<&'static str, String>,
    /// The roles that keep the password that they had.
    kept: Vec<&'static str>,
    /// The migrations that were applied.
    migrations: Vec<String>,
}

impl Bootstrap {
    /// Prepares the database.
    pub async fn run(self, mut interrupt: Interrupt) -> Result<(), Failure> {
        let prepared = interrupt.or(prepare(&self.database_url, self.rotate_passwords)).await?;
        if self.json { output::json(&prepared) } else { output::text(&prepared.lines()) }
    }
}

async fn prepare(url: &str, rotate: bool) -> Result<Prepared, Failure> {
    let mut connection = roles::connect(url).await?;
    let kept = if rotate { Vec::new() } else { roles::existing(&mut connection).await? };
    let fresh: Vec<Role> = Role::ALL.into_iter().filter(|role| !kept.contains(role)).collect();
    let passwords = Passwords::random();
    // The addresses first: a database address that cannot be rewritten is refused before anything is changed.
    let settings = fresh
        .iter()
        .map(|role| Ok((role.setting(), roles::address_for(url, *role, passwords.of(*role))?)))
        .collect::<Result<_, Failure>>()?;
    roles::create(&mut connection).await?;
    roles::set_passwords(&mut connection, &passwords, &fresh).await?;
    let migrations = Migrations::connect(url).await?;
    let applied = migrations.up(None).await?;
    migrations.close().await;
    Ok(Prepared { settings, kept: kept.into_iter().map(Role::name).collect(), migrations: applied })
}

impl Prepared {
    /// A file of settings for people and shells.
    fn lines(&self) -> String {
        let settings = self.settings.iter().map(|(name, url)| format!("{name}={url}\n"));
        let kept = self.kept.iter().map(|name| {
            format!("# {name} keeps its password; --rotate-passwords gives all roles new ones.\n")
        });
        let migrations = std::iter::once(format!("# {} migrations applied.\n", self.migrations.len()));
        settings.chain(kept).chain(migrations).collect()
    }
}
