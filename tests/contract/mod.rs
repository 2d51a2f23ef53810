//! What clients may rely on: the schema, the shape of errors, and clear answers to bad input.

mod bad_input;
mod cors;
mod idempotency;
mod schema;
mod writes;
