//! The stack: everything that an application runs on, opened together and closed in order.
//!
//! It guarantees that one process holds the data folder, that the embedded database has its roles and every migration, and
//! that closing goes from the outside in: the server answers what it has begun, the worker finishes its jobs and mails, then vectors,
//! pools and the database end. It refuses a database whose schema is behind, where it may look, and never migrates one that
//! it did not start. It refuses half of the work on stores that the other half does not reach (`duty`).

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use footnote_vectors::{EngineOptions, ServerOptions, Vectors};
use tokio::net::TcpListener;
use tokio::sync::watch;

use super::Failure;
use super::addresses::{self, Addresses};
use super::duty::Duty;
use super::health_checks::{self, Dependencies};
use super::migrations::{self, Migrations};
use super::private_database::PrivateDatabase;
use super::providers::Providers;
use crate::accounts::Accounts;
use crate::adapters::embeddings::StaticModel;
use crate::adapters::issuers::Issuers;
use crate::adapters::mail::Mailer;
use crate::adapters::objects::Objects;
use crate::app::{App, Parts};
use crate::config::{DatabaseUrls, Limits, Services, SigningKey, VectorService};
use crate::embedded::DataFolder;
use crate::error::Error;
use crate::health::Health;
use crate::mail::{Links, Postman};
use crate::server::{self, ServeOptions};
use crate::supervisor::{self, AbortOnDrop, Task};
use crate::tenancy::{AccountDoors, Address, Database, Lane, Wakes};
use crate::tokens::Tokens;
use crate::worker::Worker;
use crate::workspaces::Purger;
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

/// A running stack.
pub struct Stack {
    app: Arc<App>,
    addresses: Addresses,
    pools: [Database; 2],
    bridge: AbortOnDrop<()>,
    looks: Vec<AbortOnDrop<()>>,
    server: Option<Task<std::io::Result<()>>>,
    worker: Option<Task<()>>,
    postman: Option<Task<()>>,
    purger: Option<Task<()>>,
    links: Links,
    stop: watch::Sender<bool>,
    database: Option<PrivateDatabase>,
    /// None where everything that is kept is kept elsewhere.
    folder: Option<DataFolder>,
}

impl Stack {
    /// Opens it for both duties: the first time a database is made, which takes seconds; later it takes less than one.
    ///
    /// # Errors
    ///
    /// As [`Stack::open_for`].
    pub async fn open(settings: Settings) -> Result<Self, Failure> {
        Self::open_for(settings, Duty::Both).await
    }

