//! `footnote doctor`: checks every promise that can be checked on a live system, one line each.

use clap::Args;
use serde::Serialize;
use serde_json::Value;

use super::interrupt::Interrupt;
use super::{health, output};
use crate::config::{DatabaseUrls, Faults, Limits, Place, Services};
use crate::operations::Failure;
use crate::operations::doctor::{self, Finding, State};
use crate::operations::stack::Settings;

pub const EXAMPLES: &str = "Examples:
  footnote doctor                              with the settings of the server, beside it or before it starts
  footnote doctor --url http://gateway:8787    and what that server says of its own dependencies
  footnote doctor --json

It changes nothing. The exit code is 1 where something does not hold.";

/// Which system to look at.
#[derive(Args, Debug)]
pub struct Doctor {
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    urls: DatabaseUrls,
    #[command(flatten)]
    limits: Limits,
    #[command(flatten)]
    services: Services,
    /// The address of a running server, to ask for its readiness as well.
    #[arg(long, value_name = "URL")]
    url: Option<String>,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Examined {
    holds: bool,
    findings: Vec<Finding>,
}

impl Doctor {
    /// Says what is wrong with the settings.
    pub fn check(&self, faults: &mut Faults) {
        self.place.check(faults);
        self.urls.check(&[], faults);
        self.limits.check(faults);
        self.services.check(faults);
    }

    /// Looks at everything.
    pub async fn run(self, mut interrupt: Interrupt) -> Result<(), Failure> {
        let Self { place, urls, limits, services, url, json } = self;
        let settings = Settings { data: place.data, urls, limits, services };
        let findings = interrupt
            .or(async {
                let mut findings = doctor::examine(&settings).await;
                if let Some(url) = url {
                    findings.push(server(&url).await);
                }
                Ok(findings)
            })
            .await?;
        let count = |state| findings.iter().filter(|finding| finding.state == state).count();
        let (faults, warnings) = (count(State::Fault), count(State::Warning));
        let examined = Examined { holds: faults == 0, findings };
        if json {
            output::json(&examined)?;
        } else {
            output::text(&examined.lines())?;
        }
        if faults == 0 {
            return Ok(());
        }
        Err(Failure::DoesNotHold(format!("{faults} faults and {warnings} warnings")))
    }
}

/// What a running server says of itself.
async fn server(url: &str) -> Finding {
    let (state, found) = match health::get(url, "readyz").await {
        Ok(answer) => match away(&answer.text) {
            Some(away) if answer.holds && away.is_empty() => (State::Ok, "everything answers".to_owned()),
            Some(away) if answer.holds => (State::Warning, format!("without {}", away.join(", "))),
            Some(away) => (State::Fault, format!("not ready: without {}", away.join(", "))),
            None => (State::Fault, format!("it answered {}, and not as a server of ours", answer.status)),
        },
        Err(failure) => (State::Fault, failure.to_string()),
    };
    let advice =
        (state != State::Ok).then_some("Look at what is away, and at the server's log, which says why.");
    Finding { name: "server".to_owned(), state, found, advice }
}

/// The dependencies that readiness shows as unavailable; none where it is no readiness.
fn away(text: &str) -> Option<Vec<String>> {
    let report: Value = serde_json::from_str(text).ok()?;
    let dependencies = report["dependencies"].as_array()?.iter();
    let away = dependencies.filter(|one| one["status"] == "unavailable");
    Some(away.filter_map(|one| one["name"].as_str()).map(str::to_owned).collect())
}

impl Examined {
    fn lines(&self) -> String {
        self.findings.iter().map(line).collect()
    }
}

fn line(finding: &Finding) -> String {
    let state = match finding.state {
        State::Ok => "ok",
        State::Warning => "warning",
        State::Fault => "fault",
    };
    let advice = finding.advice.map(|advice| format!(" → {advice}")).unwrap_or_default();
    // What a server says may hold line ends.
    let found = finding.found.trim().replace(['\n', '\r'], " ");
    format!("{state:<8} {:<28} {found}{advice}\n", finding.name)
}

#[cfg(test)]
mod tests {
    use super::away;

    #[test]
    fn readiness_is_read_and_nothing_else_is() {
        let report = r#"{"status":"degraded","dependencies":[{"name":"database","status":"ok"},
            {"name":"vectors","status":"unavailable"},{"name":"model","status":"unused"}]}"#;
        assert_eq!(away(report), Some(vec!["vectors".to_owned()]));
        for other in ["", "<html>", "{}", "[]", "null", r#"{"dependencies":1}"#] {
            assert_eq!(away(other), None, "{other}");
        }
    }
}
