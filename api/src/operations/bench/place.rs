//! Where a measurement happens: a fresh stack in a folder of its own, and workspaces of one owner.

use std::fs;
use std::path::{Path, PathBuf};

use chrono::{DateTime, TimeDelta, Utc};
use entity::id::{SessionId, UserId, WorkspaceId};

use crate::accounts::passwords::Password;
use crate::clock;
use crate::config::{DatabaseUrls, Limits, Services};
use crate::graphql::{self, Schema};
use crate::operations::Failure;
use crate::operations::people::People;
use crate::operations::signed_in::SignedIn;
use crate::operations::stack::{Settings, Stack};
use crate::tenancy::Origin;

/// The longest that a measurement takes: its session ends then.
const HOURS: i64 = 12;

/// A running stack with an owner.
pub struct Place {
    stack: Stack,
    people: People,
    schema: Schema,
    user: UserId,
    session: SessionId,
    until: DateTime<Utc>,
    // Last, because fields drop in this order.
    _folder: Option<Temporary>,
}

/// A workspace, as its owner.
pub(super) struct Workspace {
    pub(super) id: WorkspaceId,
    pub(super) slug: &'static str,
    pub(super) owner: SignedIn,
}

impl Place {
    /// Opens it in an empty folder, which keeps what was made, or in a temporary one, which goes away.
    ///
    /// # Errors
    ///
    /// [`Failure::Usage`] where the folder holds anything; otherwise what did not open.
    pub async fn open(data: Option<PathBuf>, limits: Limits) -> Result<Self, Failure> {
        Self::open_with(data, limits, Services::default()).await
    }

    /// The same with parts that run elsewhere.
    ///
    /// # Errors
    ///
    /// As [`Self::open`].
    pub async fn open_with(
        data: Option<PathBuf>,
        limits: Limits,
        services: Services,
    ) -> Result<Self, Failure> {
        let (data, folder) = if let Some(data) = data {
            (refuse_used(data)?, None)
        } else {
            let temporary = Temporary::new();
            (temporary.0.clone(), Some(temporary))
        };
        // A figure is of the database that everybody has, whatever addresses the environment holds.
        let settings = Settings { data, urls: DatabaseUrls::default(), limits, services };
        let stack = Stack::open(settings).await?;
        let owner_url = stack.owner_url().ok_or_else(|| Failure::Start("there is no database".to_owned()))?;
        let mut people = People::connect(owner_url).await?;
        let user = people.create_user("bench@example.com", "Bench").await?;
        let until = clock::now() + TimeDelta::hours(HOURS);
        let session = people.open_session(user, until).await?;
        let schema = graphql::Schema::new(stack.app().clone());
        Ok(Self { stack, people, schema, user, session, until, _folder: folder })
    }

    /// A new workspace.
    pub(super) async fn workspace(&mut self, slug: &'static str) -> Result<Workspace, Failure> {
        let id = self.people.create_workspace(slug, slug, self.user, "OWNER").await?;
        Ok(Workspace { id, slug, owner: SignedIn::new(&self.schema, self.session, slug) })
    }

    /// Somebody who can sign in; the password.
    pub(super) async fn person(&mut self, email: &str) -> Result<String, Failure> {
        let (password, text) = Password::random();
        let hash = self.stack.app().accounts().hasher().hash(&password).await;
        let hash = hash.map_err(|error| Failure::Start(error.message()))?;
        let user = self.people.create_user(email, email).await?;
        self.people.set_password(user, &hash).await?;
        Ok(text.reveal().to_owned())
    }

    /// What a door is shown for the owner in a workspace.
    pub(super) fn origin(&self, workspace: &Workspace) -> Origin {
        Origin::Session {
            session: self.session,
            workspace: Some(crate::tenancy::WorkspaceKey::Id(workspace.id)),
        }
    }

    /// The value of the owner's header `Authorization`.
    pub(super) fn authorization(&self) -> Result<String, Failure> {
        let minted = self.stack.app().tokens().mint(self.user, self.session, self.until);
        minted.map_err(|error| Failure::Start(error.message()))
    }

    pub(super) fn stack(&mut self) -> &mut Stack {
        &mut self.stack
    }

    /// Closes everything.
    ///
    /// # Errors
    ///
    /// As [`Stack::close`].
    pub async fn close(self) -> Result<(), Failure> {
        self.stack.close().await
    }
}

/// What is there already would be measured too.
fn refuse_used(data: PathBuf) -> Result<PathBuf, Failure> {
    let used = match fs::read_dir(&data) {
        Ok(mut entries) => entries.next().is_some(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => false,
        Err(error) => return Err(Failure::file("read", &data)(error)),
    };
    if used {
        let folder = data.display();
        return Err(Failure::Usage(format!(
            "{folder} holds something: a measurement needs a folder of its own, empty or not there yet."
        )));
    }
    Ok(data)
}

/// A folder that goes away with the value.
struct Temporary(PathBuf);

impl Temporary {
    fn new() -> Self {
        Self(std::env::temp_dir().join(format!("footnote-bench-{:016x}", rand::random::<u64>())))
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        // As root the database lies elsewhere where its user could not get through to here; the file says where.
        let elsewhere = fs::read_to_string(self.0.join("postgres").join("location")).unwrap_or_default();
        for folder in [Path::new(elsewhere.trim()), &self.0] {
            // What stays in the place for temporary files is the system's to clear away.
            let _ = fs::remove_dir_all(folder);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::refuse_used;

    #[test]
    fn a_folder_that_holds_anything_is_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        let data = folder.path().join("data");
        refuse_used(data.clone()).expect("not there yet");
        std::fs::create_dir(&data).expect("made");
        refuse_used(data.clone()).expect("empty");
        std::fs::write(data.join("x"), "").expect("written");
        assert_eq!(refuse_used(data).expect_err("used").exit_code(), 2);
    }
}
