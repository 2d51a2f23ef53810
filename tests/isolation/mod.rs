//! Promise P1: no tenant reads, changes or detects another tenant's data.

mod cancellation;
mod catalog;
mod expected;
mod matrix;
mod requests;
pub mod vectors;

pub use expected::TENANT_TABLES;
