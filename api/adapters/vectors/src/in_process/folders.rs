//! The folders on disk: a shard is `<root>/<workspace>/<index>`.
//!
//! A shard is made under another name and then renamed, so it is there complete or not at all. A workspace is renamed
//! and then deleted, so a process killed meanwhile leaves nothing that could be opened; the next start deletes the
//! rest. All functions block.

use std::fs::{self, DirBuilder, File, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};

use qdrant_edge::EdgeShard;
use uuid::Uuid;

use super::points;
use super::shards::engine_error;
use crate::engine::Scope;
use crate::error::Error;

/// The file by which the engine's folders are known, written by the engine.
const CONFIG_FILE: &str = "edge_config.json";
/// The folder of the engine's log, and how it calls the log's files that are full.
const LOG_FOLDER: &str = "wal";
const FULL_LOG_FILE: &str = "closed-";
/// What the names of folders on their way in and out begin with.
const DRAFT: &str = ".new-";
const REMOVED: &str = ".removed-";

/// Makes the root, and deletes the workspaces whose removal was interrupted.
pub(super) fn make_root(root: &Path) -> Result<(), Error> {
    // Vectors tell much of the texts: nobody but the server's user may look, however open the folder around it is.
    DirBuilder::new().recursive(true).mode(0o700).create(root).map_err(failed)?;
    fs::set_permissions(root, Permissions::from_mode(0o700)).map_err(failed)?;
    for entry in fs::read_dir(root).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        if entry.file_name().to_string_lossy().starts_with(REMOVED) {
            fs::remove_dir_all(entry.path()).map_err(failed)?;
        }
    }
    Ok(())
}

/// Opens the scope's shard; if there is none, makes it with the dimension in `create`, or gives `None`.
pub(super) fn open_shard(
    root: &Path,
    scope: Scope,
    create: Option<usize>,
) -> Result<Option<EdgeShard>, Error> {
    let workspace = root.join(scope.workspace_id.to_string());
    let folder = workspace.join(scope.index_id.to_string());
    if folder.join(CONFIG_FILE).try_exists().map_err(failed)? {
        drop_full_log_files(&folder.join(LOG_FOLDER))?;
    } else {
        let Some(dimensions) = create else {
            return Ok(None);
        };
        let draft = workspace.join(format!("{DRAFT}{}", scope.index_id));
        remove(&draft)?;
        make_shard(&draft, dimensions)?;
        fs::rename(&draft, &folder).map_err(failed)?;
        for parent in [&workspace, root] {
            File::open(parent).and_then(|parent| parent.sync_all()).map_err(failed)?;
        }
    }
    EdgeShard::load(&folder, None).map(Some).map_err(engine_error)
}

/// What is kept of a workspace: the indexes whose shards are complete, and how many other entries there are.
pub(super) fn contents(root: &Path, workspace_id: Uuid) -> Result<(Vec<Uuid>, u64), Error> {
    let (mut indexes, mut others) = (Vec::new(), 0);
    if root.join(format!("{REMOVED}{workspace_id}")).try_exists().map_err(failed)? {
        others += 1;
    }
    let entries = match fs::read_dir(root.join(workspace_id.to_string())) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok((indexes, others)),
        entries => entries.map_err(failed)?,
    };
    for entry in entries {
        let entry = entry.map_err(failed)?;
        match entry.file_name().to_str().and_then(|name| Uuid::try_parse(name).ok()) {
            Some(index_id) if entry.path().join(CONFIG_FILE).try_exists().map_err(failed)? => {
                indexes.push(index_id);
            }
            _ => others += 1,
        }
    }
    Ok((indexes, others))
}

/// Deletes all of a workspace, whose shards are closed.
pub(super) fn remove_workspace(root: &Path, workspace_id: Uuid) -> Result<(), Error> {
    let removed = root.join(format!("{REMOVED}{workspace_id}"));
    remove(&removed)?;
    match fs::rename(root.join(workspace_id.to_string()), &removed) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        renamed => renamed.map_err(failed).and_then(|()| remove(&removed)),
    }
}

fn make_shard(folder: &Path, dimensions: usize) -> Result<(), Error> {
    fs::create_dir_all(folder).map_err(failed)?;
    let shard = EdgeShard::new(folder, points::config(dimensions)).map_err(engine_error)?;
    // Dropping the shard flushes it.
    points::make_payload_indexes(&shard)
}

/// Deletes the log's full files, which the engine keeps for ever and never reads: all is flushed into the segments.
///
/// The last one stays, because the engine counts its operations on from there, and it ignores an operation whose
/// number a point has seen already.
fn drop_full_log_files(log: &Path) -> Result<(), Error> {
    let mut full: Vec<(u64, PathBuf)> = Vec::new();
    for entry in fs::read_dir(log).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let first =
            entry.file_name().to_str().and_then(|name| name.strip_prefix(FULL_LOG_FILE)?.parse().ok());
        full.extend(first.map(|first| (first, entry.path())));
    }
    full.sort_unstable();
    full.pop();
    full.iter().try_for_each(|(_, file)| fs::remove_file(file).map_err(failed))
}

fn remove(folder: &Path) -> Result<(), Error> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(failed(error)),
        _ => Ok(()),
    }
}

#[expect(clippy::needless_pass_by_value, reason = "it is a function for map_err")]
fn failed(error: io::Error) -> Error {
    Error::Engine(format!("the shards' folder: {error}"))
}
