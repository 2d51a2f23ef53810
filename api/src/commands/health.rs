//! `footnote health`: asks a running server whether it can do its work, for images and service managers without curl.

use std::net::SocketAddr;
use std::time::Duration;

use clap::Args;

use super::interrupt::Interrupt;
use super::{output, ready};
use crate::adapters::http::{self, HttpLimits};
use crate::operations::Failure;

pub const EXAMPLES: &str = "Examples:
  footnote health                              asks the server that listens on FOOTNOTE_LISTEN
  footnote health --url http://gateway:8787 --alive

The exit code is 0 where the server answers so, and 1 otherwise.";

const PATIENCE: Duration = Duration::from_secs(4);
/// A server's answer has a line for each dependency.
const LONGEST: usize = 64 * 1024;

/// Which server, and what to ask it.
#[derive(Args, Debug)]
pub struct Health {
    /// Where the server listens.
    #[arg(long, env = "FOOTNOTE_LISTEN", default_value = "127.0.0.1:8787", value_name = "ADDR")]
    listen: SocketAddr,
    /// The server's address instead, as `http://gateway:8787`.
    #[arg(long, value_name = "URL")]
    url: Option<String>,
    /// Ask only whether the process lives, and nothing of what it depends on.
    #[arg(long)]
    alive: bool,
}

impl Health {
    /// Asks.
    pub async fn run(self, mut interrupt: Interrupt) -> Result<(), Failure> {
        interrupt.or(self.ask()).await
    }

    async fn ask(&self) -> Result<(), Failure> {
        let base = self.url.clone().unwrap_or_else(|| ready::base(self.listen));
        let path = if self.alive { "healthz" } else { "readyz" };
        let answer = get(&base, path).await?;
        output::text(&answer.text)?;
        if answer.holds {
            return Ok(());
        }
        Err(Failure::DoesNotHold(format!("the server answered {}", answer.status)))
    }
}

/// What a server said.
pub struct Answer {
    /// Its status code.
    pub status: u16,
    /// Whether it is a success.
    pub holds: bool,
    /// The body, cut off where it is longer than any of ours.
    pub text: String,
}

/// Asks a server for one of its own pages.
pub async fn get(base: &str, path: &str) -> Result<Answer, Failure> {
    let wrong = |what: &dyn std::fmt::Display| Failure::Start(format!("the server did not answer: {what}"));
    let limits = HttpLimits { connect: PATIENCE, silence: PATIENCE, total: PATIENCE };
    let client = http::client(limits).map_err(Failure::Start)?;
    let url = format!("{}/{path}", base.trim_end_matches('/'));
    let mut response = client.get(url).send().await.map_err(|error| wrong(&error.without_url()))?;
    let status = response.status();
    let mut body = Vec::new();
    while let Some(piece) = response.chunk().await.map_err(|error| wrong(&error.without_url()))? {
        body.extend_from_slice(&piece);
        if body.len() > LONGEST {
            body.truncate(LONGEST);
            break;
        }
    }
    Ok(Answer {
        status: status.as_u16(),
        holds: status.is_success(),
        text: String::from_utf8_lossy(&body).into_owned(),
    })
}
