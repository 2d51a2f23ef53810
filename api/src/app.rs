//! The application: the doors to its stores, its adapters and its limits, built once by the server, a worker or a test.

use std::sync::Arc;

use footnote_vectors::Vectors;

use crate::accounts::Accounts;
use crate::adapters::embeddings::{Embedder, TokenCounter};
use crate::adapters::issuers::Issuers;
use crate::adapters::llm::ChatModel;
use crate::adapters::mail::Mailer;
use crate::adapters::objects::Objects;
use crate::config::{Limits, MemberSettings, WorkspaceSettings};
use crate::health::Health;
use crate::tenancy::{Database, Lane};
use crate::tokens::Tokens;

/// What an application is made of.
pub struct Parts {
    /// As `footnote_app`.
    pub database: Database,
    /// As `footnote_worker`.
    pub lane: Lane,
    /// The door to Qdrant.
    pub vectors: Vectors,
    /// The door to the object store.
    pub objects: Objects,
    /// What makes vectors of texts.
    pub embedder: Arc<dyn Embedder>,
    /// What answers runs; none where the extractive answerer does.
    pub model: Option<Arc<dyn ChatModel>>,
    /// What counts tokens of passages.
    pub token_counter: Arc<dyn TokenCounter>,
    /// What mints and checks access tokens.
    pub tokens: Tokens,
    /// Whose tokens count besides.
    pub issuers: Issuers,
    /// What sends mail.
    pub mailer: Arc<dyn Mailer>,
    /// How people come in.
    pub accounts: Accounts,
    /// Limits on members.
    pub members: MemberSettings,
    /// How workspaces end.
    pub workspaces: WorkspaceSettings,
    /// What one client may ask for.
    pub limits: Limits,
    /// How everything else is.
    pub health: Health,
}

/// The application.
pub struct App(Parts);

impl App {
    /// Puts it together.
    #[must_use]
    pub fn new(parts: Parts) -> Arc<Self> {
        Arc::new(Self(parts))
    }

    /// The door to Postgres, for requests.
    #[must_use]
    pub fn database(&self) -> &Database {
        &self.0.database
    }

    /// The job lane, for workers.
    #[must_use]
    pub fn lane(&self) -> &Lane {
        &self.0.lane
    }

    /// The door to Qdrant.
    #[must_use]
    pub fn vectors(&self) -> &Vectors {
        &self.0.vectors
    }

    /// The door to the object store.
    #[must_use]
    pub fn objects(&self) -> &Objects {
        &self.0.objects
    }

    /// What makes vectors of texts.
    #[must_use]
    pub fn embedder(&self) -> &dyn Embedder {
        self.0.embedder.as_ref()
    }

    /// What answers runs; none where the extractive answerer does.
    #[must_use]
    pub fn model(&self) -> Option<&Arc<dyn ChatModel>> {
        self.0.model.as_ref()
    }

    /// What counts tokens of passages.
    #[must_use]
    pub fn token_counter(&self) -> &Arc<dyn TokenCounter> {
        &self.0.token_counter
    }

    /// What mints and checks access tokens.
    #[must_use]
    pub fn tokens(&self) -> &Tokens {
        &self.0.tokens
    }

    /// Whose tokens count besides.
    #[must_use]
    pub fn issuers(&self) -> &Issuers {
        &self.0.issuers
    }

    /// What sends mail.
    #[must_use]
    pub fn mailer(&self) -> &Arc<dyn Mailer> {
        &self.0.mailer
    }

    /// How everything that this depends on is.
    #[must_use]
    pub fn health(&self) -> &Health {
        &self.0.health
    }

    /// How people come in.
    #[must_use]
    pub fn accounts(&self) -> &Accounts {
        &self.0.accounts
    }

    /// Limits on members.
    #[must_use]
    pub fn members(&self) -> &MemberSettings {
        &self.0.members
    }

    /// How workspaces end.
    #[must_use]
    pub fn workspaces(&self) -> &WorkspaceSettings {
        &self.0.workspaces
    }

    /// What one client may ask for.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.0.limits
    }
}
