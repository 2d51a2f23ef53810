//! The tests of Footnote: what it promises, through GraphQL, on a real PostgreSQL that the run starts and stops itself.

mod accounts;
mod agents;
mod architecture;
mod contract;
mod crash;
mod isolation;
mod knowledge;
mod server;
mod support;
mod workers;
