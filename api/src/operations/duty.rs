//! What a process is for: requests, jobs, or both.
//!
//! Processes that share the work share everything that is kept. Two that each kept vectors or objects of their own would each
//! find only what they had stored themselves, so a process with one duty refuses to start on stores of its own.

use super::Failure;
use super::stack::Settings;
use crate::config::{DatabaseUrls, Limits, Services};

/// What a process is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Duty {
    /// Answers requests and runs jobs.
    Both,
    /// Answers requests; others run the jobs.
    Requests,
    /// Runs jobs; others answer requests.
    Jobs,
}

impl Duty {
    /// The connections of the pool of a process with this duty alone.
    pub(super) fn connections(self, limits: &Limits) -> u32 {
        match self {
            Self::Requests => limits.app_connections,
            Self::Jobs => limits.worker_connections,
            Self::Both => limits.app_connections.saturating_add(limits.worker_connections),
        }
    }

    /// Whether anything beside the database is kept in the data folder, which one process then holds alone.
    pub(super) fn keeps_data(self, services: &Services) -> bool {
        let key = self != Self::Jobs && !services.signing.is_set();
        let mails = self != Self::Requests && services.mail.smtp_url.is_none();
        key || mails || services.vectors.qdrant_url.is_none() || services.objects.objects_url.is_none()
    }

    /// The addresses that it needs where any is set, by the names of their settings' fields.
    pub(crate) fn addresses(self) -> &'static [&'static str] {
        match self {
            Self::Both => &["app_database_url", "worker_database_url"],
            Self::Requests => &["app_database_url"],
            Self::Jobs => &["worker_database_url"],
        }
    }

    /// What half of the work would keep where the other half does not reach it: the setting's field, its variable, and what to do.
    pub(crate) fn unshared(
        self,
        urls: &DatabaseUrls,
        services: &Services,
    ) -> Vec<(&'static str, &'static str, &'static str)> {
        const DATABASE: &str = "is not set, and the private database is reached by no other process: without both requests and jobs in \
                                one process, it must be";
        const VECTORS: &str = "is not set, and vectors of this process are searched by no other: without both requests and jobs in one \
                               process, it must be";
        const OBJECTS: &str = "is not set, and objects of this process's data folder are read by no other: without both requests and \
                               jobs in one process, it must be";
        let database = match self {
            Self::Both => return Vec::new(),
            Self::Requests => ("app_database_url", "FOOTNOTE_APP_DATABASE_URL", DATABASE),
            Self::Jobs => ("worker_database_url", "FOOTNOTE_WORKER_DATABASE_URL", DATABASE),
        };
        [
            (urls.each().all(|(_, url)| url.is_none()), database),
            (services.vectors.qdrant_url.is_none(), ("qdrant_url", "QDRANT_URL", VECTORS)),
            (services.objects.objects_url.is_none(), ("objects_url", "OBJECTS_URL", OBJECTS)),
        ]
        .into_iter()
        .filter_map(|(own, fault)| own.then_some(fault))
        .collect()
    }

    /// Refuses half of the work on a store that the other half does not reach.
    ///
    /// # Errors
    ///
    /// [`Failure::Settings`] with one line for each such store.
    pub(super) fn refuse_what_is_not_shared(self, settings: &Settings) -> Result<(), Failure> {
        let faults = self.unshared(&settings.urls, &settings.services);
        if faults.is_empty() {
            return Ok(());
        }
        let line = |(_, variable, advice): (&str, &str, &str)| format!("{variable} {advice}");
        Err(Failure::Settings(faults.into_iter().map(line).collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::Duty;
    use crate::config::{DatabaseUrls, Limits, Services};
    use crate::operations::stack::Settings;

    fn settings() -> Settings {
        Settings {
            data: ".footnote".into(),
            urls: DatabaseUrls::default(),
            limits: Limits::default(),
            services: Services::default(),
        }
    }

    #[test]
    fn half_of_the_work_on_stores_of_its_own_is_wrong_use_with_a_line_for_each_store() {
        for (duty, role) in
            [(Duty::Requests, "FOOTNOTE_APP_DATABASE_URL"), (Duty::Jobs, "FOOTNOTE_WORKER_DATABASE_URL")]
        {
            let mut settings = settings();
            let refused = duty.refuse_what_is_not_shared(&settings).expect_err("nothing is shared");
            assert_eq!(refused.exit_code(), 2);
            for setting in [role, "QDRANT_URL", "OBJECTS_URL"] {
                assert!(refused.to_string().contains(setting), "{refused}");
            }
            settings.urls.worker_database_url = Some("w".to_owned());
            settings.services.vectors.qdrant_url = Some("q".to_owned());
            let refused = duty.refuse_what_is_not_shared(&settings).expect_err("objects are not shared");
            assert_eq!(refused.to_string().matches("is not set").count(), 1, "{refused}");
            settings.services.objects.objects_url = Some("o".to_owned());
            assert!(duty.refuse_what_is_not_shared(&settings).is_ok());
        }
        assert!(Duty::Both.refuse_what_is_not_shared(&settings()).is_ok());
    }

    #[test]
    fn a_process_that_keeps_nothing_needs_no_data_folder() {
        let mut services = Services::default();
        assert!(Duty::Jobs.keeps_data(&services));
        services.vectors.qdrant_url = Some("q".to_owned());
        services.objects.objects_url = Some("o".to_owned());
        assert!(Duty::Jobs.keeps_data(&services), "mails are files");
        services.mail.smtp_url = "smtp://mail".parse().ok();
        assert!(!Duty::Jobs.keeps_data(&services));
        assert!(Duty::Both.keeps_data(&services), "the key that signs tokens is a file");
        services.signing.signing_key = "k".parse().ok();
        assert!(!Duty::Both.keeps_data(&services) && !Duty::Requests.keeps_data(&services));
    }
}
