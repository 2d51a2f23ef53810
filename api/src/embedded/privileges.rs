//! Who runs PostgreSQL.
//!
//! PostgreSQL refuses root, so as root its programs run as the owner of the data where there are any, else as `postgres`,
//! else as `nobody`; otherwise as the user of this process. The programs get a bare environment: neither this server's
//! secrets nor stray `PG…` variables reach them.

use std::env;
use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt, lchown};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use nix::unistd::{Uid, User};

use super::StartError;

/// The variables that a program may need to load and find its parts.
const KEPT: [&str; 5] =
    ["PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "DYLD_FALLBACK_LIBRARY_PATH", "TMPDIR"];

/// The user that PostgreSQL's programs run as.
#[derive(Debug, Clone)]
pub(super) struct ServerUser {
    /// The user and group to change to, or `None` to stay this process's user.
    identity: Option<(u32, u32)>,
    name: String,
}

impl ServerUser {
    /// Chooses the user for the data in this folder, which need not exist.
    pub(super) fn choose(cluster: &Path) -> Result<Self, StartError> {
        if !Uid::effective().is_root() {
            return Ok(Self { identity: None, name: Uid::effective().to_string() });
        }
        if let Ok(owner) = fs::metadata(cluster)
            && owner.uid() != 0
        {
            return Ok(Self { identity: Some((owner.uid(), owner.gid())), name: owner.uid().to_string() });
        }
        ["postgres", "nobody"]
            .into_iter()
            .find_map(|name| User::from_name(name).ok().flatten())
            .filter(|user| !user.uid.is_root())
            .map(|user| Self { identity: Some((user.uid.as_raw(), user.gid.as_raw())), name: user.name })
            .ok_or(StartError::NoServerUser)
    }

    /// The user's name or number, for messages.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Prepares a program to run as this user, in a folder that the user can enter, with no input and a bare environment.
    pub(super) fn command(&self, program: &Path, folder: &Path) -> Command {
        let mut command = Command::new(program);
        command.current_dir(folder).stdin(Stdio::null()).env_clear().env("LC_ALL", "C");
        command.envs(KEPT.into_iter().filter_map(|name| Some((name, env::var_os(name)?))));
        if let Some((user, group)) = self.identity {
            // The standard library drops root's supplementary groups together with its user id.
            command.gid(group).uid(user);
        }
        command
    }

    /// Whether this user gets through every parent into the folder, tried rather than computed because of ACLs.
    pub(super) async fn can_enter(&self, folder: &Path) -> bool {
        if self.identity.is_none() {
            return true;
        }
        let mut command = self.command(Path::new("/bin/sh"), folder);
        command.args(["-c", "exit 0"]);
        output(command, Duration::from_secs(10)).await.is_ok_and(|output| output.status.success())
    }

    /// Makes this user the owner of a path; a symbolic link is not followed.
    pub(super) fn hand_over(&self, path: &Path) -> io::Result<()> {
        self.identity.map_or(Ok(()), |(user, group)| lchown(path, Some(user), Some(group)))
    }
}

/// The mode of a folder that leads to the data: as root the server's user must get through, but may not list it.
pub(super) fn folder_mode() -> u32 {
    if Uid::effective().is_root() { 0o711 } else { 0o700 }
}

/// Runs a short program to its end and collects what it wrote; it is killed after `limit`, or when the caller gives up.
pub(super) async fn output(command: Command, limit: Duration) -> io::Result<Output> {
    let mut command = tokio::process::Command::from(command);
    command.kill_on_drop(true);
    match tokio::time::timeout(limit, command.output()).await {
        Ok(output) => output,
        Err(_) => {
            Err(io::Error::new(io::ErrorKind::TimedOut, format!("no end within {} seconds", limit.as_secs())))
        }
    }
}

/// The last `limit` bytes of a program's output, on whole lines where there is more than one.
pub(super) fn tail(output: &[u8], limit: usize) -> String {
    let start = output.len().saturating_sub(limit);
    let text = String::from_utf8_lossy(&output[start..]);
    let text = if start == 0 { &text } else { text.split_once('\n').map_or(&*text, |(_, whole)| whole) };
    text.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::path::Path;
    use std::process::Command;
    use std::time::Duration;

    use super::{ServerUser, output, tail};

    #[test]
    fn a_tail_is_bounded_and_begins_with_a_whole_line() {
        assert_eq!(tail(b"one\ntwo\nthree\n", 8), "three");
        assert_eq!(tail(b"one\ntwo\n", 100), "one\ntwo");
        assert_eq!(tail(&[0xff; 10_000], 10).chars().count(), 10);
        assert_eq!(tail(b"", 10), "");
    }

    #[tokio::test]
    async fn the_programs_get_neither_secrets_nor_root() {
        let user =
            ServerUser::choose(Path::new("/nonexistent")).expect("this machine has an unprivileged user");
        let mut command = user.command(Path::new("/bin/sh"), Path::new("/"));
        command.args(["-c", "id -u; env"]);
        let shown = output(command, Duration::from_secs(10)).await.expect("the shell runs");
        let shown = String::from_utf8_lossy(&shown.stdout).into_owned();
        assert_ne!(shown.lines().next(), Some("0"), "{shown}");
        assert!(shown.contains("LC_ALL=C") && !shown.contains("CARGO"), "{shown}");
    }

    #[tokio::test]
    async fn a_program_that_does_not_end_is_given_up() {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", "exec sleep 60"]);
        let given_up = output(command, Duration::from_millis(50)).await.expect_err("it sleeps longer");
        assert_eq!(given_up.kind(), io::ErrorKind::TimedOut);
    }
}
