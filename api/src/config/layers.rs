//! Settings in layers: flags, then the environment, then `footnote.toml`, then defaults.
//!
//! A setting is an argument with an environment variable. Each layer's value is checked alone before the command line is
//! read, so that every fault is found at once and named by where it comes from. An empty variable is one that is not set.

use std::ffi::{OsStr, OsString};

use clap::builder::Resettable;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Command};
use serde::Serialize;

use super::address;
use super::faults::{Fault, Faults};
use super::file::{SettingsFile, lossy, nearest};

/// What was written down for a command: its arguments, where each came from, and what is wrong with it.
pub struct Layers {
    /// The arguments, wrong values left out.
    pub matches: ArgMatches,
    /// The settings of the chosen command.
    pub settings: Vec<Setting>,
    /// What is wrong with single values, and with the file.
    pub faults: Faults,
}

/// Where a value comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase", tag = "kind", content = "name")]
pub enum Origin {
    /// A flag.
    Flag(String),
    /// A variable of the environment.
    Environment(String),
    /// A key of a file, as `PATH:key`.
    File(String),
    /// Nobody has set it.
    Default,
}

/// One setting as it holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Setting {
    /// The flag without its dashes, which is the key of the file as well.
    pub name: String,
    /// The variable of the environment.
    pub environment: String,
    /// Its value without what is secret; none where it is not set.
    pub value: Option<String>,
    /// Where the value comes from.
    pub origin: Origin,
    /// Whether its value is secret, or has a secret part.
    pub secret: bool,
    /// What it is for.
    pub help: String,
    /// The name of its field.
    #[serde(skip)]
    id: String,
    /// Whether a secret of it stands on the command line.
    #[serde(skip)]
    exposed: bool,
}

/// Reads the command line with the layers beneath it.
///
/// # Errors
///
/// What clap says of a command line that is none of ours.
pub fn read(command: &Command, mut words: Vec<OsString>) -> Result<Layers, clap::Error> {
    let mut faults = Faults::default();
    let file = SettingsFile::find(&words, &mut faults);
    let mut found = Vec::new();
    let layered = layered(command.clone(), &[], &file, &mut found);
    let matches = loop {
        match layered.clone().try_get_matches_from(&words) {
            Ok(matches) => break matches,
            // One wrong flag at a time: it is noted and left out.
            Err(error) => match wrong_flag(&error, &words) {
                Some((id, advice, left)) => {
                    faults.add(&id, advice);
                    words = left;
                }
                None => return Err(error),
            },
        }
    };
    let chain = chain(&matches);
    for Found { path, setting, advice } in found {
        if chain.starts_with(&path) {
            faults.add(&setting, advice);
        }
    }
    let (known, variables) = known(command);
    unknown_keys(&file, &known, &mut faults);
    unknown_variables(&variables, &mut faults);
    let settings = settings(command, &matches, &chain, &file);
    for setting in settings.iter().filter(|setting| setting.exposed) {
        faults.warn(
            &setting.id,
            "is secret, and the command line is not: set it in the environment or in a file",
        );
    }
    if file.is_readable_by_others() {
        for setting in
            settings.iter().filter(|setting| setting.secret && matches!(setting.origin, Origin::File(_)))
        {
            faults.warn(&setting.id, "is secret, and other users can read the file: `chmod 600` it");
        }
    }
    Ok(Layers { matches, settings, faults })
}

impl Layers {
    /// A line that names the setting by where its value comes from, and says what to do.
    #[must_use]
    pub fn line(&self, fault: &Fault) -> String {
        let Some(setting) = self.settings.iter().find(|setting| setting.id == fault.setting) else {
            return format!("{} {}", fault.setting, fault.advice).trim_start().to_owned();
        };
        match &setting.origin {
            Origin::Flag(name) | Origin::Environment(name) | Origin::File(name) => {
                format!("{name} {}", fault.advice)
            }
            Origin::Default => format!("{} {}", setting.environment, fault.advice),
        }
    }
}

/// A wrong value of an argument of a command.
struct Found {
    path: Vec<String>,
    setting: String,
    advice: String,
}

