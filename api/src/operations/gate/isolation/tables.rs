//! The tables, as the catalogue has them: columns, CHECK conditions, policies and grants.

use sqlx::Row;
use sqlx::postgres::PgConnection;

use super::Verb;
use crate::operations::roles::Role;

/// The condition that finds every row of the workspace of the row whose JSON is `$1`.
pub(super) const IN_ITS_WORKSPACE: &str = "workspace_id = ($1->>'workspace_id')::uuid";

/// A table that has `workspace_id`.
pub(super) struct Table {
    /// Its name.
    pub name: String,
    /// Its name as it stands in a statement, with the schema.
    pub quoted: String,
    /// The name alone, as it stands in a statement: what a policy may call the row.
    pub alias: String,
    pub columns: Vec<Column>,
    /// The columns of the primary key, by their place.
    key: Vec<usize>,
    pub conditions: Vec<Condition>,
    pub policies: Vec<Policy>,
}

/// A column.
pub(super) struct Column {
    pub name: String,
    /// As it stands in a statement.
    pub quoted: String,
    /// The type, without its length; of a domain, the type under it.
    pub kind: String,
    pub nullable: bool,
    /// The expression that makes its value where none is given.
    pub default: Option<String>,
    /// Whether the database alone makes its value.
    pub made: bool,
    /// The verbs that a role was granted on it.
    granted: Vec<String>,
}

/// A CHECK over columns, by their place.
pub(super) struct Condition {
    pub name: String,
    pub sql: String,
    pub columns: Vec<usize>,
}

/// A policy.
pub(super) struct Policy {
    pub name: String,
    pub permissive: bool,
    /// `ALL`, or the one verb.
    verb: String,
    roles: Vec<String>,
    qual: Option<String>,
    with_check: Option<String>,
}

impl Policy {
    /// Whether it speaks when the role does this.
    pub(super) fn binds(&self, role: Role, verb: Verb) -> bool {
        self.is_of(role) && (self.verb == "ALL" || self.verb == verb.name())
    }

    /// Whether it speaks to the role at all.
    pub(super) fn is_of(&self, role: Role) -> bool {
        self.roles.iter().any(|name| name == role.name() || name == "public")
    }

    /// The condition on rows that are there.
    pub(super) fn on_rows(&self) -> &str {
        self.qual.as_deref().unwrap_or("true")
    }

    /// The condition on rows that come to be.
    pub(super) fn on_new_rows(&self) -> &str {
        self.with_check.as_deref().or(self.qual.as_deref()).unwrap_or("true")
    }

    /// Everything that it says.
    pub(super) fn text(&self) -> String {
        format!("{} {}", self.on_rows(), self.on_new_rows())
    }
}

impl Table {
    /// Whether the role was granted the verb, on the table or on a column.
    pub(super) fn grants(&self, role: Role, verb: Verb) -> bool {
        self.columns.iter().any(|column| column.grants(role, verb))
    }

    /// The column to write back to itself: one that the role may update, else the tenant's.
    pub(super) fn updated(&self, role: Role) -> &str {
        let granted = self.columns.iter().find(|column| !column.made && column.grants(role, Verb::Update));
        granted.map_or("workspace_id", |column| &column.quoted)
    }

    /// The condition that finds the one row whose JSON is `$1`.
    pub(super) fn finding(&self) -> String {
        let part = |column: &Column| {
            let name = column.name.replace('\'', "''");
            format!("{} = ($1->>'{name}')::{}", column.quoted, column.kind)
        };
        let key = self.key.iter().map(|place| part(&self.columns[*place]));
        std::iter::once(IN_ITS_WORKSPACE.to_owned()).chain(key).collect::<Vec<_>>().join(" and ")
    }

    /// The columns that a row is inserted with, with commas.
    pub(super) fn written(&self) -> String {
        let written = self.columns.iter().filter(|column| !column.made);
        written.map(|column| column.quoted.as_str()).collect::<Vec<_>>().join(", ")
    }
}

impl Column {
    fn grants(&self, role: Role, verb: Verb) -> bool {
        let wanted = format!("{} {}", role.name(), verb.name());
        self.granted.contains(&wanted)
    }
}

