//! What the door `app.workspaces_of_actor()` gives: the workspaces of the user who asks.

use async_graphql::SimpleObject;
use chrono::{DateTime, Utc};
use sea_orm::FromQueryResult;

use crate::id::WorkspaceId;

/// A workspace that the viewer belongs to. Readable without the header X-Workspace.
#[derive(SimpleObject, FromQueryResult)]
pub struct WorkspaceOfViewer {
    /// The id.
    pub id: WorkspaceId,
    /// What the header X-Workspace takes.
    pub slug: String,
    /// The name to show.
    pub name: String,
    /// The viewer's role in it.
    pub role: String,
    /// When everything of it is removed, after its deletion was asked for; null while it lives.
    pub purge_at: Option<DateTime<Utc>>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
}
