//! Where a context comes from: the credentials that a door checks before it sets one.

use std::fmt::{self, Write};
use std::sync::Arc;

use entity::id::{JobId, SessionId, WorkspaceId};
use uuid::Uuid;

use super::Identity;

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

/// SHA-256 of the token of an upload: what is stored and looked for in its place.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct UploadToken(pub [u8; 32]);

impl fmt::Debug for UploadToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// SHA-256 of an operator's key: what is stored and looked for in its place.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct OperatorHash(pub [u8; 32]);

impl fmt::Debug for OperatorHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
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
    /// A request of a person whom an external issuer knows, in one of their workspaces or outside any.
    Identity {
        /// The person.
        identity: Arc<Identity>,
        /// The workspace of the header.
        workspace: Option<WorkspaceKey>,
    },
    /// A request of somebody who runs the installation, in a workspace that they have entered or outside any.
    Operator {
        /// The key's hash.
        hash: OperatorHash,
        /// The workspace of the header.
        workspace: Option<WorkspaceKey>,
    },
    /// A request of somebody who is not signed in, for the little that works so.
    Nobody,
    /// Whoever holds the token of an upload.
    Upload {
        /// The token's hash.
        token: UploadToken,
    },
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
    /// The call of the door, for a message that cannot bind: it holds UUIDs, hashes of ours and a checked slug, nothing else.
    pub(super) fn door(&self) -> String {
        match self {
            Self::Session { session, workspace } => {
                let workspace = arguments(workspace.as_ref());
                format!("select * from app.enter_session('{}', {workspace})", session.0)
            }
            Self::Identity { identity, workspace } => {
                let workspace = arguments(workspace.as_ref());
                let key = hex(&identity.key());
                format!("select * from app.enter_identity(decode('{key}', 'hex'), {workspace})")
            }
            Self::Operator { hash, workspace } => {
                let workspace = arguments(workspace.as_ref());
                format!("select * from app.enter_operator(decode('{}', 'hex'), {workspace})", hex(&hash.0))
            }
            Self::Nobody => "select * from app.enter_nobody()".to_owned(),
            Self::Upload { token: UploadToken(hash) } => {
                format!("select * from app.enter_upload(decode('{}', 'hex'))", hex(hash))
            }
            Self::Job { workspace, job, lease_token } => {
                format!("select * from app.enter_job('{}', '{}', '{lease_token}')", workspace.0, job.0)
            }
        }
    }
}

/// The digits of a hash.
fn hex(hash: &[u8]) -> String {
    hash.iter().fold(String::with_capacity(64), |mut hex, byte| {
        // Writing to a string cannot fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

/// A workspace as a door takes it: its id and its slug, at least one of them null.
fn arguments(workspace: Option<&WorkspaceKey>) -> String {
    match workspace {
        None => "null, null".to_owned(),
        Some(WorkspaceKey::Id(id)) => format!("'{}', null", id.0),
        Some(WorkspaceKey::Slug(slug)) => format!("null, '{slug}'"),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::{Origin, Slug, WorkspaceKey};
    use crate::tenancy::Identity;

    #[test]
    fn nothing_that_an_issuer_wrote_stands_in_the_message() {
        let identity = Identity {
            issuer: "https://a.example".to_owned(),
            subject: "'; drop table users; --".to_owned(),
            email: Some("'@example.com".to_owned()),
            name: Some("'".to_owned()),
            expires_at: crate::clock::now(),
        };
        let door =
            Origin::Identity { identity: Arc::new(identity), workspace: WorkspaceKey::parse("acme") }.door();
        let hash = door
            .strip_prefix("select * from app.enter_identity(decode('")
            .and_then(|rest| rest.strip_suffix("', 'hex'), null, 'acme')"))
            .expect("a hash and a slug");
        assert!(hash.len() == 64 && hash.bytes().all(|byte| byte.is_ascii_hexdigit()), "{door}");
    }

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
