//! What clients may rely on: the schema, the shape of errors, and clear answers to bad input.

mod bad_input;
mod cors;
mod edges;
mod idempotency;
mod lists;
mod permissions;
mod plans;
mod schema;
mod writes;
