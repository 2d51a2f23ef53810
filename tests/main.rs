//! The tests of Footnote: what it promises, through GraphQL, on a real PostgreSQL that the run starts and stops itself.

mod accounts;
mod agents;
mod architecture;
mod bootstrap;
mod config;
mod contract;
mod crash;
mod doctor;
mod health;
mod isolation;
mod issuers;
mod knowledge;
mod mail;
mod members;
mod models;
mod objects;
mod operators;
mod postgres;
mod server;
mod support;
mod topology;
mod uploads;
mod vectors_server;
mod workers;
