//! The page of permissions: generated from the map in the database and from its policies, and compared.

use std::fmt::Write as _;
use std::path::Path;

use sqlx::{PgConnection, Row};

use crate::support::database::{TestDatabase, connect};

const HEAD: &str = "# Permissions

Generated from the permission map and the policies of the database by a test of `tests/contract/permissions.rs`, which also fails when this
page is not what they say. To write it anew: `FOOTNOTE_WRITE_PAGES=true cargo test -p footnote --test footnote_tests contract::permissions`.

A role is a set of permissions. OWNER, ADMIN, MEMBER and VIEWER are the same in every workspace; a workspace makes others with `roleCreate`.
An API key has at most the permissions of its scopes, and never more than the member who made it. An operator who has entered a workspace
has those of the last column. The policies enforce it in the database, and the services ask for it before. The query `permissions` gives the
catalogue.
";

const TABLES: &str = "
## What the database lets through

Each tenant table, and what somebody needs for each verb on the rows of their own workspace; rows of others are invisible whatever they have.
\u{201c}jobs\u{201d} is work in the background, which acts for whoever started it; \u{201c}nobody\u{201d} leaves it to doors, which are named in
[tenancy](tenancy.md).

| table | select | insert | update | delete |
|---|---|---|---|---|
";

/// What a policy's condition asks for, in words.
fn words(condition: Option<String>) -> String {
    let Some(condition) = condition else { return "nobody".to_owned() };
    let mut found: Vec<String> = condition
        .split("app.can('")
        .skip(1)
        .filter_map(|rest| rest.split('\'').next())
        .map(|name| format!("`{name}`"))
        .collect();
    if condition.contains("app.in_job()") {
        found.push("jobs".to_owned());
    }
    if condition.contains("app.actor_id()") {
        found.push("one's own".to_owned());
    }
    found.dedup();
    found.join(" or ")
}

async fn page(connection: &mut PgConnection) -> String {
    let mut page = HEAD.to_owned();
    page.push_str("\n| permission | lets somebody | OWNER | ADMIN | MEMBER | VIEWER | operator |\n|---|---|---|---|---|---|---|\n");
    let map = sqlx::query(
        "select p.name, p.description, p.operator, array(select r.role from role_permissions r where r.permission = p.name) as roles
         from permissions p order by p.name",
    )
    .fetch_all(&mut *connection)
    .await
    .expect("the map");
    for row in map {
        let roles: Vec<String> = row.get("roles");
        let mark = |has: bool| if has { "yes" } else { "" };
        let role = |name: &str| mark(roles.iter().any(|role| role == name));
        let (name, description): (String, String) = (row.get("name"), row.get("description"));
        let operator = mark(row.get("operator"));
        writeln!(
            page,
            "| `{name}` | {description} | {} | {} | {} | {} | {operator} |",
            role("OWNER"),
            role("ADMIN"),
            role("MEMBER"),
            role("VIEWER")
        )
        .expect("a string");
    }
    page.push_str(TABLES);
    let tables = sqlx::query(
        "select c.relname::text as name from pg_class c join pg_policy p on p.polrelid = c.oid
         where p.polname = 'tenant' and c.relnamespace = 'public'::regnamespace order by 1",
    )
    .fetch_all(&mut *connection)
    .await
    .expect("the tables");
    for table in tables {
        let name: String = table.get("name");
        let mut cells = Vec::new();
        for verb in ["SELECT", "INSERT", "UPDATE", "DELETE"] {
            let condition: Option<String> = sqlx::query(
                "select coalesce(qual, with_check) as condition from pg_policies
                 where schemaname = 'public' and tablename = $1 and cmd = $2 and permissive = 'PERMISSIVE' and 'footnote_app' = any (roles)",
            )
            .bind(&name)
            .bind(verb)
            .fetch_optional(&mut *connection)
            .await
            .expect("a policy")
            .and_then(|row| row.get("condition"));
            cells.push(words(condition));
        }
        writeln!(page, "| `{name}` | {} |", cells.join(" | ")).expect("a string");
    }
    page
}

#[tokio::test]
async fn the_page_of_permissions_says_what_the_map_and_the_policies_say() {
    let database = TestDatabase::create().await;
    let page = page(&mut connect(&database.superuser).await).await;
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/contracts/permissions.md");
    if std::env::var_os("FOOTNOTE_WRITE_PAGES").is_some() {
        std::fs::write(&path, &page).expect("written");
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        written == page,
        "docs/contracts/permissions.md is not what the database says: FOOTNOTE_WRITE_PAGES=true cargo test -p footnote --test footnote_tests contract::permissions"
    );
}
