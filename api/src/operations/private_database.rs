//! The database of the embedded default: a private PostgreSQL in the data folder, with the roles and their passwords.
//!
//! Guarantees that the database `footnote` exists with the roles of `docker/postgres/roles.sql`; a start that finds them as
//! they should be asks one question and changes nothing. While it runs, the owner's address stands in `<data>/owner-url`,
//! readable by its owner alone, so that other commands can reach a database whose folder is held. Migrations are not its part.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use sqlx::{AssertSqlSafe, Row};

use super::Failure;
use super::roles::{self, Passwords, ROLES, Role};
use crate::embedded::{self, Cluster, DataFolder, Options};

const DATABASE: &str = "footnote";
const PASSWORDS_FILE: &str = "passwords";
const OWNER_FILE: &str = "owner-url";
/// Connections that belong to nobody's pool: LISTEN, migrations, commands, people with `psql`.
const SPARE_CONNECTIONS: u32 = 24;

/// A running private database.
pub struct PrivateDatabase {
    cluster: Cluster,
    passwords: Passwords,
    owner_file: PathBuf,
}

impl PrivateDatabase {
    /// Whether a data folder has one, running or not.
    #[must_use]
    pub fn exists(data: &Path) -> bool {
        data.join("postgres").is_dir()
    }

    /// The owner's address of the one that another process runs, where it has told.
    #[must_use]
    pub fn published_owner_url(data: &Path) -> Option<String> {
        let text = std::fs::read_to_string(data.join(OWNER_FILE)).ok()?;
        Some(text.trim().to_owned()).filter(|url| !url.is_empty())
    }

    /// Starts it, making it first where there is none; `pooled` connections are for the pools of this process.
    ///
    /// # Errors
    ///
    /// [`Failure::Postgres`], [`Failure::Database`] or [`Failure::File`].
    pub async fn start(folder: &DataFolder, pooled: u32) -> Result<Self, Failure> {
        let passwords = kept_passwords(&folder.path().join(PASSWORDS_FILE))?;
        let cluster = Cluster::start(Options {
            folder: folder.path().join("postgres"),
            max_connections: u16::try_from(pooled.saturating_add(SPARE_CONNECTIONS)).unwrap_or(u16::MAX),
            durable: true,
        })
        .await?;
        prepare(&cluster, &passwords).await?;
        let database = Self { cluster, passwords, owner_file: folder.path().join(OWNER_FILE) };
        embedded::write_private(&database.owner_file, database.url(Role::Owner).as_bytes())
            .map_err(Failure::file("write", &database.owner_file))?;
        Ok(database)
    }

    /// The address for a role.
    #[must_use]
    pub fn url(&self, role: Role) -> String {
        url(&self.cluster, role, &self.passwords)
    }

    /// The address for the superuser, whom no policy binds: for the seeding of a database to measure on.
    #[must_use]
    pub(super) fn superuser_url(&self) -> String {
        superuser_url(&self.cluster)
    }

    /// Stops it; open transactions roll back.
    pub async fn stop(self) {
        // Left behind, it would name a port that may be another's by then; the next start replaces it.
        let _ = std::fs::remove_file(&self.owner_file);
        self.cluster.stop().await;
    }
}

/// The address of a cluster's database for a role.
pub(super) fn url(cluster: &Cluster, role: Role, passwords: &Passwords) -> String {
    let password = passwords.of(role).reveal();
    format!("postgresql://{}:{password}@127.0.0.1:{}/{DATABASE}", role.name(), cluster.port())
}

/// The address of a cluster's database for the superuser.
pub(super) fn superuser_url(cluster: &Cluster) -> String {
    cluster.superuser_url(DATABASE)
}

/// Makes the database and the roles where they are not as they should be.
pub(super) async fn prepare(cluster: &Cluster, passwords: &Passwords) -> Result<(), Failure> {
    let mark = mark(passwords);
    let mut connection = roles::connect(&cluster.superuser_url("postgres")).await?;
    // A start: the database carries the mark of what it was prepared with.
    let found = sqlx::query(
        "select shobj_description(oid, 'pg_database') as mark from pg_database where datname = $1",
    )
    .bind(DATABASE)
    .fetch_optional(&mut connection)
    .await
    .map_err(Failure::database("look for the database"))?;
    match found.map(|row| row.try_get::<Option<String>, _>("mark")) {
        Some(Ok(Some(found))) if found == mark => return Ok(()),
        Some(_) => {}
        None => {
            let made = sqlx::raw_sql("create database footnote").execute(&mut connection).await;
            made.map_err(Failure::database("make the database"))?;
        }
    }
    let mut connection = roles::connect(&cluster.superuser_url(DATABASE)).await?;
    roles::create(&mut connection).await?;
    roles::set_passwords(&mut connection, passwords, &Role::ALL).await?;
    // sql: literal because the mark is a digest in hexadecimal.
    let statement = AssertSqlSafe(format!("comment on database footnote is '{mark}'"));
    sqlx::raw_sql(statement)
        .execute(&mut connection)
        .await
        .map_err(Failure::database("mark the database"))?;
    Ok(())
}

/// What the database is prepared with, as 64 hexadecimal digits; 128 random bits of a password cannot be found from it.
fn mark(passwords: &Passwords) -> String {
    let mut digest = Sha256::new_with_prefix(ROLES);
    for role in Role::ALL {
        digest.update(passwords.of(role).reveal());
    }
    digest.finalize().iter().fold(String::with_capacity(64), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// The passwords of a file; new ones, and the file, where there is none. Unreadable ones are not replaced.
fn kept_passwords(file: &Path) -> Result<Passwords, Failure> {
    match std::fs::read(file) {
        Ok(bytes) => serde_json::from_slice(&bytes).map_err(|error| {
            Failure::Start(format!(
                "the database passwords in {} cannot be read ({error}). Delete that file: new ones are made at the next start.",
                file.display()
            ))
        }),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let passwords = Passwords::random();
            let text = serde_json::to_vec(&passwords).map_err(|error| Failure::Start(error.to_string()))?;
            embedded::write_private(file, &text).map_err(Failure::file("write", file))?;
            Ok(passwords)
        }
        Err(error) => Err(Failure::file("read", file)(error)),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::super::roles::{Passwords, Role};
    use super::{kept_passwords, mark};

    #[test]
    fn passwords_are_made_once_and_readable_by_their_owner_alone() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("passwords");
        let (first, second) = (kept_passwords(&file).expect("made"), kept_passwords(&file).expect("read"));
        assert_eq!(first.of(Role::App).reveal(), second.of(Role::App).reveal());
        assert_eq!(file.metadata().expect("a file").permissions().mode() & 0o777, 0o600);
        std::fs::write(&file, r#"{"owner":"'; drop"}"#).expect("written");
        assert!(kept_passwords(&file).is_err());
    }

    #[test]
    fn other_passwords_make_another_mark() {
        let passwords = Passwords::random();
        assert_eq!(mark(&passwords), mark(&passwords));
        assert_ne!(mark(&passwords), mark(&Passwords::random()));
        assert!(
            mark(&passwords).len() == 64 && mark(&passwords).bytes().all(|byte| byte.is_ascii_hexdigit())
        );
    }
}
