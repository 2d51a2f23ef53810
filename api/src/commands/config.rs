//! `footnote config`: which settings of `serve` hold, where each comes from, and what is wrong with them.
//!
//! It starts nothing and connects to nothing. Secrets are masked; addresses keep their host.

use clap::Args;
use serde::Serialize;

use super::output;
use super::serve::Serve;
use crate::config::Faults;
use crate::config::layers::{Layers, Origin, Setting};
use crate::operations::Failure;

pub const EXAMPLES: &str = "Examples:
  footnote config                              every setting, its value and its origin; secrets masked
  footnote config --check                      one line for each fault; the exit code is 1 where there is one
  footnote config --config /etc/footnote.toml --json";

/// Which settings to look at.
#[derive(Args, Debug)]
pub struct Config {
    #[command(flatten)]
    serve: Serve,
    /// Say what is wrong, one line each, and nothing else; the exit code is 1 where something is.
    #[arg(long)]
    check: bool,
}

#[derive(Serialize)]
struct Listing<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    settings: Option<&'a [Setting]>,
    faults: Vec<String>,
    warnings: Vec<String>,
}

impl Config {
    /// Says what is wrong with the settings.
    pub fn check(&self, faults: &mut Faults) {
        self.serve.check(faults);
    }

    /// Prints them.
    pub fn run(&self, layers: &Layers, found: &Faults) -> Result<(), Failure> {
        let listing = Listing {
            settings: (!self.check).then_some(layers.settings.as_slice()),
            faults: found.faults().iter().map(|fault| layers.line(fault)).collect(),
            warnings: found.warnings().iter().map(|fault| layers.line(fault)).collect(),
        };
        if self.serve.is_json() {
            output::json(&listing)?;
        } else {
            output::text(&listing.lines())?;
        }
        match listing.faults.len() {
            wrong if wrong > 0 && self.check => {
                Err(Failure::DoesNotHold(format!("{wrong} faults in the settings; nothing would start")))
            }
            _ => Ok(()),
        }
    }
}

impl Listing<'_> {
    fn lines(&self) -> String {
        let settings = self.settings.unwrap_or_default().iter().map(lines);
        let faults = self.faults.iter().map(|line| format!("fault: {line}\n"));
        let warnings = self.warnings.iter().map(|line| format!("warning: {line}\n"));
        let lines: Vec<String> = settings.chain(faults).chain(warnings).collect();
        if lines.is_empty() { "The settings hold.\n".to_owned() } else { lines.concat() }
    }
}

/// A setting for people, on two lines.
fn lines(setting: &Setting) -> String {
    let origin = match &setting.origin {
        Origin::Flag(_) => "flag".to_owned(),
        Origin::Environment(name) => format!("environment {name}"),
        Origin::File(key) => format!("file {key}"),
        Origin::Default => "default".to_owned(),
    };
    // A value may be anything that a file or a shell can hold, a line's end included.
    let value =
        setting.value.as_deref().map_or("(not set)".to_owned(), |value| value.escape_debug().to_string());
    format!("{:<30} {value}  [{origin}]\n    {} ({})\n", setting.name, setting.help, setting.environment)
}
