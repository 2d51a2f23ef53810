//! The database as each role sees it: whether it can be reached, what the role may do, how it is set up.
//!
//! Each question is one simple message without values, so that a transaction pooler may stand in between.

use std::time::{Duration, Instant};

use sqlx::postgres::PgConnection;
use sqlx::{Connection, Row};

use super::super::migrations::{self, Migrations};
use super::super::roles::{self, Role};
use super::super::stack::Settings;
use super::{Finding, PATIENCE, isolation};
use crate::clock;
use crate::tenancy::hears_itself;

const OLDEST: i32 = 150_000;
/// More than this, and tokens and leases are judged by clocks that disagree.
const SKEW: Duration = Duration::from_secs(2);

/// Looks at every address that is set.
pub(super) async fn examine(settings: &Settings, findings: &mut Vec<Finding>) {
    let urls = &settings.urls;
    let roles = [
        ("database as app", Role::App, urls.app_database_url.as_deref()),
        ("database as worker", Role::Worker, urls.worker_database_url.as_deref()),
        ("database as owner", Role::Owner, urls.owner_database_url.as_deref()),
    ];
    let mut examined = false;
    for (name, role, url) in roles {
        let Some(url) = url else { continue };
        let Some(mut connection) = connect(name, url, findings).await else { continue };
        rights(name, role, &mut connection, findings).await;
        if role != Role::Owner && !examined {
            examined = true;
            server(&mut connection, settings, findings).await;
            applied(&mut connection, findings).await;
            isolation::examine(&mut connection, findings).await;
        }
        // What is left to fail here is the farewell.
        let _ = connection.close().await;
    }
    let listen = [&urls.listen_database_url, &urls.worker_database_url, &urls.app_database_url];
    let listen = listen.into_iter().find_map(Option::as_deref);
    if let Some(url) = listen {
        findings.push(wakes(url).await);
    }
}

/// Looks at the embedded default.
pub(super) async fn examine_owned(owner_url: &str, findings: &mut Vec<Finding>) {
    let Some(mut connection) = connect("database as owner", owner_url, findings).await else { return };
    isolation::examine(&mut connection, findings).await;
    let pending = async {
        let migrations = Migrations::connect(owner_url).await?;
        let pending = migrations.pending().await;
        migrations.close().await;
        pending
    };
    findings.push(match pending.await {
        Ok(lacking) => schema(&lacking),
        Err(failure) => Finding::fault(
            "migrations",
            failure.to_string(),
            "Use the binary that migrated it, or a newer one.",
        ),
    });
    let _ = connection.close().await;
}

async fn connect(name: &str, url: &str, findings: &mut Vec<Finding>) -> Option<PgConnection> {
    let advice = "Look at the address and its password, at the server, and at what stands between; `footnote bootstrap` sets passwords.";
    let began = Instant::now();
    let refused = match tokio::time::timeout(PATIENCE, roles::connect(url)).await {
        Ok(Ok(mut connection)) => {
            let took = began.elapsed().as_secs_f64() * 1000.0;
            match look(&mut connection).await {
                Ok(seen) => {
                    findings.push(seen.finding(name, url, took));
                    return Some(connection);
                }
                Err(error) => error.to_string(),
            }
        }
        Ok(Err(failure)) => failure.to_string(),
        Err(_) => "no answer in five seconds".to_owned(),
    };
    findings.push(Finding::fault(name, refused, advice));
    None
}

/// What a connection says of itself.
struct Seen {
    version: String,
    number: i32,
    encrypted: bool,
    skew: Duration,
}

async fn look(connection: &mut PgConnection) -> Result<Seen, sqlx::Error> {
    let began = clock::now();
    let row = sqlx::raw_sql(
        "select current_setting('server_version') as version, current_setting('server_version_num')::integer as number,
           coalesce((select ssl from pg_stat_ssl where pid = pg_backend_pid()), false) as encrypted,
           (extract(epoch from clock_timestamp()) * 1000000)::bigint as micros",
    )
    .fetch_one(connection)
    .await?;
    let ended = clock::now();
    let theirs: i64 = row.try_get("micros")?;
    // Between asking and hearing is all that can be said of when it looked at its clock.
    let early = began.timestamp_micros() - theirs;
    let late = theirs - ended.timestamp_micros();
    let skew = Duration::from_micros(early.max(late).max(0).unsigned_abs());
    Ok(Seen {
        version: row.try_get("version")?,
        number: row.try_get("number")?,
        encrypted: row.try_get("encrypted")?,
        skew,
    })
}

impl Seen {
    fn finding(&self, name: &str, url: &str, took: f64) -> Finding {
        let local = url::Url::parse(url).is_ok_and(|url| {
            url.host_str().is_none_or(|host| host.is_empty() || host.starts_with('/'))
                || crate::config::address::is_local(&url)
        });
        let found = format!("PostgreSQL {}, connected in {took:.0} ms", self.version);
        if self.number < OLDEST {
            return Finding::fault(name, found, "Footnote needs PostgreSQL 15 or newer.");
        }
        if self.skew > SKEW {
            let found =
                format!("{found}; its clock is {:.1} s away from this machine's", self.skew.as_secs_f64());
            return Finding::fault(name, found, "Set both by NTP: tokens and leases hold by them.");
        }
        if !self.encrypted && !local {
            let found = format!("{found}, unencrypted");
            return Finding::warning(
                name,
                found,
                "On a network that others share, add sslmode=verify-full to the address.",
            );
        }
        Finding::ok(name, found)
    }
}

