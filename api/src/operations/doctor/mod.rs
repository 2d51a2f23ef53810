//! Checks every promise that can be checked on a live system from its settings, and changes nothing there.
//!
//! Each finding is one line: what was looked at, what was found, and, where it is not as it should be, what to do. A dependency
//! has five seconds to answer, so an examination ends however dead they are.

mod database;
mod isolation;
mod services;

use std::path::Path;
use std::time::Duration;

use serde::Serialize;

use super::owner_access::OwnerAccess;
use super::stack::Settings;

/// How long each dependency has to answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// Reading and writing by everybody else; to pass through a folder shows nothing, and a server of another user needs it.
const OTHERS_LOOK: u32 = 0o006;
/// Any right of a file's group, or of everybody else.
const NOT_PRIVATE: u32 = 0o077;

/// How it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// As it should be.
    Ok,
    /// It works, and is not as it should be.
    Warning,
    /// It does not hold.
    Fault,
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What was looked at.
    pub name: String,
    /// How it is.
    pub state: State,
    /// What was found.
    pub found: String,
    /// What to do; null where there is nothing to do.
    pub advice: Option<&'static str>,
}

impl Finding {
    fn ok(name: &str, found: impl Into<String>) -> Self {
        Self { name: name.to_owned(), state: State::Ok, found: found.into(), advice: None }
    }

    fn warning(name: &str, found: impl Into<String>, advice: &'static str) -> Self {
        Self { name: name.to_owned(), state: State::Warning, found: found.into(), advice: Some(advice) }
    }

    fn fault(name: &str, found: impl Into<String>, advice: &'static str) -> Self {
        Self { name: name.to_owned(), state: State::Fault, found: found.into(), advice: Some(advice) }
    }
}

/// Looks at everything that the settings name.
pub async fn examine(settings: &Settings) -> Vec<Finding> {
    let mut findings = Vec::new();
    folder(settings, &mut findings);
    if settings.urls.each().any(|(_, url)| url.is_some()) {
        database::examine(settings, &mut findings).await;
    } else {
        private_database(&settings.data, &mut findings).await;
    }
    services::examine(&settings.services, &mut findings).await;
    findings
}

/// The data folder and the key that signs.
fn folder(settings: &Settings, findings: &mut Vec<Finding>) {
    use std::os::unix::fs::PermissionsExt;
    let shared = settings.services.signing.is_set();
    let mode = |path: &Path| std::fs::metadata(path).map(|metadata| metadata.permissions().mode());
    findings.push(match mode(&settings.data) {
        Ok(mode) if mode & OTHERS_LOOK != 0 => Finding::warning(
            "data folder",
            format!("{} is open to other users of this machine", settings.data.display()),
            "Take their rights away: `chmod o-rw`. It holds keys, and may hold texts.",
        ),
        Ok(_) => Finding::ok("data folder", settings.data.display().to_string()),
        Err(_) => Finding::ok("data folder", "none yet; it is made where something is kept in it"),
    });
    let file = settings.data.join("signing-key");
    let finding = if shared {
        Finding::ok("signing key", "shared by the setting")
    } else if !file.exists() {
        Finding::ok("signing key", "none yet; the first start makes one in the data folder")
    } else if mode(&file).is_ok_and(|mode| mode & NOT_PRIVATE == 0) {
        Finding::ok(
            "signing key",
            "in the data folder; several gateways need a shared one (`footnote key new`)",
        )
    } else {
        let advice = "Take their rights away, make a new key, and let people sign in anew: whoever has it can be anybody.";
        Finding::fault("signing key", "other users of this machine may read it", advice)
    };
    findings.push(finding);
}

/// The embedded default, as its owner: it is started for this where it does not run.
async fn private_database(data: &Path, findings: &mut Vec<Finding>) {
    match OwnerAccess::open(None, data).await {
        Ok(access) => {
            database::examine_owned(access.url(), findings).await;
            access.close().await;
        }
        Err(failure) => findings.push(Finding::fault(
            "database",
            failure.to_string(),
            "Start `footnote serve` once, or set the addresses of a database of your own (docs/runbooks/production.md).",
        )),
    }
}
