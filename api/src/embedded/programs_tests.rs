//! What the search for programs promises, on folders of fake programs.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use super::{Home, Kind, Programs, Search, StartError, major_version, versioned_folders};

/// Makes `postgres` and `initdb` that tell a version; a shell writes them, because a program whose writer still has it open
/// cannot be run, and this process may be forking in another test.
fn fake(folder: &Path, postgres: &str, initdb: &str) {
    let script = r#"umask 022; mkdir -p "$0"; for program in postgres initdb; do
        printf '#!/bin/sh\necho "%s (PostgreSQL) %s"\n' $program "$1" >"$0/$program"; chmod 755 "$0/$program"; shift; done"#;
    let made = Command::new("/bin/sh").arg("-c").arg(script).arg(folder).args([postgres, initdb]).status();
    assert!(made.expect("the shell runs").success());
}

/// A folder that every user can enter.
fn open_folder() -> TempDir {
    let mode = Permissions::from_mode(0o755);
    tempfile::Builder::new().permissions(mode).tempdir().expect("a temporary folder")
}

fn search(path: &[PathBuf], versioned: &[PathBuf]) -> Search {
    Search { kind: Kind::System, configured: None, path: path.to_vec(), versioned: versioned.to_vec() }
}

async fn find(search: &Search, made_by: Option<u32>) -> Result<Programs, StartError> {
    let folder = open_folder();
    let (home, user, _lock) = Home::open(folder.path()).await.expect("the folder is free");
    search.find(&user, &home, made_by).await
}

#[tokio::test]
async fn links_in_path_lead_to_the_real_folder_and_path_goes_before_newer_packages() {
    let parent = open_folder();
    let (real, links, newer) =
        (parent.path().join("real"), parent.path().join("links"), parent.path().join("newer"));
    fake(&real, "15.3", "15.3");
    fake(&newer, "17.0", "17.0");
    fs::create_dir(&links).expect("the folder is new");
    symlink(real.join("initdb"), links.join("initdb")).expect("the folder takes links");

    let found = find(&search(&[parent.path().join("none"), links], &[newer]), None)
        .await
        .expect("there is one in PATH");
    assert_eq!(found, Programs { folder: real.canonicalize().expect("it exists"), major: 15 });
}

#[tokio::test]
async fn programs_that_are_too_old_or_torn_are_passed_over() {
    let parent = open_folder();
    let [old, torn, mute, good] = ["old", "torn", "mute", "good"].map(|name| parent.path().join(name));
    fake(&old, "14.9", "14.9");
    fake(&torn, "16.1", "15.1");
    fake(&mute, "sixteen", "16.1");
    fake(&good, "16.1", "16.1");
    let path = [old, torn, mute];
    let found = find(&search(&path, &[good]), None).await.expect("the last one is good");
    assert_eq!(found.major, 16);

    let refused = find(&search(&path, &[]), None).await.expect_err("none is good").to_string();
    for reason in [
        "version 14 is older than 15",
        "are of different versions",
        "tells no version",
        "apt install",
        "brew install",
        "pip",
    ] {
        assert!(refused.contains(reason), "{reason} is missing in {refused}");
    }
}

#[tokio::test]
async fn existing_data_choose_the_programs_of_their_own_major_version() {
    let parent = open_folder();
    let (newer, own) = (parent.path().join("newer"), parent.path().join("own"));
    fake(&newer, "17.2", "17.2");
    fake(&own, "15.1", "15.1");
    let places = search(&[newer], &[own]);
    assert_eq!(find(&places, Some(15)).await.expect("15 is there").major, 15);
    let refused = find(&places, Some(16)).await.expect_err("16 is not there").to_string();
    assert!(
        refused.contains("made by PostgreSQL 16") && refused.contains("version 17 instead of 16"),
        "{refused}"
    );
}

#[tokio::test]
async fn a_configured_folder_that_does_not_do_is_an_error_although_others_would_do() {
    let parent = open_folder();
    let good = parent.path().join("good");
    fake(&good, "16.1", "16.1");
    let mut places = search(std::slice::from_ref(&good), &[]);
    places.configured = Some(parent.path().join("nowhere"));
    let refused = find(&places, None).await.expect_err("the folder is not there").to_string();
    assert!(refused.contains("FOOTNOTE_POSTGRES_BIN") && refused.contains("nowhere"), "{refused}");
    places.configured = Some(good);
    assert_eq!(find(&places, None).await.expect("the folder is good").major, 16);
}

#[test]
fn packages_are_listed_newest_first() {
    let parent = open_folder();
    for name in ["9", "15", "17", "16", "notes", "pgsql-18", "pgsql-x"] {
        fs::create_dir(parent.path().join(name)).expect("the folder is new");
    }
    let listed = versioned_folders(&[
        (parent.path(), "", "bin"),
        (parent.path(), "pgsql-", "bin"),
        (Path::new("/nonexistent"), "", ""),
    ]);
    let expected = ["pgsql-18", "17", "16", "15", "9"].map(|name| parent.path().join(name).join("bin"));
    assert_eq!(listed, expected);
}

#[test]
fn versions_are_read_from_what_packagers_print() {
    for (line, version) in [
        ("postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)\n", Some(15)),
        ("initdb (PostgreSQL) 18.6", Some(18)),
        ("postgres (PostgreSQL) 17beta1", Some(17)),
        ("postgres (PostgreSQL) 9.6.24", Some(9)),
        ("postgres (PostgreSQL) ", None),
        ("postgres (PostgreSQL) 99999999999", None),
        ("postgres (PostgreSQL) ١٥", None),
        ("", None),
    ] {
        assert_eq!(major_version(line), version, "{line}");
    }
}