/// Every table that has `workspace_id`.
pub(super) async fn read(connection: &mut PgConnection) -> Result<Vec<Table>, sqlx::Error> {
    let found = sqlx::query(
        "select c.oid::bigint as oid, c.relname::text as name, quote_ident(c.relname) as alias,
           format('%I.%I', n.nspname, c.relname) as quoted,
           array(select k.number from pg_index i, unnest(i.indkey) with ordinality k (number, place)
             where i.indrelid = c.oid and i.indisprimary order by k.place) as key
         from pg_class c
         join pg_namespace n on n.oid = c.relnamespace
         join pg_attribute a on a.attrelid = c.oid and a.attname = 'workspace_id' and not a.attisdropped
         where c.relkind in ('r', 'p') and n.nspname not in ('pg_catalog', 'information_schema') and n.nspname !~ '^pg_temp'
         order by c.relname",
    )
    .fetch_all(&mut *connection)
    .await?;
    let mut tables = Vec::new();
    for row in found {
        let oid: i64 = row.try_get("oid")?;
        let (columns, numbers) = columns(connection, oid).await?;
        let key: Vec<i16> = row.try_get("key")?;
        tables.push(Table {
            key: key.iter().filter_map(|number| numbers.iter().position(|other| other == number)).collect(),
            name: row.try_get("name")?,
            quoted: row.try_get("quoted")?,
            alias: row.try_get("alias")?,
            columns,
            conditions: conditions(connection, oid, &numbers).await?,
            policies: policies(connection, oid).await?,
        });
    }
    Ok(tables)
}

async fn columns(connection: &mut PgConnection, table: i64) -> Result<(Vec<Column>, Vec<i16>), sqlx::Error> {
    // A table owner's or a superuser's rights are not asked for: only what was granted to the two roles.
    let rows = sqlx::query(
        "select a.attnum, a.attname::text as name, quote_ident(a.attname) as quoted, not a.attnotnull as nullable,
           format_type(coalesce(nullif(t.typbasetype, 0), a.atttypid), null) as kind,
           case when a.attgenerated = '' then pg_get_expr(d.adbin, d.adrelid) end as fallback,
           a.attgenerated <> '' or a.attidentity = 'a' as made,
           array(select r || ' ' || v from unnest(array['footnote_app', 'footnote_worker']) r, unnest(array['SELECT', 'INSERT', 'UPDATE']) v
                 where has_column_privilege(r, a.attrelid, a.attnum, v)
                 union all
                 select r || ' DELETE' from unnest(array['footnote_app', 'footnote_worker']) r
                 where has_table_privilege(r, a.attrelid, 'DELETE')) as granted
         from pg_attribute a
         join pg_type t on t.oid = a.atttypid
         left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
         where a.attrelid = $1::oid and a.attnum > 0 and not a.attisdropped
         order by a.attnum",
    )
    .bind(table)
    .fetch_all(connection)
    .await?;
    let mut numbers = Vec::new();
    let mut columns = Vec::new();
    for row in rows {
        numbers.push(row.try_get("attnum")?);
        columns.push(Column {
            name: row.try_get("name")?,
            quoted: row.try_get("quoted")?,
            kind: row.try_get("kind")?,
            nullable: row.try_get("nullable")?,
            default: row.try_get("fallback")?,
            made: row.try_get("made")?,
            granted: row.try_get("granted")?,
        });
    }
    Ok((columns, numbers))
}

async fn conditions(
    connection: &mut PgConnection,
    table: i64,
    numbers: &[i16],
) -> Result<Vec<Condition>, sqlx::Error> {
    let rows = sqlx::query(
        "select conname::text as name, pg_get_expr(conbin, conrelid) as sql, conkey from pg_constraint
         where conrelid = $1::oid and contype = 'c' order by conname",
    )
    .bind(table)
    .fetch_all(connection)
    .await?;
    rows.iter()
        .map(|row| {
            let key: Option<Vec<i16>> = row.try_get("conkey")?;
            let places = key.unwrap_or_default();
            let places = places.iter().filter_map(|number| numbers.iter().position(|other| other == number));
            Ok(Condition { name: row.try_get("name")?, sql: row.try_get("sql")?, columns: places.collect() })
        })
        .collect()
}

async fn policies(connection: &mut PgConnection, table: i64) -> Result<Vec<Policy>, sqlx::Error> {
    let rows = sqlx::query(
        "select p.polname::text as name, p.polpermissive as permissive,
           case p.polcmd when 'r' then 'SELECT' when 'a' then 'INSERT' when 'w' then 'UPDATE' when 'd' then 'DELETE' else 'ALL' end as verb,
           array(select case r when 0 then 'public' else pg_get_userbyid(r)::text end from unnest(p.polroles) r) as roles,
           pg_get_expr(p.polqual, p.polrelid) as qual, pg_get_expr(p.polwithcheck, p.polrelid) as with_check
         from pg_policy p where p.polrelid = $1::oid order by p.polname",
    )
    .bind(table)
    .fetch_all(connection)
    .await?;
    rows.iter()
        .map(|row| {
            Ok(Policy {
                name: row.try_get("name")?,
                permissive: row.try_get("permissive")?,
                verb: row.try_get("verb")?,
                roles: row.try_get("roles")?,
                qual: row.try_get("qual")?,
                with_check: row.try_get("with_check")?,
            })
        })
        .collect()
}
