//! `footnote person`: what is stored about a person, and its erasure, for whoever operates the installation.
//!
//! It works as the owner of the database, beside a running server, and for people who cannot sign in any more. Each erasure stands in
//! the audit log of every workspace that the person was in, as the system's.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use entity::id::UserId;
use serde::Serialize;
use serde_json::Value;

use super::interrupt::Interrupt;
use super::output;
use crate::operations::Failure;
use crate::operations::owner_access::OwnerAccess;
use crate::operations::people::{Erased, People};

pub const EXAMPLES: &str = "Examples:
  footnote person export --email ada@acme.example > ada.json
  footnote person erase --email ada@acme.example --yes";

/// What to do with what is stored about a person.
#[derive(Args, Debug)]
pub struct Person {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Print what is stored about a person as one JSON document.
    Export {
        #[command(flatten)]
        whom: Whom,
        /// Print it on one line.
        #[arg(long)]
        json: bool,
    },
    /// Delete a person's account for good. Refused while they are the last active OWNER of a workspace.
    Erase {
        #[command(flatten)]
        whom: Whom,
        /// Do it: nothing brings the account back but a backup.
        #[arg(long)]
        yes: bool,
        /// Print one JSON object.
        #[arg(long)]
        json: bool,
    },
}

/// A person of the database of a server.
#[derive(Args, Debug)]
struct Whom {
    /// The person's address.
    #[arg(long, required_unless_present = "id", conflicts_with = "id")]
    email: Option<String>,
    /// The person's id, for those without an address.
    #[arg(long, value_parser = user_id, value_name = "USER_ID")]
    id: Option<UserId>,
    /// The database as `footnote_owner`; the private one of the data folder unless said.
    #[arg(long, env = "FOOTNOTE_OWNER_DATABASE_URL", hide_env_values = true, value_name = "URL")]
    owner_database_url: Option<String>,
    /// The data folder.
    #[arg(long, env = "FOOTNOTE_DATA", default_value = ".footnote", value_name = "DIR")]
    data: PathBuf,
}

#[derive(Serialize)]
struct Deleted {
    id: String,
    erased: bool,
}

impl Person {
    /// Does it.
    pub async fn run(self, mut interrupt: Interrupt) -> Result<(), Failure> {
        match self.action {
            Action::Export { whom, json } => {
                let work = async |people: &mut People, user| people.personal_data(user).await;
                let (_, document) = whom.with(&mut interrupt, work).await?;
                if json { output::json(&document) } else { output::text(&pretty(&document)?) }
            }
            Action::Erase { yes: false, .. } => Err(Failure::Usage(
                "This deletes the account for good, and no command brings it back: say --yes.".to_owned(),
            )),
            Action::Erase { whom, json, .. } => {
                let work = async |people: &mut People, user| people.erase(user).await;
                let (user, erased) = whom.with(&mut interrupt, work).await?;
                match erased {
                    Erased::Done if json => output::json(&Deleted { id: user.to_string(), erased: true }),
                    Erased::Done => output::text(&format!("erased {user}")),
                    Erased::LastOwner(slugs) => Err(Failure::DoesNotHold(format!(
                        "{user} is the last active OWNER of {}: make somebody else OWNER first. Nothing was erased.",
                        slugs.join(", ")
                    ))),
                }
            }
        }
    }
}

impl Whom {
    /// Does the work as the owner of the doors, and stops what was started for it, however the work ends.
    async fn with<T>(
        &self,
        interrupt: &mut Interrupt,
        work: impl AsyncFnOnce(&mut People, UserId) -> Result<T, Failure>,
    ) -> Result<(UserId, T), Failure> {
        let access = interrupt.or(OwnerAccess::open(self.owner_database_url.as_deref(), &self.data)).await?;
        let working = async {
            let mut people = People::connect(access.url()).await?;
            let user = people.person(self.email.as_deref(), self.id).await?;
            let user = user.ok_or_else(|| Failure::Start("There is no such person.".to_owned()))?;
            Ok((user, work(&mut people, user).await?))
        };
        let worked = interrupt.or(working).await;
        access.close().await;
        worked
    }
}

fn pretty(document: &Value) -> Result<String, Failure> {
    serde_json::to_string_pretty(document).map_err(|error| Failure::Start(error.to_string()))
}

fn user_id(text: &str) -> Result<UserId, String> {
    UserId::parse(text).map_err(|malformed| malformed.to_string())
}
