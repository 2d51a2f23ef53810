//! The direction of dependencies, read off the sources: what an arrow of the design does not allow is named.
//!
//! A use is a path from the crate's root (`crate::…`, or a chain of `super::` that reaches it), alone or in a group, outside comments
//! and outside `#[cfg(test)]`. Arrows between crates are the compiler's to hold.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use super::super::Failure;

/// The modules of the library from the bottom up; each may use its own layer and what is below.
const LAYERS: &[&[&str]] = &[
    // What knows nothing of the product: among it the doors to PostgreSQL and to everything outside.
    &[
        "adapters",
        "client",
        "clock",
        "config",
        "embedded",
        "error",
        "health",
        "input",
        "list",
        "supervisor",
        "tenancy",
        "tokens",
    ],
    // What every capability is handed, and the engine that runs their jobs without knowing them.
    &["app", "worker"],
    CAPABILITIES,
    &["graphql"],
    &["server"],
    &["operations"],
    &["commands"],
];

/// Each has its rules, its objects and its jobs.
const CAPABILITIES: &[&str] = &["accounts", "agents", "jobs", "knowledge", "mail", "members", "workspaces"];

/// The files of a capability that speak GraphQL.
const TRANSPORT: &[&str] =
    &["query.rs", "mutation.rs", "subscription.rs", "types.rs", "mod.rs", "inputs.rs", "loaders.rs"];

/// Uses that point up, each with its reason. One that is not needed any more is named.
const EXPLAINED: &[(&str, &str, &str)] =
    &[("app.rs", "accounts", "the hasher of passwords is made once for the whole process")];

/// Files that stand above every layer.
const OUTERMOST: &[&str] = &["lib.rs", "main.rs"];

/// One path of one file.
#[derive(Clone, Debug)]
struct Use {
    /// The file, below `api/src`.
    file: String,
    /// The path, without `crate::`.
    path: String,
}

impl Use {
    /// The module of the library that the file belongs to.
    fn module(&self) -> &str {
        let first = self.file.split('/').next().unwrap_or_default();
        first.strip_suffix(".rs").unwrap_or(first)
    }

    /// The module of the library that is used.
    fn used(&self) -> &str {
        self.path.split("::").next().unwrap_or_default()
    }

    fn is_of_capability(&self) -> bool {
        CAPABILITIES.contains(&self.module())
    }

    fn is_transport(&self) -> bool {
        self.is_of_capability() && TRANSPORT.iter().any(|name| self.file.ends_with(&format!("/{name}")))
    }

    fn is_explained(&self) -> bool {
        EXPLAINED.iter().any(|(file, used, _)| *file == self.file && *used == self.used())
    }
}

/// A rule over all uses.
pub struct Rule {
    /// The rule.
    pub name: &'static str,
    /// What to do about what breaks it.
    pub mend: &'static str,
    breaks: fn(&[Use]) -> BTreeSet<String>,
}

/// Every module stands in a layer.
pub const PLACED: Rule = Rule {
    name: "every module stands in a layer",
    mend: "Say in LAYERS of operations/gate/architecture.rs where it belongs.",
    breaks: |uses| {
        let placed = |module: &str| rank(module).is_some();
        let modules = uses.iter().filter(|one| !OUTERMOST.contains(&one.file.as_str())).map(Use::module);
        modules.filter(|module| !placed(module)).map(str::to_owned).collect()
    },
};

/// No module uses one of a layer above it.
pub const DOWNWARDS: Rule = Rule {
    name: "dependencies point down",
    mend: "Move what is shared down, or hand it in from above.",
    breaks: |uses| {
        let mut found = select(uses, |one| {
            let (Some(from), Some(to)) = (rank(one.module()), rank(one.used())) else { return false };
            to > from && !(one.is_transport() && one.used() == "graphql") && !one.is_explained()
        });
        let needed = |explained: &&(&str, &str, &str)| {
            uses.iter().any(|one| one.file == explained.0 && one.used() == explained.1)
        };
        let stale = EXPLAINED.iter().filter(|explained| !needed(explained));
        if !uses.is_empty() {
            found.extend(
                stale.map(|(file, used, _)| format!("{file} uses {used} no more, though it is explained")),
            );
        }
        found
    },
};

/// The schema names a capability where it is put together, and where an id leads to its object.
pub const ASSEMBLED: Rule = Rule {
    name: "only the assembly and the look-up by id name capabilities in the schema",
    mend: "Let the capability call what graphql offers, and not the other way round.",
    breaks: |uses| {
        select(uses, |one| {
            one.module() == "graphql"
                && !["graphql/mod.rs", "graphql/node.rs"].contains(&one.file.as_str())
                && CAPABILITIES.contains(&one.used())
        })
    },
};

/// What a capability decides, it decides for jobs and for requests alike.
pub const WITHOUT_GRAPHQL: Rule = Rule {
    name: "rules know nothing of GraphQL",
    mend: "Parse in query.rs, mutation.rs or inputs.rs and wrap in types.rs; service.rs and the other files have the rules.",
    breaks: |uses| {
        select(uses, |one| {
            one.is_of_capability() && !one.is_transport() && ["graphql", "server"].contains(&one.used())
        })
    },
};

