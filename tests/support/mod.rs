//! What every test starts from: a database of its own, a running server, and people who talk to it.

pub mod client;
pub mod cluster;
pub mod command;
pub mod compose;
pub mod database;
pub mod issuer;
pub mod mailbox;
pub mod pooler;
pub mod provider;
pub mod proxy;
pub mod s3;
pub mod schema;
pub mod socket;
pub mod world;

pub use client::{Reply, Who};
pub use world::World;
