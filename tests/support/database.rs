//! A database for each test, copied from a template that was migrated once.

use footnote::config::DatabaseUrls;
use footnote::operations::migrations::Migrations;
use footnote::operations::roles::{self, Passwords, Role};
use footnote::tenancy::{Address, Statements};
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use tokio::sync::OnceCell;

use super::cluster;
use super::pooler::Pooler;

const TEMPLATE: &str = "footnote_template";

static SHARED: OnceCell<Shared> = OnceCell::const_new();

/// What the whole process shares: the roles' passwords and, where one was asked for, the pooler.
struct Shared {
    passwords: Passwords,
    pooler: Option<Pooler>,
}

/// The addresses of one test's database.
pub struct TestDatabase {
    /// As a superuser: what a test plants and inspects.
    pub superuser: String,
    /// As the roles of the application: what a process is started with.
    pub urls: DatabaseUrls,
    /// As `footnote_app` and `footnote_worker`, on the server itself: what a test asks of the database, and not of the application.
    app: String,
    worker: String,
}

impl TestDatabase {
    /// A migrated, empty database of its own, reached as this run of the tests is to reach it.
    pub async fn create() -> Self {
        let mut database = Self::create_on_the_server().await;
        let Shared { pooler, .. } = SHARED.get_or_init(share).await;
        if let Some(pooler) = pooler {
            let urls = &mut database.urls;
            urls.listen_database_url = urls.worker_database_url.clone();
            urls.no_named_statements = true;
            for url in [&mut urls.app_database_url, &mut urls.worker_database_url].into_iter().flatten() {
                *url = pooler.before(url);
            }
        }
        database
    }

    /// The same, always reached without a pooler.
    pub async fn create_on_the_server() -> Self {
        let Shared { passwords, .. } = SHARED.get_or_init(share).await;
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
            ..DatabaseUrls::default()
        };
        Self { app: url(Role::App), worker: url(Role::Worker), superuser, urls }
    }

    /// As `footnote_app`, for a pool of the application's kind.
    pub fn pool_address(&self) -> Address {
        let statements = if self.urls.no_named_statements { Statements::Unnamed } else { Statements::Named };
        Address::new(self.urls.app_database_url.as_deref().expect("set above"), statements)
    }

    /// The settings of a process on this database.
    pub fn settings(&self) -> Vec<(&'static str, String)> {
        let urls = &self.urls;
        let mut settings = Vec::new();
        for (name, url) in [
            ("FOOTNOTE_APP_DATABASE_URL", &urls.app_database_url),
            ("FOOTNOTE_WORKER_DATABASE_URL", &urls.worker_database_url),
            ("FOOTNOTE_OWNER_DATABASE_URL", &urls.owner_database_url),
            ("FOOTNOTE_LISTEN_DATABASE_URL", &urls.listen_database_url),
        ] {
            settings.extend(url.clone().map(|url| (name, url)));
        }
        settings.push(("FOOTNOTE_NO_NAMED_STATEMENTS", urls.no_named_statements.to_string()));
        settings
    }

    /// As `footnote_owner`.
    pub fn owner(&self) -> &str {
        self.urls.owner_database_url.as_deref().expect("set above")
    }

    /// As `footnote_app`, on the server itself.
    pub fn app(&self) -> &str {
        &self.app
    }

    /// As `footnote_worker`, on the server itself.
    pub fn worker(&self) -> &str {
        &self.worker
    }
}

async fn share() -> Shared {
    let passwords = template().await;
    let pooler = Pooler::asked_for(&cluster::superuser_url("postgres"), &passwords);
    Shared { passwords, pooler }
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
