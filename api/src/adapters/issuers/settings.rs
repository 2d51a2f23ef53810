//! The setting of the external issuers, checked before anything is asked of them.

use std::path::Path;

use jsonwebtoken::Algorithm;
use serde::Deserialize;
use url::Url;

/// How many issuers one server trusts.
const MOST: usize = 20;
const LARGEST_FILE: u64 = 64 * 1024;
/// What the column of the database takes.
const LONGEST_ISSUER: usize = 255;

/// One external issuer.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct IssuerSetting {
    /// Its name for itself, exactly as it stands in `iss`: an https address.
    pub issuer: String,
    /// Whom its tokens must be for, as it stands in `aud`.
    pub audience: String,
    /// Where its keys are; unset, its discovery document says.
    pub jwks_url: Option<String>,
    /// The algorithms that it signs with.
    #[serde(default = "rs256")]
    pub algorithms: Vec<Asymmetric>,
    /// Whether a verified address of it names an account that has the same verified address.
    #[serde(default)]
    pub trust_email: bool,
}

/// The algorithms that can be pinned (RFC 7518, section 3.1; RFC 8037): none in which whoever checks can sign.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
pub enum Asymmetric {
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    RS256,
    /// RSASSA-PKCS1-v1_5 with SHA-384.
    RS384,
    /// RSASSA-PKCS1-v1_5 with SHA-512.
    RS512,
    /// RSASSA-PSS with SHA-256.
    PS256,
    /// RSASSA-PSS with SHA-384.
    PS384,
    /// RSASSA-PSS with SHA-512.
    PS512,
    /// ECDSA on P-256 with SHA-256.
    ES256,
    /// ECDSA on P-384 with SHA-384.
    ES384,
    /// Ed25519.
    #[serde(rename = "EdDSA")]
    EdDsa,
}

impl Asymmetric {
    /// As it stands in `alg`.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::RS256 => "RS256",
            Self::RS384 => "RS384",
            Self::RS512 => "RS512",
            Self::PS256 => "PS256",
            Self::PS384 => "PS384",
            Self::PS512 => "PS512",
            Self::ES256 => "ES256",
            Self::ES384 => "ES384",
            Self::EdDsa => "EdDSA",
        }
    }

    /// As the library names it.
    pub(super) fn algorithm(self) -> Algorithm {
        match self {
            Self::RS256 => Algorithm::RS256,
            Self::RS384 => Algorithm::RS384,
            Self::RS512 => Algorithm::RS512,
            Self::PS256 => Algorithm::PS256,
            Self::PS384 => Algorithm::PS384,
            Self::PS512 => Algorithm::PS512,
            Self::ES256 => Algorithm::ES256,
            Self::ES384 => Algorithm::ES384,
            Self::EdDsa => Algorithm::EdDSA,
        }
    }
}

fn rs256() -> Vec<Asymmetric> {
    vec![Asymmetric::RS256]
}

/// A file of issuers.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    issuers: Vec<IssuerSetting>,
}

/// Reads and checks the setting: a JSON list, or the path of a TOML file with a table `[[issuers]]` for each.
pub(super) fn read(setting: &str) -> Result<Vec<IssuerSetting>, String> {
    let wrong = |what: String| format!("FOOTNOTE_ISSUERS: {what}");
    let settings = if setting.trim_start().starts_with('[') {
        serde_json::from_str(setting).map_err(|error| wrong(format!("not a list of issuers: {error}")))?
    } else {
        from_file(Path::new(setting.trim())).map_err(wrong)?
    };
    check(&settings).map_err(wrong)?;
    Ok(settings)
}

fn from_file(path: &Path) -> Result<Vec<IssuerSetting>, String> {
    let describe = |error: &dyn std::fmt::Display| format!("the file {}: {error}", path.display());
    let length = std::fs::metadata(path).map_err(|error| describe(&error))?.len();
    if length > LARGEST_FILE {
        return Err(describe(&"it is larger than 64 KiB"));
    }
    let text = std::fs::read_to_string(path).map_err(|error| describe(&error))?;
    let file: File = toml::from_str(&text).map_err(|error| describe(&error.message()))?;
    Ok(file.issuers)
}

