//! The only door to Postgres.
//!
//! It guarantees that every statement of the application runs in a transaction whose context a door of the database has
//! checked (a session, the token of an upload, or a job's lease), that the context ends with the transaction however that ends, cancellation
//! included, and that nobody outside this module holds a pool or begins a transaction. An operation sees one workspace;
//! row-level security holds for whatever it asks. It refuses to work as a role that row-level security does not bind.

mod accounts;
mod address;
mod audit;
mod database;
mod envelope;
mod founding;
mod guard;
mod identity;
mod joining;
mod lane;
mod operation;
mod origin;
mod outbox;
mod permissions;
mod schema;
mod unreachable;
mod wake;

pub use accounts::{AccountDoors, Attempt, NewSession, Refreshed, Stored};
pub use address::{Address, Statements, connect_options};
pub use audit::AuditAction;
pub use database::{Database, Timeouts};
pub use envelope::{Audit, Event, EventType};
pub use founding::NewWorkspace;
pub use identity::Identity;
pub use joining::Joined;
pub use lane::{ClaimedJob, Lane};
pub(crate) use operation::statement;
pub use operation::{Access, Operation};
pub use origin::{OperatorHash, Origin, Slug, UploadToken, WorkspaceKey};
pub use outbox::{ClaimedMail, Outbox};
pub use permissions::{Permission, Proof};
pub(crate) use schema::is_database_address;
pub use unreachable::explain;
pub use wake::{Wake, Wakes, hears_itself};
