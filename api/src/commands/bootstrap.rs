//! `footnote bootstrap`: prepares a PostgreSQL that somebody else runs.
//!
//! It makes the roles, gives each the password of its address where that is set (as in a compose file, which must know it
//! beforehand) and a random one where it is new, applies the migrations as the owner, and prints the settings that nobody
//! has. A second run changes no other password, so that running servers go on, unless it is told to.

use std::collections::BTreeMap;

use clap::Args;
use serde::Serialize;

use super::interrupt::Interrupt;
use super::output;
use crate::config::{Faults, SecretSetting};
use crate::operations::migrations::Migrations;
use crate::operations::roles::{self, Passwords, Role};
use crate::operations::{Failure, given_passwords};

pub const EXAMPLES: &str = "Examples:
  footnote bootstrap --database-url postgresql://postgres:secret@db/footnote > footnote.env
  DATABASE_URL=… footnote bootstrap --json
  footnote bootstrap --rotate-passwords        new passwords for all roles; running servers need the new settings
  DATABASE_URL=… FOOTNOTE_APP_DATABASE_URL=… FOOTNOTE_WORKER_DATABASE_URL=… FOOTNOTE_OWNER_DATABASE_URL=… footnote bootstrap

The database must exist, and the role must be allowed to make roles.";

/// What a database is prepared with.
#[derive(Args, Debug)]
pub struct Bootstrap {
    /// The database, as a role that may make roles.
    #[arg(long, env = "DATABASE_URL", hide_env_values = true, value_name = "URL")]
    database_url: SecretSetting,
    #[command(flatten)]
    given: Given,
    /// Give every role a new password.
    #[arg(long)]
    rotate_passwords: bool,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

/// The addresses whose passwords the roles get; those that are not set keep theirs, or get a random one.
#[derive(Args, Debug)]
#[expect(clippy::struct_field_names, reason = "the names of the fields are those of the settings")]
struct Given {
    /// The address of requests; `footnote_app` gets its password.
    #[arg(long, env = "FOOTNOTE_APP_DATABASE_URL", hide_env_values = true, value_name = "URL")]
    app_database_url: Option<SecretSetting>,
    /// The address of jobs; `footnote_worker` gets its password.
    #[arg(long, env = "FOOTNOTE_WORKER_DATABASE_URL", hide_env_values = true, value_name = "URL")]
    worker_database_url: Option<SecretSetting>,
    /// The address of migrations; `footnote_owner` gets its password.
    #[arg(long, env = "FOOTNOTE_OWNER_DATABASE_URL", hide_env_values = true, value_name = "URL")]
    owner_database_url: Option<SecretSetting>,
    /// The address of dumps; `footnote_maintenance` gets its password.
    #[arg(long, env = "FOOTNOTE_MAINTENANCE_DATABASE_URL", hide_env_values = true, value_name = "URL")]
    maintenance_database_url: Option<SecretSetting>,
}

impl Given {
    /// Each address that is set, with its role and its setting.
    fn each(&self) -> impl Iterator<Item = (Role, &'static str, &str)> {
        let all = [
            (Role::Owner, "owner_database_url", &self.owner_database_url),
            (Role::App, "app_database_url", &self.app_database_url),
            (Role::Worker, "worker_database_url", &self.worker_database_url),
            (Role::Maintenance, "maintenance_database_url", &self.maintenance_database_url),
        ];
        all.into_iter().filter_map(|(role, setting, url)| Some((role, setting, url.as_ref()?.reveal())))
    }
}

/// What was done.
#[derive(Serialize)]
struct Prepared {
    /// The settings of the roles that got a password, by name.
    settings: BTreeMap<&'static str, String>,
    /// The roles that have the password of the address that was given.
    given: Vec<&'static str>,
    /// The roles that keep the password that they had.
    kept: Vec<&'static str>,
    /// The migrations that were applied.
    migrations: Vec<String>,
}

impl Bootstrap {
    /// Says what is wrong with the addresses that were given.
    pub fn check(&self, faults: &mut Faults) {
        given_passwords::check(self.given.each(), faults);
    }

    /// Prepares the database.
    pub async fn run(self, mut interrupt: Interrupt) -> Result<(), Failure> {
        let prepared = interrupt.or(self.prepare()).await?;
        if self.json { output::json(&prepared) } else { output::text(&prepared.lines()) }
    }

    async fn prepare(&self) -> Result<Prepared, Failure> {
        let url = self.database_url.reveal();
        let given = self
            .given
            .each()
            .map(|(role, _, address)| Ok((role, given_passwords::password(role, address)?)))
            .collect::<Result<Vec<_>, String>>()
            .map_err(Failure::Usage)?;
        let is_given = |role: &Role| given.iter().any(|(one, _)| one == role);
        let mut connection = roles::connect(url).await?;
        let existing = roles::existing(&mut connection).await?;
        let kept: Vec<Role> =
            existing.into_iter().filter(|role| !self.rotate_passwords && !is_given(role)).collect();
        let fresh: Vec<Role> =
            Role::ALL.into_iter().filter(|role| !kept.contains(role) && !is_given(role)).collect();
        let passwords = Passwords::random();
        // The addresses first: a database address that cannot be rewritten is refused before anything is changed.
        let settings = fresh
            .iter()
            .map(|role| Ok((role.setting(), roles::address_for(url, *role, passwords.of(*role))?)))
            .collect::<Result<_, Failure>>()?;
        roles::create(&mut connection).await?;
        roles::set_passwords(&mut connection, &passwords, &fresh).await?;
        for (role, password) in &given {
            if let Some(password) = password {
                roles::set_password(&mut connection, *role, password).await?;
            }
        }
        let migrations = Migrations::connect(url).await?;
        let applied = migrations.up(None).await;
        migrations.close().await;
        let names = |roles: Vec<Role>| roles.into_iter().map(Role::name).collect();
        Ok(Prepared {
            settings,
            given: names(given.into_iter().map(|(role, _)| role).collect()),
            kept: names(kept),
            migrations: applied?,
        })
    }
}

impl Prepared {
    /// A file of settings for people and shells.
    fn lines(&self) -> String {
        let settings = self.settings.iter().map(|(name, url)| format!("{name}={url}\n"));
        let kept = self.kept.iter().map(|name| {
            format!("# {name} keeps its password; --rotate-passwords gives all roles new ones.\n")
        });
        let given = self.given.iter().map(|name| format!("# {name} has the password of its address.\n"));
        let migrations = std::iter::once(format!("# {} migrations applied.\n", self.migrations.len()));
        settings.chain(given).chain(kept).chain(migrations).collect()
    }
}
