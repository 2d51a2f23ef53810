//! What it takes to run Footnote: roles, migrations and their rehearsal, the private database, the stack, the demo's data.
//!
//! It guarantees that what it starts ends with it, in order, and that whatever it prepares can be prepared again: a second
//! run finds what the first one made. It refuses to roll back a database that it was not given for that. Its failures are
//! sentences for the operator; passwords stand in files of mode 0600 and in addresses that a command was asked to print.

mod addresses;
pub mod bench;
pub mod catalog_dump;
pub mod doctor;
mod duty;
pub mod failure;
pub mod given_passwords;
mod health_checks;
pub mod manual;
pub mod migrations;
pub mod operators;
pub mod owner_access;
pub mod people;
pub mod private_database;
mod providers;
pub mod rehearsal;
pub mod roles;
pub mod scram;
pub mod seed;
mod setting_checks;
pub mod signed_in;
pub mod stack;

pub use duty::Duty;
pub use failure::Failure;
