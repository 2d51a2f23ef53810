//! Where the database is for each role of a process: the addresses that were set, or those of the embedded database.

use super::Failure;
use super::duty::Duty;
use super::private_database::PrivateDatabase;
use super::roles::Role;
use crate::config::DatabaseUrls;
use crate::tenancy::Statements;

/// The addresses of a database by role.
#[derive(Clone, PartialEq, Eq)]
pub struct Addresses {
    /// Of the pool of requests; of a process that has only one duty, the address of that.
    pub app: String,
    /// Of the pool of jobs; likewise.
    pub worker: String,
    /// Where wake-ups are heard and told.
    pub listen: String,
    /// Where it may be looked whether migrations are pending.
    pub owner: Option<String>,
    /// Whether statements may be kept by name.
    pub statements: Statements,
    /// What the process is for.
    pub duty: Duty,
}

impl Addresses {
    /// The addresses of the embedded database.
    #[must_use]
    pub fn embedded(database: &PrivateDatabase) -> Self {
        let worker = database.url(Role::Worker);
        Self {
            app: database.url(Role::App),
            listen: worker.clone(),
            worker,
            owner: Some(database.url(Role::Owner)),
            statements: Statements::Named,
            duty: Duty::Both,
        }
    }
}

/// The addresses that were set; none where none was, and the embedded database is meant.
///
/// # Errors
///
/// [`Failure::Usage`] where the duty lacks one.
pub fn of(urls: &DatabaseUrls, duty: Duty) -> Result<Option<Addresses>, Failure> {
    let DatabaseUrls {
        app_database_url,
        worker_database_url,
        owner_database_url,
        listen_database_url,
        no_named_statements,
    } = urls.clone();
    let any = [&app_database_url, &worker_database_url, &owner_database_url, &listen_database_url];
    if any.iter().all(|url| url.is_none()) {
        return Ok(None);
    }
    let missing = |role: Role| {
        Failure::Usage(format!(
            "A database address is set, but not {}: set it too (`footnote bootstrap` prints the settings), or unset them all for \
             the embedded database.",
            role.setting()
        ))
    };
    let app = || app_database_url.ok_or_else(|| missing(Role::App));
    let worker = || worker_database_url.ok_or_else(|| missing(Role::Worker));
    // A process with one duty has one role, and knows the password of no other.
    let (app, worker) = match duty {
        Duty::Both => (app()?, worker()?),
        Duty::Requests => {
            let only = app()?;
            (only.clone(), only)
        }
        Duty::Jobs => {
            let only = worker()?;
            (only.clone(), only)
        }
    };
    Ok(Some(Addresses {
        listen: listen_database_url.unwrap_or_else(|| worker.clone()),
        app,
        worker,
        owner: owner_database_url,
        statements: if no_named_statements { Statements::Unnamed } else { Statements::Named },
        duty,
    }))
}

#[cfg(test)]
mod tests {
    use super::{Duty, of};
    use crate::config::DatabaseUrls;

    fn urls(app: Option<&str>, worker: Option<&str>) -> DatabaseUrls {
        DatabaseUrls {
            app_database_url: app.map(str::to_owned),
            worker_database_url: worker.map(str::to_owned),
            ..DatabaseUrls::default()
        }
    }

    fn refusal(urls: &DatabaseUrls, duty: Duty) -> String {
        let refused = of(urls, duty).err().expect("refused");
        assert_eq!(refused.exit_code(), 2);
        refused.to_string()
    }

    #[test]
    fn no_address_means_the_embedded_database_and_half_of_them_is_wrong_use() {
        assert!(of(&urls(None, None), Duty::Both).expect("nothing is set").is_none());
        let owner_only = DatabaseUrls { owner_database_url: Some("o".to_owned()), ..DatabaseUrls::default() };
        refusal(&owner_only, Duty::Both);
        let missing = refusal(&urls(Some("a"), None), Duty::Both);
        assert!(missing.contains("FOOTNOTE_WORKER_DATABASE_URL"), "{missing}");
        let missing = refusal(&urls(None, Some("w")), Duty::Both);
        assert!(missing.contains("FOOTNOTE_APP_DATABASE_URL"), "{missing}");
        let both = of(&urls(Some("a"), Some("w")), Duty::Both).expect("enough").expect("set");
        assert_eq!((both.app.as_str(), both.worker.as_str(), both.listen.as_str()), ("a", "w", "w"));
    }

    #[test]
    fn a_process_with_one_duty_needs_one_role_and_uses_no_other() {
        let gateway = of(&urls(Some("a"), Some("w")), Duty::Requests).expect("enough").expect("set");
        assert_eq!((gateway.app.as_str(), gateway.worker.as_str(), gateway.listen.as_str()), ("a", "a", "a"));
        assert!(of(&urls(Some("a"), None), Duty::Requests).is_ok());
        assert!(refusal(&urls(None, Some("w")), Duty::Requests).contains("FOOTNOTE_APP_DATABASE_URL"));
        let worker = of(&urls(None, Some("w")), Duty::Jobs).expect("enough").expect("set");
        assert_eq!((worker.app.as_str(), worker.worker.as_str(), worker.listen.as_str()), ("w", "w", "w"));
        assert!(refusal(&urls(Some("a"), None), Duty::Jobs).contains("FOOTNOTE_WORKER_DATABASE_URL"));
    }
}
