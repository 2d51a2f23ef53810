//! Where a cluster lies.
//!
//! In the folder that was asked for, or, where the server's user cannot enter that (a folder below root's private home), in
//! a folder that it can, recorded in the file `location`, so that every later start finds the same data. The folder itself
//! belongs to this process's user and the data to the server's, so the server cannot plant files that this process opens.
//! It refuses a recorded place that is gone, because an empty database in its stead would look like lost data.

use std::fmt::Write as _;
use std::fs::{self, DirBuilder, Permissions};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use nix::unistd::Uid;
use sha2::{Digest, Sha256};

use super::lock::{self, Lock};
use super::privileges::{self, ServerUser};
use super::{StartError, private_file};

/// Where data may lie that root's server cannot reach in their own folder: first where nothing is ever cleaned away.
const REACHABLE: [&str; 2] = ["/var/lib", "/var/tmp"];

/// The folder of a cluster and the names in it.
#[derive(Debug)]
pub(super) struct Home {
    folder: PathBuf,
}

impl Home {
    /// Makes or finds the folder, locks it, and chooses the user who runs the server there.
    pub(super) async fn open(asked: &Path) -> Result<(Self, ServerUser, Lock), StartError> {
        lock::make(asked).map_err(StartError::io("make the folder", asked))?;
        let asked = asked.canonicalize().map_err(StartError::io("resolve", asked))?;
        open_to_server(&asked).map_err(StartError::io("change the mode of", &asked))?;
        let lock = lock::try_lock(&asked)
            .map_err(StartError::io("lock the folder", &asked))?
            .ok_or_else(|| StartError::InUse(asked.clone()))?;

        let record = asked.join("location");
        if let Some(location) = private_file::read(&record).map_err(StartError::io("read", &record))? {
            let folder = PathBuf::from(location);
            if !folder.is_absolute() || !folder.is_dir() {
                return Err(StartError::LocationLost { record, location: folder });
            }
            let home = Self { folder };
            let user = ServerUser::choose(&home.cluster())?;
            return Ok((home, user, lock));
        }

        let home = Self { folder: asked };
        let user = ServerUser::choose(&home.cluster())?;
        if user.can_enter(&home.folder).await {
            return Ok((home, user, lock));
        }
        if home.cluster().exists() {
            return Err(StartError::Unreachable { folder: home.folder, user: user.name().to_owned() });
        }
        let folder = relocate(&home.folder, &user, &REACHABLE).await?;
        private_file::write(&record, folder.to_string_lossy().as_bytes())
            .map_err(StartError::io("write", &record))?;
        tracing::info!(
            asked = %home.folder.display(), folder = %folder.display(), user = user.name(),
            "the server's user cannot enter the data folder, so the database lies elsewhere; the file `location` records where"
        );
        Ok((Self { folder }, user, lock))
    }

    /// The folder itself.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// The data folder of PostgreSQL; it exists only when `initdb` ended well.
    pub(super) fn cluster(&self) -> PathBuf {
        self.folder.join("cluster")
    }

    /// The log of the last start, beginning with it.
    pub(super) fn log(&self) -> PathBuf {
        self.folder.join("postgres.log")
    }

    /// The file of the superuser's password.
    pub(super) fn password_file(&self) -> PathBuf {
        self.folder.join("password")
    }

    /// Returns the major version that made the data, or `None` where there are no data.
    pub(super) fn major(&self) -> Result<Option<u32>, StartError> {
        let cluster = self.cluster();
        if !cluster.exists() {
            return Ok(None);
        }
        let version = private_file::read(&cluster.join("PG_VERSION")).ok().flatten();
        let major = version.and_then(|version| version.parse().ok());
        major.map(Some).ok_or(StartError::NotACluster(cluster))
    }

    /// Returns the superuser's password.
    pub(super) fn password(&self) -> Result<String, StartError> {
        let file = self.password_file();
        let password = private_file::read(&file).map_err(StartError::io("read", &file))?.unwrap_or_default();
        // It is put into URLs as it is, so nothing but what was written here is taken.
        if password.len() == 32 && password.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            Ok(password)
        } else {
            Err(StartError::PasswordLost(file))
        }
    }
}

/// Lets the server's user through the cluster's own folder; its parents are not this module's to change.
fn open_to_server(folder: &Path) -> io::Result<()> {
    let metadata = fs::metadata(folder)?;
    if Uid::effective().is_root()
        && metadata.uid() == 0
        && metadata.mode() & 0o7777 != privileges::folder_mode()
    {
        fs::set_permissions(folder, Permissions::from_mode(privileges::folder_mode()))?;
    }
    Ok(())
}

