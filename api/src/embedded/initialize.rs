//! The making of a cluster.
//!
//! `initdb` works in a folder of its own, which takes the cluster's name only when it is complete, so an initialisation that
//! was killed leaves nothing that looks like data, and the next start makes it anew. The superuser `postgres` gets a random
//! password, kept in a file of mode 0600. Text is UTF-8 and sorts by its bytes on every machine; upper and lower case know
//! more than ASCII wherever the version or the C library has `C.UTF-8`.

use std::fs::{self, DirBuilder};
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;
use std::time::Duration;

use super::home::Home;
use super::privileges::{self, ServerUser};
use super::programs::Programs;
use super::{StartError, private_file};

/// What the folders of unfinished initialisations begin with.
const UNFINISHED: &str = "initializing-";

/// How long `initdb` may take; a second is usual.
const LIMIT: Duration = Duration::from_mins(3);

/// Makes the cluster and returns the superuser's password.
pub(super) async fn initialize(
    programs: &Programs,
    user: &ServerUser,
    home: &Home,
    durable: bool,
) -> Result<String, StartError> {
    let password = format!("{:032x}", rand::random::<u128>());
    let password_file = home.password_file();
    private_file::write(&password_file, &password).map_err(StartError::io("write", &password_file))?;

    let workshop = home.folder().join(format!("{UNFINISHED}{:08x}", rand::random::<u32>()));
    DirBuilder::new().mode(0o700).create(&workshop).map_err(StartError::io("make the folder", &workshop))?;
    let secret = workshop.join("password");
    private_file::write(&secret, &password).map_err(StartError::io("write", &secret))?;
    let made = make(programs, user, &workshop, durable).await;
    if made.is_ok() {
        let cluster = home.cluster();
        fs::rename(workshop.join("data"), &cluster).map_err(StartError::io("make", &cluster))?;
        private_file::sync_parent(&cluster).map_err(StartError::io("sync the folder of", &cluster))?;
    }
    let removed = fs::remove_dir_all(&workshop);
    made?;
    removed.map_err(StartError::io("remove", &workshop))?;
    Ok(password)
}

/// Makes the workshop with its `password` the server user's, and runs `initdb` in `data` there.
async fn make(
    programs: &Programs,
    user: &ServerUser,
    workshop: &Path,
    durable: bool,
) -> Result<(), StartError> {
    let (secret, data) = (workshop.join("password"), workshop.join("data"));
    for path in [secret.as_path(), workshop] {
        user.hand_over(path).map_err(StartError::io("change the owner of", path))?;
    }
    let mut reason = String::new();
    for locale in locales(programs.major) {
        let mut command = user.command(&programs.folder.join("initdb"), workshop);
        command
            .arg("--pgdata")
            .arg(&data)
            .arg("--pwfile")
            .arg(&secret)
            .args(["--username=postgres", "--auth=scram-sha-256"]);
        command.args(["--encoding=UTF8", "--locale=C", "--no-instructions"]).args(*locale);
        if !durable {
            command.arg("--no-sync");
        }
        let output = privileges::output(command, LIMIT)
            .await
            .map_err(|error| StartError::Initialize(error.to_string()))?;
        if output.status.success() {
            return Ok(());
        }
        reason = privileges::tail(&output.stderr, 2000);
        // `initdb` removes what it has begun, so another locale starts from nothing.
        if !reason.contains("locale") {
            break;
        }
    }
    Err(StartError::Initialize(reason))
}

/// The arguments that give letters beyond ASCII their case, best first; the last one always works.
fn locales(major: u32) -> &'static [&'static [&'static str]] {
    const LIBRARY: &[&str] = &["--lc-ctype=C.UTF-8"];
    const PLAIN: &[&str] = &[];
    const BUILTIN: &[&str] = &["--locale-provider=builtin", "--builtin-locale=C.UTF-8"];
    if major >= 17 { &[BUILTIN, PLAIN] } else { &[LIBRARY, PLAIN] }
}

/// Removes what killed initialisations have left; what cannot be removed is in nobody's way, as every name is new.
pub(super) fn remove_unfinished(folder: &Path) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.file_name().to_string_lossy().starts_with(UNFINISHED)
            && let Err(error) = fs::remove_dir_all(entry.path())
        {
            tracing::warn!(folder = %entry.path().display(), %error, "an unfinished initialisation could not be removed");
        }
    }
}
