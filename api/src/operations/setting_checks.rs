//! What is wrong with each group of settings. Nothing is connected to; files that are named are looked at.

use url::Url;

use crate::adapters::issuers::Issuers;
use crate::config::address::{self, is_open};
use crate::config::{
    DatabaseUrls, EmbeddingService, Faults, Limits, MailService, ModelService, ObjectService, Pages, Place,
    Services, VectorService,
};
use crate::mail::Links;
use crate::server::AllowedOrigins;
use crate::tenancy::{connect_options, is_database_address};

const WEB: &[&str] = &["http", "https"];
const DAY: i128 = 24 * 60 * 60;
/// The longest entry that the database takes, in minutes.
const LONGEST_ENTRY: i128 = 240;
const MOST_BYTES: i128 = 1 << 30;

impl Place {
    /// Demands a data folder that is one, where it is there.
    pub fn check(&self, faults: &mut Faults) {
        if self.data.as_os_str().is_empty() || (self.data.exists() && !self.data.is_dir()) {
            faults.add("data", format!("names {}, which is not a folder", self.data.display()));
        }
    }
}

impl DatabaseUrls {
    /// Each setting by its name, with its address.
    pub fn each(&self) -> impl Iterator<Item = (&'static str, Option<&str>)> {
        [
            ("app_database_url", self.app_database_url.as_deref()),
            ("worker_database_url", self.worker_database_url.as_deref()),
            ("owner_database_url", self.owner_database_url.as_deref()),
            ("listen_database_url", self.listen_database_url.as_deref()),
        ]
        .into_iter()
    }

    /// Demands PostgreSQL's addresses and, where any is set, those that are needed (by the names of their fields).
    pub fn check(&self, needed: &[&str], faults: &mut Faults) {
        for (setting, url) in self.each() {
            if let Some(url) = url {
                check_database(faults, setting, url);
            }
        }
        if self.each().all(|(_, url)| url.is_none()) {
            return;
        }
        for (setting, _) in self.each().filter(|(name, url)| needed.contains(name) && url.is_none()) {
            faults.add(
                setting,
                "is missing beside the other database addresses: set it too (`footnote bootstrap` prints it), or unset them all \
                 for the private database of the data folder",
            );
        }
    }
}

/// Demands an address that the driver takes, and a root certificate that can be read.
fn check_database(faults: &mut Faults, setting: &str, url: &str) {
    let scheme = url.split_once("://").map(|(scheme, _)| scheme);
    if !matches!(scheme, Some("postgres" | "postgresql")) || !is_database_address(url) {
        faults.add(
            setting,
            "is not a PostgreSQL address; write it as postgresql://user:password@host:5432/database",
        );
        return;
    }
    let root = url.split(['?', '&']).find_map(|parameter| parameter.strip_prefix("sslrootcert="));
    if let Some(root) = root.filter(|root| !root.contains('%') && std::fs::File::open(root).is_err()) {
        faults.add(setting, format!("names the root certificate {root}, which cannot be read"));
        return;
    }
    if let Err(reason) = connect_options(url) {
        faults.add(setting, format!("cannot be used: {reason}"));
    }
}

impl Limits {
    /// Demands limits that let something through, and that are limits.
    pub fn check(&self, faults: &mut Faults) {
        faults.range("max_body_bytes", self.max_body_bytes, 1024, MOST_BYTES);
        faults.range("max_document_bytes", self.max_document_bytes, 1, MOST_BYTES);
        faults.range("max_upload_bytes", self.max_upload_bytes, 1, i32::MAX.into());
        faults.range("upload_expiry_seconds", self.upload_expiry_seconds, 1, DAY);
        faults.range("upload_seconds", self.upload_seconds, 1, DAY);
        faults.range("request_seconds", self.request_seconds, 1, DAY);
        faults.range("run_seconds", self.run_seconds, 1, DAY);
        faults.range("api_keys_per_workspace", self.api_keys_per_workspace, 0, 10_000);
        faults.range("app_connections", self.app_connections, 1, 10_000);
        faults.range("worker_connections", self.worker_connections, 1, 10_000);
        faults.range("worker_concurrency", self.worker_concurrency, 1, 1_000);
        faults.range("operator_entry_minutes", self.operator_entry_minutes, 1, LONGEST_ENTRY);
        if self.max_document_bytes > self.max_body_bytes {
            faults.warn(
                "max_document_bytes",
                "is more than FOOTNOTE_MAX_BODY_BYTES: a document of that size does not arrive in a request",
            );
        }
    }
}

impl Pages {
    /// Demands origins as browsers send them.
    pub fn check(&self, faults: &mut Faults) {
        for origin in &self.allowed_origins {
            if let Err(fault) = AllowedOrigins::parse(std::slice::from_ref(origin)) {
                faults.add("allowed_origins", format!("has a wrong entry: {fault}"));
            } else if origin.starts_with("http://")
                && !origin.contains("//localhost")
                && !origin.contains("//127.")
            {
                faults.warn("allowed_origins", "has a page of http://, which anybody on its way can change");
            }
        }
    }
}

