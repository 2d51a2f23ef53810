//! The outside world: for each part a trait and what implements it. The door to Qdrant is a crate of its own, `footnote-vectors`.

pub mod embeddings;
pub mod http;
pub mod issuers;
pub mod llm;
pub mod mail;
pub mod objects;
pub mod provider;
