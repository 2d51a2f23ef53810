//! A transaction pooler in front of the process's PostgreSQL, where `FOOTNOTE_TEST_POOLER` names the program of PgBouncer.
//!
//! Every test's pools then go through it, with fewer connections to the server than the pools have, and it ends with the
//! process, however that ends.

use std::fs::{self, File, Permissions};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use footnote::operations::roles::{Passwords, Role};

use super::cluster;

/// Connections to the server for each role and database: fewer than a test's pools have.
pub const SERVER_CONNECTIONS: i64 = 3;

/// Starts the program, waits until this process is gone, and kills it.
const SUPERVISOR: &str = r#"
trap '' HUP INT TERM
"$@" </dev/null &
cat >/dev/null
kill -s KILL "$!"
"#;

/// A running pooler.
pub struct Pooler {
    server: String,
    port: u16,
    // Holds the pipe's only writing end until the process is gone.
    _supervisor: Child,
}

impl Pooler {
    /// Starts the pooler that the environment asks for.
    pub fn asked_for(server: &str, passwords: &Passwords) -> Option<Self> {
        let program = std::env::var_os("FOOTNOTE_TEST_POOLER").filter(|program| !program.is_empty())?;
        let server = authority(server).to_owned();
        let folder = cluster::scratch();
        fs::create_dir_all(&folder).expect("a folder");
        fs::set_permissions(&folder, Permissions::from_mode(0o755)).expect("the pooler's user gets in");
        let started = (0..3).find_map(|_| Self::start(Path::new(&program), &folder, &server, passwords));
        Some(started.unwrap_or_else(|| {
            let log = fs::read_to_string(folder.join("log")).unwrap_or_default();
            panic!("the pooler does not start: {log}")
        }))
    }

    fn start(program: &Path, folder: &Path, server: &str, passwords: &Passwords) -> Option<Self> {
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|free| free.local_addr());
        let port = port.expect("a port").port();
        let settings = configure(folder, server, port, passwords);
        let log = File::create(folder.join("log")).expect("a log");
        let mut command = Command::new("/bin/sh");
        command.args(["-c", SUPERVISOR, "sh"]).arg(program);
        if nix::unistd::Uid::effective().is_root() {
            // It refuses to run as root.
            command.args(["-u", "nobody"]);
        }
        command.arg(settings).process_group(0).current_dir("/");
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(log);
        let mut supervisor = command.spawn().expect("the machine has a shell");
        let since = Instant::now();
        while since.elapsed() < Duration::from_secs(5) {
            if TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok() {
                return Some(Self { server: server.to_owned(), port, _supervisor: supervisor });
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        drop(supervisor.stdin.take());
        let _ = supervisor.wait();
        None
    }

    /// The same address through the pooler.
    pub fn before(&self, url: &str) -> String {
        url.replacen(&format!("@{}/", self.server), &format!("@127.0.0.1:{}/", self.port), 1)
    }
}

/// Writes the settings and the passwords; the file of settings. No parameter of a client's start is ignored.
fn configure(folder: &Path, server: &str, port: u16, passwords: &Passwords) -> PathBuf {
    let (host, server_port) = server.rsplit_once(':').expect("an address with a port");
    let users = folder.join("users");
    let line = |role: Role| format!("\"{}\" \"{}\"\n", role.name(), passwords.of(role).reveal());
    fs::write(&users, Role::ALL.map(line).concat()).expect("written");
    let settings = format!(
        "[databases]\n* = host={host} port={server_port}\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\n\
         unix_socket_dir =\nauth_type = scram-sha-256\nauth_file = {}\npool_mode = transaction\nmax_client_conn = 1000\n\
         default_pool_size = {SERVER_CONNECTIONS}\nserver_idle_timeout = 3\n",
        users.display()
    );
    let file = folder.join("pgbouncer.ini");
    fs::write(&file, settings).expect("written");
    for path in [&users, &file] {
        fs::set_permissions(path, Permissions::from_mode(0o644)).expect("readable by the pooler's user");
    }
    file
}

/// Host and port of an address of ours.
pub fn authority(url: &str) -> &str {
    let (_, rest) = url.split_once('@').expect("an address with a user");
    rest.split(['/', '?']).next().expect("split gives one part")
}
