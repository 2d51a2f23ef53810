//! The database roles: made by `docker/postgres/roles.sql`, which is built in, and given random passwords.
//!
//! Roles belong to the whole cluster, so no migration touches them. Making them again changes nothing. A password is 32
//! hexadecimal digits of 128 random bits, so that it stands in an address and in a statement as it is.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{AssertSqlSafe, Connection, Row};

use super::{Failure, scram};
use crate::tenancy::connect_options;

/// How long the server may take to answer a connection.
const PATIENCE: Duration = Duration::from_secs(10);
/// The text that makes the roles and gives them their rights in the database it runs in.
pub const ROLES: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../docker/postgres/roles.sql"));

/// A role that logs in. (`footnote_system` never does.)
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Owns the tables: migrations, and the commands that make people and workspaces.
    Owner,
    /// Requests.
    App,
    /// Jobs.
    Worker,
    /// Backfills, validation of foreign keys, dumps.
    Maintenance,
}

impl Role {
    /// Every role that logs in.
    pub const ALL: [Self; 4] = [Self::Owner, Self::App, Self::Worker, Self::Maintenance];

    /// Its name in the database.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Owner => "footnote_owner",
            Self::App => "footnote_app",
            Self::Worker => "footnote_worker",
            Self::Maintenance => "footnote_maintenance",
        }
    }

    /// The setting that takes its address.
    #[must_use]
    pub const fn setting(self) -> &'static str {
        match self {
            Self::Owner => "FOOTNOTE_OWNER_DATABASE_URL",
            Self::App => "FOOTNOTE_APP_DATABASE_URL",
            Self::Worker => "FOOTNOTE_WORKER_DATABASE_URL",
            Self::Maintenance => "FOOTNOTE_MAINTENANCE_DATABASE_URL",
        }
    }
}

/// A role's password; it shows itself to nobody but [`Password::reveal`]'s caller.
#[derive(Clone, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Password(String);

impl Password {
    /// A new one.
    #[must_use]
    pub fn random() -> Self {
        Self(format!("{:032x}", rand::random::<u128>()))
    }

    /// The password itself.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Password {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let ours = text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        if ours { Ok(Self(text)) } else { Err("a password is 32 hexadecimal digits") }
    }
}

impl From<Password> for String {
    fn from(password: Password) -> Self {
        password.0
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Password(…)")
    }
}

/// One password for each role.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Passwords {
    owner: Password,
    app: Password,
    worker: Password,
    maintenance: Password,
}

impl Passwords {
    /// New ones.
    #[must_use]
    pub fn random() -> Self {
        Self {
            owner: Password::random(),
            app: Password::random(),
            worker: Password::random(),
            maintenance: Password::random(),
        }
    }

    /// The password of a role.
    #[must_use]
    pub fn of(&self, role: Role) -> &Password {
        match role {
            Role::Owner => &self.owner,
            Role::App => &self.app,
            Role::Worker => &self.worker,
            Role::Maintenance => &self.maintenance,
        }
    }
}

/// The roles that the cluster has already.
///
/// # Errors
///
/// [`Failure::Database`].
pub async fn existing(connection: &mut PgConnection) -> Result<Vec<Role>, Failure> {
    let names: Vec<String> =
        sqlx::query("select rolname::text as name from pg_roles where rolname like 'footnote%'")
            .fetch_all(connection)
            .await
            .and_then(|rows| rows.iter().map(|row| row.try_get("name")).collect())
            .map_err(Failure::database("look for the roles"))?;
    Ok(Role::ALL.into_iter().filter(|role| names.iter().any(|name| name == role.name())).collect())
}

/// Makes the roles and gives them their rights in the connection's database; the connection must be privileged.
///
/// # Errors
///
/// [`Failure::Database`].
pub async fn create(connection: &mut PgConnection) -> Result<(), Failure> {
    let made = sqlx::raw_sql(ROLES).execute(connection).await;
    made.map(drop)
        .map_err(Failure::database("make the database roles (this needs a role that may create roles)"))
}

/// Sets the passwords of these roles.
///
/// # Errors
///
/// [`Failure::Database`].
pub async fn set_passwords(
    connection: &mut PgConnection,
    passwords: &Passwords,
    roles: &[Role],
) -> Result<(), Failure> {
    for role in roles {
        set_password(connection, *role, passwords.of(*role).reveal()).await?;
    }
    Ok(())
}

