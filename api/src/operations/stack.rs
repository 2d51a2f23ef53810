//! The stack: everything that an application runs on, opened together and closed in order.
//!
//! It guarantees that one process holds the data folder, that the embedded database has its roles and every migration, and
//! that closing goes from the outside in: the server answers what it has begun, the worker finishes its jobs, then vectors,
//! pools and the database end. It refuses a database whose schema is behind, where it may look, and never migrates one that
//! it did not start.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use footnote_vectors::{EngineOptions, Vectors};
use tokio::net::TcpListener;
use tokio::sync::watch;

use super::Failure;
use super::migrations::Migrations;
use super::private_database::PrivateDatabase;
use super::roles::Role;
use crate::accounts::Accounts;
use crate::adapters::embeddings::StaticModel;
use crate::app::{App, Parts};
use crate::config::{DatabaseUrls, Limits, Services};
use crate::embedded::DataFolder;
use crate::server::{self, ServeOptions};
use crate::supervisor::{self, AbortOnDrop, Task};
use crate::tenancy::{AccountDoors, Database, Lane, Wakes};
use crate::tokens::Tokens;
use crate::worker::Worker;
use crate::{agents, knowledge};

/// How long open operations may hold up the closing of a pool.
const CLOSING: Duration = Duration::from_secs(5);

/// What a stack is opened with.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The data folder.
    pub data: PathBuf,
    /// The databases; none set means the embedded one.
    pub urls: DatabaseUrls,
    /// What one client may ask for.
    pub limits: Limits,
    /// The parts that run elsewhere.
    pub services: Services,
}

/// The addresses of a database by role.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Addresses {
    app: String,
    worker: String,
    listen: String,
    owner: Option<String>,
}

/// A running stack.
pub struct Stack {
    app: Arc<App>,
    addresses: Addresses,
    pools: [Database; 2],
    bridge: AbortOnDrop<()>,
    server: Option<Task<std::io::Result<()>>>,
    worker: Option<Task<()>>,
    stop: watch::Sender<bool>,
    database: Option<PrivateDatabase>,
    folder: DataFolder,
}

impl Stack {
    /// Opens it: the first time a database is made, which takes seconds; later it takes less than one.
    ///
    /// # Errors
    ///
    /// A [`Failure`] that says which part did not open and what to do; what had been opened is closed again.
    pub async fn open(settings: Settings) -> Result<Self, Failure> {
        let set = addresses(&settings.urls)?;
        let folder = DataFolder::open(&settings.data)?;
        // The model and the engine are read while the database starts.
        let path = folder.path().to_owned();
        let engines = tokio::task::spawn_blocking(move || Engines::open(&path));
        let (database, addresses) = if let Some(set) = set {
            (None, set)
        } else {
            let pooled = settings.limits.app_connections.saturating_add(settings.limits.worker_connections);
            let database = PrivateDatabase::start(&folder, pooled).await?;
            let addresses = embedded(&database);
            (Some(database), addresses)
        };
        let assembled =
            assemble(addresses, database.is_some(), (&settings.limits, &settings.services), engines).await;
        match assembled {
            Ok(Assembled { app, addresses, pools, bridge }) => {
                let stop = watch::Sender::new(false);
                Ok(Self { app, addresses, pools, bridge, server: None, worker: None, stop, database, folder })
            }
            Err(failure) => {
                if let Some(database) = database {
                    database.stop().await;
                }
                Err(failure)
            }
        }
    }

    /// The application.
    #[must_use]
    pub fn app(&self) -> &Arc<App> {
        &self.app
    }

    /// The database's address as `footnote_app`.
    #[must_use]
    pub fn app_url(&self) -> &str {
        &self.addresses.app
    }

    /// The database's address as `footnote_owner`; none where only the operator knows it.
    #[must_use]
    pub fn owner_url(&self) -> Option<&str> {
        self.addresses.owner.as_deref()
    }

