//! This server, as a process of its own, so that its processor time and its memory are its own too.
//!
//! It is this same program, without a worker: jobs that a measurement leaves behind are not run beside it. It ends with the pipe to its
//! standard input, however this process ends.

use std::net::SocketAddr;
use std::process::Stdio;
use std::time::Duration;

use chrono::TimeDelta;
use entity::id::{SessionId, UserId, WorkspaceId};
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

use super::super::processes::Family;
use super::super::seeded::{Kind, Seeded};
use crate::clock;
use crate::config::SigningKey;
use crate::operations::roles::Role;
use crate::operations::{Failure, stack};

/// The longest that a measurement takes: its tokens end then.
const HOURS: i64 = 12;
/// How long a process may take to end.
const PATIENCE: Duration = Duration::from_secs(5);
/// What the environment may say of other databases.
const OTHERS: [&str; 2] = ["FOOTNOTE_OWNER_DATABASE_URL", "FOOTNOTE_LISTEN_DATABASE_URL"];

/// What the server says when it is ready.
#[derive(Debug, Serialize, Deserialize)]
pub struct ServerReady {
    /// Where it answers.
    pub address: SocketAddr,
}

/// A running server.
pub(in super::super) struct Server {
    address: SocketAddr,
    family: Family,
    running: Running,
}

/// A process that ends with the pipe to its standard input, and with this value.
pub(super) struct Running {
    child: Child,
    stdin: Option<ChildStdin>,
}

impl Running {
    /// One that was started to be killed when it is dropped.
    pub(super) fn new(mut child: Child) -> Self {
        let stdin = child.stdin.take();
        Self { child, stdin }
    }

    /// Its standard output, once.
    pub(super) fn stdout(&mut self) -> Option<Lines<BufReader<ChildStdout>>> {
        self.child.stdout.take().map(|stdout| BufReader::new(stdout).lines())
    }

    /// The number of the process; none where it has ended.
    pub(super) fn id(&self) -> Option<u32> {
        self.child.id()
    }

    /// Lets it end, and waits until it has.
    pub(super) async fn stop(mut self) {
        drop(self.stdin.take());
        // One that hangs is killed when it is dropped.
        let _ = tokio::time::timeout(PATIENCE, self.child.wait()).await;
    }
}

impl Server {
    /// Starts it on a seeded database.
    pub(in super::super) async fn start(seeded: &Seeded, connections: u32) -> Result<Self, Failure> {
        let failed = |what: &str| Failure::Start(format!("the server to measure did not start: {what}"));
        let program = std::env::current_exe().map_err(|error| failed(&error.to_string()))?;
        let folder = folder(seeded);
        let mut command = Command::new(program);
        command
            .args(["--log", "error", "bench", "serve", "--data"])
            .arg(&folder)
            .arg(format!("--app-connections={connections}"))
            .arg("--worker-connections=2")
            .env("FOOTNOTE_APP_DATABASE_URL", seeded.url(Role::App))
            .env("FOOTNOTE_WORKER_DATABASE_URL", seeded.url(Role::Worker))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true);
        for other in OTHERS {
            command.env_remove(other);
        }
        let mut running = Running::new(command.spawn().map_err(|error| failed(&error.to_string()))?);
        let ready = ready(&mut running).await;
        let (Some(address), Some(process)) = (ready, running.id()) else {
            return Err(failed("it ended before it was ready"));
        };
        Ok(Self { address, family: Family::of(process), running })
    }

    /// Stops it.
    pub(in super::super) async fn stop(self) {
        self.running.stop().await;
    }

    /// Where it answers.
    pub(in super::super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its processes.
    pub(in super::super) fn family(&self) -> Family {
        self.family
    }
}

/// Waits until a process says that it is ready, and where; anything else that it says is not meant for us.
pub(super) async fn ready(running: &mut Running) -> Option<SocketAddr> {
    let mut lines = running.stdout()?;
    while let Some(line) = lines.next_line().await.ok().flatten() {
        if let Ok(ready) = serde_json::from_str::<ServerReady>(&line) {
            return Some(ready.address);
        }
    }
    None
}

fn folder(seeded: &Seeded) -> std::path::PathBuf {
    seeded.folder().join("server")
}

/// A workspace that can be read, as its owner.
#[derive(Clone, Debug)]
pub(in super::super) struct Tenant {
    /// Its number in the seeded database.
    pub(in super::super) number: usize,
    /// Its id.
    pub(in super::super) workspace: WorkspaceId,
    /// Its owner.
    pub(in super::super) owner: UserId,
    /// A session of its owner.
    pub(in super::super) session: SessionId,
    /// The value of the owner's header `Authorization`.
    pub(in super::super) authorization: String,
}

/// Every workspace that can be read.
pub(in super::super) fn tenants(seeded: &Seeded) -> Result<Vec<Tenant>, Failure> {
    let folder = folder(seeded);
    std::fs::create_dir_all(&folder).map_err(Failure::file("make", &folder))?;
    let tokens = stack::signing_key(&SigningKey::default(), &folder)?;
    let until = clock::now() + TimeDelta::hours(HOURS);
    let id = |kind, number| seeded.ids().of(kind, number, 0);
    let tenant = |number| {
        let owner = UserId(id(Kind::User, number));
        let session = SessionId(id(Kind::Session, number));
        let authorization =
            tokens.mint(owner, session, until).map_err(|error| Failure::Start(error.message()))?;
        Ok(Tenant {
            number,
            workspace: WorkspaceId(id(Kind::Workspace, number)),
            owner,
            session,
            authorization,
        })
    };
    (0..seeded.shape().readable()).map(tenant).collect()
}
