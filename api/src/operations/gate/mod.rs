//! The evidence: what must hold of a build, each gate with its figure, its bar, and the command that shows it alone.
//!
//! A gate is measured anew each time, in databases of its own that are gone afterwards; nothing is taken from an earlier run. What
//! cannot be measured does not hold. Figures count what was asked, so a gate that asked nothing cannot hold.

pub mod architecture;
pub mod isolation;

use std::path::{Path, PathBuf};

use clap::ValueEnum;
use serde::Serialize;

use self::architecture::{RULES, Sources};
use super::{Failure, rehearsal};

/// What can be measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Evidence {
    /// The direction of dependencies, in the sources.
    Architecture,
    /// Each migration undone and applied again.
    Migrations,
    /// Every tenant table, asked as every role about every workspace.
    TenantIsolation,
}

/// What one measurement came to.
#[derive(Clone, Debug, Serialize)]
pub struct Gate {
    /// What was measured.
    pub name: &'static str,
    /// Whether the figure reaches the bar.
    pub holds: bool,
    /// What was found.
    pub figure: String,
    /// What must be found.
    pub bar: &'static str,
    /// What shows it alone.
    pub command: &'static str,
    /// What does not hold, a line each.
    #[serde(skip)]
    pub faults: Vec<String>,
}

impl Evidence {
    /// Every gate, in the order in which they are measured.
    pub const ALL: [Self; 3] = [Self::Architecture, Self::Migrations, Self::TenantIsolation];

    /// The gate's name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Architecture => "architecture",
            Self::Migrations => "migrations",
            Self::TenantIsolation => "tenant isolation",
        }
    }

    const fn bar(self) -> &'static str {
        match self {
            Self::Architecture => "every rule holds",
            Self::Migrations => "all migrations undone and redone with equal schemas",
            Self::TenantIsolation => {
                "every answer as the permission map says, and nothing of another workspace or without one"
            }
        }
    }

    const fn command(self) -> &'static str {
        match self {
            Self::Architecture => "footnote gate --only architecture",
            Self::Migrations => "footnote migrate rehearse",
            Self::TenantIsolation => "footnote gate --only tenant-isolation",
        }
    }

    /// Measures; `source` is the root of the sources, which the architecture alone needs. A measurement that could not be made
    /// is a gate that does not hold.
    ///
    /// # Errors
    ///
    /// [`Failure::Interrupted`].
    pub async fn measure(
        self,
        source: &Path,
        interrupted: impl Future<Output = ()>,
    ) -> Result<Gate, Failure> {
        let measured = match self {
            Self::Architecture => Sources::read(source).map(|sources| self.judge_architecture(&sources)),
            Self::Migrations => {
                rehearsal::rehearse_privately(interrupted).await.map(|report| self.judge_rehearsal(&report))
            }
            Self::TenantIsolation => {
                isolation::measure_privately(interrupted).await.map(|matrix| self.judge_matrix(matrix))
            }
        };
        match measured {
            Err(Failure::Interrupted) => Err(Failure::Interrupted),
            Err(failure) => Ok(self.gate(false, "not measured".to_owned(), vec![failure.to_string()])),
            Ok(gate) => Ok(gate),
        }
    }

    fn gate(self, holds: bool, figure: String, faults: Vec<String>) -> Gate {
        Gate { name: self.name(), holds, figure, bar: self.bar(), command: self.command(), faults }
    }

    fn judge_architecture(self, sources: &Sources) -> Gate {
        let broken: Vec<_> = RULES
            .iter()
            .map(|rule| (rule, sources.violations(rule)))
            .filter(|(_, found)| !found.is_empty())
            .collect();
        let figure = format!(
            "{} of {} rules hold for {} uses in {} files",
            RULES.len() - broken.len(),
            RULES.len(),
            sources.uses(),
            sources.files()
        );
        let lines = |(rule, found): &(&architecture::Rule, std::collections::BTreeSet<String>)| {
            let found = found.iter().cloned().collect::<Vec<_>>().join("; ");
            format!("{}: {found}. {}", rule.name, rule.mend)
        };
        let holds = broken.is_empty() && sources.uses() > 0;
        self.gate(holds, figure, broken.iter().map(lines).collect())
    }

    fn judge_rehearsal(self, report: &rehearsal::Report) -> Gate {
        let equal = report.migrations.iter().filter(|one| one.equal).count();
        let figure =
            format!("{equal} of {} migrations undone and redone with equal schemas", report.migrations.len());
        let mut faults: Vec<String> = report
            .migrations
            .iter()
            .flat_map(|one| one.differences.iter().map(move |line| format!("{}: {line}", one.name)))
            .collect();
        faults.extend(report.left_behind.iter().map(|line| format!("all of them, undone together: {line}")));
        self.gate(report.holds, figure, faults)
    }

    fn judge_matrix(self, matrix: isolation::Matrix) -> Gate {
        let right = matrix.asked.saturating_sub(matrix.wrong.len());
        let figure = format!(
            "{right} of {} answers of {} tables as the permission map says",
            matrix.asked, matrix.tables
        );
        self.gate(matrix.holds(), figure, matrix.wrong)
    }
}