    /// Runs jobs from now on.
    pub fn start_worker(&mut self) {
        let handlers = knowledge::job_handlers().into_iter().chain(agents::job_handlers()).collect();
        let worker = Worker::new(self.app.clone(), handlers);
        self.worker = Some(supervisor::spawn("worker", worker.run(self.stop.subscribe())));
    }

    /// Tells other commands the address of this process, which holds the data folder.
    ///
    /// # Errors
    ///
    /// [`Failure::DataFolder`].
    pub fn publish(&self, address: &str) -> Result<(), Failure> {
        Ok(self.folder.publish(address)?)
    }

    /// Answers requests from now on.
    pub fn start_server(&mut self, listener: TcpListener, options: ServeOptions) {
        let (app, stop) = (self.app.clone(), self.stop.clone());
        self.server = Some(supervisor::spawn("server", async move {
            let served = server::serve(app, listener, options, stop.subscribe()).await;
            // A server that ended by itself ends the rest with it.
            stop.send_replace(true);
            served
        }));
    }

    /// Returns when the server has ended by itself.
    pub async fn ended(&self) {
        // The sender lives in this value, so waiting cannot fail.
        let _ = self.stop.subscribe().wait_for(|stopped| *stopped).await;
    }

    /// Closes everything, from the outside in.
    ///
    /// # Errors
    ///
    /// [`Failure::Start`] when the server had ended by itself; everything is closed nevertheless.
    pub async fn close(self) -> Result<(), Failure> {
        let Self { app, pools, bridge, server, worker, stop, database, folder, .. } = self;
        stop.send_replace(true);
        let server = async {
            match server {
                Some(server) => {
                    server.join().await.unwrap_or_else(|| Err(std::io::Error::other("it panicked")))
                }
                None => Ok(()),
            }
        };
        let worker = async {
            if let Some(worker) = worker {
                worker.join().await;
            }
        };
        let (result, ()) = tokio::join!(server, worker);
        drop(bridge);
        if let Err(error) = app.vectors().close().await {
            tracing::warn!(exception.message = %error, "the vectors were not closed in order; they are recovered at the next start");
        }
        for pool in pools {
            if tokio::time::timeout(CLOSING, pool.close()).await.is_err() {
                tracing::warn!("operations were still open at shutdown; they roll back");
            }
        }
        if let Some(database) = database {
            database.stop().await;
        }
        drop(folder);
        result.map_err(|error| Failure::Start(format!("the server stopped by itself: {error}")))
    }
}

/// What is read from the disk and needs no database.
struct Engines {
    model: StaticModel,
    vectors: Vectors,
    tokens: Tokens,
}

impl Engines {
    fn open(data: &Path) -> Result<Self, Failure> {
        let folder = data.join("vectors");
        let vectors = Vectors::in_process(EngineOptions::new(&folder))
            .map_err(|source| Failure::Vectors { folder, source })?;
        let tokens = signing_key(data)?;
        Ok(Self { model: StaticModel::load()?, vectors, tokens })
    }
}

/// What signs and checks the access tokens of a data folder; made where there is none.
///
/// # Errors
///
/// [`Failure::Start`].
pub fn signing_key(data: &Path) -> Result<Tokens, Failure> {
    Tokens::open(&data.join("signing-key")).map_err(Failure::Start)
}

struct Assembled {
    app: Arc<App>,
    addresses: Addresses,
    pools: [Database; 2],
    bridge: AbortOnDrop<()>,
}

async fn assemble(
    addresses: Addresses,
    migrate: bool,
    (limits, services): (&Limits, &Services),
    engines: tokio::task::JoinHandle<Result<Engines, Failure>>,
) -> Result<Assembled, Failure> {
    if let Some(owner) = &addresses.owner {
        bring_up_to_date(owner, migrate).await?;
    }
    let (wakes, outgoing) = Wakes::new();
    let (requests, jobs) = tokio::try_join!(
        Database::connect(&addresses.app, limits.app_connections, wakes.clone()),
        Database::connect(&addresses.worker, limits.worker_connections, wakes.clone()),
    )
    .map_err(Failure::Start)?;
    let bridge =
        supervisor::spawn("wake bridge", wakes.bridge(outgoing, addresses.listen.clone())).abort_on_drop();
    let Engines { model, vectors, tokens } =
        engines.await.map_err(|_| Failure::Start("the engines could not be opened".to_owned()))??;
    let doors = AccountDoors::new(requests.clone());
    let accounts =
        Accounts::new(doors, tokens.clone(), services.accounts.clone(), services.mail.smtp_url.is_some());
    let app = App::new(Parts {
        database: requests.clone(),
        lane: Lane::new(jobs.clone()),
        vectors,
        embedder: Arc::new(model.clone()),
        token_counter: Arc::new(model),
        tokens,
        accounts,
        limits: limits.clone(),
    });
    Ok(Assembled { app, addresses, pools: [requests, jobs], bridge })
}

