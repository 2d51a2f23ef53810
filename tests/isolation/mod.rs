//! Promise P1: no tenant reads, changes or detects another tenant's data.

mod cancellation;
mod catalog;
mod expected;
mod fields;
mod ids;
mod matrix;
mod operations;
mod people;
mod requests;
mod rooms;
pub mod vectors;

pub use expected::TENANT_TABLES;
