//! `pgbench`: statements without a server in front of them, as the role of requests.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::process::Command;

use super::super::seeded::Seeded;
use crate::operations::Failure;
use crate::operations::roles::Role;

/// Where distributions keep it when it is not in `PATH`, newest version first.
const VERSIONED: [&str; 2] = ["/usr/lib/postgresql", "/usr/local/opt"];

/// How a script is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Protocol {
    /// As text, planned each time.
    Simple,
    /// Planned once for each connection.
    Prepared,
}

/// A script, and how it is sent.
#[derive(Clone, Debug)]
pub(in super::super) struct Script {
    /// The name in reports and of its file.
    pub(in super::super) name: &'static str,
    /// How it is sent.
    pub(in super::super) protocol: Protocol,
    /// Its commands.
    pub(in super::super) text: String,
}

/// A `pgbench` that is here, and the database that it is run on.
pub(in super::super) struct Pgbench {
    program: PathBuf,
    folder: PathBuf,
    address: Address,
}

/// An address of `footnote_app`, taken apart, because a command line shows passwords to everybody.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Address {
    password: String,
    port: String,
}

impl Pgbench {
    /// Finds it; none where this machine has none.
    pub(in super::super) fn find(seeded: &Seeded) -> Result<Option<Self>, Failure> {
        let Some(program) = program() else { return Ok(None) };
        let folder = seeded.folder().join("pgbench");
        std::fs::create_dir_all(&folder).map_err(Failure::file("make", &folder))?;
        let address = Address::parse(&seeded.url(Role::App))
            .ok_or_else(|| Failure::Start("the database's address is not one of ours".to_owned()))?;
        Ok(Some(Self { program, folder, address }))
    }

    /// Runs a script for whole seconds; when each transaction ended, in microseconds since 1970, and how long it took.
    pub(in super::super) async fn run(
        &self,
        script: &Script,
        clients: usize,
        seconds: u64,
    ) -> Result<Vec<(u128, Duration)>, Failure> {
        let file = self.folder.join(format!("{}.sql", script.name));
        std::fs::write(&file, &script.text).map_err(Failure::file("write", &file))?;
        self.remove_logs();
        let threads = std::thread::available_parallelism().map_or(1, usize::from).min(clients);
        let done = Command::new(&self.program)
            .args(["--no-vacuum", "--log", "--log-prefix=log", "--username=footnote_app", "--host=127.0.0.1"])
            .arg(match script.protocol {
                Protocol::Simple => "--protocol=simple",
                Protocol::Prepared => "--protocol=prepared",
            })
            .arg(format!("--client={clients}"))
            .arg(format!("--jobs={threads}"))
            .arg(format!("--time={seconds}"))
            .arg(format!("--port={}", self.address.port))
            .arg(format!("--file={}", file.display()))
            .arg("footnote")
            .env("PGPASSWORD", &self.address.password)
            .current_dir(&self.folder)
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .output()
            .await
            .map_err(Failure::file("run", &self.program))?;
        let said = String::from_utf8_lossy(&done.stderr);
        if !done.status.success() || said.contains("ERROR") {
            let refusal = said.lines().find(|line| line.contains("ERROR")).unwrap_or(said.trim()).to_owned();
            return Err(Failure::Refused { action: "run pgbench", refusal });
        }
        let transactions = self.read_logs();
        self.remove_logs();
        transactions
    }

    fn logs(&self) -> impl Iterator<Item = PathBuf> + use<> {
        let entries = std::fs::read_dir(&self.folder).into_iter().flatten().flatten();
        entries
            .filter(|entry| entry.file_name().to_string_lossy().starts_with("log."))
            .map(|entry| entry.path())
    }

    fn remove_logs(&self) {
        for log in self.logs() {
            // One that stays is noticed by what it adds: the next reading would count its transactions before the window.
            let _ = std::fs::remove_file(log);
        }
    }

    fn read_logs(&self) -> Result<Vec<(u128, Duration)>, Failure> {
        let mut transactions = Vec::new();
        for log in self.logs() {
            let text = std::fs::read_to_string(&log).map_err(Failure::file("read", &log))?;
            transactions.extend(text.lines().filter_map(transaction));
        }
        Ok(transactions)
    }
}

/// The time of day in microseconds since 1970, as `pgbench` logs it.
pub(super) fn now() -> u128 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_micros()
}

/// A line of the log: client, number, microseconds that it took, script, and when it ended in seconds and microseconds.
fn transaction(line: &str) -> Option<(u128, Duration)> {
    let fields: Vec<u64> = line.split_whitespace().map_while(|field| field.parse().ok()).collect();
    let [_, _, took, _, seconds, microseconds, ..] = fields[..] else { return None };
    Some((u128::from(seconds) * 1_000_000 + u128::from(microseconds), Duration::from_micros(took)))
}

impl Address {
    fn parse(url: &str) -> Option<Self> {
        let (login, rest) = url.split_once("://")?.1.split_once('@')?;
        let (_, password) = login.split_once(':')?;
        let (host, _) = rest.split_once('/')?;
        let (_, port) = host.rsplit_once(':')?;
        Some(Self { password: password.to_owned(), port: port.to_owned() })
    }
}

fn program() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let in_path = std::env::split_paths(&path).map(|folder| folder.join("pgbench"));
    let mut versioned: Vec<PathBuf> = VERSIONED
        .iter()
        .filter_map(|folder| std::fs::read_dir(folder).ok())
        .flat_map(|entries| entries.flatten().map(|entry| entry.path().join("bin").join("pgbench")))
        .collect();
    versioned.sort();
    versioned.into_iter().rev().chain(in_path).find(|program| is_file(program))
}

fn is_file(path: &Path) -> bool {
    path.metadata().is_ok_and(|metadata| metadata.is_file())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Address, transaction};

    #[test]
    fn a_line_of_the_log_says_when_and_how_long() {
        let read = transaction("3 199 2241 0 1175850568 995598");
        assert_eq!(read, Some((1_175_850_568_995_598, Duration::from_micros(2241))));
        assert_eq!(transaction("3 199 skipped 0 1175850568 995598"), None);
        assert_eq!(transaction(""), None);
    }

    #[test]
    fn an_address_is_taken_apart() {
        let address = Address::parse("postgresql://footnote_app:0123@127.0.0.1:5433/footnote").expect("ours");
        assert_eq!(address, Address { password: "0123".to_owned(), port: "5433".to_owned() });
        assert_eq!(Address::parse("postgresql://db/footnote"), None);
    }
}