/// The command with the file's values as its defaults, and without values that mean nothing.
fn layered(command: Command, path: &[String], file: &SettingsFile, found: &mut Vec<Found>) -> Command {
    let with_layers = command.mut_args(|argument| {
        let Some((key, variable)) = named(&argument) else { return argument };
        let mut note = |name: &str, advice: String| {
            found.push(Found { path: path.to_vec(), setting: name.to_owned(), advice });
        };
        let mut argument = argument;
        match std::env::var_os(&variable) {
            Some(value) if value.is_empty() => argument = argument.env(Resettable::Reset),
            Some(value) => {
                if let Some(advice) = refusal(&argument, &value) {
                    note(&variable, advice);
                    argument = argument.env(Resettable::Reset);
                }
            }
            None => {}
        }
        let Some(values) = file.values(&key) else { return argument };
        let refused = values.iter().find_map(|value| refusal(&argument, OsStr::new(value)));
        let many = argument.get_value_delimiter().is_none() && values.len() != 1;
        match refused.or_else(|| many.then(|| "takes one value".to_owned())) {
            Some(advice) => {
                note(&in_file(file, &key), advice);
                argument
            }
            None => argument.default_values(values.iter().cloned()).required(false),
        }
    });
    with_layers.mut_subcommands(|command| {
        let path: Vec<String> = path.iter().cloned().chain([command.get_name().to_owned()]).collect();
        layered(command, &path, file, found)
    })
}

/// The key and the variable of an argument that is a setting.
fn named(argument: &Arg) -> Option<(String, String)> {
    Some((argument.get_long()?.to_owned(), lossy(argument.get_env()?)))
}

fn in_file(file: &SettingsFile, key: &str) -> String {
    format!("{}:{key}", file.path().map(|path| path.display().to_string()).unwrap_or_default())
}

/// Why the argument does not take a value.
fn refusal(argument: &Arg, value: &OsStr) -> Option<String> {
    if matches!(argument.get_action(), ArgAction::SetTrue) {
        let holds = value == "true" || value == "false";
        return (!holds).then(|| "takes true or false".to_owned());
    }
    let alone = argument.clone().env(Resettable::Reset).required(false).global(false);
    let mut word = OsString::from(format!("--{}=", argument.get_long().unwrap_or_default()));
    word.push(value);
    let error = Command::new("").no_binary_name(true).arg(alone).try_get_matches_from([word]).err()?;
    Some(advice(argument, &error))
}

/// What clap says of a value, without the value of a secret.
fn advice(argument: &Arg, error: &clap::Error) -> String {
    let value = match error.get(ContextKind::InvalidValue) {
        Some(ContextValue::String(value)) if !argument.is_hide_env_values_set() => {
            format!("`{}` ", value.chars().take(80).collect::<String>().escape_debug())
        }
        _ => String::new(),
    };
    if let Some(ContextValue::Strings(valid)) = error.get(ContextKind::ValidValue) {
        return format!("{value}is none of: {}", valid.join(", "));
    }
    let because = std::error::Error::source(error).map(|source| format!(" ({source})")).unwrap_or_default();
    let name = argument.get_value_names().and_then(<[_]>::first).map_or("VALUE", |name| name.as_str());
    format!("{value}is no {name}{because}")
}

/// A flag whose value means nothing: its name, what is wrong, and the words without it.
fn wrong_flag(error: &clap::Error, words: &[OsString]) -> Option<(String, String, Vec<OsString>)> {
    if !matches!(error.kind(), ErrorKind::ValueValidation | ErrorKind::InvalidValue) {
        return None;
    }
    let Some(ContextValue::String(usage)) = error.get(ContextKind::InvalidArg) else { return None };
    let flag = usage.split_whitespace().next().filter(|flag| flag.starts_with("--"))?;
    let with_value = format!("{flag}=");
    let at = words
        .iter()
        .position(|word| word == flag || word.to_str().is_some_and(|word| word.starts_with(&with_value)))?;
    let taken = if words.get(at)? == flag { 2 } else { 1 };
    let mut left = words.to_vec();
    left.drain(at..words.len().min(at + taken));
    let because = std::error::Error::source(error).map(|source| format!(": {source}")).unwrap_or_default();
    let valid = match error.get(ContextKind::ValidValue) {
        Some(ContextValue::Strings(valid)) if !valid.is_empty() => format!(": it takes {}", valid.join(", ")),
        _ => String::new(),
    };
    Some((flag.to_owned(), format!("has a value that means nothing{because}{valid}"), left))
}

