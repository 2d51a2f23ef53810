//! Every limit and address that can be set: by flags, then the environment, then `footnote.toml`, then defaults.
//!
//! Each group of settings says what is wrong with it (`check`), all of it at once; [`layers`] says where each value comes from.
//! No secret is shown by `Debug`, by a fault or by a listing.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;

mod accounts;
pub mod address;
mod faults;
mod file;
pub mod layers;
mod members;
mod secret;
mod services;
mod signing;

pub use accounts::AccountSettings;
pub use faults::{Fault, Faults};
pub use members::MemberSettings;
pub use secret::SecretSetting;
pub use services::{
    EmbeddingService, IdentityService, MailService, ModelService, ObjectService, Services, VectorService,
};
pub use signing::SigningKey;

/// Where a process listens and keeps its data.
#[derive(Args, Clone, Debug)]
pub struct Place {
    /// Address to listen on.
    #[arg(long, env = "FOOTNOTE_LISTEN", default_value = "127.0.0.1:8787", value_name = "ADDR")]
    pub listen: SocketAddr,
    /// Folder for everything that is kept: the private PostgreSQL, vectors, keys.
    #[arg(long, env = "FOOTNOTE_DATA", default_value = ".footnote", value_name = "DIR")]
    pub data: PathBuf,
}

/// One address for each database role. None set: the embedded default.
#[derive(Args, Clone, Default)]
pub struct DatabaseUrls {
    /// As `footnote_app`; requests.
    #[arg(long, env = "FOOTNOTE_APP_DATABASE_URL", hide_env_values = true, value_name = "URL")]
    pub app_database_url: Option<String>,
    /// As `footnote_worker`; jobs.
    #[arg(long, env = "FOOTNOTE_WORKER_DATABASE_URL", hide_env_values = true, value_name = "URL")]
    pub worker_database_url: Option<String>,
    /// As `footnote_owner`; migrations and the commands that make people and workspaces.
    #[arg(long, env = "FOOTNOTE_OWNER_DATABASE_URL", hide_env_values = true, value_name = "URL")]
    pub owner_database_url: Option<String>,
    /// The server's own address, for LISTEN, where a transaction pooler stands in between; the address of jobs otherwise.
    #[arg(long, env = "FOOTNOTE_LISTEN_DATABASE_URL", hide_env_values = true, value_name = "URL")]
    pub listen_database_url: Option<String>,
    /// Keep no statement by name, for a transaction pooler that knows none (PgBouncer before 1.21).
    #[arg(long, env = "FOOTNOTE_NO_NAMED_STATEMENTS")]
    pub no_named_statements: bool,
}

impl fmt::Debug for DatabaseUrls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.each().map(|(setting, url)| (setting, url.map(address::masked)))).finish()
    }
}

/// Which pages may call from a browser, besides the server's own.
#[derive(Args, Clone, Debug, Default)]
pub struct Pages {
    /// Origins whose pages may call, exactly as browsers send them: `https://app.example,http://localhost:5173`
    #[arg(long, env = "FOOTNOTE_ALLOWED_ORIGINS", value_delimiter = ',', value_name = "ORIGINS")]
    pub allowed_origins: Vec<String>,
}

/// What one client may ask for.
#[derive(Args, Clone, Debug)]
pub struct Limits {
    /// The largest request body, in bytes.
    #[arg(long, env = "FOOTNOTE_MAX_BODY_BYTES", default_value_t = 6 * 1024 * 1024, value_name = "BYTES")]
    pub max_body_bytes: usize,
    /// The largest document source, in bytes.
    #[arg(long, env = "FOOTNOTE_MAX_DOCUMENT_BYTES", default_value_t = 4 * 1024 * 1024, value_name = "BYTES")]
    pub max_document_bytes: usize,
    /// The largest upload of a document, in bytes.
    #[arg(long, env = "FOOTNOTE_MAX_UPLOAD_BYTES", default_value_t = 32 * 1024 * 1024, value_name = "BYTES")]
    pub max_upload_bytes: u32,
    /// How long the address of an upload holds, in seconds.
    #[arg(long, env = "FOOTNOTE_UPLOAD_EXPIRY_SECONDS", default_value_t = 900, value_name = "SECONDS")]
    pub upload_expiry_seconds: u32,
    /// The longest time that the bytes of one upload may take, in seconds.
    #[arg(long, env = "FOOTNOTE_UPLOAD_SECONDS", default_value_t = 300, value_name = "SECONDS")]
    pub upload_seconds: u32,
    /// The longest request, in seconds.
    #[arg(long, env = "FOOTNOTE_REQUEST_SECONDS", default_value_t = 30, value_name = "SECONDS")]
    pub request_seconds: u64,
    /// The longest agent run, in seconds.
    #[arg(long, env = "FOOTNOTE_RUN_SECONDS", default_value_t = 300, value_name = "SECONDS")]
    pub run_seconds: i64,
    /// Connections of the pool of requests.
    #[arg(long, env = "FOOTNOTE_APP_CONNECTIONS", default_value_t = 16, value_name = "COUNT")]
    pub app_connections: u32,
    /// Connections of the pool of jobs.
    #[arg(long, env = "FOOTNOTE_WORKER_CONNECTIONS", default_value_t = 8, value_name = "COUNT")]
    pub worker_connections: u32,
    /// Jobs that one process runs at a time.
    #[arg(long, env = "FOOTNOTE_WORKER_CONCURRENCY", default_value_t = 4, value_name = "COUNT")]
    pub worker_concurrency: usize,
    /// The longest entry of an operator into a workspace, in minutes; 240 at most.
    #[arg(long, env = "FOOTNOTE_OPERATOR_ENTRY_MINUTES", default_value_t = 60, value_name = "MINUTES")]
    pub operator_entry_minutes: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_body_bytes: 6 * 1024 * 1024,
            max_document_bytes: 4 * 1024 * 1024,
            max_upload_bytes: 32 * 1024 * 1024,
            upload_expiry_seconds: 900,
            upload_seconds: 300,
            request_seconds: 30,
            run_seconds: 300,
            app_connections: 16,
            worker_connections: 8,
            worker_concurrency: 4,
            operator_entry_minutes: 60,
        }
    }
}
