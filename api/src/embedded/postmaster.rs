//! The running server process.
//!
//! It listens on 127.0.0.1 only, on a port that was free a moment before (another one when it was taken in between), and on
//! no socket file. It is in a process group of its own, so the terminal's Ctrl-C reaches this program first. Its log holds
//! the server's own messages since the last start: neither statements nor row values nor clients' errors.
//! When the value is dropped the server is told to stop.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom};
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, ExitStatus};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::time::{Instant, sleep};

use super::home::Home;
use super::privileges::{self, ServerUser};
use super::programs::Programs;
use super::{Options, StartError, private_file};

/// How long a start may take; it includes the recovery after a crash.
const READY_LIMIT: Duration = Duration::from_mins(2);

/// How often the state of the process is looked at.
const LOOK: Duration = Duration::from_millis(10);

/// How often a start is tried, and the time between two tries.
const TRIES: (usize, Duration) = (10, Duration::from_millis(200));

/// What passes by itself: somebody took the port, or the processes of a killed server are still going away.
const PASSING: [&str; 2] = ["could not bind", "pre-existing shared memory block"];

/// Settings that do not depend on anything.
const SETTINGS: [&str; 15] = [
    "listen_addresses=127.0.0.1",
    "unix_socket_directories=",
    "cluster_name=footnote",
    "shared_buffers=128MB",
    "TimeZone=UTC",
    // One machine, no replicas: the least write-ahead log that still survives a crash.
    "wal_level=minimal",
    "max_wal_senders=0",
    "max_wal_size=256MB",
    // Short statements do not earn back a compilation.
    "jit=off",
    // Clients hear of their own errors; the log is for the server's, without statements or values.
    "log_min_messages=log",
    "log_min_error_statement=panic",
    "log_error_verbosity=terse",
    "log_checkpoints=off",
    "log_timezone=UTC",
    "logging_collector=off",
];

/// Settings of a cluster whose data need not survive a crash of the machine.
const NOT_DURABLE: [&str; 3] = ["fsync=off", "synchronous_commit=off", "full_page_writes=off"];

/// A server process that takes connections.
#[derive(Debug)]
pub(super) struct Postmaster {
    child: Child,
    port: u16,
}

/// How a start went.
enum Outcome {
    Ready,
    Ended(ExitStatus),
    TooSlow,
}

impl Postmaster {
    /// Starts the server and waits until it takes connections.
    pub(super) async fn start(
        programs: &Programs,
        user: &ServerUser,
        home: &Home,
        options: &Options,
    ) -> Result<Self, StartError> {
        let log = home.log();
        let mut left = TRIES.0;
        loop {
            let mut server = Self::spawn(programs, user, home, options)?;
            let outcome = server
                .wait_until_ready(&home.cluster())
                .await
                .map_err(StartError::io("watch the server of", home.folder()))?;
            let status = match outcome {
                Outcome::Ready => return Ok(server),
                Outcome::TooSlow => {
                    return Err(StartError::NotReady {
                        seconds: READY_LIMIT.as_secs(),
                        tail: end_of(&log),
                        log,
                    });
                }
                Outcome::Ended(status) => status,
            };
            let tail = end_of(&log);
            left -= 1;
            if left == 0 || !PASSING.iter().any(|reason| tail.contains(reason)) {
                return Err(StartError::Ended { status: status.to_string(), log, tail });
            }
            sleep(TRIES.1).await;
        }
    }

    /// The TCP port on 127.0.0.1.
    pub(super) fn port(&self) -> u16 {
        self.port
    }

    /// Stops the server, ever less gently, and returns when the process has ended.
    pub(super) async fn stop(mut self) {
        for (signal, seconds) in [(Signal::SIGINT, 10), (Signal::SIGQUIT, 5), (Signal::SIGKILL, 5)] {
            self.signal(signal);
            let end = Instant::now() + Duration::from_secs(seconds);
            while Instant::now() < end {
                if !matches!(self.child.try_wait(), Ok(None)) {
                    return;
                }
                sleep(LOOK).await;
            }
            tracing::warn!(%signal, seconds, "the embedded PostgreSQL did not stop in time");
        }
    }

    fn spawn(
        programs: &Programs,
        user: &ServerUser,
        home: &Home,
        options: &Options,
    ) -> Result<Self, StartError> {
        let port = free_port().map_err(StartError::io("find a free port for", home.folder()))?;
        let path = home.log();
        let (out, errors) = new_log(&path).map_err(StartError::io("make the log", &path))?;
        let program = programs.folder.join("postgres");
        let mut command = user.command(&program, home.folder());
        command.arg("-D").arg(home.cluster());
        command.args([
            "-c",
            &format!("port={port}"),
            "-c",
            &format!("max_connections={}", options.max_connections),
        ]);
        command.args(SETTINGS.iter().flat_map(|setting| ["-c", setting]));
        if !options.durable {
            command.args(NOT_DURABLE.iter().flat_map(|setting| ["-c", setting]));
        }
        command.stdout(out).stderr(errors).process_group(0);
        let child = command.spawn().map_err(StartError::io("run", &program))?;
        Ok(Self { child, port })
    }

    /// Waits for the word `ready` that the server writes into its record once it takes connections.
    async fn wait_until_ready(&mut self, cluster: &Path) -> io::Result<Outcome> {
        let record = cluster.join("postmaster.pid");
        let own = self.child.id().to_string();
        let end = Instant::now() + READY_LIMIT;
        while Instant::now() < end {
            if let Some(status) = self.child.try_wait()? {
                return Ok(Outcome::Ended(status));
            }
            let content = private_file::read(&record)?.unwrap_or_default();
            let mut lines = content.lines().map(str::trim);
            if lines.next() == Some(&own) && lines.nth(6) == Some("ready") {
                return Ok(Outcome::Ready);
            }
            sleep(LOOK).await;
        }
        Ok(Outcome::TooSlow)
    }

    fn signal(&mut self, signal: Signal) {
        // A process that was waited for has given its number back.
        if let (Ok(None), Ok(pid)) = (self.child.try_wait(), i32::try_from(self.child.id()))
            && let Err(error) = kill(Pid::from_raw(pid), signal)
        {
            tracing::warn!(%error, %signal, "the embedded PostgreSQL could not be signalled");
        }
    }
}

impl Drop for Postmaster {
    fn drop(&mut self) {
        self.signal(Signal::SIGINT);
    }
}

/// Asks the operating system for a port that nobody uses.
fn free_port() -> io::Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}

/// Makes the log anew, because it may have been another user's, and returns it twice, for both outputs.
fn new_log(path: &Path) -> io::Result<(File, File)> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let file = OpenOptions::new().append(true).create_new(true).mode(0o600).open(path)?;
    Ok((file.try_clone()?, file))
}

/// The end of a log, at most 2,000 bytes.
fn end_of(log: &Path) -> String {
    let read = || -> io::Result<Vec<u8>> {
        let mut file = File::open(log)?;
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(4000)))?;
        let mut bytes = Vec::new();
        file.take(4000).read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    read().map_or_else(|error| error.to_string(), |bytes| privileges::tail(&bytes, 2000))
}
