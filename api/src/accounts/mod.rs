//! Accounts: how people come in and go out again, without a workspace.
//!
//! It guarantees that a stranger learns from no answer whether an account exists; that a password is kept as an Argon2id hash and a
//! token as a hash alone; that a refresh token is exchanged once, and one that comes again ends its session; that hashing takes some
//! of the cores and a bounded queue, whatever strangers send; that guessing is slowed without locking anybody out; and that an account is
//! deleted by its own person alone, and leaves nothing that names them. It refuses
//! cookies from pages that may not call, and for anything but refreshing and signing out.

mod erasure;
mod inputs;
mod mutation;
pub mod passwords;
mod query;
mod secrets;
pub mod service;

pub use mutation::AccountsMutation;
pub use query::AccountsQuery;
pub use service::Accounts;
