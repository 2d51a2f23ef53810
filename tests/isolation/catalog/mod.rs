//! What the catalogue says: no table, key, grant, view or function opens a way around the policies.
//!
//! The checks are data (`checks/`): a query that names what breaks a rule, what to add, and the offences that the query must
//! name, so that no check holds because it looks at nothing. What a check lets pass stands in `explained.rs` with its reason.

mod checks;
mod explained;

use sqlx::{Connection, PgConnection, Row};

use self::checks::{Check, doors, keys, policies, rights, tables};
use self::explained::{NOT_SEARCHED, UNINDEXED, UNTENANTED};
use super::expected::{DOORS, OTHER_TABLES, TENANT_TABLES};
use crate::support::database::{TestDatabase, connect};

/// What the queries read beside the catalogue: the lists of this folder, the tenant tables, and every grant on a table or a column.
const LISTS: &str = "
create temp table untenanted (name text);
create temp table unindexed (name text);
create temp table not_searched (name text);
create temp table listed_tenant (name text);
create temp table listed_other (name text, closed boolean);
create temp table listed_door (name text);
create temp view tenant as
  select c.oid, c.relname::text as name, a.attnum from pg_class c
  join pg_attribute a on a.attrelid = c.oid and a.attname = 'workspace_id' and not a.attisdropped
  where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and c.relname not in (select name from untenanted);
create temp view granted as
  select c.oid, c.relname::text as name, case a.grantee when 0 then 'PUBLIC' else pg_get_userbyid(a.grantee)::text end as role,
    a.privilege_type as verb, a.is_grantable
  from pg_class c
  cross join lateral (
    select g.* from aclexplode(c.relacl) g
    union all
    select g.* from pg_attribute t, aclexplode(t.attacl) g where t.attrelid = c.oid and not t.attisdropped
  ) a
  where c.relnamespace in ('public'::regnamespace, 'app'::regnamespace) and c.relkind in ('r', 'p', 'v', 'm', 'f');";

/// A superuser's connection to a database of its own, with the lists in it.
async fn catalogue() -> PgConnection {
    let database = TestDatabase::create().await;
    let mut connection = connect(&database.superuser).await;
    sqlx::raw_sql(LISTS).execute(&mut connection).await.expect("the lists");
    let names = |list: &[&str]| list.iter().map(ToString::to_string).collect::<Vec<_>>();
    let first = |list: &[(&str, &str)]| list.iter().map(|row| row.0.to_owned()).collect::<Vec<_>>();
    let tenant: Vec<String> = TENANT_TABLES.iter().map(|row| row.0.to_owned()).collect();
    for (insert, list) in [
        ("insert into untenanted select unnest($1::text[])", first(UNTENANTED)),
        ("insert into unindexed select unnest($1::text[])", first(UNINDEXED)),
        ("insert into not_searched select unnest($1::text[])", first(NOT_SEARCHED)),
        ("insert into listed_tenant select unnest($1::text[])", tenant),
        ("insert into listed_door select unnest($1::text[])", names(DOORS)),
    ] {
        sqlx::query(insert).bind(list).execute(&mut connection).await.expect("a list");
    }
    for (name, reason) in OTHER_TABLES {
        sqlx::query("insert into listed_other values ($1, $2)")
            .bind(*name)
            .bind(reason.contains("only doors see it") || reason.contains("only the owner sees it"))
            .execute(&mut connection)
            .await
            .expect("a table with its reason");
    }
    connection
}

/// What breaks a rule, by name.
async fn broken(connection: &mut PgConnection, check: &Check) -> Vec<String> {
    let rows = sqlx::query(check.sql).fetch_all(connection).await.expect(check.name);
    rows.iter().map(|row| row.get(0)).collect()
}

async fn all_hold(checks: &[Check]) {
    let mut connection = catalogue().await;
    let mut wrong = Vec::new();
    for check in checks {
        let broken = broken(&mut connection, check).await;
        if !broken.is_empty() {
            wrong.push(format!("{}: {}. {}", check.name, broken.join(", "), check.add));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test]
async fn every_table_is_a_tenant_table_or_stands_on_the_list_with_a_reason() {
    all_hold(tables::LISTED).await;
}

#[tokio::test]
async fn every_table_but_the_history_forces_row_level_security() {
    all_hold(policies::FORCED).await;
}

#[tokio::test]
async fn a_policy_that_is_not_restricted_to_roles_of_ours_does_not_exist() {
    all_hold(policies::NOT_PUBLIC).await;
}

#[tokio::test]
async fn every_granted_verb_has_a_policy_and_every_policy_a_grant() {
    all_hold(policies::BY_VERB).await;
}

#[tokio::test]
async fn policies_call_inlined_helpers_once_for_a_statement() {
    all_hold(policies::HELPERS).await;
}

#[tokio::test]
async fn keys_begin_with_the_tenant_and_foreign_keys_carry_it() {
    all_hold(keys::CARRY_THE_TENANT).await;
}

#[tokio::test]
async fn every_tenant_table_and_foreign_key_has_its_index() {
    all_hold(keys::INDEXED).await;
}

#[tokio::test]
async fn columns_compare_without_leaking_so_that_indexes_serve_under_policies() {
    all_hold(keys::LEAKPROOF).await;
}

#[tokio::test]
async fn the_application_has_rows_and_nothing_else() {
    all_hold(rights::ROWS_ALONE).await;
}

#[tokio::test]
async fn no_view_rule_or_copy_shows_rows_past_the_policies() {
    all_hold(tables::NO_SECOND_WAY).await;
}

#[tokio::test]
async fn every_door_stands_on_the_list_with_a_comment_and_without_a_search_path() {
    all_hold(doors::LISTED).await;
}

#[tokio::test]
async fn every_check_of_the_catalogue_names_what_offends_it() {
    let mut connection = catalogue().await;
    let mut silent = Vec::new();
    for check in checks::ALL.iter().copied().flatten() {
        assert!(!check.offences.is_empty(), "{}: nothing shows that it can fail", check.name);
        for offence in check.offences {
            let mut transaction = connection.begin().await.expect("a transaction");
            let made = sqlx::raw_sql(offence.sql).execute(&mut *transaction).await;
            let broken = match made {
                Ok(_) => broken(&mut transaction, check).await,
                Err(error) => vec![format!("that it cannot be made: {error}")],
            };
            transaction.rollback().await.expect("rolled back");
            if !broken.iter().any(|name| name.contains(offence.named)) {
                silent.push(format!("{} does not see {}, only {broken:?}", check.name, offence.sql));
            }
        }
    }
    assert!(silent.is_empty(), "{silent:#?}");
}
