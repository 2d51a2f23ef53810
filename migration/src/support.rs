//! How migrations make tables: one helper for every tenant table.
//!
//! A tenant table made here has `workspace_id` first in its primary key, FORCE ROW LEVEL SECURITY, a RESTRICTIVE policy
//! that binds the application's roles to the workspace of their context, one permissive policy for each verb that it
//! allows, grants that match, and a comment on the table and on every column. What a table does not allow, it does not
//! grant: nothing has to be taken away later.

use sea_orm_migration::prelude::{ConnectionTrait, DbErr, SchemaManager};

/// Who may do one verb on the rows of the context's workspace.
#[derive(Clone, Copy)]
pub enum Verb {
    /// Nobody but the doors.
    Nobody,
    /// An actor with this permission.
    Can(&'static str),
    /// A job of this workspace, whoever started it.
    Job,
    /// An actor with this permission, or a job of this workspace.
    CanOrJob(&'static str),
    /// A condition of its own, in SQL.
    When(&'static str),
}

impl Verb {
    fn condition(self) -> Option<String> {
        match self {
            Self::Nobody => None,
            Self::Can(permission) => Some(format!("(select app.can('{permission}'))")),
            Self::Job => Some("(select app.in_job())".to_owned()),
            Self::CanOrJob(permission) => {
                Some(format!("(select app.can('{permission}')) or (select app.in_job())"))
            }
            Self::When(sql) => Some(sql.to_owned()),
        }
    }
}

/// One column: name, definition, comment.
pub type Column = (&'static str, &'static str, &'static str);

/// A table whose rows each belong to one workspace.
pub struct TenantTable {
    /// The name, plural and in snake case.
    pub name: &'static str,
    /// What a row is.
    pub comment: &'static str,
    /// The columns after `workspace_id`, `id` and `created_at`.
    pub columns: &'static [Column],
    /// Table constraints; unique ones start with `workspace_id`, foreign ones are composite.
    pub constraints: &'static [&'static str],
    /// Who may read.
    pub select: Verb,
    /// Who may insert.
    pub insert: Verb,
    /// Who may update.
    pub update: Verb,
    /// Who may delete.
    pub delete: Verb,
    /// Whether the doors (`footnote_system`) read and write it too.
    pub doors: bool,
}

/// Creates a tenant table with its policies, grants and comments.
///
/// # Errors
///
/// Whatever the database says of the statements.
pub async fn tenant_table(manager: &SchemaManager<'_>, table: &TenantTable) -> Result<(), DbErr> {
    run(manager, &statements(table)).await
}

/// Runs statements that the migration states literally.
///
/// # Errors
///
/// Whatever the database says of the statements.
pub async fn run(manager: &SchemaManager<'_>, sql: &str) -> Result<(), DbErr> {
    // sql: literal because a migration's statements hold no input.
    manager.get_connection().execute_unprepared(sql).await.map(drop)
}

fn statements(table: &TenantTable) -> String {
    let name = table.name;
    let column = |(column, definition, _): &Column| format!("  {column} {definition},\n");
    let columns = table.columns.iter().map(column).collect::<Vec<_>>().concat();
    let constraint = |constraint: &&str| format!(",\n  {constraint}");
    let constraints = table.constraints.iter().map(constraint).collect::<Vec<_>>().concat();
    let mut statements = vec![format!(
        "create table public.{name} (
  workspace_id uuid not null default app.workspace_id() references public.workspaces (id),
  id uuid not null,
{columns}  created_at timestamptz not null default now(),
  primary key (workspace_id, id){constraints}
);
alter table public.{name} enable row level security, force row level security;
create policy tenant on public.{name} as restrictive to footnote_app, footnote_worker
  using (workspace_id = (select app.workspace_id())) with check (workspace_id = (select app.workspace_id()));
comment on table public.{name} is {};
comment on column public.{name}.workspace_id is 'The tenant.';
comment on column public.{name}.id is 'UUID version 7, made by the application.';
comment on column public.{name}.created_at is 'When the row was made.';
grant select on public.{name} to footnote_maintenance;
",
        literal(table.comment)
    )];
    for (column, _, comment) in table.columns {
        statements.push(format!("comment on column public.{name}.{column} is {};\n", literal(comment)));
    }
    let verbs = [
        ("select", table.select),
        ("insert", table.insert),
        ("update", table.update),
        ("delete", table.delete),
    ];
    for (verb, who) in verbs {
        let Some(condition) = who.condition() else { continue };
        let clause = match verb {
            "insert" => format!("with check ({condition})"),
            "update" => format!("using ({condition}) with check ({condition})"),
            _ => format!("using ({condition})"),
        };
        statements.push(format!(
            "create policy can_{verb} on public.{name} for {verb} to footnote_app, footnote_worker {clause};
grant {verb} on public.{name} to footnote_app, footnote_worker;\n"
        ));
    }
    if table.doors {
        statements.push(format!(
            "create policy doors on public.{name} to footnote_system using (true) with check (true);
grant select, insert, update, delete on public.{name} to footnote_system;\n"
        ));
    }
    statements.concat()
}

fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

#[cfg(test)]
mod tests {
    use super::{TenantTable, Verb, statements};

    #[test]
    fn a_verb_that_is_not_allowed_is_neither_granted_nor_given_a_policy() {
        let sql = statements(&TenantTable {
            name: "things",
            comment: "A thing's row.",
            columns: &[("name", "text not null", "Its name.")],
            constraints: &["unique (workspace_id, name)"],
            select: Verb::Can("thing:read"),
            insert: Verb::Job,
            update: Verb::Nobody,
            delete: Verb::Nobody,
            doors: false,
        });
        assert!(sql.contains("for select") && sql.contains("for insert"));
        assert!(!sql.contains("for update") && !sql.contains("grant update") && !sql.contains("delete"));
        assert!(sql.contains("is 'A thing''s row.'"));
    }
}