/// Where the sources are: the folder that was named, or the working folder where it has them.
///
/// # Errors
///
/// [`Failure::Usage`] where the folder that was named has none.
pub fn sources(named: Option<PathBuf>) -> Result<Option<PathBuf>, Failure> {
    let has_sources = |folder: &Path| folder.join("api/src/lib.rs").is_file();
    match named {
        None => Ok(Some(PathBuf::from(".")).filter(|folder| has_sources(folder))),
        Some(folder) if has_sources(&folder) => Ok(Some(folder)),
        Some(folder) => Err(Failure::Usage(format!(
            "{} has no api/src/lib.rs: name the folder of Footnote's sources with --source.",
            folder.display()
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::isolation::Matrix;
    use super::{Evidence, Gate};
    use crate::operations::rehearsal::{Rehearsed, Report};

    fn rehearsed(name: &str, equal: bool) -> Rehearsed {
        let differences = if equal { Vec::new() } else { vec!["+ table public.a".to_owned()] };
        Rehearsed { name: name.to_owned(), up_ms: 1.0, down_ms: 1.0, equal, differences }
    }

    #[test]
    fn a_gate_has_the_five_keys_that_scripts_read() {
        let gate: Gate =
            Evidence::TenantIsolation.judge_matrix(Matrix { tables: 2, asked: 40, wrong: Vec::new() });
        assert_eq!(
            serde_json::to_value(&gate).expect("JSON"),
            serde_json::json!({
                "name": "tenant isolation",
                "holds": true,
                "figure": "40 of 40 answers of 2 tables as the permission map says",
                "bar": "every answer as the permission map says, and nothing of another workspace or without one",
                "command": "footnote gate --only tenant-isolation",
            })
        );
    }

    #[test]
    fn a_gate_that_asked_nothing_does_not_hold() {
        assert!(!Evidence::TenantIsolation.judge_matrix(Matrix::default()).holds);
        let none = Report { migrations: Vec::new(), holds: false, left_behind: Vec::new() };
        assert!(!Evidence::Migrations.judge_rehearsal(&none).holds);
        let empty = super::Sources::from_texts(&[]);
        assert!(!Evidence::Architecture.judge_architecture(&empty).holds);
    }

    #[test]
    fn what_does_not_hold_is_named() {
        let report = Report {
            migrations: vec![rehearsed("m1", true), rehearsed("m2", false)],
            holds: false,
            left_behind: Vec::new(),
        };
        let gate = Evidence::Migrations.judge_rehearsal(&report);
        assert_eq!(gate.figure, "1 of 2 migrations undone and redone with equal schemas");
        assert_eq!(gate.faults, ["m2: + table public.a"]);
    }
}
