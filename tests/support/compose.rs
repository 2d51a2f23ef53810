//! `docker/compose.yaml` as far as these tests need it: the command and the variables of each service.
//!
//! It reads the form that this one file has, two spaces a level, and panics at any other.

use std::collections::{BTreeMap, HashMap};

/// A service.
#[derive(Clone, Debug, Default)]
pub struct Service {
    /// The words of its command.
    pub command: Vec<String>,
    /// Its variables, with those of the settings file in them.
    pub variables: BTreeMap<String, String>,
}

/// The services of a compose file, by name, with the variables of a settings file.
pub fn services(compose: &str, settings: &HashMap<String, String>) -> HashMap<String, Service> {
    let shared = block(compose, "x-services: &services", 0);
    let mut found = HashMap::new();
    let all = block(compose, "services:", 0).join("\n");
    for name in all.lines().filter_map(|line| line.strip_prefix("  ")?.strip_suffix(':')) {
        if name.starts_with([' ', '#']) {
            continue;
        }
        let service = block(&all, &format!("  {name}:"), 2);
        let command = service.iter().find_map(|line| line.strip_prefix("    command: "));
        let command = command.map(|words| serde_json::from_str(words).expect("a list of words"));
        let own = block(&service.join("\n"), "    environment:", 4);
        let merged = own.iter().any(|line| line.trim() == "<<: *services");
        let lines = shared.iter().filter(|_| merged).chain(&own).filter(|line| !line.contains("<<:"));
        let variables = lines.map(|line| {
            let (name, value) = line.trim().split_once(": ").unwrap_or_else(|| panic!("a variable: {line}"));
            (name.to_owned(), filled(value.trim_matches('"'), settings))
        });
        let service = Service { command: command.unwrap_or_default(), variables: variables.collect() };
        found.insert(name.to_owned(), service);
    }
    found
}

/// The settings of a file of them.
pub fn settings(text: &str) -> HashMap<String, String> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let pairs = lines.filter_map(|line| line.split_once('='));
    pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// The lines below a heading, which are indented further than it.
fn block(text: &str, heading: &str, indent: usize) -> Vec<String> {
    let below = text.lines().skip_while(|line| *line != heading).skip(1);
    let deeper = |line: &&str| line.trim().is_empty() || line.len() - line.trim_start().len() > indent;
    let lines = below.take_while(deeper).filter(|line| !line.trim().is_empty());
    lines.filter(|line| !line.trim_start().starts_with('#')).map(str::to_owned).collect()
}

/// A value with the settings in it: `${NAME:-default}` and `${NAME:?message}`.
fn filled(value: &str, settings: &HashMap<String, String>) -> String {
    let Some((before, rest)) = value.split_once("${") else { return value.to_owned() };
    let (inside, after) = rest.split_once('}').expect("a closing brace");
    let (name, how) = inside.split_once(':').expect("a default, or a demand");
    let set = settings.get(name).filter(|value| !value.is_empty());
    let inserted = match (set, how.split_at(1)) {
        (Some(set), _) => set.as_str(),
        (None, ("-", default)) => default,
        (None, _) => panic!("{name} is required"),
    };
    format!("{before}{inserted}{}", filled(after, settings))
}
