//! `footnote gate`: the evidence, each gate with its figure, its bar and the command that shows it alone.

use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;

use super::interrupt::Interrupt;
use super::output;
use super::progress::Waiting;
use crate::operations::Failure;
use crate::operations::gate::{self, Evidence};

/// How many lines are shown of what does not hold in one gate.
const MOST_FAULTS: usize = 40;

pub const EXAMPLES: &str = "Examples:
  footnote gate                            every gate, as a table
  footnote gate --json                     one JSON object: gates with name, holds, figure, bar, command
  footnote gate --only tenant-isolation    one gate alone
  footnote gate --source ~/footnote        with the sources, which the architecture is read off

It starts a private PostgreSQL for each gate that needs one, and removes it afterwards. The exit code is 1 where a gate does not hold.";

/// What to measure.
#[derive(Args, Debug)]
pub struct Gate {
    /// This gate alone; may be given several times.
    #[arg(long, value_enum, value_name = "GATE")]
    only: Vec<Evidence>,
    /// The folder of Footnote's sources; the working folder where it has them. Without any, the architecture is left out.
    #[arg(long, value_name = "DIR")]
    source: Option<PathBuf>,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Measured {
    gates: Vec<gate::Gate>,
    holds: bool,
}

impl Gate {
    /// Measures.
    pub async fn run(self, mut interrupt: Interrupt) -> Result<(), Failure> {
        let source = gate::sources(self.source)?;
        let mut wanted: Vec<Evidence> =
            Evidence::ALL.into_iter().filter(|one| self.only.is_empty() || self.only.contains(one)).collect();
        if source.is_none() && wanted.contains(&Evidence::Architecture) {
            if !self.only.is_empty() {
                return Err(Failure::Usage(
                    "The architecture is read off the sources: name their folder with --source.".to_owned(),
                ));
            }
            wanted.retain(|one| *one != Evidence::Architecture);
            output::note(
                "architecture is left out: the working folder has no sources of Footnote, and --source names none.",
            );
        }
        let source = source.unwrap_or_default();
        let mut gates = Vec::new();
        for evidence in wanted {
            let waiting = Waiting::begin(evidence.name());
            let measured = evidence.measure(Path::new(&source), interrupt.wait()).await;
            waiting.end();
            gates.push(measured?);
        }
        tell(&Measured { holds: gates.iter().all(|gate| gate.holds), gates }, self.json)
    }
}

fn tell(measured: &Measured, json: bool) -> Result<(), Failure> {
    if json {
        output::json(measured)?;
    } else {
        output::text(&table(&measured.gates))?;
    }
    if measured.holds {
        return Ok(());
    }
    let fallen: Vec<_> = measured.gates.iter().filter(|gate| !gate.holds).collect();
    for gate in &fallen {
        output::note(&format!("{}:", gate.name));
        for line in gate.faults.iter().take(MOST_FAULTS) {
            output::note(&format!("  {}", line.trim().replace(['\n', '\r'], " ")));
        }
        if let Some(more) = gate.faults.len().checked_sub(MOST_FAULTS).filter(|more| *more > 0) {
            output::note(&format!("  and {more} more"));
        }
    }
    let names: Vec<_> = fallen.iter().map(|gate| gate.name).collect();
    Err(Failure::DoesNotHold(format!(
        "{} of {} gates do not hold: {}",
        names.len(),
        measured.gates.len(),
        names.join(", ")
    )))
}

fn table(gates: &[gate::Gate]) -> String {
    let width = gates.iter().map(|gate| gate.name.len()).max().unwrap_or(0);
    let row = |gate: &gate::Gate| {
        let holds = if gate.holds { "holds" } else { "FALLS" };
        let indent = " ".repeat(width);
        format!(
            "{:<width$}  {holds}  {}\n{indent}         bar: {}\n{indent}         alone: {}\n",
            gate.name, gate.figure, gate.bar, gate.command
        )
    };
    gates.iter().map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::{Measured, gate, table, tell};

    fn a_gate(holds: bool) -> gate::Gate {
        gate::Gate {
            name: "migrations",
            holds,
            figure: "1 of 2".to_owned(),
            bar: "all",
            command: "footnote migrate rehearse",
            faults: vec!["m2: + table".to_owned()],
        }
    }

    #[test]
    fn a_gate_that_does_not_hold_is_said_and_fails_the_command() {
        let text = table(&[a_gate(false), a_gate(true)]);
        assert!(text.contains("FALLS  1 of 2") && text.contains("holds  1 of 2"), "{text}");
        assert!(text.contains("bar: all") && text.contains("alone: footnote migrate rehearse"), "{text}");
        let measured = Measured { gates: vec![a_gate(true), a_gate(false)], holds: false };
        assert_eq!(tell(&measured, true).expect_err("it fails").exit_code(), 1);
        let keys = serde_json::to_value(&measured).expect("JSON");
        assert_eq!(keys["gates"][0].as_object().expect("a gate").len(), 5);
    }
}
