//! The direction of dependencies: the rules of `footnote gate`, over the sources of this build.

use std::path::Path;

use footnote::operations::gate::architecture::{
    ASSEMBLED, DOWNWARDS, OFFERED, PLACED, Rule, STARTED_OUTSIDE, Sources, WITHOUT_GRAPHQL,
};

fn holds(rule: &Rule) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let sources = Sources::read(&root).expect("the sources");
    assert!(sources.files() > 200 && sources.uses() > 500, "the sources were not found");
    let found = sources.violations(rule);
    assert!(found.is_empty(), "{}: {found:#?}. {}", rule.name, rule.mend);
}

#[test]
fn every_module_stands_in_a_layer() {
    holds(&PLACED);
}

#[test]
fn the_lower_layers_know_nothing_of_the_capabilities() {
    holds(&DOWNWARDS);
}

#[test]
fn only_the_assembly_and_the_look_up_by_id_name_capabilities_in_the_schema() {
    holds(&ASSEMBLED);
}

#[test]
fn rules_know_nothing_of_graphql() {
    holds(&WITHOUT_GRAPHQL);
}

#[test]
fn a_capability_uses_of_another_what_it_offers() {
    holds(&OFFERED);
}

#[test]
fn nobody_but_the_commands_starts_servers_and_commands() {
    holds(&STARTED_OUTSIDE);
}
