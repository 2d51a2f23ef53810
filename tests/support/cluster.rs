//! The one PostgreSQL of a test process.
//!
//! It starts when a test first asks for it, keeps nothing through a crash of the machine, and ends with the process, however
//! that ends: the test harness has no teardown, so a small shell waits on a pipe whose other end only this process holds,
//! then stops the server and removes its folder. Neither of them inherits this process's output, so a pipe that reads the
//! tests' output ends with the tests.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::thread;

use footnote::embedded::{Cluster, Options};

/// Runs after the test process: `$1` is the folder given to the cluster, `$2` the temporary folder around it.
///
/// `location` names the folder where the data lie instead when the server's user could not enter this one. The loop is for
/// a process that was killed while its server was only starting.
const SUPERVISOR: &str = r#"
trap '' HUP INT TERM
cat >/dev/null
tries=0
while [ -e "$2" ] && [ "$tries" -lt 100 ]; do
  home=$1
  [ -s "$1/location" ] && home=$(cat "$1/location")
  pid=$(head -n 1 "$home/cluster/postmaster.pid" 2>/dev/null)
  case $pid in
    '' | *[!0-9]* | 0 | 1) rm -rf "$home" && rm -rf "$2" ;;
    *) if [ "$tries" -lt 50 ]; then kill -s QUIT "$pid"; else kill -s KILL "$pid"; fi || rm -f "$home/cluster/postmaster.pid" ;;
  esac
  tries=$((tries + 1))
  sleep 0.1
done
"#;

/// The running cluster and the shell that ends it when its input closes.
struct Supervised {
    cluster: Cluster,
    around: PathBuf,
    // Holds the pipe's only writing end until the process is gone.
    _supervisor: Child,
}

static CLUSTER: OnceLock<Supervised> = OnceLock::new();

/// Returns the superuser's address of a database in this process's cluster, and starts the cluster on the first call.
///
/// # Panics
/// Panics with the reason when no PostgreSQL can be started.
#[must_use]
pub fn superuser_url(database: &str) -> String {
    CLUSTER.get_or_init(start).cluster.superuser_url(database)
}

/// A cluster of a test's own, for what belongs to a whole cluster, as the passwords of roles do; it ends with the value.
pub struct Own(Supervised);

impl Own {
    /// The superuser's address of a database in it.
    #[must_use]
    pub fn superuser_url(&self, database: &str) -> String {
        self.0.cluster.superuser_url(database)
    }
}

/// Starts a cluster of a test's own; not on a thread of a runtime.
#[must_use]
pub fn of_its_own() -> Own {
    Own(start())
}

/// Returns a folder that is removed after the process, when nothing of it is open any more.
#[must_use]
pub fn scratch() -> PathBuf {
    CLUSTER.get_or_init(start).around.join(entity::id::EventId::new().to_string())
}

/// Starts the cluster on a thread and a runtime of its own, since that of the asking test ends with the test.
fn start() -> Supervised {
    let start = || {
        // As root the server runs as another user, who must get through this folder.
        let around = tempfile::Builder::new()
            .prefix("footnote-tests-")
            .permissions(Permissions::from_mode(0o711))
            .tempdir();
        let around = around.expect("the machine has a folder for temporary files").keep();
        let folder = around.join("postgres");
        let supervisor = supervise(&folder, &around);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("the thread takes a runtime");
        let options = Options { folder, max_connections: 300, durable: false };
        match runtime.block_on(Cluster::start(options)) {
            Ok(cluster) => Supervised { cluster, around, _supervisor: supervisor },
            Err(error) => panic!("the tests need a PostgreSQL: {error}"),
        }
    };
    thread::spawn(start).join().expect("the cluster starts")
}

/// Starts the shell that cleans up, before there is anything to clean up.
fn supervise(folder: &Path, around: &Path) -> Child {
    let mut command = Command::new("/bin/sh");
    command.args(["-c", SUPERVISOR, "sh"]).arg(folder).arg(around).current_dir("/");
    // Out of the terminal's process group, so that Ctrl-C ends the tests and not the clean-up.
    command.process_group(0).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().expect("the machine has a shell")
}
