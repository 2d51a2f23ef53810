//! `footnote operator`: adds, lists and revokes those who run the installation.
//!
//! It works through the owner's address, beside a running server. A key is printed once, and nothing keeps it.

use std::path::PathBuf;

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use clap::{Args, Subcommand};
use entity::id::OperatorId;
use serde::Serialize;

use super::interrupt::Interrupt;
use super::output;
use crate::clock;
use crate::input::Check;
use crate::operations::Failure;
use crate::operations::operators::KnownOperator;
use crate::operations::owner_access::OwnerAccess;
use crate::operations::people::People;
use crate::operators::NewOperatorKey;

pub const EXAMPLES: &str = "Examples:
  footnote operator add --name \"Ann of support\" --email ann@example.com --days 90
  footnote operator list --json
  footnote operator revoke --id operator_01h455vb4pex5vsknk084sn02q";

/// What to do about operators.
#[derive(Args, Debug)]
pub struct Operator {
    #[command(subcommand)]
    action: Action,
    /// The database as `footnote_owner`; the private one of the data folder unless said.
    #[arg(
        long,
        env = "FOOTNOTE_OWNER_DATABASE_URL",
        hide_env_values = true,
        value_name = "URL",
        global = true
    )]
    owner_database_url: Option<String>,
    /// The data folder.
    #[arg(long, env = "FOOTNOTE_DATA", default_value = ".footnote", value_name = "DIR", global = true)]
    data: PathBuf,
    /// Print one JSON object.
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Make an operator, and print their key; nothing else keeps it.
    Add {
        /// The name that tenants read: 1 to 100 characters.
        #[arg(long)]
        name: String,
        /// How to reach them.
        #[arg(long)]
        email: String,
        /// How long the key holds, 1 to 366.
        #[arg(long, default_value_t = 90, value_parser = clap::value_parser!(i64).range(1..=366))]
        days: i64,
    },
    /// List operators, those who were revoked among them; never their keys.
    List,
    /// Revoke an operator: their key opens nothing from then on, and their entries into workspaces end.
    Revoke {
        /// The operator, as `list` shows them.
        #[arg(long, value_parser = operator_id)]
        id: OperatorId,
    },
}

#[derive(Serialize)]
struct Added {
    id: String,
    name: String,
    email: String,
    expires_at: String,
    /// The header `Authorization`.
    authorization: String,
}

#[derive(Serialize)]
struct Listed {
    operators: Vec<Shown>,
}

#[derive(Serialize)]
struct Shown {
    id: String,
    name: String,
    email: String,
    start: String,
    status: &'static str,
    created_at: String,
    expires_at: String,
    revoked_at: Option<String>,
    last_used_at: Option<String>,
}

#[derive(Serialize)]
struct Revoked {
    id: String,
}

impl Operator {
    /// Does it.
    pub async fn run(self, mut interrupt: Interrupt) -> Result<(), Failure> {
        let action = match self.action {
            Action::Add { name, email, days } => {
                let (name, email) = checked(&name, &email)?;
                Action::Add { name, email, days }
            }
            other => other,
        };
        let access = interrupt.or(OwnerAccess::open(self.owner_database_url.as_deref(), &self.data)).await?;
        let done = interrupt.or(act(action, access.url(), self.json)).await;
        access.close().await;
        done
    }
}

async fn act(action: Action, owner_url: &str, json: bool) -> Result<(), Failure> {
    let mut people = People::connect(owner_url).await?;
    match action {
        Action::Add { name, email, days } => {
            let key = NewOperatorKey::random();
            let until = clock::now() + TimeDelta::days(days);
            let id = people.add_operator(&name, &email, &key, until).await?;
            let authorization = format!("Bearer {}", key.text);
            let added = Added { id: id.to_string(), name, email, expires_at: rfc3339(until), authorization };
            if json {
                return output::json(&added);
            }
            output::text(&format!(
                "id: {}\nexpires: {}\nauthorization: {}",
                added.id, added.expires_at, added.authorization
            ))
        }
        Action::List => {
            let now = clock::now();
            let operators = people.operators().await?.into_iter().map(|one| shown(one, now)).collect();
            let listed = Listed { operators };
            if json { output::json(&listed) } else { output::text(&listed.lines()) }
        }
        Action::Revoke { id } => {
            if !people.revoke_operator(id).await? {
                return Err(Failure::Start(format!("There is no operator {id} to revoke.")));
            }
            if json {
                output::json(&Revoked { id: id.to_string() })
            } else {
                output::text(&format!("{id} was revoked."))
            }
        }
    }
}

fn checked(name: &str, email: &str) -> Result<(String, String), Failure> {
    let mut check = Check::arguments();
    let name = check.text("name", name, 1..=100);
    if name.chars().any(char::is_control) {
        check.refuse("name", "INVALID_CHARACTER", "`name` holds a control character.");
    }
    let email = check.email("email", email);
    check.finish().map_err(|error| Failure::Usage(error.message()))?;
    Ok((name, email))
}

fn shown(operator: KnownOperator, now: DateTime<Utc>) -> Shown {
    let status = if operator.revoked_at.is_some() {
        "REVOKED"
    } else if operator.expires_at <= now {
        "EXPIRED"
    } else {
        "ACTIVE"
    };
    Shown {
        id: operator.id.to_string(),
        name: operator.name,
        email: operator.email,
        start: operator.start,
        status,
        created_at: rfc3339(operator.created_at),
        expires_at: rfc3339(operator.expires_at),
        revoked_at: operator.revoked_at.map(rfc3339),
        last_used_at: operator.last_used_at.map(rfc3339),
    }
}

impl Listed {
    fn lines(&self) -> String {
        if self.operators.is_empty() {
            return "There are no operators.".to_owned();
        }
        let line = |one: &Shown| {
            let used = one.last_used_at.as_deref().unwrap_or("never");
            format!(
                "{}  {:7}  {}…  until {}  last used {used}  {} <{}>\n",
                one.id, one.status, one.start, one.expires_at, one.name, one.email
            )
        };
        self.operators.iter().map(line).collect()
    }
}

fn rfc3339(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Secs, true)
}

fn operator_id(text: &str) -> Result<OperatorId, String> {
    OperatorId::parse(text).map_err(|malformed| malformed.to_string())
}
