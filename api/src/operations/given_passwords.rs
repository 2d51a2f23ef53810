//! Passwords of roles that were chosen elsewhere, as they stand in the addresses of the servers' settings.

use url::{Url, form_urlencoded};

use super::roles::Role;
use crate::config::Faults;

/// A password has at least so many characters: whoever reaches the database can try them.
const SHORTEST: usize = 16;
const LONGEST: usize = 256;

/// Reads the password of a role from its address; none where the address has none, as for a login by certificate.
///
/// # Errors
///
/// A sentence for the operator, without the password.
pub fn password(role: Role, address: &str) -> Result<Option<String>, String> {
    let url = Url::parse(address).ok().filter(|url| matches!(url.scheme(), "postgres" | "postgresql"));
    let Some(url) = url else {
        return Err("is not a PostgreSQL address; write it as postgresql://user:password@host:5432/database"
            .to_owned());
    };
    if url.username() != role.name() {
        return Err(format!("names another user than {0}; the role is {0}", role.name()));
    }
    let Some(encoded) = url.password() else { return Ok(None) };
    let password = decoded(encoded);
    let visible = password.bytes().all(|byte| byte.is_ascii_graphic());
    if !visible || !(SHORTEST..=LONGEST).contains(&password.len()) {
        return Err(format!(
            "has a password that cannot be set: take {SHORTEST} to {LONGEST} visible ASCII characters, as \
            `openssl rand -hex 24` prints them"
        ));
    }
    Ok(Some(password))
}

/// Percent-decoded; a plus is a plus in an address.
fn decoded(encoded: &str) -> String {
    let pair = format!("p={}", encoded.replace('+', "%2B").replace('&', "%26"));
    form_urlencoded::parse(pair.as_bytes()).next().map(|(_, value)| value.into_owned()).unwrap_or_default()
}

/// Demands of each address that was given that its password can be set, and warns where two roles would share one.
pub fn check<'a>(given: impl Iterator<Item = (Role, &'static str, &'a str)>, faults: &mut Faults) {
    let mut seen: Vec<String> = Vec::new();
    for (role, setting, address) in given {
        match password(role, address) {
            Err(fault) => faults.add(setting, fault),
            Ok(Some(password)) if seen.contains(&password) => {
                faults.warn(setting, "has the password of another role: whoever learns one has both");
            }
            Ok(Some(password)) => seen.push(password),
            Ok(None) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{check, password};
    use crate::config::Faults;
    use crate::operations::roles::Role;

    #[test]
    fn a_password_is_read_as_the_driver_reads_it() {
        for (given, expected) in [
            ("postgresql://footnote_app:0123456789abcdef@db/footnote", Some("0123456789abcdef")),
            ("postgres://footnote_app:0123456789ab%40+&=@db:1/x?sslmode=require", Some("0123456789ab@+&=")),
            ("postgresql://footnote_app@db/footnote?sslcert=a", None),
        ] {
            assert_eq!(password(Role::App, given).expect("usable").as_deref(), expected, "{given}");
        }
    }

    #[test]
    fn what_cannot_be_set_is_refused_without_being_told() {
        let long = format!("postgresql://footnote_app:{}@db/x", "s".repeat(1_000_000));
        for bad in [
            "",
            "mysql://footnote_app:secretsecretsecret@db/x",
            "postgresql://postgres:secretsecretsecret@db/x",
            "postgresql://footnote_app:secret@db/x",
            "postgresql://footnote_app:secretsecret%00secret@db/x",
            "postgresql://footnote_app:secretsecret%C3%A9secret@db/x",
            "postgresql://footnote_app:@db/x",
            &long,
        ] {
            if let Ok(password) = password(Role::App, bad) {
                assert_eq!(password, None, "{bad}");
                continue;
            }
            let fault = password(Role::App, bad).expect_err("refused");
            assert!(!fault.contains("secret") && fault.len() < 300, "{fault}");
        }
    }

    #[test]
    fn roles_that_share_a_password_are_warned_of() {
        let given = [
            (Role::App, "app_database_url", "postgresql://footnote_app:0123456789abcdef@db/x"),
            (Role::Owner, "owner_database_url", "postgresql://footnote_owner:0123456789abcdef@db/x"),
        ];
        let mut faults = Faults::default();
        check(given.into_iter(), &mut faults);
        assert_eq!((faults.faults().len(), faults.warnings().len()), (0, 1));
    }
}