impl Services {
    /// Demands whole groups.
    pub fn check(&self, faults: &mut Faults) {
        self.vectors.check(faults);
        self.embeddings.check(faults);
        self.model.check(faults);
        self.objects.check(faults);
        self.mail.check(faults);
        self.signing.check(faults);
        if let Err(fault) = Issuers::open(self.identity.issuers.as_deref()) {
            faults.add("", fault);
        }
    }
}

/// Demands an address of the web, and warns where a key goes over it unencrypted.
fn check_web(faults: &mut Faults, setting: &str, url: Option<&str>, key: bool, example: &str) {
    let Some(url) = url.and_then(|url| address::check(faults, setting, url, WEB, example)) else { return };
    if key && is_open(&url) {
        faults.warn(setting, "is http://: the key and the texts cross the network unencrypted");
    }
}

impl VectorService {
    fn check(&self, faults: &mut Faults) {
        let key = self.qdrant_api_key.is_some();
        check_web(faults, "qdrant_url", self.qdrant_url.as_deref(), key, "http://qdrant:6334");
        faults.pair(("qdrant_api_key", key), ("qdrant_url", self.qdrant_url.is_some()));
    }
}

impl EmbeddingService {
    fn check(&self, faults: &mut Faults) {
        let (url, key) = (self.embeddings_url.is_some(), self.embeddings_api_key.is_some());
        let (model, dimensions) = (self.embeddings_model.is_some(), self.embeddings_dimensions.is_some());
        check_web(faults, "embeddings_url", self.embeddings_url.as_deref(), key, "https://api.example/v1");
        faults.pair(("embeddings_url", url), ("embeddings_model", model));
        faults.pair(("embeddings_url", url), ("embeddings_dimensions", dimensions));
        faults.pair(("embeddings_model", model), ("embeddings_url", url));
        faults.pair(("embeddings_dimensions", dimensions), ("embeddings_url", url));
        faults.pair(("embeddings_api_key", key), ("embeddings_url", url));
        if let Some(dimensions) = self.embeddings_dimensions {
            faults.range("embeddings_dimensions", dimensions, 1, 65_536);
        }
    }
}

impl ModelService {
    fn check(&self, faults: &mut Faults) {
        let (url, key, model) =
            (self.llm_url.is_some(), self.llm_api_key.is_some(), self.llm_model.is_some());
        check_web(faults, "llm_url", self.llm_url.as_deref(), key, "https://api.example/v1");
        faults.pair(("llm_url", url), ("llm_model", model));
        faults.pair(("llm_model", model), ("llm_url", url));
        faults.pair(("llm_api_key", key), ("llm_url", url));
    }
}

impl ObjectService {
    fn check(&self, faults: &mut Faults) {
        let url = self.objects_url.is_some();
        let (id, key) = (self.objects_access_key_id.is_some(), self.objects_secret_access_key.is_some());
        if let Some(text) = &self.objects_url {
            address::check(faults, "objects_url", text, &["s3"], "s3://bucket/prefix");
        }
        check_web(faults, "objects_endpoint", self.objects_endpoint.as_deref(), key, "http://s3:9000");
        faults.pair(("objects_endpoint", self.objects_endpoint.is_some()), ("objects_url", url));
        faults.pair(("objects_url", url), ("objects_access_key_id", id));
        faults.pair(("objects_access_key_id", id), ("objects_url", url));
        faults.pair(("objects_access_key_id", id), ("objects_secret_access_key", key));
        faults.pair(("objects_secret_access_key", key), ("objects_access_key_id", id));
        if self.objects_region.trim().is_empty() {
            faults.add("objects_region", "is empty; stores without regions take us-east-1");
        }
    }
}

