//! Where objects lie: below their workspace, below their version, by an id of ours. No text of a client is part of it.

use std::fmt;

use entity::id::{DocumentVersionId, OriginalId, WorkspaceId};
use uuid::Uuid;

/// Where the objects of a version lie.
#[derive(Clone, Copy, Debug)]
pub(super) struct Folder {
    pub(super) workspace: WorkspaceId,
    pub(super) version: DocumentVersionId,
}

/// Where one object lies.
#[derive(Clone, Copy, Debug)]
pub(super) struct Key {
    pub(super) folder: Folder,
    pub(super) original: OriginalId,
}

impl fmt::Display for Folder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/originals/{}", of_workspace(self.workspace), self.version.0)
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.folder, self.original.0)
    }
}

/// Where everything of a workspace lies.
pub(super) fn of_workspace(workspace: WorkspaceId) -> String {
    format!("workspaces/{}", workspace.0)
}

/// The id in the last part of a key; none where it is no key of ours.
pub(super) fn original(last: &str) -> Option<OriginalId> {
    Uuid::try_parse(last).ok().map(OriginalId)
}

#[cfg(test)]
mod tests {
    use super::{Folder, Key, original};
    use entity::id::{DocumentVersionId, OriginalId, WorkspaceId};

    #[test]
    fn a_key_lies_below_its_workspace_and_its_last_part_reads_back() {
        let folder = Folder { workspace: WorkspaceId::new(), version: DocumentVersionId::new() };
        let key = Key { folder, original: OriginalId::new() };
        let text = key.to_string();
        assert!(
            text.starts_with(&format!("workspaces/{}/originals/{}/", folder.workspace.0, folder.version.0))
        );
        assert_eq!(original(text.rsplit('/').next().expect("a part")), Some(key.original));
        for foreign in ["", "..", "lost+found", "original_01h455vb4pex5vsknk084sn02q"] {
            assert_eq!(original(foreign), None, "{foreign}");
        }
    }
}
