//! How many rows a seeded database has, and how they are spread over its workspaces.

use serde::Serialize;

use crate::operations::Failure;

/// Tenant rows that every workspace has: roles, members, collections, documents with versions, passages and ingestions.
const EVERYWHERE: u64 = 45;
/// Agents of a workspace that is read.
pub(crate) const AGENTS: u64 = 20;
/// Runs of each of them, at least.
const RUNS_OF_AGENT: u64 = 5;
/// Tenant rows of a run: itself, a step, a retrieval, three hits and three citations.
const OF_RUN: u64 = 9;
/// Tenant rows that a workspace needs beyond the others to be read.
const TO_BE_READ: u64 = AGENTS + AGENTS * RUNS_OF_AGENT * OF_RUN;
/// The time that all runs lie in, in milliseconds: 300 days.
const SPAN: u64 = 300 * 24 * 3_600_000;

/// What was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Scale {
    /// Workspaces.
    pub workspaces: u32,
    /// Rows of all tenant tables together.
    pub rows: u64,
}

/// How the rows are spread.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Shape {
    /// Runs of each workspace. The first ones have agents and at least 100 runs, the rest have none.
    pub(crate) runs: Vec<i64>,
    /// Milliseconds between two runs.
    pub(crate) step: i64,
    /// Rows of all tenant tables together: what was asked for, or up to eight less.
    pub(crate) rows: u64,
}

impl Scale {
    /// Spreads the rows: as many workspaces as possible can be read, and what is left goes to the first ones, the most to the very
    /// first.
    ///
    /// # Errors
    ///
    /// [`Failure::Usage`] where the rows are not enough for one workspace that can be read.
    pub(crate) fn shape(self) -> Result<Shape, Failure> {
        let workspaces = u64::from(self.workspaces);
        let least = workspaces * EVERYWHERE + TO_BE_READ;
        let Some(left) = self.rows.checked_sub(workspaces * EVERYWHERE).filter(|left| *left >= TO_BE_READ)
        else {
            return Err(Failure::Usage(format!("{workspaces} workspaces need at least {least} rows.")));
        };
        let full = workspaces.min(left / TO_BE_READ);
        let extra = (left - full * TO_BE_READ) / OF_RUN;
        let mut runs = spread(extra, full);
        for count in &mut runs {
            *count += AGENTS * RUNS_OF_AGENT;
        }
        let most = runs.first().copied().unwrap_or(1);
        runs.resize(usize::try_from(workspaces).unwrap_or_default(), 0);
        Ok(Shape {
            runs: runs.into_iter().map(u64::cast_signed).collect(),
            step: (SPAN / (most * workspaces)).clamp(1, 1000).cast_signed(),
            rows: self.rows - (left - full * TO_BE_READ) % OF_RUN,
        })
    }
}

impl Shape {
    /// How many workspaces can be read: the first so many.
    pub(crate) fn readable(&self) -> usize {
        self.runs.iter().take_while(|runs| **runs > 0).count()
    }
}

/// Spreads a number over so many places, the n-th of which gets an n-th of what the first gets.
fn spread(number: u64, places: u64) -> Vec<u64> {
    // In thousandths, so that whole numbers do.
    let harmonic: u64 = (1..=places).map(|place| 1_000_000 / place).sum();
    let mut parts: Vec<u64> =
        (1..=places).map(|place| number * 1_000_000 / (harmonic.max(1) * place)).collect();
    let given: u64 = parts.iter().sum();
    if let Some(first) = parts.first_mut() {
        *first += number.saturating_sub(given);
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::{EVERYWHERE, OF_RUN, Scale, TO_BE_READ, spread};

    #[test]
    fn all_rows_are_spread_and_every_workspace_that_has_runs_can_be_read() {
        for (workspaces, rows) in [(1, 965), (1, 5000), (10, 2000), (1000, 1_000_000), (100, 1_000_000)] {
            let shape = Scale { workspaces, rows }.shape().expect("enough rows");
            let runs: u64 = shape.runs.iter().map(|runs| runs.cast_unsigned()).sum();
            let readable = shape.readable() as u64;
            assert_eq!(shape.runs.len(), workspaces as usize);
            assert_eq!(shape.rows, u64::from(workspaces) * EVERYWHERE + readable * 20 + runs * OF_RUN);
            assert!(shape.rows <= rows && shape.rows + OF_RUN > rows, "{shape:?}");
            assert!(shape.runs[..shape.readable()].iter().all(|runs| *runs >= 100));
            assert!(shape.runs[shape.readable()..].iter().all(|runs| *runs == 0));
            assert!(shape.step >= 1);
        }
    }

    #[test]
    fn too_few_rows_are_refused() {
        let least = EVERYWHERE + TO_BE_READ;
        assert!(Scale { workspaces: 1, rows: least }.shape().is_ok());
        assert_eq!(Scale { workspaces: 1, rows: least - 1 }.shape().expect_err("too few").exit_code(), 2);
    }

    #[test]
    fn nothing_is_lost_and_the_first_gets_the_most() {
        for (number, places) in [(0, 3), (7, 3), (4333, 1000), (1_000_000, 1)] {
            let parts = spread(number, places);
            assert_eq!(parts.iter().sum::<u64>(), number);
            assert!(parts.windows(2).all(|pair| pair[0] >= pair[1]));
        }
    }
}