/// Applies what is pending to a database of ours; says so of somebody else's.
async fn bring_up_to_date(owner_url: &str, migrate: bool) -> Result<(), Failure> {
    let migrations = Migrations::connect(owner_url).await?;
    let pending = migrations.pending().await?;
    if !pending.is_empty() && migrate {
        migrations.up(None).await?;
    }
    migrations.close().await;
    if pending.is_empty() || migrate {
        return Ok(());
    }
    Err(Failure::Start(format!(
        "the database lacks {} migrations ({}). Run `footnote migrate up` first.",
        pending.len(),
        pending.join(", ")
    )))
}

fn embedded(database: &PrivateDatabase) -> Addresses {
    let worker = database.url(Role::Worker);
    Addresses {
        app: database.url(Role::App),
        listen: worker.clone(),
        worker,
        owner: Some(database.url(Role::Owner)),
    }
}

/// The addresses that were set; none where none was, and the embedded database is meant.
fn addresses(urls: &DatabaseUrls) -> Result<Option<Addresses>, Failure> {
    let DatabaseUrls { app_database_url, worker_database_url, owner_database_url, listen_database_url } =
        urls.clone();
    let any = [&app_database_url, &worker_database_url, &owner_database_url, &listen_database_url];
    if any.iter().all(|url| url.is_none()) {
        return Ok(None);
    }
    let missing = |role: Role| {
        Failure::Usage(format!(
            "A database address is set, but not {}: set it too (`footnote bootstrap` prints the settings), or unset them all for \
             the embedded database.",
            role.setting()
        ))
    };
    let app = app_database_url.ok_or_else(|| missing(Role::App))?;
    let worker = worker_database_url.ok_or_else(|| missing(Role::Worker))?;
    let listen = listen_database_url.unwrap_or_else(|| worker.clone());
    Ok(Some(Addresses { app, worker, listen, owner: owner_database_url }))
}

#[cfg(test)]
mod tests {
    use super::addresses;
    use crate::config::DatabaseUrls;

    fn urls(app: Option<&str>, worker: Option<&str>) -> DatabaseUrls {
        DatabaseUrls {
            app_database_url: app.map(str::to_owned),
            worker_database_url: worker.map(str::to_owned),
            ..DatabaseUrls::default()
        }
    }

    #[test]
    fn no_address_means_the_embedded_database_and_half_of_them_is_wrong_use() {
        assert_eq!(addresses(&urls(None, None)).expect("nothing is set"), None);
        let owner_only = DatabaseUrls { owner_database_url: Some("o".to_owned()), ..DatabaseUrls::default() };
        assert_eq!(addresses(&owner_only).expect_err("no server's role").exit_code(), 2);
        let missing = addresses(&urls(Some("a"), None)).expect_err("jobs need a role");
        assert!(missing.to_string().contains("FOOTNOTE_WORKER_DATABASE_URL"), "{missing}");
        let missing = addresses(&urls(None, Some("w"))).expect_err("requests need a role");
        assert!(missing.to_string().contains("FOOTNOTE_APP_DATABASE_URL"), "{missing}");
        let both = addresses(&urls(Some("a"), Some("w"))).expect("enough").expect("set");
        assert_eq!((both.app.as_str(), both.worker.as_str(), both.listen.as_str()), ("a", "w", "w"));
    }
}
