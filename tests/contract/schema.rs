//! The schema that is checked in is the one that is served, and all of it is described.

use footnote::graphql::sdl;

#[test]
fn the_schema_file_is_the_schema() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../schema.graphql");
    let stored = std::fs::read_to_string(file).expect("schema.graphql");
    assert_eq!(stored.trim(), sdl().trim(), "run: cargo run -- schema > schema.graphql");
}

#[test]
fn every_type_field_argument_and_value_is_described() {
    let sdl = sdl();
    let mut undescribed = Vec::new();
    let mut described = false;
    let mut in_description = false;
    let mut kind = "";
    for line in sdl.lines() {
        let text = line.trim();
        if text.starts_with("\"\"\"") {
            in_description = !in_description;
            described = true;
            continue;
        }
        if line.starts_with("schema ") {
            break;
        }
        if in_description || text.is_empty() {
            continue;
        }
        let opens = ["type ", "input ", "enum ", "union ", "interface ", "scalar "]
            .iter()
            .find(|word| line.starts_with(**word));
        if let Some(word) = opens {
            kind = word;
            // What the library brings along is described by its own specification.
            let foreign =
                ["PageInfo", "Edge", "Connection", "DateTime"].iter().any(|name| text.contains(name));
            if !described && !foreign && !text.starts_with("scalar") {
                undescribed.push(text.to_owned());
            }
        } else if line.starts_with(['\t', ' '])
            && !text.starts_with(['}', ')'])
            && kind != "union "
            && !described
        {
            undescribed.push(text.to_owned());
        }
        described = false;
    }
    assert!(undescribed.is_empty(), "{undescribed:#?}");
}