impl MailService {
    fn check(&self, faults: &mut Faults) {
        if let Some(url) = &self.smtp_url {
            let schemes = &["smtp", "smtps"];
            let example = "smtps://user:password@mail.example:465";
            let url = address::check(faults, "smtp_url", url.reveal(), schemes, example);
            let open = url.is_some_and(|url| {
                url.scheme() == "smtp"
                    && url.password().is_some()
                    && !address::is_local(&url)
                    && !url.as_str().contains("tls=")
            });
            if open {
                faults
                    .warn("smtp_url", "sends its password unencrypted: write smtps://, or add ?tls=required");
            }
        }
        match Links::read(self) {
            Err(fault) => faults.add("", fault),
            Ok(_)
                if self
                    .public_url
                    .as_ref()
                    .and_then(|url| Url::parse(url).ok())
                    .is_some_and(|url| is_open(&url)) =>
            {
                faults.warn(
                    "public_url",
                    "is http://: people's tokens and cookies cross the network unencrypted",
                );
            }
            Ok(_) => {}
        }
        if self.mail_from.parse::<lettre::message::Mailbox>().is_err() {
            faults.add("mail_from", "is not a mailbox; write it as Footnote <no-reply@example.com>");
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::config::{DatabaseUrls, Faults, Limits, Pages, SecretSetting, Services};

    const BOTH: [&str; 2] = ["app_database_url", "worker_database_url"];

    fn secret(text: &str) -> Option<SecretSetting> {
        text.parse().ok()
    }

    fn settings(faults: &Faults) -> Vec<&str> {
        faults.faults().iter().map(|fault| fault.setting.as_str()).collect()
    }

    #[test]
    fn nothing_set_is_right() {
        let mut faults = Faults::default();
        Services::default().check(&mut faults);
        Limits::default().check(&mut faults);
        DatabaseUrls::default().check(&BOTH, &mut faults);
        Pages::default().check(&mut faults);
        assert_eq!(faults, Faults::default());
    }

    #[test]
    fn every_half_of_a_group_is_told_at_once() {
        let mut services = Services::default();
        services.vectors.qdrant_url = Some("qdrant".to_owned());
        services.embeddings.embeddings_url = Some("https://api.example/v1".to_owned());
        services.model.llm_model = Some("m".to_owned());
        services.objects.objects_access_key_id = Some("id".to_owned());
        services.mail.smtp_url = secret("mail.example");
        services.mail.mail_from = "nobody".to_owned();
        let mut faults = Faults::default();
        services.check(&mut faults);
        assert_eq!(
            settings(&faults),
            [
                "qdrant_url",
                "embeddings_url",
                "embeddings_url",
                "llm_model",
                "objects_access_key_id",
                "objects_access_key_id",
                "smtp_url",
                "",
                "mail_from"
            ]
        );
    }

    #[test]
    fn a_key_over_an_open_network_is_a_warning_and_on_this_machine_is_none() {
        let warned = |url: &str| {
            let mut services = Services::default();
            services.vectors.qdrant_url = Some(url.to_owned());
            services.vectors.qdrant_api_key = secret("k");
            let mut faults = Faults::default();
            services.check(&mut faults);
            assert!(faults.faults().is_empty());
            faults.warnings().len()
        };
        assert_eq!(
            (warned("http://qdrant:6334"), warned("https://qdrant:6334"), warned("http://127.0.0.1:6334")),
            (1, 0, 0)
        );
    }

    #[test]
    fn a_public_address_without_encryption_is_a_warning() {
        let warned = |url: &str| {
            let mut services = Services::default();
            services.mail.public_url = Some(url.to_owned());
            let mut faults = Faults::default();
            services.check(&mut faults);
            (faults.faults().len(), faults.warnings().len())
        };
        let addresses = ["http://api.example", "https://api.example", "http://localhost:8787", "nonsense"];
        assert_eq!(addresses.map(warned), [(0, 1), (0, 0), (0, 0), (1, 0)]);
    }

    #[test]
    fn a_limit_of_nothing_is_none() {
        let limits = Limits {
            max_body_bytes: 0,
            max_document_bytes: usize::MAX,
            max_upload_bytes: 0,
            upload_expiry_seconds: 0,
            upload_seconds: 0,
            request_seconds: 0,
            run_seconds: -1,
            api_keys_per_workspace: u32::MAX,
            app_connections: 0,
            worker_connections: u32::MAX,
            worker_concurrency: 0,
            operator_entry_minutes: 241,
        };
        let mut faults = Faults::default();
        limits.check(&mut faults);
        assert_eq!(settings(&faults).len(), 12);
    }

    #[test]
    fn database_addresses_are_addresses_and_come_together_and_debug_hides_their_passwords() {
        let urls = DatabaseUrls {
            app_database_url: Some("postgresql://footnote_app:secret@db/footnote".to_owned()),
            owner_database_url: Some("mysql://db/x".to_owned()),
            listen_database_url: Some("postgresql://db/x?sslrootcert=/nowhere/ca.pem".to_owned()),
            ..DatabaseUrls::default()
        };
        let mut faults = Faults::default();
        urls.check(&BOTH, &mut faults);
        assert_eq!(settings(&faults), ["owner_database_url", "listen_database_url", "worker_database_url"]);
        let shown = format!("{urls:?}");
        assert!(shown.contains("footnote_app") && !shown.contains("secret"), "{shown}");
    }

    #[test]
    fn each_wrong_origin_is_told() {
        let pages = Pages {
            allowed_origins: ["https://app.example", "app", "*", "http://app.example"]
                .map(str::to_owned)
                .to_vec(),
        };
        let mut faults = Faults::default();
        pages.check(&mut faults);
        assert_eq!((faults.faults().len(), faults.warnings().len()), (2, 1));
    }
}
