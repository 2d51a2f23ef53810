//! The key that signs access tokens, where several gateways share it.

use std::io::Read;
use std::path::{Path, PathBuf};

use clap::Args;

use super::{Faults, SecretSetting};
use crate::tokens::Tokens;

const LARGEST: u64 = 16 * 1024;

/// A key of every gateway. Neither set: the data folder has one of its own, made at the first start.
#[derive(Args, Clone, Debug, Default)]
pub struct SigningKey {
    /// The key that signs access tokens, the same for every gateway, as `footnote key new` prints it; unset, the data folder
    /// has its own.
    #[arg(long, env = "FOOTNOTE_SIGNING_KEY", hide_env_values = true, value_name = "KEY")]
    pub signing_key: Option<SecretSetting>,
    /// A file that holds this key instead, in PEM or base64.
    #[arg(long, env = "FOOTNOTE_SIGNING_KEY_FILE", value_name = "FILE")]
    pub signing_key_file: Option<PathBuf>,
}

impl SigningKey {
    /// What signs and checks tokens with the shared key; none where there is none.
    ///
    /// # Errors
    ///
    /// A sentence that names the setting and not the key.
    pub fn tokens(&self) -> Result<Option<Tokens>, String> {
        let text = match (&self.signing_key, &self.signing_key_file) {
            (Some(key), _) => key.reveal().to_owned(),
            (None, Some(file)) => read(file)?,
            (None, None) => return Ok(None),
        };
        Tokens::from_key(&text).map(Some)
    }

    /// Whether a key is shared.
    #[must_use]
    pub fn is_set(&self) -> bool {
        self.signing_key.is_some() || self.signing_key_file.is_some()
    }

    /// Demands one key that is one.
    pub fn check(&self, faults: &mut Faults) {
        let setting = if self.signing_key.is_some() { "signing_key" } else { "signing_key_file" };
        if self.signing_key.is_some() && self.signing_key_file.is_some() {
            faults.add(setting, "and FOOTNOTE_SIGNING_KEY_FILE are both set: unset one of them");
        } else if let Err(fault) = self.tokens() {
            faults.add(setting, fault);
        }
    }
}

fn read(file: &Path) -> Result<String, String> {
    let mut text = String::new();
    let read = std::fs::metadata(file).and_then(|metadata| {
        if !metadata.is_file() || metadata.len() > LARGEST {
            return Err(std::io::Error::other("it is not a file of at most 16 KiB"));
        }
        std::fs::File::open(file)?.take(LARGEST).read_to_string(&mut text)
    });
    read.map_err(|error| format!("names {}, which cannot be read: {error}", file.display()))?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::{Faults, SecretSetting, SigningKey};
    use crate::tokens;

    fn faults(key: Option<&str>, file: Option<&std::path::Path>) -> Vec<String> {
        let key = SigningKey {
            signing_key: key.map(|key| key.parse::<SecretSetting>().expect("any text")),
            signing_key_file: file.map(Into::into),
        };
        let mut faults = Faults::default();
        key.check(&mut faults);
        faults.faults().iter().map(|fault| format!("{} {}", fault.setting, fault.advice)).collect()
    }

    #[test]
    fn a_key_is_taken_as_it_is_printed_and_from_a_file_and_nothing_else_is() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("key");
        let key = tokens::new_key().expect("a key");
        std::fs::write(&file, tokens::as_pem(&key)).expect("written");
        assert_eq!(faults(None, None), Vec::<String>::new());
        assert_eq!(faults(Some(&key), None), Vec::<String>::new());
        assert_eq!(faults(None, Some(&file)), Vec::<String>::new());
        assert!(faults(Some(&key), Some(&file))[0].contains("both"));
        assert!(faults(None, Some(folder.path()))[0].contains("cannot be read"));
        assert!(faults(None, Some(&folder.path().join("none")))[0].starts_with("signing_key_file"));
        for bad in ["", "secret", &"A".repeat(64), &"=".repeat(100_000), &key[1..]] {
            let found = faults(Some(bad), None);
            assert!(found.len() == 1 && found[0].contains("footnote key new"), "{found:?}");
            assert!(bad.is_empty() || !found[0].contains(bad));
        }
    }
}