/// Capabilities meet in what they offer.
pub const OFFERED: Rule = Rule {
    name: "a capability uses of another what it offers, not its resolvers",
    mend: "Call its service, or use its types.",
    breaks: |uses| {
        select(uses, |one| {
            let part = one.path.split("::").nth(1).unwrap_or_default();
            one.is_of_capability()
                && one.module() != one.used()
                && CAPABILITIES.contains(&one.used())
                && ["query", "mutation", "subscription", "inputs", "loaders"].contains(&part)
        })
    },
};

/// Servers and commands are started from outside.
pub const STARTED_OUTSIDE: Rule = Rule {
    name: "nobody but the commands starts servers and commands",
    mend: "Let operations/stack.rs start it, and hand in what is needed.",
    breaks: |uses| {
        let outer = ["commands", "operations", "server"];
        select(uses, |one| {
            !outer.contains(&one.module())
                && !OUTERMOST.contains(&one.file.as_str())
                && outer.contains(&one.used())
        })
    },
};

/// Every rule.
pub const RULES: &[Rule] = &[PLACED, DOWNWARDS, ASSEMBLED, WITHOUT_GRAPHQL, OFFERED, STARTED_OUTSIDE];

fn rank(module: &str) -> Option<usize> {
    LAYERS.iter().position(|layer| layer.contains(&module))
}

fn select(uses: &[Use], breaks: impl Fn(&Use) -> bool) -> BTreeSet<String> {
    uses.iter().filter(|one| breaks(one)).map(|one| format!("{} uses {}", one.file, one.path)).collect()
}

/// The sources as far as the rules look at them.
pub struct Sources {
    uses: Vec<Use>,
    files: usize,
}

impl Sources {
    /// Reads the library below a root.
    ///
    /// # Errors
    ///
    /// [`Failure::File`].
    pub fn read(root: &Path) -> Result<Self, Failure> {
        let library = root.join("api/src");
        let mut texts = Vec::new();
        read_folder(&library, &library, &mut texts)?;
        Ok(Self::from_texts(&texts))
    }

    /// Takes files that were read: the path below `api/src`, and the text.
    #[must_use]
    pub fn from_texts(texts: &[(String, String)]) -> Self {
        let uses = texts.iter().flat_map(|(file, text)| {
            let paths = paths(file, text);
            paths.into_iter().map(|path| Use { file: file.clone(), path })
        });
        Self { uses: uses.collect(), files: texts.len() }
    }

    /// How many uses there are.
    #[must_use]
    pub fn uses(&self) -> usize {
        self.uses.len()
    }

    /// How many files there are.
    #[must_use]
    pub fn files(&self) -> usize {
        self.files
    }

    /// What breaks a rule.
    #[must_use]
    pub fn violations(&self, rule: &Rule) -> BTreeSet<String> {
        (rule.breaks)(&self.uses)
    }
}

fn read_folder(root: &Path, folder: &Path, texts: &mut Vec<(String, String)>) -> Result<(), Failure> {
    let entries = fs::read_dir(folder).map_err(Failure::file("read", folder))?;
    for entry in entries {
        let path = entry.map_err(Failure::file("read", folder))?.path();
        if path.is_dir() {
            read_folder(root, &path, texts)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).map_err(Failure::file("read", &path))?;
            let name = path.strip_prefix(root).unwrap_or(&path).to_string_lossy().into_owned();
            texts.push((name, text));
        }
    }
    Ok(())
}

/// The paths from the crate's root in a file.
fn paths(file: &str, text: &str) -> Vec<String> {
    let code = text.split("#[cfg(test)]").next().unwrap_or_default();
    let lines = code.lines().filter(|line| !line.trim_start().starts_with("//"));
    let code = lines.collect::<Vec<_>>().join("\n");
    let mut found = Vec::new();
    for after in code.split("crate::").skip(1) {
        tree(after, "", &mut found);
    }
    // Each `super` leaves one module; as many as the file is deep lead to the root.
    let root = "super::".repeat(depth(file));
    if !root.is_empty() {
        for (at, _) in code.match_indices(&root) {
            let longer = code[..at].ends_with("super::") || code[at + root.len()..].starts_with("super::");
            if !longer && !OUTERMOST.contains(&file) {
                tree(&code[at + root.len()..], "", &mut found);
            }
        }
    }
    found
}

/// How many modules a file is below the root.
fn depth(file: &str) -> usize {
    file.split('/').filter(|part| *part != "mod.rs").count()
}