/// Makes a folder that the server's user can enter, named after the asked one.
async fn relocate(asked: &Path, user: &ServerUser, bases: &[&str]) -> Result<PathBuf, StartError> {
    let name = Sha256::digest(asked.as_os_str().as_bytes()).iter().take(6).fold(
        "footnote-".to_owned(),
        |mut name, byte| {
            // Writing to a string cannot fail.
            let _ = write!(name, "{byte:02x}");
            name
        },
    );
    // The random part keeps another user of the machine from being there first.
    let unique = format!("{name}-{:08x}", rand::random::<u32>());
    for base in bases {
        let folder = Path::new(base).join(&unique);
        if DirBuilder::new().mode(privileges::folder_mode()).create(&folder).is_err() {
            continue;
        }
        if user.can_enter(&folder).await {
            mention_orphans(Path::new(base), &name, &folder);
            return Ok(folder);
        }
        fs::remove_dir(&folder).map_err(StartError::io("remove", &folder))?;
    }
    Err(StartError::Unreachable { folder: asked.to_owned(), user: user.name().to_owned() })
}

/// Names the places of earlier data folders of this path: whoever deleted such a folder left its data there.
fn mention_orphans(base: &Path, name: &str, current: &Path) {
    let Ok(entries) = fs::read_dir(base) else { return };
    for folder in entries.flatten().map(|entry| entry.path()) {
        let named = folder.file_name().is_some_and(|found| found.as_bytes().starts_with(name.as_bytes()));
        if named && folder != current {
            tracing::warn!(folder = %folder.display(), "the database of an earlier data folder at this path still lies there");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt;
    use std::path::Path;

    use nix::unistd::Uid;

    use super::{Home, ServerUser, StartError, lock, relocate};

    #[tokio::test]
    async fn a_home_is_used_by_one_cluster_at_a_time() {
        let parent = tempfile::tempdir().expect("a temporary folder");
        let folder = parent.path().join("postgres");
        fs::create_dir(&folder).expect("the folder is new");
        let lock = lock::try_lock(&folder.canonicalize().expect("it exists")).expect("it can be locked");
        assert!(lock.is_some());
        assert!(matches!(Home::open(&folder).await, Err(StartError::InUse(_))));
    }

    #[tokio::test]
    async fn a_recorded_place_that_is_gone_is_an_error_and_not_an_empty_database() {
        let parent = tempfile::tempdir().expect("a temporary folder");
        for location in ["/nonexistent/footnote-0", "relative", "", "\0"] {
            fs::write(parent.path().join("location"), location).expect("the folder takes files");
            let lost = Home::open(parent.path()).await;
            assert!(matches!(lost, Err(StartError::LocationLost { .. })), "{location:?}");
        }
    }

    #[tokio::test]
    async fn data_that_the_servers_user_cannot_reach_are_placed_where_it_can_and_found_again() {
        if !Uid::effective().is_root() {
            // Only root changes to another user.
            return;
        }
        let private = tempfile::Builder::new()
            .permissions(Permissions::from_mode(0o700))
            .tempdir()
            .expect("a temporary folder");
        let folder = private.path().join("postgres");
        let (home, user, lock) = Home::open(&folder).await.expect("there is a reachable place");
        let placed = home.folder().to_owned();
        assert!(!placed.starts_with(private.path()) && user.can_enter(&placed).await, "{}", placed.display());
        drop(lock);
        let (again, _, _) = Home::open(&folder).await.expect("the place is recorded");
        assert_eq!(again.folder(), placed);
        fs::remove_dir(&placed).expect("nothing was put there");
    }

    #[tokio::test]
    async fn no_reachable_place_is_an_error_that_names_the_folder_and_the_user() {
        let user =
            ServerUser::choose(Path::new("/nonexistent")).expect("this machine has an unprivileged user");
        let unreachable =
            relocate(Path::new("/some/data"), &user, &["/nonexistent"]).await.expect_err("no place is left");
        let text = unreachable.to_string();
        assert!(text.contains("/some/data") && text.contains(user.name()), "{text}");
    }

    #[test]
    fn a_folder_without_a_version_is_not_taken_for_a_cluster() {
        let parent = tempfile::tempdir().expect("a temporary folder");
        let home = Home { folder: parent.path().to_owned() };
        assert!(matches!(home.major(), Ok(None)));
        fs::create_dir(home.cluster()).expect("the folder takes folders");
        assert!(matches!(home.major(), Err(StartError::NotACluster(_))));
        fs::write(home.cluster().join("PG_VERSION"), "16\n").expect("the folder takes files");
        assert!(matches!(home.major(), Ok(Some(16))));
    }

    #[test]
    fn a_password_that_was_not_written_here_is_refused() {
        let parent = tempfile::tempdir().expect("a temporary folder");
        let home = Home { folder: parent.path().to_owned() };
        assert!(matches!(home.password(), Err(StartError::PasswordLost(_))));
        for (content, taken) in
            [("", false), ("x@evil/", false), ("0123456789abcdef0123456789abcdef\n", true)]
        {
            fs::write(home.password_file(), content).expect("the folder takes files");
            assert_eq!(home.password().is_ok(), taken, "{content:?}");
        }
    }
}
