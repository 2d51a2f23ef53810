//! `footnote demo`: everything on this machine, with people, documents and agents to try it on.

use std::time::Instant;

use clap::Args;

use super::interrupt::Interrupt;
use super::progress::{self, IngestionProgress};
use super::ready::{self, Headers, Ready, ReadyUser};
use super::{guide, output, serve};
use crate::config::{DatabaseUrls, Faults, Limits, Place, Services};
use crate::operations::Failure;
use crate::operations::seed::{self, Seeded, User};
use crate::operations::stack::{Settings, Stack};
use crate::server::ServeOptions;

pub const EXAMPLES: &str = "Examples:
  footnote demo                                data in .footnote, GraphiQL at http://127.0.0.1:8787/graphiql
  footnote demo --data /tmp/try --listen 127.0.0.1:0
  footnote demo --json                         one line with the addresses, the users and their headers

The first start ingests 159 pages of the PostgreSQL manual; later ones reuse the data. Ctrl-C stops everything.";

/// How long the demo's tokens hold.
const HOURS: i64 = 12;

/// What a demo is started with.
#[derive(Args, Debug)]
pub struct Demo {
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    limits: Limits,
    /// Print one JSON object when it is ready, and nothing else.
    #[arg(long)]
    json: bool,
}

impl Demo {
    /// Says what is wrong with the settings.
    pub fn check(&self, faults: &mut Faults) {
        self.place.check(faults);
        self.limits.check(faults);
    }

    /// Whether somebody reads at a terminal.
    pub fn is_for_people(&self) -> bool {
        !self.json && progress::is_watched()
    }

    /// Runs until the wish to end.
    pub async fn run(self, mut interrupt: Interrupt) -> Result<(), Failure> {
        let began = Instant::now();
        let (listener, address) = ready::listen(self.place.listen).await?;
        if !self.json {
            output::note("Starting PostgreSQL and Qdrant's engine …");
        }
        let mut services = Services::default();
        services.mail.lead_to(&ready::base(address));
        let mails = self.place.data.join("mail");
        let settings = Settings {
            data: self.place.data,
            // The demo is private: addresses in the environment are for other commands.
            urls: DatabaseUrls::default(),
            limits: self.limits,
            services,
        };
        let mut stack = interrupt.or(Stack::open(settings)).await?;
        stack.start_worker();
        let prepared = async {
            stack.publish(&ready::base(address))?;
            prepare(&stack, !self.json).await
        };
        let started = match interrupt.or(prepared).await {
            Ok((users, seeded)) => {
                let options =
                    ServeOptions { allow_loopback_origins: true, graphiql: true, ..ServeOptions::default() };
                stack.start_server(listener, options);
                let ready = ready(&stack, Ready::at(address, true, stack.app_url()), &users);
                if self.json {
                    output::json(&ready)
                } else {
                    output::text(&guide::text(&ready, &seeded, &mails, began.elapsed()))
                }
            }
            Err(failure) => Err(failure),
        };
        serve::until_ended(stack, started, interrupt).await
    }
}

async fn prepare(stack: &Stack, for_people: bool) -> Result<(Vec<User>, Seeded), Failure> {
    let owner_url =
        stack.owner_url().ok_or_else(|| Failure::Start("the demo has no database of its own".to_owned()))?;
    let users = seed::people(stack.app(), owner_url, HOURS).await?;
    let mut progress = IngestionProgress::new(for_people);
    let seeded = seed::content(stack.app(), &users, &mut progress).await?;
    Ok((users, seeded))
}

fn ready(stack: &Stack, ready: Ready, users: &[User]) -> Ready {
    let user = |user: &User| ReadyUser {
        email: user.person.email.to_owned(),
        role: user.person.role.to_owned(),
        workspace: user.person.workspace.to_owned(),
        password: user.password.reveal().to_owned(),
        headers: Headers {
            authorization: user.authorization.clone(),
            workspace: user.person.workspace.to_owned(),
        },
    };
    Ready {
        owner_database_url: stack.owner_url().map(str::to_owned),
        users: users.iter().map(user).collect(),
        ..ready
    }
}