/// Sets the password of a role; the server gets its verifier alone.
///
/// # Errors
///
/// [`Failure::Database`].
pub async fn set_password(connection: &mut PgConnection, role: Role, password: &str) -> Result<(), Failure> {
    let verifier = scram::verifier(password)
        .map_err(|error| Failure::Start(format!("a password could not be prepared: {error}")))?;
    // sql: literal because the name is one of four of ours and a verifier is base64 between dollars and colons.
    let statement = AssertSqlSafe(format!("alter role {} password '{verifier}'", role.name()));
    let set = sqlx::raw_sql(statement).execute(&mut *connection).await;
    set.map(drop).map_err(Failure::database("set the passwords of the roles"))
}

/// Connects to an address; the connection is the caller's alone.
///
/// # Errors
///
/// [`Failure::Usage`] where it is no address, [`Failure::Database`] where nobody answers or the login fails.
pub async fn connect(url: &str) -> Result<PgConnection, Failure> {
    let options = options(url)?;
    let connected = tokio::time::timeout(PATIENCE, PgConnection::connect_with(&options)).await;
    connected.unwrap_or(Err(sqlx::Error::PoolTimedOut)).map_err(Failure::database("connect to the database"))
}

/// What the driver connects with to an address.
///
/// # Errors
///
/// [`Failure::Usage`] where it is no address, or its TLS parameters cannot hold.
pub fn options(url: &str) -> Result<PgConnectOptions, Failure> {
    connect_options(url)
        .map_err(|reason| Failure::Usage(format!("The database address cannot be used: {reason}.")))
}

/// The same address for another role; refuses one whose parameters name a user.
///
/// # Errors
///
/// [`Failure::Usage`].
pub fn address_for(url: &str, role: Role, password: &Password) -> Result<String, Failure> {
    let (scheme, rest) = url.split_once("://").ok_or_else(not_an_address)?;
    if !matches!(scheme, "postgres" | "postgresql") {
        return Err(not_an_address());
    }
    let (authority, tail) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
    if ["?user=", "&user=", "?password=", "&password="].iter().any(|parameter| tail.contains(parameter)) {
        return Err(Failure::Usage(
            "The database address names its user in a parameter; write it as postgresql://user:password@host/database.".to_owned(),
        ));
    }
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    Ok(format!("{scheme}://{}:{}@{host}{tail}", role.name(), password.reveal()))
}

fn not_an_address() -> Failure {
    Failure::Usage(
        "The database address is not one; write it as postgresql://user:password@host/database.".to_owned(),
    )
}

#[cfg(test)]
mod tests {
    use super::{Password, Passwords, Role, address_for};

    #[test]
    fn an_address_keeps_its_host_database_and_parameters_and_gets_another_role() {
        let password = Password::try_from("0123456789abcdef0123456789abcdef".to_owned()).expect("a password");
        let address = |url| address_for(url, Role::App, &password).ok();
        let begins = "postgresql://footnote_app:0123456789abcdef0123456789abcdef@";
        for (given, rest) in [
            ("postgresql://postgres:se%40cret@db:5433/main?sslmode=require", "db:5433/main?sslmode=require"),
            ("postgresql://db/main", "db/main"),
            ("postgresql://postgres@[::1]:5432", "[::1]:5432"),
            ("postgresql:///main?host=/run/postgresql", "/main?host=/run/postgresql"),
        ] {
            assert_eq!(address(given), Some(format!("{begins}{rest}")), "{given}");
        }
        for bad in ["", "host=db user=postgres", "mysql://db/main", "postgresql:///main?user=postgres"] {
            assert_eq!(address(bad), None, "{bad}");
        }
    }

    #[test]
    fn only_our_own_passwords_are_taken_and_none_is_shown() {
        for bad in ["", "x", "'; drop role footnote_owner; --", &"é".repeat(16), &"0".repeat(33)] {
            assert!(Password::try_from(bad.to_owned()).is_err(), "{bad}");
        }
        let passwords = Passwords::random();
        let secret = passwords.of(Role::Owner).reveal();
        assert!(Password::try_from(secret.to_owned()).is_ok());
        assert!(!format!("{passwords:?}").contains(secret));
    }

    #[test]
    fn the_roles_of_the_file_are_the_roles_of_the_code() {
        for role in Role::ALL {
            assert!(super::ROLES.contains(&format!("create role {} login", role.name())), "{role:?}");
        }
        assert_eq!(super::ROLES.matches(" login").count(), Role::ALL.len());
    }
}
