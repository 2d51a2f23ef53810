//! `footnote serve`: answers requests and, unless others do, runs jobs, until somebody ends it.

use clap::Args;

use super::interrupt::Interrupt;
use super::output;
use super::ready::{self, Ready};
use crate::config::{DatabaseUrls, Faults, Limits, Pages, Place, Services};
use crate::operations::stack::{Settings, Stack};
use crate::operations::{Duty, Failure};
use crate::server::{AllowedOrigins, ServeOptions};

pub const EXAMPLES: &str = "Examples:
  footnote serve                               on the private database of the data folder
  FOOTNOTE_APP_DATABASE_URL=… FOOTNOTE_WORKER_DATABASE_URL=… footnote serve --listen 0.0.0.0:8787
  footnote serve --allowed-origins https://app.example,https://admin.example
  footnote serve --no-worker                   beside processes of `footnote worker`
  footnote serve --json --listen 127.0.0.1:0   one line with the addresses when it is ready";

/// What a server is started with.
#[derive(Args, Debug)]
pub struct Serve {
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    urls: DatabaseUrls,
    #[command(flatten)]
    limits: Limits,
    #[command(flatten)]
    services: Services,
    #[command(flatten)]
    pages: Pages,
    /// Run no jobs: processes of `footnote worker` do, and all share what is kept.
    #[arg(long, env = "FOOTNOTE_NO_WORKER")]
    no_worker: bool,
    /// Do not serve the page of GraphiQL.
    #[arg(long, env = "FOOTNOTE_NO_GRAPHIQL")]
    no_graphiql: bool,
    /// Print one JSON object (of a server: when it is ready).
    #[arg(long)]
    json: bool,
}

impl Serve {
    /// Says what is wrong with the settings.
    pub fn check(&self, faults: &mut Faults) {
        self.place.check(faults);
        let duty = self.duty();
        self.urls.check(duty.addresses(), faults);
        for (setting, _, advice) in duty.unshared(&self.urls, &self.services) {
            faults.add(setting, advice);
        }
        self.limits.check(faults);
        self.services.check(faults);
        self.pages.check(faults);
    }

    fn duty(&self) -> Duty {
        if self.no_worker { Duty::Requests } else { Duty::Both }
    }

    /// Whether one JSON object is wanted.
    pub fn is_json(&self) -> bool {
        self.json
    }

    /// Serves until the wish to end.
    pub async fn run(self, mut interrupt: Interrupt) -> Result<(), Failure> {
        let allowed_origins = AllowedOrigins::parse(&self.pages.allowed_origins).map_err(Failure::Usage)?;
        let duty = self.duty();
        let (listener, address) = ready::listen(self.place.listen).await?;
        let mut services = self.services;
        services.mail.lead_to(&ready::base(address));
        let settings = Settings { data: self.place.data, urls: self.urls, limits: self.limits, services };
        let mut stack = interrupt.or(Stack::open_for(settings, duty)).await?;
        if duty == Duty::Both {
            stack.start_worker();
        }
        let graphiql = !self.no_graphiql;
        // A proxy in front may reach this over the loopback for everybody, so no origin is trusted for being local.
        stack.start_server(
            listener,
            ServeOptions { allowed_origins, allow_loopback_origins: false, graphiql },
        );
        let told =
            tell(&stack, &Ready::at(address, graphiql, stack.app_url()), &ready::base(address), self.json);
        until_ended(stack, told, interrupt).await
    }
}

fn tell(stack: &Stack, ready: &Ready, base: &str, json: bool) -> Result<(), Failure> {
    stack.publish(base)?;
    if json { output::json(ready) } else { output::text(&format!("Footnote is ready.\n{}", ready.lines())) }
}

/// Waits for the wish to end, or for the server's own end, unless the start failed; then closes everything.
pub async fn until_ended(
    stack: Stack,
    started: Result<(), Failure>,
    mut interrupt: Interrupt,
) -> Result<(), Failure> {
    if started.is_ok() {
        tokio::select! {
            () = interrupt.wait() => {}
            () = stack.ended() => {}
        }
    }
    let closed = stack.close().await;
    started.and(closed)
}