/// Row-level security binds the roles of requests and jobs, and the owner hands doors over.
async fn rights(name: &str, role: Role, connection: &mut PgConnection, findings: &mut Vec<Finding>) {
    let asked = sqlx::raw_sql(
        "select current_user::text as name, r.rolsuper or r.rolbypassrls as free,
           exists (select from pg_class c join pg_namespace n on n.oid = c.relnamespace
                   where n.nspname in ('public', 'app') and c.relkind in ('r', 'p') and pg_has_role(c.relowner, 'MEMBER')) as owns,
           coalesce((select pg_has_role(s.oid, 'MEMBER') from pg_roles s where s.rolname = 'footnote_system'), false) as hands_over
         from pg_roles r where r.rolname = current_user",
    )
    .fetch_one(connection)
    .await
    .and_then(|row| {
        let held: [bool; 3] = [row.try_get("free")?, row.try_get("owns")?, row.try_get("hands_over")?];
        Ok((row.try_get::<String, _>("name")?, held))
    });
    let name = format!("{name}: rights");
    findings.push(match (asked, role) {
        (Err(error), _) => Finding::fault(&name, error.to_string(), "Look at the server's log."),
        (Ok((user, [free, owns, hands_over])), Role::App | Role::Worker) if free || owns || hands_over => {
            let advice = "Row-level security does not bind it. Connect as footnote_app or footnote_worker.";
            Finding::fault(&name, format!("{user} is privileged"), advice)
        }
        (Ok((user, [true, ..])), _) => {
            let advice = "Migrate as footnote_owner: a superuser is more than migrations need.";
            Finding::warning(&name, format!("{user} is a superuser or has BYPASSRLS"), advice)
        }
        (Ok((user, [_, owns, hands_over])), Role::Owner | Role::Maintenance) if !owns || !hands_over => {
            let advice = "It cannot migrate. `footnote bootstrap` gives footnote_owner its rights.";
            Finding::fault(
                &name,
                format!("{user} does not own the tables, or may not hand doors over"),
                advice,
            )
        }
        (Ok((user, _)), _) => Finding::ok(&name, user),
    });
}

/// How the server is set up.
async fn server(connection: &mut PgConnection, settings: &Settings, findings: &mut Vec<Finding>) {
    let asked = sqlx::raw_sql(
        "select current_setting('max_connections')::bigint - current_setting('superuser_reserved_connections')::bigint as places,
           current_setting('fsync') = 'on' and current_setting('full_page_writes') = 'on'
             and current_setting('synchronous_commit') <> 'off' as durable",
    )
    .fetch_one(connection)
    .await
    .and_then(|row| Ok((row.try_get::<i64, _>("places")?, row.try_get::<bool, _>("durable")?)));
    let Ok((places, durable)) = asked else { return };
    let limits = &settings.limits;
    // The bridge between processes has two of its own.
    let wanted = i64::from(limits.app_connections) + i64::from(limits.worker_connections) + 2;
    let found = format!("{places} for everybody; one process takes up to {wanted}");
    findings.push(if wanted > places {
        let advice = "Lower FOOTNOTE_APP_CONNECTIONS or raise max_connections: count every process.";
        Finding::warning("connections", found, advice)
    } else {
        Finding::ok("connections", found)
    });
    findings.push(if durable {
        Finding::ok("durability", "what is committed is on disk")
    } else {
        let advice = "Set fsync, full_page_writes and synchronous_commit to on.";
        Finding::warning("durability", "a crash of the server can lose what was accepted", advice)
    });
}

async fn applied(connection: &mut PgConnection, findings: &mut Vec<Finding>) {
    let names = sqlx::raw_sql("select app.applied_migrations() as name")
        .fetch_all(connection)
        .await
        .and_then(|rows| rows.iter().map(|row| row.try_get("name")).collect::<Result<Vec<String>, _>>());
    findings.push(match names {
        Ok(names) => schema(&migrations::lacking(&names)),
        Err(_) => {
            Finding::fault("migrations", "there is no schema, or an old one", "Run `footnote migrate up`.")
        }
    });
}

fn schema(lacking: &[String]) -> Finding {
    if lacking.is_empty() {
        return Finding::ok("migrations", "all that this binary knows are applied");
    }
    Finding::fault(
        "migrations",
        format!("{} are not applied", lacking.join(", ")),
        "Run `footnote migrate up`.",
    )
}

async fn wakes(url: &str) -> Finding {
    let heard = tokio::time::timeout(PATIENCE, hears_itself(url)).await;
    match heard.unwrap_or_else(|_| Err("the database does not answer".to_owned())) {
        Ok(()) => Finding::ok("wake-ups", "what one connection tells, another hears"),
        Err(reason) => Finding::fault(
            "wake-ups",
            reason,
            "FOOTNOTE_LISTEN_DATABASE_URL is to be the server's own address: a transaction pooler passes nothing on.",
        ),
    }
}
