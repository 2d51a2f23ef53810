//! A database for each test, copied from a template that was migrated once.

use footnote::config::DatabaseUrls;
use footnote::operations::migrations::Migrations;
use footnote::operations::roles::{self, Passwords, Role};
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use tokio::sync::OnceCell;

use super::cluster;

const TEMPLATE: &str = "footnote_template";

static PASSWORDS: OnceCell<Passwords> = OnceCell::const_new();

/// The addresses of one test's database.
pub struct TestDatabase {
    /// As a superuser: what a test plants and inspects.
    pub superuser: String,
    /// As the roles of the application.
    pub urls: DatabaseUrls,
}

impl TestDatabase {
    /// A migrated, empty database of its own.
    pub async fn create() -> Self {
        let passwords = PASSWORDS.get_or_init(template).await;
        let name = format!("test_{}", entity::id::EventId::new().0.simple());
        let mut connection = connect(&cluster::superuser_url("postgres")).await;
        // sql: literal because the name is of our own making.
        sqlx::raw_sql(AssertSqlSafe(format!(
            "create database {name} template {TEMPLATE} owner footnote_owner"
        )))
        .execute(&mut connection)
        .await
        .expect("a database from the template");
        let superuser = cluster::superuser_url(&name);
        let mut own = connect(&superuser).await;
        // Rights on a database are not copied with its template.
        roles::create(&mut own).await.expect("rights in the database");
        let url = |role| roles::address_for(&superuser, role, passwords.of(role)).expect("an address");
        let urls = DatabaseUrls {
            app_database_url: Some(url(Role::App)),
            worker_database_url: Some(url(Role::Worker)),
            owner_database_url: Some(url(Role::Owner)),
            listen_database_url: None,
        };
        Self { superuser, urls }
    }

    /// As `footnote_owner`.
    pub fn owner(&self) -> &str {
        self.urls.owner_database_url.as_deref().expect("set above")
    }

    /// As `footnote_app`.
    pub fn app(&self) -> &str {
        self.urls.app_database_url.as_deref().expect("set above")
    }
}

async fn template() -> Passwords {
    let passwords = Passwords::random();
    let mut connection = connect(&cluster::superuser_url("postgres")).await;
    // sql: literal because TEMPLATE is a constant.
    sqlx::raw_sql(AssertSqlSafe(format!("create database {TEMPLATE}")))
        .execute(&mut connection)
        .await
        .expect("the template");
    let url = cluster::superuser_url(TEMPLATE);
    let mut inside = connect(&url).await;
    roles::create(&mut inside).await.expect("roles");
    roles::set_passwords(&mut inside, &passwords, &Role::ALL).await.expect("passwords");
    inside.close().await.expect("closed, or nobody could copy the template");
    let owner = roles::address_for(&url, Role::Owner, passwords.of(Role::Owner)).expect("an address");
    let migrations = Migrations::connect(&owner).await.expect("the owner");
    migrations.up(None).await.expect("migrated");
    migrations.close().await;
    passwords
}

/// A connection of the test's own.
pub async fn connect(url: &str) -> PgConnection {
    PgConnection::connect(url).await.expect("a connection")
}
