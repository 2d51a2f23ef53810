//! Where a context comes from: the credentials that a door checks before it sets one.

use std::fmt;

use entity::id::{JobId, SessionId, WorkspaceId};
use uuid::Uuid;

/// How a client names a workspace.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum WorkspaceKey {
    /// By id.
    Id(WorkspaceId),
    /// By slug: 1 to 63 characters of `a-z`, `0-9` and inner `-`, and so safe in the text of a statement.
    Slug(Slug),
}

/// A slug that was checked.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Slug(String);

impl Slug {
    /// Checks a slug; none where it is not one.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        let valid = (1..=63).contains(&text.len())
            && text.bytes().all(inner)
            && !text.starts_with('-')
            && !text.ends_with('-');
        valid.then(|| Self(text.to_owned()))
    }
}

impl fmt::Display for Slug {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl WorkspaceKey {
    /// Reads the `X-Workspace` header: an id or a slug; none where it is neither.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if let Ok(id) = WorkspaceId::parse(text) {
            return Some(Self::Id(id));
        }
        Slug::parse(text).map(Self::Slug)
    }
}

/// What a door is shown.
#[derive(Clone, Debug)]
pub enum Origin {
    /// A request of a signed-in user, in one of its workspaces or outside any.
    Session {
        /// The session of the token.
        session: SessionId,
        /// The workspace of the header.
        workspace: Option<WorkspaceKey>,
    },
    /// A request of somebody who is not signed in, for the little that works so.
    Nobody,
    /// A job that this process has leased.
    Job {
        /// The job's workspace.
        workspace: WorkspaceId,
        /// The job.
        job: JobId,
        /// The lease's token.
        lease_token: Uuid,
    },
}

impl Origin {
    /// The call of the door, for a message that cannot bind: it holds UUIDs and a checked slug, nothing else.
    pub(super) fn door(&self) -> String {
        match self {
            Self::Session { session, workspace } => {
                let (id, slug) = match workspace {
                    None => ("null".to_owned(), "null".to_owned()),
                    Some(WorkspaceKey::Id(id)) => (format!("'{}'", id.0), "null".to_owned()),
                    Some(WorkspaceKey::Slug(slug)) => ("null".to_owned(), format!("'{slug}'")),
                };
                format!("select * from app.enter_session('{}', {id}, {slug})", session.0)
            }
            Self::Nobody => "select * from app.enter_nobody()".to_owned(),
            Self::Job { workspace, job, lease_token } => {
                format!("select * from app.enter_job('{}', '{}', '{lease_token}')", workspace.0, job.0)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Slug, WorkspaceKey};

    #[test]
    fn only_a_slug_is_a_slug() {
        for good in ["a", "acme", "acme-2", "0x"] {
            assert!(Slug::parse(good).is_some(), "{good}");
        }
        for bad in ["", "-a", "a-", "A", "a b", "a'b", "a\0", "ä", "a_b", &"a".repeat(64)] {
            assert!(WorkspaceKey::parse(bad).is_none(), "{bad}");
        }
    }
}