    /// Opens what a duty needs.
    ///
    /// # Errors
    ///
    /// A [`Failure`] that says which part did not open and what to do; what had been opened is closed again.
    pub async fn open_for(settings: Settings, duty: Duty) -> Result<Self, Failure> {
        duty.refuse_what_is_not_shared(&settings)?;
        let set = addresses::of(&settings.urls, duty)?;
        let links = Links::read(&settings.services.mail).map_err(Failure::Usage)?;
        let keeps_data = set.is_none() || duty.keeps_data(&settings.services);
        let folder = if keeps_data { Some(DataFolder::open(&settings.data)?) } else { None };
        let providers = Providers::configured(&settings.services)?;
        let elsewhere = settings.services.objects.objects_url.is_some();
        let kept_in = folder.as_ref().map_or(settings.data.as_path(), DataFolder::path);
        let objects = Objects::open(&settings.services.objects, kept_in).map_err(if elsewhere {
            Failure::Usage
        } else {
            Failure::Start
        })?;
        // The model and the engine are read while the database starts.
        let path = folder.as_ref().map_or(settings.data.as_path(), DataFolder::path).to_owned();
        let services = settings.services.clone();
        let engines = tokio::task::spawn_blocking(move || Engines::open(&path, &services, duty));
        let (database, addresses) = match (set, &folder) {
            (None, Some(folder)) => {
                let pooled =
                    settings.limits.app_connections.saturating_add(settings.limits.worker_connections);
                let database = PrivateDatabase::start(folder, pooled).await?;
                let addresses = Addresses::embedded(&database);
                (Some(database), addresses)
            }
            (Some(set), _) => (None, set),
            (None, None) => {
                return Err(Failure::Start("the embedded database needs a data folder".to_owned()));
            }
        };
        let assembled = assemble(
            addresses,
            database.is_some(),
            (&settings.limits, &settings.services),
            (engines, objects, providers),
        )
        .await;
        match assembled {
            Ok(Assembled { app, addresses, pools, bridge, looks }) => {
                let stop = watch::Sender::new(false);
                Ok(Self {
                    app,
                    addresses,
                    pools,
                    bridge,
                    looks,
                    server: None,
                    worker: None,
                    postman: None,
                    purger: None,
                    links,
                    stop,
                    database,
                    folder,
                })
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

    /// The database's address as the role of this process's duty.
    #[must_use]
    pub fn app_url(&self) -> &str {
        &self.addresses.app
    }

    /// The database's address as `footnote_owner`; none where only the operator knows it.
    #[must_use]
    pub fn owner_url(&self) -> Option<&str> {
        self.addresses.owner.as_deref()
    }

    /// Runs jobs, sends mails and purges workspaces from now on.
    pub fn start_worker(&mut self) {
        let handlers = knowledge::job_handlers().into_iter().chain(agents::job_handlers()).collect();
        let worker = Worker::new(self.app.clone(), handlers);
        self.worker = Some(supervisor::spawn("worker", worker.run(self.stop.subscribe())));
        let postman = Postman::new(self.app.clone(), self.links.clone());
        self.postman = Some(supervisor::spawn("postman", postman.run(self.stop.subscribe())));
        let purger = Purger::new(self.app.clone());
        self.purger = Some(supervisor::spawn("purger", purger.run(self.stop.subscribe())));
    }

    /// Tells other commands the address of this process, if it holds the data folder.
    ///
    /// # Errors
    ///
    /// [`Failure::DataFolder`].
    pub fn publish(&self, address: &str) -> Result<(), Failure> {
        match &self.folder {
            Some(folder) => Ok(folder.publish(address)?),
            None => Ok(()),
        }
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

    /// Answers whether the process lives and can work, and nothing else, from now on.
    pub fn start_probes(&mut self, listener: TcpListener) {
        let (app, stop) = (self.app.clone(), self.stop.clone());
        self.server = Some(supervisor::spawn("probes", async move {
            let served = server::serve_probes(app, listener, stop.subscribe()).await;
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
        let Self {
            app, pools, bridge, looks, server, worker, postman, purger, stop, database, folder, ..
        } = self;
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
        let postman = async {
            if let Some(postman) = postman {
                postman.join().await;
            }
        };
        let purger = async {
            if let Some(purger) = purger {
                purger.join().await;
            }
        };
        let (result, (), (), ()) = tokio::join!(server, worker, postman, purger);
        drop((bridge, looks));
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
    issuers: Issuers,
    mailer: Arc<dyn Mailer>,
}

impl Engines {
    fn open(data: &Path, services: &Services, duty: Duty) -> Result<Self, Failure> {
        let issuers = Issuers::open(services.identity.issuers.as_deref()).map_err(Failure::Usage)?;
        let mailer = crate::adapters::mail::open(&services.mail, data).map_err(Failure::Usage)?;
        let vectors = open_vectors(data, &services.vectors)?;
        let tokens = match duty {
            Duty::Jobs => Tokens::of_nobody().map_err(Failure::Start)?,
            Duty::Both | Duty::Requests => signing_key(&services.signing, data)?,
        };
        Ok(Self { model: StaticModel::load()?, vectors, tokens, issuers, mailer })
    }
}

/// Qdrant's engine in this process, or the server that is set; a server that is away now is found when it comes.
fn open_vectors(data: &Path, service: &VectorService) -> Result<Vectors, Failure> {
    let Some(url) = &service.qdrant_url else {
        let folder = data.join("vectors");
        return Vectors::in_process(EngineOptions::new(&folder))
            .map_err(|source| Failure::Vectors { folder, source });
    };
    let api_key = service.qdrant_api_key.as_ref().map(|key| key.reveal().to_owned());
    Vectors::server(ServerOptions { api_key, ..ServerOptions::new(url) }).map_err(|error| match error {
        footnote_vectors::Error::BadAddress(rule) => Failure::Usage(format!(
            "QDRANT_URL is not the address of a Qdrant server: {rule}. Give its gRPC address, as http://qdrant:6334."
        )),
        other => Failure::Start(other.to_string()),
    })
}

/// What signs and checks access tokens: the shared key, or that of the data folder, made where there is none.
///
/// # Errors
///
/// [`Failure::Start`].
pub fn signing_key(shared: &SigningKey, data: &Path) -> Result<Tokens, Failure> {
    if let Some(tokens) =
        shared.tokens().map_err(|fault| Failure::Start(format!("the signing key {fault}")))?
    {
        return Ok(tokens);
    }
    Tokens::open(&data.join("signing-key")).map_err(Failure::Start)
}

struct Assembled {
    app: Arc<App>,
    addresses: Addresses,
    pools: [Database; 2],
    bridge: AbortOnDrop<()>,
    looks: Vec<AbortOnDrop<()>>,
}

async fn assemble(
    addresses: Addresses,
    migrate: bool,
    (limits, services): (&Limits, &Services),
    (engines, objects, providers): (tokio::task::JoinHandle<Result<Engines, Failure>>, Objects, Providers),
) -> Result<Assembled, Failure> {
    if let Some(owner) = &addresses.owner {
        bring_up_to_date(owner, migrate).await?;
    }
    let (wakes, outgoing) = Wakes::new();
    let (requests, jobs) = connect(&addresses, limits, &wakes).await?;
    refuse_old_schema(&requests).await?;
    let bridge =
        supervisor::spawn("wake bridge", wakes.bridge(outgoing, addresses.listen.clone())).abort_on_drop();
    let Engines { model, vectors, tokens, issuers, mailer } =
        engines.await.map_err(|_| Failure::Start("the engines could not be opened".to_owned()))??;
    let dependencies = Dependencies {
        requests: requests.clone(),
        jobs: jobs.clone(),
        vectors: vectors.clone(),
        embedder: providers.embedder.clone(),
        model: providers.model.clone(),
        objects: objects.clone(),
        mailer: mailer.clone(),
    };
    let (health, looks) = Health::start(health_checks::of(dependencies)).await;
    let doors = AccountDoors::new(requests.clone());
    let accounts =
        Accounts::new(doors, tokens.clone(), services.accounts.clone(), services.mail.smtp_url.is_some());
    let app = App::new(Parts {
        database: requests.clone(),
        lane: Lane::new(jobs.clone()),
        vectors,
        objects,
        embedder: providers.embedder.unwrap_or_else(|| Arc::new(model.clone())),
        model: providers.model,
        token_counter: Arc::new(model),
        tokens,
        issuers,
        mailer,
        accounts,
        members: services.members.clone(),
        workspaces: services.workspaces.clone(),
        limits: limits.clone(),
        health,
    });
    Ok(Assembled { app, addresses, pools: [requests, jobs], bridge, looks })
}

/// The pool of each role; where both duties are one role's, the same pool.
async fn connect(
    addresses: &Addresses,
    limits: &Limits,
    wakes: &Wakes,
) -> Result<(Database, Database), Failure> {
    let pool = |url: &str, connections| {
        Database::connect(Address::new(url, addresses.statements), connections, wakes.clone())
    };
    if addresses.app == addresses.worker {
        let connections = addresses.duty.connections(limits);
        let only = pool(&addresses.app, connections).await.map_err(Failure::Start)?;
        return Ok((only.clone(), only));
    }
    tokio::try_join!(
        pool(&addresses.app, limits.app_connections),
        pool(&addresses.worker, limits.worker_connections),
    )
    .map_err(Failure::Start)
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
    Err(old_schema(&pending))
}

/// A server whose schema is behind would fail in ways that name no reason.
async fn refuse_old_schema(database: &Database) -> Result<(), Failure> {
    match database.applied_migrations().await {
        Ok(applied) => match migrations::lacking(&applied) {
            lacking if lacking.is_empty() => Ok(()),
            lacking => Err(old_schema(&lacking)),
        },
        Err(Error::Unavailable(_) | Error::DeadlineExceeded) => Err(Failure::Start(
            "the database did not say which migrations were applied: it does not answer".to_owned(),
        )),
        // The schema is older than the door that tells, or there is none.
        Err(_) => Err(Failure::Start(
            "the database has no schema, or one of an earlier version. Run `footnote migrate up` first."
                .to_owned(),
        )),
    }
}

fn old_schema(lacking: &[String]) -> Failure {
    Failure::Start(format!(
        "the database lacks {} migrations ({}). Run `footnote migrate up` first.",
        lacking.len(),
        lacking.join(", ")
    ))
}

#[cfg(test)]
mod tests {
    use super::open_vectors;
    use crate::config::VectorService;

    #[tokio::test]
    async fn an_address_of_vectors_that_is_none_is_wrong_use_and_is_not_repeated() {
        let data = std::env::temp_dir();
        for url in ["qdrant:6334", "ftp://secret@qdrant", ""] {
            let service = VectorService { qdrant_url: Some(url.to_owned()), qdrant_api_key: None };
            let failure = open_vectors(&data, &service).expect_err("no address");
            assert_eq!(failure.exit_code(), 2, "{url}");
            assert!(failure.to_string().contains("QDRANT_URL"), "{failure}");
            assert!(!failure.to_string().contains("secret"), "{failure}");
        }
        let service =
            VectorService { qdrant_url: Some("http://127.0.0.1:1".to_owned()), qdrant_api_key: None };
        let away = open_vectors(&data, &service).expect("a server that is away does not stop the start");
        assert_eq!(away.status().engine, "qdrant-server");
    }
}
