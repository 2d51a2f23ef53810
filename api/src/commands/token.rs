//! `footnote token`: mints an access token for a member of a workspace.
//!
//! It opens a session through the owner's door and signs with the server's key, so it works beside a running server, which
//! must use the same data folder or have been given the same key.

use std::path::PathBuf;

use chrono::TimeDelta;
use clap::Args;
use serde::Serialize;

use super::interrupt::Interrupt;
use super::output;
use super::ready::Headers;
use crate::clock;
use crate::config::{Faults, SigningKey};
use crate::operations::owner_access::OwnerAccess;
use crate::operations::people::People;
use crate::operations::{Failure, stack};
use crate::tenancy::WorkspaceKey;

pub const EXAMPLES: &str = "Examples:
  footnote token --email owner@acme.example --workspace acme
  footnote token --email viewer@acme.example --workspace acme --hours 1 --json";

/// For whom, and for how long.
#[derive(Args, Debug)]
pub struct Token {
    /// The member's address.
    #[arg(long)]
    email: String,
    /// The workspace's slug or id.
    #[arg(long, value_parser = workspace_key)]
    workspace: WorkspaceKey,
    /// How long it holds, 1 to 720.
    #[arg(long, default_value_t = 12, value_parser = clap::value_parser!(i64).range(1..=720))]
    hours: i64,
    /// The database as `footnote_owner`; the private one of the data folder unless said.
    #[arg(long, env = "FOOTNOTE_OWNER_DATABASE_URL", hide_env_values = true, value_name = "URL")]
    owner_database_url: Option<String>,
    /// The data folder, which holds the key that signs.
    #[arg(long, env = "FOOTNOTE_DATA", default_value = ".footnote", value_name = "DIR")]
    data: PathBuf,
    #[command(flatten)]
    signing: SigningKey,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Minted {
    email: String,
    role: String,
    workspace: String,
    expires_at: String,
    headers: Headers,
}

impl Token {
    /// Says what is wrong with the settings.
    pub fn check(&self, faults: &mut Faults) {
        self.signing.check(faults);
    }

    /// Mints it.
    pub async fn run(self, mut interrupt: Interrupt) -> Result<(), Failure> {
        if !self.signing.is_set() && !self.data.join("signing-key").is_file() {
            return Err(Failure::Usage(format!(
                "There is no signing key in the data folder {}: name the folder of the server with --data, or set the key that it \
                 was given (FOOTNOTE_SIGNING_KEY).",
                self.data.display()
            )));
        }
        let access = interrupt.or(OwnerAccess::open(self.owner_database_url.as_deref(), &self.data)).await?;
        let minted = interrupt.or(self.mint(access.url())).await;
        access.close().await;
        let minted = minted?;
        if self.json {
            return output::json(&minted);
        }
        let Headers { authorization, workspace } = &minted.headers;
        output::text(&format!("authorization: {authorization}\nx-workspace: {workspace}"))
    }

    async fn mint(&self, owner_url: &str) -> Result<Minted, Failure> {
        let tokens = stack::signing_key(&self.signing, &self.data)?;
        let mut people = People::connect(owner_url).await?;
        let Some(member) = people.member(&self.email, &self.workspace).await? else {
            return Err(Failure::Start(format!("{} is no active member of that workspace.", self.email)));
        };
        let until = clock::now() + TimeDelta::hours(self.hours);
        let session = people.open_session(member.user, until).await?;
        let authorization =
            tokens.mint(member.user, session, until).map_err(|error| Failure::Start(error.message()))?;
        Ok(Minted {
            email: self.email.clone(),
            role: member.role,
            workspace: member.slug.clone(),
            expires_at: until.to_rfc3339_opts(chrono::SecondsFormat::Secs, true),
            headers: Headers { authorization, workspace: member.slug },
        })
    }
}

fn workspace_key(text: &str) -> Result<WorkspaceKey, &'static str> {
    WorkspaceKey::parse(text).ok_or("not a workspace's slug or id")
}
