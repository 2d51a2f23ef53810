//! Footnote: the backend of multi-tenant AI products, behind one GraphQL API over PostgreSQL.

pub mod accounts;
pub mod adapters;
pub mod agents;
pub mod app;
pub mod client;
pub mod clock;
pub mod commands;
pub mod config;
pub mod embedded;
pub mod error;
pub mod graphql;
pub mod health;
pub mod input;
pub mod jobs;
pub mod knowledge;
pub mod list;
pub mod mail;
pub mod members;
pub mod operations;
pub mod operators;
pub mod server;
pub mod supervisor;
pub mod tenancy;
pub mod tokens;
pub mod worker;
pub mod workspaces;
