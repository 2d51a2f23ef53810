//! `footnote key new`: makes the key that several gateways sign access tokens with.

use clap::{Args, Subcommand};

use super::output;
use crate::operations::Failure;
use crate::tokens;

/// What to do about keys.
#[derive(Args, Debug)]
pub struct Key {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Print a new key as the setting FOOTNOTE_SIGNING_KEY; nothing else keeps it.
    New {
        /// Print it as PEM, for the file of FOOTNOTE_SIGNING_KEY_FILE.
        #[arg(long)]
        pem: bool,
    },
}

impl Key {
    /// Makes it.
    pub fn run(self) -> Result<(), Failure> {
        let Action::New { pem } = self.action;
        let key = tokens::new_key().map_err(Failure::Start)?;
        output::text(&if pem { tokens::as_pem(&key) } else { format!("FOOTNOTE_SIGNING_KEY={key}") })
    }
}