/// The chosen command and its subcommands, by name.
fn chain(matches: &ArgMatches) -> Vec<String> {
    let mut chain = Vec::new();
    let mut matches = matches;
    while let Some((name, below)) = matches.subcommand() {
        chain.push(name.to_owned());
        matches = below;
    }
    chain
}

/// The keys and the variables of every command.
fn known(command: &Command) -> (Vec<String>, Vec<String>) {
    let (mut keys, mut variables): (Vec<_>, Vec<_>) = command.get_arguments().filter_map(named).unzip();
    for below in command.get_subcommands() {
        let (more_keys, more_variables) = known(below);
        keys.extend(more_keys);
        variables.extend(more_variables);
    }
    (keys, variables)
}

fn unknown_keys(file: &SettingsFile, known: &[String], faults: &mut Faults) {
    for key in file.keys().filter(|key| *key == super::file::SETTING || !known.iter().any(|name| name == key))
    {
        let shown: String = key.chars().take(80).collect::<String>().escape_debug().to_string();
        let advice = match nearest(key, known.iter().map(String::as_str)) {
            Some(near) => format!("is no setting; did you mean {near}?"),
            None => "is no setting; `footnote config` lists them".to_owned(),
        };
        faults.add(&in_file(file, &shown), advice);
    }
}

/// Warns of variables that look like a setting that was meant. Others are somebody else's: an orchestrator names its own
/// after ours, as `FOOTNOTE_PORT`.
fn unknown_variables(known: &[String], faults: &mut Faults) {
    let names = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
    for name in names.filter(|name| name.starts_with("FOOTNOTE_") && !known.contains(name)) {
        let near = known.iter().find(|known| strsim::damerau_levenshtein(known, &name) <= 2);
        if let Some(near) = near.filter(|_| name.len() < 80) {
            faults.warn(&name, format!("is no setting; did you mean {near}?"));
        }
    }
}

/// The settings of the chosen command, those of every command included.
fn settings(command: &Command, matches: &ArgMatches, chain: &[String], file: &SettingsFile) -> Vec<Setting> {
    let mut found: Vec<Setting> =
        command.get_arguments().filter_map(|argument| setting(argument, matches, file)).collect();
    let below = chain
        .first()
        .and_then(|name| Some((command.find_subcommand(name)?, matches.subcommand_matches(name)?)));
    if let Some((command, matches)) = below {
        // What this command is for comes first; what every command takes comes last.
        let mut first = settings(command, matches, &chain[1..], file);
        first.append(&mut found);
        return first;
    }
    found
}

fn setting(argument: &Arg, matches: &ArgMatches, file: &SettingsFile) -> Option<Setting> {
    let (key, variable) = named(argument)?;
    let id = argument.get_id().as_str();
    let origin = match matches.value_source(id) {
        Some(ValueSource::CommandLine) => Origin::Flag(format!("--{key}")),
        Some(ValueSource::EnvVariable) => Origin::Environment(variable.clone()),
        Some(_) if file.values(&key).is_some() => Origin::File(in_file(file, &key)),
        _ => Origin::Default,
    };
    let raw = matches.try_get_raw(id).ok().flatten();
    let value = raw.map(|values| values.map(lossy).collect::<Vec<_>>().join(","));
    let is_address = argument.get_value_names().is_some_and(|names| names.iter().any(|name| name == "URL"));
    let secret = argument.is_hide_env_values_set();
    let shown = |value: String| match (is_address, secret) {
        (true, _) => address::masked(&value),
        (false, true) => address::MASK.to_owned(),
        (false, false) => value,
    };
    let shown = value.as_ref().map(|value| shown(value.clone()));
    // Every user of the machine can list the command lines of its processes.
    let exposed = secret && matches!(origin, Origin::Flag(_)) && shown != value;
    Some(Setting {
        name: key,
        environment: variable,
        value: shown,
        origin,
        secret,
        help: argument.get_help().map(ToString::to_string).unwrap_or_default(),
        id: id.to_owned(),
        exposed,
    })
}
