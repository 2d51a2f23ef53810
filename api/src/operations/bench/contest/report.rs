//! What contests report: medians over the turns.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;

use super::super::{Latencies, rounded};
use super::slice::{Contender, Slice};

/// How long and how often is measured.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Numbers of clients, each measured for itself.
    pub clients: Vec<usize>,
    /// How often the contenders take turns.
    pub rounds: usize,
    /// How long a turn is, in seconds.
    pub seconds: u64,
    /// Connections that each server may have to the database.
    pub connections: u32,
}

/// One contender with one number of clients: medians over the rounds.
#[derive(Clone, Debug, Serialize)]
pub struct Contested {
    /// Clients at a time.
    pub clients: usize,
    /// Who answered.
    pub contender: Contender,
    /// How many requests were measured, over all rounds.
    pub requests: usize,
    /// How many were answered per second.
    pub requests_per_second: f64,
    /// The same of each round.
    pub each_round: Vec<f64>,
    /// Half of the answers took no longer, in milliseconds.
    pub p50_ms: f64,
    /// All but a hundredth of the answers took no longer, in milliseconds.
    pub p99_ms: f64,
    /// Processor time of the server's processes for one request, in milliseconds; null where there is no server, or where it is
    /// not known.
    pub server_cpu_ms: Option<f64>,
    /// Processor time of PostgreSQL for one request, in milliseconds.
    pub postgres_cpu_ms: Option<f64>,
    /// Processor time of whoever asked, for one request, in milliseconds: it shares the machine with those that answer.
    pub client_cpu_ms: Option<f64>,
    /// The most memory that the server's processes have had, in MiB.
    pub server_peak_mib: Option<u64>,
    /// PostgreSQL's memory, in MiB.
    pub postgres_mib: Option<u64>,
}

/// The slices of a contest, by clients and contender.
#[derive(Default)]
pub(in super::super) struct Turns(BTreeMap<(usize, u8), (Contender, Vec<Slice>)>);

impl Turns {
    /// Takes a slice.
    pub(in super::super) fn push(&mut self, clients: usize, contender: Contender, slice: Slice) {
        self.0.entry((clients, contender as u8)).or_insert_with(|| (contender, Vec::new())).1.push(slice);
    }

    /// The medians.
    pub(in super::super) fn measured(self) -> Vec<Contested> {
        self.0
            .into_iter()
            .map(|((clients, _), (contender, slices))| of(clients, contender, &slices))
            .collect()
    }
}

/// How many requests a slice answered per second.
pub(in super::super) fn per_second(slice: &Slice) -> f64 {
    count(slice.latencies.len()) / slice.elapsed.as_secs_f64()
}

/// The median over the rounds of one contender's rate over another's in the same round; none where one of them is missing.
pub(in super::super) fn ratio(
    results: &[Contested],
    clients: usize,
    of: Contender,
    over: Contender,
) -> Option<f64> {
    let rounds = |contender| {
        let found = results.iter().find(|one| one.clients == clients && one.contender == contender);
        found.map(|one| &one.each_round)
    };
    let ratios = rounds(of)?.iter().zip(rounds(over)?).map(|(of, over)| of / over).collect();
    median(ratios).map(rounded)
}

fn of(clients: usize, contender: Contender, slices: &[Slice]) -> Contested {
    let each_round: Vec<f64> = slices.iter().map(per_second).collect();
    let latencies: Vec<Latencies> =
        slices.iter().map(|slice| Latencies::of(slice.latencies.clone())).collect();
    let cpu = |of: fn(&Slice) -> Option<Duration>| {
        let each = slices
            .iter()
            .filter_map(|slice| Some(of(slice)?.as_secs_f64() * 1000.0 / count(slice.latencies.len())));
        median(each.collect()).map(rounded)
    };
    Contested {
        clients,
        contender,
        requests: slices.iter().map(|slice| slice.latencies.len()).sum(),
        requests_per_second: rounded(median(each_round.clone()).unwrap_or_default()),
        p50_ms: rounded(median(latencies.iter().map(|of| of.p50_ms).collect()).unwrap_or_default()),
        p99_ms: rounded(median(latencies.iter().map(|of| of.p99_ms).collect()).unwrap_or_default()),
        each_round: each_round.into_iter().map(rounded).collect(),
        server_cpu_ms: cpu(|slice| slice.server),
        postgres_cpu_ms: cpu(|slice| slice.postgres),
        client_cpu_ms: cpu(|slice| slice.client),
        server_peak_mib: slices.iter().filter_map(|slice| slice.server_mib).max(),
        postgres_mib: slices.iter().filter_map(|slice| slice.postgres_mib).max(),
    }
}

#[expect(clippy::cast_precision_loss, reason = "a count of requests is far below 2^52")]
fn count(number: usize) -> f64 {
    number as f64
}

/// The middle one, or the mean of the two in the middle; none of nothing.
fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    let upper = *values.get(middle)?;
    Some(if values.len() % 2 == 1 { upper } else { f64::midpoint(values[middle - 1], upper) })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::slice::{Contender, Slice};
    use super::{Turns, median, ratio};

    fn slice(requests: usize) -> Slice {
        Slice {
            latencies: vec![Duration::from_millis(2); requests],
            elapsed: Duration::from_secs(1),
            server: None,
            postgres: Some(Duration::from_secs(1)),
            client: None,
            server_mib: Some(7),
            postgres_mib: None,
        }
    }

    #[test]
    fn the_middle_is_taken_whatever_the_order() {
        assert_eq!(median(vec![9.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(vec![4.0, 1.0, 2.0, 3.0]), Some(2.5));
        assert_eq!(median(Vec::new()), None);
    }

    #[test]
    fn a_ratio_is_of_rounds_that_ran_side_by_side() {
        let mut turns = Turns::default();
        for (ours, theirs) in [(50, 100), (90, 100), (70, 1000)] {
            turns.push(16, Contender::Footnote, slice(ours));
            turns.push(16, Contender::Statement, slice(theirs));
        }
        let results = turns.measured();
        assert_eq!(ratio(&results, 16, Contender::Footnote, Contender::Statement), Some(0.5));
        assert_eq!(ratio(&results, 64, Contender::Footnote, Contender::Statement), None);
        assert_eq!(ratio(&results, 16, Contender::Footnote, Contender::Postgraphile), None);
        let ours = results.iter().find(|one| one.contender == Contender::Footnote).expect("measured");
        assert_eq!((ours.requests, ours.requests_per_second, ours.server_peak_mib), (210, 70.0, Some(7)));
        assert_eq!((ours.server_cpu_ms, ours.postgres_cpu_ms), (None, Some(14.286)));
    }
}
