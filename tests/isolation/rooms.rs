//! A world for the proof over the API: two workspaces with a row of everything, in which nothing happens by itself.

use std::collections::HashSet;

use async_graphql::parser::types::FieldDefinition;
use serde_json::Value;
use sqlx::{AssertSqlSafe, Row};
use uuid::Uuid;

use super::TENANT_TABLES;
use super::matrix::world_with_a_row_in_every_table;
use super::people::{Person, Said};
use crate::support::World;
use crate::support::schema::{Schema, named};

/// How many objects deep answers are selected.
const DEPTH: usize = 2;

/// The kinds of root fields.
pub const ROOTS: [&str; 3] = ["Query", "Mutation", "Subscription"];

/// A world at rest, and the schema.
pub struct Rooms {
    pub world: World,
    pub schema: Schema,
}

impl Rooms {
    /// With a row of everything in both workspaces; jobs are queued from now on, and not run.
    pub async fn at_rest() -> Self {
        let world = world_with_a_row_in_every_table().await;
        let mut superuser = world.superuser().await;
        // Jobs: what is queued from now on is due tomorrow, so that nothing changes while it is looked at.
        sqlx::raw_sql(
            "create function public.rest() returns trigger language plpgsql as $$ begin new.run_at := now() + interval '1 day'; return new; end $$;
             create trigger a_rest before insert or update on public.jobs for each row execute function public.rest();",
        )
        .execute(&mut superuser)
        .await
        .expect("rest");
        Self { world, schema: Schema::served() }
    }

    /// Every root field: of which root, and its definition.
    pub fn fields(&self) -> impl Iterator<Item = (&'static str, &FieldDefinition)> {
        ROOTS.into_iter().flat_map(|root| self.schema.objects[root].iter().map(move |field| (root, field)))
    }

    /// A person's call of a root field with these arguments.
    pub async fn call(
        &self,
        person: &Person,
        (root, field): (&str, &FieldDefinition),
        arguments: &Value,
    ) -> Said {
        call(&self.world, &self.schema, person, (root, field), arguments).await
    }

    /// The ids of every row of a workspace.
    pub async fn ids(&self, slug: &str) -> HashSet<Uuid> {
        let mut superuser = self.world.superuser().await;
        let mut ids = HashSet::new();
        for table in TENANT_TABLES.iter().map(|row| row.0) {
            // sql: literal because the table's name is one of a list of constants.
            let sql = format!(
                "select id from public.{table} where workspace_id = (select id from workspaces where slug = $1)"
            );
            // sql: literal because the table's name is one of a list of constants.
            let rows =
                sqlx::query(AssertSqlSafe(sql)).bind(slug).fetch_all(&mut superuser).await.expect("ids");
            ids.extend(rows.iter().map(|row| row.get::<Uuid, _>(0)));
        }
        ids
    }

    /// What stands in each table about a workspace.
    pub async fn contents(&self, slug: &str) -> Vec<(String, i64, String)> {
        let mut superuser = self.world.superuser().await;
        let mut contents = Vec::new();
        for table in TENANT_TABLES.iter().map(|row| row.0) {
            // sql: literal because the table's name is one of a list of constants.
            let sql = format!(
                "select count(*), coalesce(md5(string_agg(t::text, ' ' order by t::text)), '') from public.{table} t
                 where workspace_id = (select id from workspaces where slug = $1)"
            );
            // sql: literal because the table's name is one of a list of constants.
            let query = sqlx::query(AssertSqlSafe(sql)).bind(slug);
            let row = query.fetch_one(&mut superuser).await.expect("a table");
            contents.push((table.to_owned(), row.get(0), row.get(1)));
        }
        contents
    }
}

/// The document that calls a root field with exactly these arguments, as variables.
fn document(schema: &Schema, (root, field): (&str, &FieldDefinition), arguments: &Value) -> String {
    let name = &field.name.node;
    let given = arguments.as_object().expect("arguments by name");
    let (mut variables, mut passed) = (Vec::new(), Vec::new());
    for argument in given.keys() {
        let defined = field.arguments.iter().find(|one| one.node.name.node == argument.as_str());
        let kind = &defined.unwrap_or_else(|| panic!("{name} takes no argument `{argument}`")).node.ty.node;
        variables.push(format!("${argument}: {kind}"));
        passed.push(format!("{argument}: ${argument}"));
    }
    let brackets = |parts: Vec<String>| {
        if parts.is_empty() { String::new() } else { format!("({})", parts.join(", ")) }
    };
    let kind = named(&field.ty.node);
    let selection = if schema.is_composite(kind) { schema.selection(kind, DEPTH) } else { String::new() };
    format!("{}{} {{ {name}{} {selection} }}", root.to_lowercase(), brackets(variables), brackets(passed))
}

/// A person's call of a root field in any world.
pub async fn call(
    world: &World,
    schema: &Schema,
    person: &Person,
    (root, field): (&str, &FieldDefinition),
    arguments: &Value,
) -> Said {
    let document = document(schema, (root, field), arguments);
    if root == "Subscription" {
        return person.follow(world, &document, arguments).await;
    }
    person.ask(world, &document, arguments).await
}
