//! One file for each table: the row, its enums, small predicates. The rules stand in the services.

pub mod id;
pub mod sparse;

pub mod agent;
pub mod agent_run;
pub mod agent_run_event;
pub mod agent_run_step;
pub mod audit_entry;
pub mod chunk;
pub mod chunk_embedding;
pub mod citation;
pub mod collection;
pub mod document;
pub mod document_version;
pub mod embedding_index;
pub mod event;
pub mod idempotency_record;
pub mod ingestion;
pub mod invitation;
pub mod job;
pub mod membership;
pub mod operator_entry;
pub mod retrieval;
pub mod retrieval_hit;
pub mod role;
pub mod upload;
pub mod user;
pub mod workspace;
pub mod workspace_of_viewer;
