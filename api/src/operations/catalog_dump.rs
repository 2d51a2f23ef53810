//! A text of a schema that is the same for the same schema, read from the catalogue.
//!
//! One line for each object of the schemas `public` and `app` (schemas, tables, columns, constraints, indexes, policies,
//! triggers, functions, types, sequences) with owner, grants and comment, and one for each row that migrations themselves
//! put into a table: rows that a policy shows to the role of the connection. Sorted by bytes; names are qualified.

use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Row};

use super::Failure;

/// A schema as lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dump(Vec<String>);

impl Dump {
    /// Reads the schema of a connection's database; sets the connection's search path.
    ///
    /// # Errors
    ///
    /// [`Failure::Database`].
    pub async fn read(connection: &mut PgConnection) -> Result<Self, Failure> {
        Self::collect(connection).await.map_err(Failure::database("read the catalogue"))
    }

    async fn collect(connection: &mut PgConnection) -> Result<Self, sqlx::Error> {
        // Definitions then qualify every name that is not PostgreSQL's own.
        sqlx::raw_sql("set search_path = pg_catalog").execute(&mut *connection).await?;
        let objects = sqlx::query(include_str!("catalog.sql")).fetch_all(&mut *connection).await?;
        let mut lines = objects.iter().map(|row| row.try_get("line")).collect::<Result<Vec<String>, _>>()?;
        // Reference data: the tables with a policy for the owner itself.
        let tables = sqlx::query(
            "select distinct p.polrelid::regclass::text as name from pg_policy p
             join pg_roles r on r.oid = any (p.polroles) where r.rolname = current_user",
        )
        .fetch_all(&mut *connection)
        .await?;
        for table in tables {
            let name: String = table.try_get("name")?;
            // sql: literal because the name is the catalogue's own quoted one.
            let statement = AssertSqlSafe(format!("select t::text as line from {name} t"));
            for row in sqlx::query(statement).fetch_all(&mut *connection).await? {
                let line: String = row.try_get("line")?;
                lines.push(format!("row {name} {}", line.replace('\n', "\\n")));
            }
        }
        lines.sort_unstable();
        Ok(Self(lines))
    }

    /// The lines, sorted.
    #[must_use]
    pub fn lines(&self) -> &[String] {
        &self.0
    }

    /// What changed from this to the other: removed lines with `-`, added ones with `+`, sorted.
    #[must_use]
    pub fn difference(&self, other: &Self) -> Vec<String> {
        let (mut before, mut after) = (self.0.iter().peekable(), other.0.iter().peekable());
        let mut found = Vec::new();
        loop {
            match (before.peek(), after.peek()) {
                (None, None) => return found,
                (Some(left), Some(right)) if left == right => {
                    before.next();
                    after.next();
                }
                (Some(left), right) if right.is_none_or(|right| left < right) => {
                    found.push(format!("- {left}"));
                    before.next();
                }
                (_, right) => {
                    found.extend(right.map(|right| format!("+ {right}")));
                    after.next();
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Dump;

    fn dump(lines: &[&str]) -> Dump {
        Dump(lines.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn a_difference_names_what_went_and_what_came() {
        let (before, after) = (dump(&["a", "b", "d", "d"]), dump(&["b", "c", "d", "e"]));
        assert_eq!(before.difference(&after), ["- a", "+ c", "- d", "+ e"]);
        assert_eq!(after.difference(&before), ["+ a", "- c", "+ d", "- e"]);
        assert!(before.difference(&before).is_empty());
        assert_eq!(dump(&[]).difference(&dump(&["x"])), ["+ x"]);
    }
}
