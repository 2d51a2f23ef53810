//! The ordered history of the database schema.
//!
//! One concern for each migration. Its header says why, how it is scoped to tenants, what it locks, how it is undone and
//! what undoing loses, and in which order it is deployed. A released migration is never edited.

pub mod support;

mod m20261122_000001_create_tenancy;
mod m20261122_000002_create_envelopes;
mod m20261122_000003_create_job_lane;
mod m20261122_000004_create_knowledge;
mod m20261122_000005_create_agent_runs;
mod m20261123_000001_create_idempotency_records;
mod m20261123_000002_delete_collections;
mod m20261123_000003_index_lists;
mod m20261125_000001_let_jobs_wait;
mod m20261125_000003_create_uploads;
mod m20261125_000005_create_accounts;
mod m20261125_000006_open_sign_in;
mod m20261125_000007_found_workspaces;
mod m20261125_000008_create_identities;
mod m20261125_000010_show_migration_history;
mod m20261126_000001_create_api_keys;
mod m20261126_000002_create_roles;
mod m20261126_000003_guard_membership;
mod m20261126_000004_release_roles;
mod m20261126_000005_create_invitations;
mod m20261126_000011_create_operators;

use sea_orm_migration::prelude::{MigrationTrait, MigratorTrait};

/// Every migration, in the order in which it is applied.
pub struct Migrator;

impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m20261122_000001_create_tenancy::Migration),
            Box::new(m20261122_000002_create_envelopes::Migration),
            Box::new(m20261122_000003_create_job_lane::Migration),
            Box::new(m20261122_000004_create_knowledge::Migration),
            Box::new(m20261122_000005_create_agent_runs::Migration),
            Box::new(m20261123_000001_create_idempotency_records::Migration),
            Box::new(m20261123_000002_delete_collections::Migration),
            Box::new(m20261123_000003_index_lists::Migration),
            Box::new(m20261125_000001_let_jobs_wait::Migration),
            Box::new(m20261125_000003_create_uploads::Migration),
            Box::new(m20261125_000005_create_accounts::Migration),
            Box::new(m20261125_000006_open_sign_in::Migration),
            Box::new(m20261125_000007_found_workspaces::Migration),
            Box::new(m20261125_000008_create_identities::Migration),
            Box::new(m20261125_000010_show_migration_history::Migration),
            Box::new(m20261126_000001_create_api_keys::Migration),
            Box::new(m20261126_000002_create_roles::Migration),
            Box::new(m20261126_000003_guard_membership::Migration),
            Box::new(m20261126_000004_release_roles::Migration),
            Box::new(m20261126_000005_create_invitations::Migration),
            Box::new(m20261126_000011_create_operators::Migration),
        ]
    }
}