fn check(settings: &[IssuerSetting]) -> Result<(), String> {
    if settings.len() > MOST {
        return Err(format!("at most {MOST} issuers"));
    }
    for (index, setting) in settings.iter().enumerate() {
        let of = |what: &str| format!("{what} of the issuer {:?}", setting.issuer);
        let issuer = Url::parse(&setting.issuer).map_err(|_| of("not an address, the name"))?;
        if !is_safe(&issuer) || setting.issuer.len() > LONGEST_ISSUER || setting.issuer.contains('\0') {
            return Err(of("give an https address without user, query and fragment as the name"));
        }
        if settings.iter().take(index).any(|other| other.issuer == setting.issuer) {
            return Err(of("given twice: the name"));
        }
        if setting.audience.trim().is_empty() {
            return Err(of("give the audience"));
        }
        if setting.algorithms.is_empty() {
            return Err(of("give at least one of the algorithms"));
        }
        if setting.jwks_url.as_ref().is_some_and(|url| safe_address(url).is_none()) {
            return Err(of("give an https address as the jwks_url"));
        }
    }
    Ok(())
}

/// An address of keys; none where it is none, or keys could be exchanged on their way.
pub(super) fn safe_address(text: &str) -> Option<Url> {
    Url::parse(text).ok().filter(is_reachable_safely)
}

/// Whether keys that come from there are the ones that were sent: by https, or from this machine.
fn is_reachable_safely(url: &Url) -> bool {
    let is_local = match url.host() {
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        Some(url::Host::Domain(name)) => name == "localhost",
        None => return false,
    };
    (url.scheme() == "https" || (url.scheme() == "http" && is_local))
        && url.username().is_empty()
        && url.password().is_none()
}

fn is_safe(issuer: &Url) -> bool {
    is_reachable_safely(issuer) && issuer.query().is_none() && issuer.fragment().is_none()
}

#[cfg(test)]
mod tests {
    use super::{Asymmetric, read};

    #[test]
    fn a_list_is_read_with_its_defaults() {
        let settings =
            read(r#"[{ "issuer": "https://login.example", "audience": "footnote" }]"#).expect("a setting");
        assert_eq!(settings[0].algorithms, [Asymmetric::RS256]);
        assert!(!settings[0].trust_email && settings[0].jwks_url.is_none());
    }

    #[test]
    fn a_file_is_read_and_a_missing_one_named() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("issuers.toml");
        let text = "[[issuers]]\nissuer = \"https://login.example/t1\"\naudience = \"api\"\n\
                    jwks_url = \"https://keys.example/jwks\"\nalgorithms = [\"ES256\", \"EdDSA\"]\ntrust_email = true\n";
        std::fs::write(&path, text).expect("written");
        let settings = read(path.to_str().expect("text")).expect("a setting");
        assert_eq!(settings[0].algorithms, [Asymmetric::ES256, Asymmetric::EdDsa]);
        assert!(settings[0].trust_email);
        let fault = read("/nowhere/issuers.toml").expect_err("no file");
        assert!(fault.starts_with("FOOTNOTE_ISSUERS: the file /nowhere/issuers.toml"), "{fault}");
    }

    #[test]
    fn what_would_make_tokens_worth_nothing_is_refused() {
        for wrong in [
            r#"[{ "issuer": "http://login.example", "audience": "a" }]"#,
            r#"[{ "issuer": "login.example", "audience": "a" }]"#,
            r#"[{ "issuer": "https://login.example?tenant=1", "audience": "a" }]"#,
            r#"[{ "issuer": "https://u:p@login.example", "audience": "a" }]"#,
            r#"[{ "issuer": "https://login.example", "audience": " " }]"#,
            r#"[{ "issuer": "https://login.example" }]"#,
            r#"[{ "issuer": "https://login.example", "audience": "a", "algorithms": [] }]"#,
            r#"[{ "issuer": "https://login.example", "audience": "a", "algorithms": ["HS256"] }]"#,
            r#"[{ "issuer": "https://login.example", "audience": "a", "algorithms": ["none"] }]"#,
            r#"[{ "issuer": "https://login.example", "audience": "a", "jwks_url": "http://keys.example/" }]"#,
            r#"[{ "issuer": "https://login.example", "audience": "a", "jwks_url": "file:///etc/passwd" }]"#,
            r#"[{ "issuer": "https://login.example", "audience": "a", "algoritms": ["ES256"] }]"#,
            r#"[{ "issuer": "https://a.example", "audience": "a" }, { "issuer": "https://a.example", "audience": "b" }]"#,
            "[",
        ] {
            let fault = read(wrong).expect_err(wrong);
            assert!(fault.starts_with("FOOTNOTE_ISSUERS: ") && !fault.contains('\n'), "{fault}");
        }
        for local in ["http://127.0.0.1:9", "http://localhost:9/realm", "http://[::1]:9"] {
            let setting = format!(r#"[{{ "issuer": "{local}", "audience": "a" }}]"#);
            assert!(read(&setting).is_ok(), "{local}");
        }
    }
}
