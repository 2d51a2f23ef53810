//! What the catalogue says: no table, key, grant or function opens a way around the policies.

use std::collections::BTreeSet;

use sqlx::{PgConnection, Row};

use super::expected::{DOORS, OTHER_TABLES, TENANT_TABLES};
use crate::support::database::{TestDatabase, connect};

async fn names(connection: &mut PgConnection, sql: &'static str) -> BTreeSet<String> {
    let rows = sqlx::query(sql).fetch_all(connection).await.expect("the catalogue");
    rows.iter().map(|row| row.get::<String, _>(0)).collect()
}

#[tokio::test]
async fn every_table_is_a_tenant_table_or_stands_on_the_list_with_a_reason() {
    let database = TestDatabase::create().await;
    let mut connection = connect(&database.superuser).await;
    let tables =
        names(&mut connection, "select tablename::text from pg_tables where schemaname = 'public'").await;
    let known: BTreeSet<String> = TENANT_TABLES
        .iter()
        .map(|row| row.0.to_owned())
        .chain(OTHER_TABLES.iter().map(|(name, _)| (*name).to_owned()))
        .collect();
    assert_eq!(tables, known, "a new table needs a row in tests/isolation/expected.rs");
    let with_tenant = names(
        &mut connection,
        "select table_name::text from information_schema.columns
         where table_schema = 'public' and column_name = 'workspace_id' and table_name not in ('workspace_sequences', 'queue_heads', 'queue_turns')",
    )
    .await;
    assert_eq!(with_tenant, TENANT_TABLES.iter().map(|row| row.0.to_owned()).collect());
}

#[tokio::test]
async fn every_table_but_the_history_forces_row_level_security() {
    let database = TestDatabase::create().await;
    let mut connection = connect(&database.superuser).await;
    let open = names(
        &mut connection,
        "select c.relname::text from pg_class c join pg_namespace n on n.oid = c.relnamespace
         where n.nspname = 'public' and c.relkind in ('r', 'p') and not (c.relrowsecurity and c.relforcerowsecurity)",
    )
    .await;
    assert_eq!(open, BTreeSet::from(["seaql_migrations".to_owned()]));
    let without_tenant_policy = names(
        &mut connection,
        "select col.table_name::text from information_schema.columns col
         where col.table_schema = 'public' and col.column_name = 'workspace_id'
           and col.table_name not in ('workspace_sequences', 'queue_heads', 'queue_turns')
           and not exists (select from pg_policies p where p.schemaname = 'public' and p.tablename = col.table_name
             and p.permissive = 'RESTRICTIVE' and p.cmd = 'ALL' and p.roles = '{footnote_app,footnote_worker}'
             and p.qual = '(workspace_id = ( SELECT app.workspace_id() AS workspace_id))' and p.with_check = p.qual)",
    )
    .await;
    assert_eq!(without_tenant_policy, BTreeSet::new());
}

#[tokio::test]
async fn keys_begin_with_the_tenant_and_foreign_keys_carry_it() {
    let database = TestDatabase::create().await;
    let mut connection = connect(&database.superuser).await;
    let unique = names(
        &mut connection,
        "select i.indexrelid::regclass::text from pg_index i
         join pg_attribute tenant on tenant.attrelid = i.indrelid and tenant.attname = 'workspace_id'
         join pg_namespace n on n.oid = (select relnamespace from pg_class where oid = i.indrelid)
         where n.nspname = 'public' and i.indisunique and i.indkey[0] <> tenant.attnum",
    )
    .await;
    assert_eq!(
        unique,
        BTreeSet::new(),
        "a unique key that does not begin with workspace_id tells tenants of each other"
    );
    let plain = names(
        &mut connection,
        "select c.conname::text from pg_constraint c
         join pg_attribute here on here.attrelid = c.conrelid and here.attname = 'workspace_id'
         join pg_attribute there on there.attrelid = c.confrelid and there.attname = 'workspace_id'
         where c.contype = 'f' and not (c.conkey[1] = here.attnum and c.confkey[1] = there.attnum)",
    )
    .await;
    assert_eq!(plain, BTreeSet::new(), "a plain foreign key accepts an invisible row of another tenant");
}

#[tokio::test]
async fn the_application_has_rows_and_nothing_else() {
    let database = TestDatabase::create().await;
    let mut connection = connect(&database.superuser).await;
    let rights = names(
        &mut connection,
        "select grantee || ' ' || privilege_type || ' ' || table_name from information_schema.role_table_grants
         where table_schema = 'public' and (grantee in ('footnote_app', 'footnote_worker', 'PUBLIC'))
           and (privilege_type in ('TRUNCATE', 'REFERENCES', 'TRIGGER') or grantee = 'PUBLIC'
             or table_name in ('seaql_migrations', 'sessions', 'workspace_sequences', 'queue_heads', 'queue_turns', 'credentials',
               'refresh_tokens', 'account_links', 'outgoing_mails', 'sign_in_attempts', 'identities', 'account_idempotency_records', 'operators'))",
    )
    .await;
    assert_eq!(rights, BTreeSet::new());
    let members = names(
        &mut connection,
        "select m.rolname::text from pg_auth_members a join pg_roles m on m.oid = a.member join pg_roles r on r.oid = a.roleid
         where r.rolname = 'footnote_system' and (m.rolname <> 'footnote_owner' or m.rolinherit)",
    )
    .await;
    assert_eq!(members, BTreeSet::new(), "only the owner may hand doors over, and inherits nothing by it");
}

#[tokio::test]
async fn every_door_stands_on_the_list_with_a_comment_and_without_a_search_path() {
    let database = TestDatabase::create().await;
    let mut connection = connect(&database.superuser).await;
    let doors = names(&mut connection, "select proname::text from pg_proc p where p.prosecdef and p.pronamespace in ('app'::regnamespace, 'public'::regnamespace)").await;
    assert_eq!(doors, DOORS.iter().map(|door| (*door).to_owned()).collect());
    let careless = names(
        &mut connection,
        "select p.proname::text from pg_proc p
         where p.prosecdef and p.pronamespace = 'app'::regnamespace
           and (not coalesce('search_path=\"\"' = any (p.proconfig), false) or obj_description(p.oid, 'pg_proc') is null
             or pg_get_userbyid(p.proowner) <> 'footnote_system'
             or exists (select from aclexplode(p.proacl) a where a.grantee = 0))",
    )
    .await;
    assert_eq!(careless, BTreeSet::new());
}

#[tokio::test]
async fn a_policy_that_is_not_restricted_to_roles_of_ours_does_not_exist() {
    let database = TestDatabase::create().await;
    let mut connection = connect(&database.superuser).await;
    let open = names(
        &mut connection,
        "select tablename || '.' || policyname from pg_policies where schemaname = 'public' and 'public' = any (roles)",
    )
    .await;
    assert_eq!(open, BTreeSet::new());
}
