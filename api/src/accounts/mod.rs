//! Accounts: how people come in and go out again, without a workspace.
//!
//! It guarantees that a stranger learns from no answer whether an account exists; that a password is kept as an Argon2id hash and a
//! token as a hash alone; that a refresh token is exchanged once, and one that comes again ends its session; that hashing takes some
//! of the cores and a bounded queue, whatever strangers send; and that guessing is slowed without locking anybody out. It refuses
//! cookies from pages that may not call, and for anything but refreshing and signing out.

mod inputs;
mod mutation;
pub mod passwords;
mod secrets;
pub mod service;

pub use mutation::AccountsMutation;
pub use service::Accounts;
