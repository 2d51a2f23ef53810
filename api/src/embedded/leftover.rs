//! The server that outlived its parent.
//!
//! A killed parent leaves its PostgreSQL running. The next start, which holds the folder's lock, stops it, without a
//! checkpoint, as that server's clients are gone. A process is only signalled if it is a `postgres` that works in this very
//! folder: the number in a stale `postmaster.pid` may belong to anybody by now.

use std::fs;
use std::io;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::privileges;
use super::{StartError, private_file};

/// Stops the server that still uses the data folder, if there is one.
pub(super) async fn stop(cluster: &Path) -> Result<(), StartError> {
    let record = cluster.join("postmaster.pid");
    let Some(content) = private_file::read(&record).map_err(StartError::io("read", &record))? else {
        return Ok(());
    };
    let number = content.lines().next().and_then(|line| line.trim().parse::<i32>().ok());
    // Numbers below 2 mean a single-user server or, to `kill`, whole groups of processes.
    let Some(pid) = number.filter(|number| *number > 1).map(Pid::from_raw) else { return Ok(()) };
    if serves(pid, cluster).await {
        end(pid, cluster).await?;
    }
    if kill(pid, None).is_ok() {
        // A stranger has this number, or a dead process that nobody waits for. PostgreSQL would take either for a server and
        // refuse to start; whether anybody still uses the data it also tells by their shared memory.
        match fs::remove_file(&record) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(StartError::io("remove", &record)(error));
            }
            _ => {}
        }
    }
    Ok(())
}

/// Ends a server, at once but in order, and less gently when it does not follow.
async fn end(pid: Pid, cluster: &Path) -> Result<(), StartError> {
    tracing::info!(pid = pid.as_raw(), "stopping the PostgreSQL of an earlier run that was killed");
    for (signal, seconds) in [(Signal::SIGQUIT, 10), (Signal::SIGKILL, 5)] {
        // A failure shows in the process that goes on.
        let _ = kill(pid, signal);
        if ended(pid, cluster, Duration::from_secs(seconds)).await {
            return Ok(());
        }
    }
    Err(StartError::LeftoverStays { pid: pid.as_raw(), folder: cluster.to_owned() })
}

async fn ended(pid: Pid, cluster: &Path, limit: Duration) -> bool {
    let end = tokio::time::Instant::now() + limit;
    while serves(pid, cluster).await {
        if tokio::time::Instant::now() > end {
            return false;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    true
}

/// Whether the process is a `postgres` whose data folder is this one; a process that has ended and was not waited for is not.
async fn serves(pid: Pid, cluster: &Path) -> bool {
    let Ok(cluster) = cluster.canonicalize() else { return false };
    let process = Path::new("/proc").join(pid.to_string());
    if Path::new("/proc/self/cwd").exists() {
        // A server works in its data folder from its first moment on.
        let Ok(works_in) = fs::read_link(process.join("cwd")) else { return false };
        let arguments = fs::read(process.join("cmdline")).unwrap_or_default();
        let program = arguments.split(|byte| *byte == 0).next().map(String::from_utf8_lossy);
        return works_in == cluster
            && program.is_some_and(|program| Path::new(&*program).ends_with("postgres"));
    }
    let mut command = Command::new("ps");
    command.args(["-ww", "-o", "command=", "-p", &pid.to_string()]).stdin(Stdio::null());
    let Ok(output) = privileges::output(command, Duration::from_secs(10)).await else { return false };
    let shown = String::from_utf8_lossy(&output.stdout).into_owned();
    shown.contains("/postgres ") && shown.contains(&format!("-D {} ", cluster.display()))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::process::{CommandExt, ExitStatusExt};
    use std::path::Path;
    use std::process::{Child, Command, Stdio};
    use std::thread;
    use std::time::Duration;

    use nix::sys::signal::Signal;

    use super::stop;

    /// Starts a process that calls itself `name` and works in `folder`, recorded as a server of `recorded_in`.
    fn process(name: &str, folder: &Path, recorded_in: &Path) -> Child {
        let folder = folder.canonicalize().expect("the folder exists");
        let mut command = Command::new("/bin/sh");
        command.arg0(name).args(["-c", "read never", "-D"]).arg(&folder).arg("-c").current_dir(&folder);
        let child = command.stdin(Stdio::piped()).spawn().expect("the machine has a shell");
        let record = recorded_in.join("postmaster.pid");
        fs::write(record, format!("{}\n/somewhere\n", child.id())).expect("the folder takes files");
        // The start returns a moment before the kernel shows the arguments.
        let arguments = format!("/proc/{}/cmdline", child.id());
        while fs::read(&arguments).is_ok_and(|arguments| arguments.is_empty()) {
            thread::sleep(Duration::from_millis(1));
        }
        child
    }

    #[tokio::test]
    async fn a_server_that_works_in_the_folder_is_stopped() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut server = process("/usr/bin/postgres", folder.path(), folder.path());
        stop(folder.path()).await.expect("it can be stopped");
        let record = folder.path().join("postmaster.pid");
        assert!(
            !record.exists(),
            "nobody has waited for the process yet, so its number would block the start"
        );
        let status = server.wait().expect("it is our child");
        assert_eq!(status.signal(), Some(Signal::SIGQUIT as i32));
    }

    #[tokio::test]
    async fn a_stranger_with_the_servers_old_number_lives_on_and_does_not_block_the_start() {
        let (folder, other) =
            (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
        for (name, works_in) in [("editor", folder.path()), ("/usr/bin/postgres", other.path())] {
            let mut stranger = process(name, works_in, folder.path());
            stop(folder.path()).await.expect("there is nothing to stop");
            assert!(stranger.try_wait().expect("it is our child").is_none(), "{name} must not be signalled");
            assert!(!folder.path().join("postmaster.pid").exists(), "PostgreSQL would refuse to start");
            stranger.kill().expect("it is our child");
            stranger.wait().expect("it is our child");
        }
    }

    #[tokio::test]
    async fn a_record_that_names_no_process_is_never_signalled() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        for content in ["", "0\n", "-1\n", "1\n", "99999999999999\n", "x\n", "2147483647\n"] {
            fs::write(folder.path().join("postmaster.pid"), content).expect("the folder takes files");
            stop(folder.path()).await.expect("there is nothing to stop");
        }
        fs::remove_file(folder.path().join("postmaster.pid")).expect("it is there");
        stop(folder.path()).await.expect("there is nothing to stop");
    }
}