/// Reads one path or group; returns what follows it.
fn tree<'a>(text: &'a str, prefix: &str, found: &mut Vec<String>) -> &'a str {
    let name: String = text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
    let mut rest = &text[name.len()..];
    let path = match (prefix, name.as_str()) {
        (_, "self" | "") => prefix.to_owned(),
        ("", _) => name,
        _ => format!("{prefix}::{name}"),
    };
    if let Some(group) =
        rest.strip_prefix("::{").or_else(|| rest.strip_prefix('{').filter(|_| prefix.is_empty()))
    {
        rest = group.trim_start();
        while !rest.is_empty() && !rest.starts_with('}') {
            rest = tree(rest, &path, found);
            // A name that was given to it.
            rest = rest.trim_start_matches(|c: char| !matches!(c, ',' | '}'));
            rest = rest.strip_prefix(',').unwrap_or(rest).trim_start();
        }
        return rest.strip_prefix('}').unwrap_or(rest);
    }
    match rest.strip_prefix("::") {
        Some(deeper) if deeper.starts_with(|c: char| c.is_alphabetic() || c == '_') => {
            tree(deeper, &path, found)
        }
        _ => {
            if !path.is_empty() {
                found.push(path);
            }
            rest
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{
        ASSEMBLED, DOWNWARDS, OFFERED, PLACED, RULES, STARTED_OUTSIDE, Sources, WITHOUT_GRAPHQL, paths,
    };

    fn sources(files: &[(&str, &str)]) -> Sources {
        let owned: Vec<_> =
            files.iter().map(|(file, text)| ((*file).to_owned(), (*text).to_owned())).collect();
        Sources::from_texts(&owned)
    }

    #[test]
    fn paths_are_found_alone_in_groups_and_by_super() {
        for (file, text, expected) in [
            ("a.rs", "use crate::tenancy::Operation;", &["tenancy::Operation"][..]),
            (
                "a.rs",
                "use crate::{clock, knowledge::{Chunk, service::{self, save as keep}}, jobs};",
                &["clock", "knowledge::Chunk", "knowledge::service", "knowledge::service::save", "jobs"],
            ),
            (
                "a.rs",
                "use crate::{\n    clock,\n    jobs,\n};\nlet x = crate::input::read::<u8>();",
                &["clock", "jobs", "input::read"],
            ),
            ("a/b.rs", "use super::super::graphql::Page;\nuse super::c;", &["graphql::Page"]),
            ("a/mod.rs", "use super::graphql;\nuse super::super::nowhere;", &["graphql"]),
            (
                "a/b.rs",
                "pub(super) fn f() {}\n/// [`crate::server`]\n// crate::server\nfn g() {}\n#[cfg(test)]\nuse crate::server;",
                &[],
            ),
        ] {
            assert_eq!(paths(file, text), expected, "{file} {text}");
        }
    }

    #[test]
    fn each_rule_names_what_breaks_it() {
        for (rule, file, text, named) in [
            (&PLACED, "novelty/mod.rs", "use crate::clock;", "novelty"),
            (
                &DOWNWARDS,
                "tenancy/operation.rs",
                "use crate::knowledge::Chunk;",
                "tenancy/operation.rs uses knowledge::Chunk",
            ),
            (
                &DOWNWARDS,
                "worker/engine.rs",
                "use crate::{clock, jobs::service};",
                "worker/engine.rs uses jobs::service",
            ),
            (
                &DOWNWARDS,
                "adapters/mail/mod.rs",
                "use super::super::server::x;",
                "adapters/mail/mod.rs uses server::x",
            ),
            (
                &DOWNWARDS,
                "knowledge/types.rs",
                "use crate::server::body;",
                "knowledge/types.rs uses server::body",
            ),
            (&DOWNWARDS, "clock.rs", "", "app.rs uses accounts no more"),
            (
                &ASSEMBLED,
                "graphql/connection.rs",
                "use crate::jobs::Job;",
                "graphql/connection.rs uses jobs::Job",
            ),
            (
                &WITHOUT_GRAPHQL,
                "agents/service.rs",
                "use crate::graphql::page;",
                "agents/service.rs uses graphql::page",
            ),
            (
                &OFFERED,
                "agents/service.rs",
                "use crate::jobs::mutation::retry;",
                "agents/service.rs uses jobs::mutation::retry",
            ),
            (
                &STARTED_OUTSIDE,
                "mail/postman.rs",
                "use crate::operations::stack;",
                "mail/postman.rs uses operations::stack",
            ),
        ] {
            let found = sources(&[(file, text), ("clock.rs", "use crate::error::Error;")]).violations(rule);
            assert!(found.iter().any(|line| line.starts_with(named)), "{file}: {found:?}");
        }
    }

    #[test]
    fn what_the_design_allows_breaks_nothing() {
        let sound = sources(&[
            ("app.rs", "use crate::accounts::Accounts;"),
            ("knowledge/types.rs", "use crate::graphql::Page;"),
            ("knowledge/service.rs", "use crate::jobs::service::enqueue;\nuse crate::tenancy::Operation;"),
            ("graphql/mod.rs", "use crate::{agents, knowledge};"),
            ("server/router.rs", "use crate::graphql::schema;"),
            ("lib.rs", "pub use crate::commands::main;"),
        ]);
        for rule in RULES {
            assert!(sound.violations(rule).is_empty(), "{}: {:?}", rule.name, sound.violations(rule));
        }
    }
}
