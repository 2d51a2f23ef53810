//! Promise P1: no tenant reads, changes or detects another tenant's data.

mod cancellation;
mod catalog;
mod crowds;
mod expected;
mod fields;
mod ids;
mod matrix;
mod operations;
mod people;
mod requests;
mod rooms;
mod traces;
pub mod vectors;

pub use expected::TENANT_TABLES;
