//! `footnote.toml`: settings in a file, by the names of their flags.
//!
//! A key is a flag without its dashes (`max-body-bytes = 6291456`); a value is a string, a number, a boolean, or a list of
//! strings. There are no tables. The file is the one of `--config` or `FOOTNOTE_CONFIG`, else `footnote.toml` in the working
//! folder where there is one.

use std::ffi::{OsStr, OsString};
use std::io::Read;
use std::path::{Path, PathBuf};

use toml::{Table, Value};

use super::Faults;

/// The file that is read where none is named.
pub const DEFAULT_FILE: &str = "footnote.toml";
/// The setting that names the file.
pub const SETTING: &str = "config";
const VARIABLE: &str = "FOOTNOTE_CONFIG";
const LARGEST: u64 = 1024 * 1024;

/// The settings of a file; none where there is no file.
#[derive(Clone, Debug, Default)]
pub struct SettingsFile {
    path: Option<PathBuf>,
    values: Vec<(String, Vec<String>)>,
    readable_by_others: bool,
}

impl SettingsFile {
    /// Reads the file that the command line, the environment or the working folder names.
    pub fn find(words: &[OsString], faults: &mut Faults) -> Self {
        let named = named_by(words).or_else(|| std::env::var_os(VARIABLE).filter(|path| !path.is_empty()));
        let path = match named {
            Some(path) => PathBuf::from(path),
            None if Path::new(DEFAULT_FILE).exists() => PathBuf::from(DEFAULT_FILE),
            None => return Self::default(),
        };
        let Some(text) = read(&path, faults) else { return Self::default() };
        let values = parse(&path, &text, faults);
        Self { readable_by_others: readable_by_others(&path), path: Some(path), values }
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    /// The values of a key.
    #[must_use]
    pub fn values(&self, key: &str) -> Option<&[String]> {
        self.values.iter().find(|(name, _)| name == key).map(|(_, values)| values.as_slice())
    }

    /// Every key.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.values.iter().map(|(key, _)| key.as_str())
    }

    /// Whether other users of this machine can read it.
    #[must_use]
    pub fn is_readable_by_others(&self) -> bool {
        self.readable_by_others
    }
}

/// The value of `--config`, wherever it stands: no other flag takes a value that begins with a dash.
fn named_by(words: &[OsString]) -> Option<OsString> {
    let mut words = words.iter().take_while(|word| *word != "--");
    while let Some(word) = words.next() {
        if word == "--config" {
            return words.next().cloned();
        }
        if let Some(path) = word.to_str().and_then(|word| word.strip_prefix("--config=")) {
            return Some(path.into());
        }
    }
    None
}

fn read(path: &Path, faults: &mut Faults) -> Option<String> {
    let read = || {
        let metadata = std::fs::metadata(path)?;
        if !metadata.is_file() || metadata.len() > LARGEST {
            return Err(std::io::Error::other("it is not a file of at most 1 MiB"));
        }
        let mut text = String::new();
        std::fs::File::open(path)?.take(LARGEST).read_to_string(&mut text)?;
        Ok(text)
    };
    read()
        .map_err(|error| {
            faults.add(
                SETTING,
                format!("{} cannot be read ({error}); name another file, or none", path.display()),
            );
        })
        .ok()
}

fn readable_by_others(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    std::fs::metadata(path).is_ok_and(|metadata| metadata.permissions().mode() & 0o044 != 0)
}

fn parse(path: &Path, text: &str, faults: &mut Faults) -> Vec<(String, Vec<String>)> {
    let table: Table = match toml::from_str(text) {
        Ok(table) => table,
        Err(error) => {
            let line = error
                .span()
                .map_or(1, |span| text.get(..span.start).unwrap_or_default().matches('\n').count() + 1);
            // The library's own sentence may quote the line, and with it a secret; so the line is named.
            faults.add(
                &format!("{}:{line}", path.display()),
                "is not TOML; write `key = \"value\"`, each key once",
            );
            return Vec::new();
        }
    };
    let values = table.into_iter().filter_map(|(key, value)| {
        let values = match value {
            Value::Array(values) => values.iter().map(scalar).collect(),
            value => scalar(&value).map(|value| vec![value]),
        };
        if values.is_none() {
            faults.add(
                &format!("{}:{key}", path.display()),
                "takes a string, a number, true or false, or a list of these",
            );
        }
        Some((key, values?))
    });
    values.collect()
}

fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Integer(number) => Some(number.to_string()),
        Value::Float(number) => Some(number.to_string()),
        Value::Boolean(holds) => Some(holds.to_string()),
        Value::Datetime(_) | Value::Array(_) | Value::Table(_) => None,
    }
}

/// The known name that is most like a wrong one.
#[must_use]
pub fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let name: String = name.chars().take(64).collect::<String>().to_ascii_lowercase().replace('_', "-");
    let likeness = |known: &&str| strsim::jaro_winkler(&name, known);
    known.filter(|known| likeness(known) > 0.8).max_by(|one, other| likeness(one).total_cmp(&likeness(other)))
}

/// A value as text for people; what is not UTF-8 is replaced.
#[must_use]
pub fn lossy(value: &OsStr) -> String {
    value.to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;
    use std::path::Path;

    use super::{Faults, named_by, nearest, parse};

    #[test]
    fn scalars_and_lists_are_values_and_everything_else_is_a_fault_of_its_key() {
        let mut faults = Faults::default();
        let text = "listen = \"127.0.0.1:1\"\nmax-body-bytes = 5\nno-graphiql = true\nallowed-origins = [\"a\", \"b\"]\nwhen = 1979-05-27\n[table]\na = 1";
        let mut values = parse(Path::new("f"), text, &mut faults);
        values.sort();
        let keys: Vec<_> = values.iter().map(|(key, values)| format!("{key}={}", values.join(","))).collect();
        assert_eq!(
            keys,
            ["allowed-origins=a,b", "listen=127.0.0.1:1", "max-body-bytes=5", "no-graphiql=true"]
        );
        let wrong: Vec<_> = faults.faults().iter().map(|fault| fault.setting.as_str()).collect();
        assert_eq!(wrong, ["f:table", "f:when"]);
    }

    #[test]
    fn what_is_not_toml_is_named_by_its_line_and_never_quoted() {
        for bad in
            ["\n\nllm-api-key = secret", "\n\nllm-api-key = \"secret", "\n\nsecret", "a = 1\n\na = 'secret'"]
        {
            let mut faults = Faults::default();
            assert!(parse(Path::new("f"), bad, &mut faults).is_empty());
            let fault = &faults.faults()[0];
            assert!(fault.setting == "f:3" && !fault.advice.contains("secret"), "{fault:?}");
        }
        assert!(parse(Path::new("f"), &"[".repeat(100_000), &mut Faults::default()).is_empty());
    }

    #[test]
    fn the_file_is_named_on_the_command_line_before_two_dashes() {
        let words = |text: &str| text.split(' ').map(OsString::from).collect::<Vec<_>>();
        assert_eq!(named_by(&words("footnote serve --config a")), Some("a".into()));
        assert_eq!(named_by(&words("footnote --config=b serve")), Some("b".into()));
        assert_eq!(named_by(&words("footnote serve -- --config a")), None);
        assert_eq!(named_by(&words("footnote serve --config")), None);
    }

    #[test]
    fn a_wrong_name_finds_its_neighbour_and_a_strange_one_finds_none() {
        let known = ["listen", "llm-url", "qdrant-url"];
        assert_eq!(nearest("QDRANT_URI", known.into_iter()), Some("qdrant-url"));
        assert_eq!(nearest("lisen", known.into_iter()), Some("listen"));
        assert_eq!(nearest("zzz", known.into_iter()), None);
        assert_eq!(nearest(&"x".repeat(1_000_000), known.into_iter()), None);
    }
}
