//! The command line.
//!
//! Each command says what it measured or checked as one JSON object on standard output when it is asked to (`--json`), and
//! to people otherwise; logs and failures go to standard error. Exit codes: 0 done, 1 failed, 2 wrong use. Whatever a
//! command starts ends with it, also on Ctrl-C (SIGINT) and SIGTERM.

mod bench;
mod bootstrap;
mod config;
mod demo;
mod doctor;
mod guide;
mod health;
mod interrupt;
mod key;
mod logging;
mod migrate;
mod operator;
mod output;
mod progress;
mod ready;
mod serve;
mod token;
mod worker;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

use self::interrupt::Interrupt;
use crate::config::Faults;
use crate::config::layers::{self, Layers};
use crate::operations::Failure;

const EXAMPLES: &str = "Examples:
  footnote demo                          everything on this machine, with documents to search
  footnote serve --data /var/lib/footnote --listen 0.0.0.0:8787
  footnote token --email owner@acme.example --workspace acme
  footnote bootstrap --database-url postgresql://postgres:secret@db/footnote
  footnote migrate rehearse --json       applies, undoes and applies every migration

Settings are flags, the environment variables beside them, or keys of footnote.toml by the names of the flags; in this order.
`footnote config` shows which hold, and where each comes from.";

/// The backend of multi-tenant AI products: one binary, one GraphQL API over PostgreSQL.
#[derive(Debug, Parser)]
#[command(name = "footnote", version, about, after_help = EXAMPLES, max_term_width = 110, propagate_version = true)]
struct Arguments {
    #[command(flatten)]
    logging: logging::Logging,
    /// A file of settings; footnote.toml in the working folder, where there is one, unless said.
    // Read by the layers before this struct is made; it stands here to be known.
    #[arg(long, env = "FOOTNOTE_CONFIG", global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Start everything on this machine, with people, documents and agents to try it on.
    #[command(after_help = demo::EXAMPLES)]
    Demo(Box<demo::Demo>),
    /// Answer requests, and run jobs.
    #[command(after_help = serve::EXAMPLES)]
    Serve(Box<serve::Serve>),
    /// Run jobs, and answer no requests: beside `serve --no-worker`.
    #[command(after_help = worker::EXAMPLES)]
    Worker(Box<worker::Worker>),
    /// Prepare a PostgreSQL of your own: roles, passwords, migrations. Prints the settings for the others.
    #[command(after_help = bootstrap::EXAMPLES)]
    Bootstrap(bootstrap::Bootstrap),
    /// Apply, undo, list or rehearse migrations.
    Migrate(migrate::Migrate),
    /// Print the GraphQL schema in the definition language.
    Schema,
    /// Mint an access token for a member of a workspace.
    #[command(after_help = token::EXAMPLES)]
    Token(token::Token),
    /// Let somebody operate the installation: add, list, revoke.
    #[command(after_help = operator::EXAMPLES)]
    Operator(operator::Operator),
    /// Print the settings of `serve`: which value holds, where it comes from, what it is for.
    #[command(after_help = config::EXAMPLES)]
    Config(Box<config::Config>),
    /// Check what can be checked of a live system: its database, its roles, its isolation, its services.
    #[command(after_help = doctor::EXAMPLES)]
    Doctor(Box<doctor::Doctor>),
    /// Ask a running server whether it can do its work.
    #[command(after_help = health::EXAMPLES)]
    Health(health::Health),
    /// Make the key that several gateways sign access tokens with.
    Key(key::Key),
    /// Measure ingestion, search, reads and writes on this machine, in databases of their own.
    #[command(after_help = bench::EXAMPLES)]
    Bench(bench::Bench),
}

/// Runs the command of this process's arguments.
#[must_use]
pub fn main() -> ExitCode {
    let command = Arguments::command();
    let read = layers::read(&command, std::env::args_os().collect())
        .and_then(|layers| Ok((Arguments::from_arg_matches(&layers.matches)?, layers)));
    let (arguments, layers) = match read {
        Ok(read) => read,
        // Help, the version, or a command line that is none of ours, in clap's own words.
        Err(error) => error.exit(),
    };
    match start(arguments, &layers) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            output::failure(&failure);
            ExitCode::from(failure.exit_code())
        }
    }
}

/// Stops at wrong settings, all of them at once; otherwise runs the command.
fn start(arguments: Arguments, layers: &Layers) -> Result<(), Failure> {
    let Arguments { logging, command, .. } = arguments;
    let mut faults = layers.faults.clone();
    logging.check(&mut faults);
    command.check(&mut faults);
    if let Command::Config(config) = command {
        return config.run(layers, &faults);
    }
    if !faults.faults().is_empty() {
        return Err(Failure::Settings(faults.faults().iter().map(|fault| layers.line(fault)).collect()));
    }
    let quiet = matches!(&command, Command::Demo(demo) if demo.is_for_people());
    logging.start(quiet)?;
    for warning in faults.warnings() {
        tracing::warn!("the setting {}", layers.line(warning));
    }
    run(command)
}

impl Command {
    /// Says what is wrong with the settings together.
    fn check(&self, faults: &mut Faults) {
        match self {
            Self::Demo(demo) => demo.check(faults),
            Self::Serve(serve) => serve.check(faults),
            Self::Worker(worker) => worker.check(faults),
            Self::Config(config) => config.check(faults),
            Self::Token(token) => token.check(faults),
            Self::Bootstrap(bootstrap) => bootstrap.check(faults),
            Self::Doctor(doctor) => doctor.check(faults),
            Self::Migrate(_)
            | Self::Operator(_)
            | Self::Schema
            | Self::Health(_)
            | Self::Key(_)
            | Self::Bench(_) => {}
        }
    }
}

fn run(command: Command) -> Result<(), Failure> {
    let start = |error: std::io::Error| Failure::Start(format!("the runtime could not start: {error}"));
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(start)?;
    let done = runtime.block_on(async {
        let interrupt = Interrupt::listen().map_err(start)?;
        match command {
            Command::Demo(demo) => demo.run(interrupt).await,
            Command::Serve(serve) => serve.run(interrupt).await,
            Command::Worker(worker) => worker.run(interrupt).await,
            Command::Bootstrap(bootstrap) => bootstrap.run(interrupt).await,
            Command::Migrate(migrate) => migrate.run(interrupt).await,
            Command::Schema => output::text(&crate::graphql::sdl()),
            Command::Token(token) => token.run(interrupt).await,
            Command::Operator(operator) => operator.run(interrupt).await,
            Command::Config(_) => Ok(()),
            Command::Doctor(doctor) => doctor.run(interrupt).await,
            Command::Health(health) => health.run(interrupt).await,
            Command::Key(key) => key.run(),
            Command::Bench(bench) => Box::pin(bench.run(interrupt)).await,
        }
    });
    // A blocking call that hangs must not hold up the end.
    runtime.shutdown_timeout(Duration::from_secs(2));
    done
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory, Parser};

    use super::Arguments;

    #[test]
    fn the_definition_of_the_command_line_is_sound() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn wrong_use_has_exit_code_2() {
        for wrong in [
            &["footnote"][..],
            &["footnote", "nonsense"],
            &["footnote", "token"],
            &["footnote", "demo", "--listen", "x"],
        ] {
            let refused = Arguments::try_parse_from(wrong).expect_err("wrong use");
            assert_eq!(refused.exit_code(), 2, "{wrong:?}");
        }
    }
}
