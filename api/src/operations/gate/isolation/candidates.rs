//! Values that a column may take, to be tried until every CHECK holds: some of each type, and what the CHECK itself names.

use chrono::TimeDelta;
use serde_json::{Value, json};

use crate::clock;

/// No example is longer.
const LONGEST: usize = 4096;

/// Values of a type, the plainest first; none where the type is unknown. `texts` are the CHECKs that name the column.
pub(super) fn of(kind: &str, texts: &[&str]) -> Vec<Value> {
    if let Some(element) = kind.strip_suffix("[]") {
        let elements = of(element, texts);
        return std::iter::once(json!([])).chain(elements.into_iter().map(|value| json!([value]))).collect();
    }
    let now = clock::now();
    let moments = [TimeDelta::zero(), TimeDelta::hours(1), TimeDelta::hours(-1)].map(|later| now + later);
    match kind {
        "uuid" => vec![json!(super::fresh_id()), json!(uuid::Uuid::max())],
        "text" | "character varying" | "character" | "name" => words(texts),
        "smallint" | "integer" | "bigint" => numbers(texts),
        "real" | "double precision" | "numeric" => vec![json!(0.5), json!(1), json!(0), json!(-1)],
        "boolean" => vec![json!(false), json!(true)],
        "bytea" => [32, 1, 0, 12, 16, 24, 64, 65, 128]
            .map(|length| json!(format!("\\x{}", "00".repeat(length))))
            .to_vec(),
        "timestamp with time zone" | "timestamp without time zone" => {
            moments.map(|moment| json!(moment.to_rfc3339())).to_vec()
        }
        "date" => moments.map(|moment| json!(moment.date_naive().to_string())).to_vec(),
        "interval" => vec![json!("1 hour"), json!("0")],
        "inet" => vec![json!("192.0.2.1")],
        "json" | "jsonb" => vec![json!({}), json!([]), json!("x"), json!(1), json!(["x"])],
        _ => Vec::new(),
    }
}

/// What the CHECKs name between quotes, and words of usual shapes.
fn words(texts: &[&str]) -> Vec<Value> {
    let digits = "0".repeat(64);
    let usual = [
        "x",
        "a.b",
        "a:b",
        "a@b.example",
        "xxxxxxxxxx",
        "X",
        "1",
        "https://a.example",
        &digits,
        &digits[..32],
        "",
    ];
    let mut found: Vec<String> = usual.iter().map(ToString::to_string).collect();
    for text in texts {
        // Between quotes; a doubled one inside stands for itself. A pattern stands for what fits it.
        let protected = text.replace("''", "\u{0}");
        for word in protected.split('\'').skip(1).step_by(2).map(|word| word.replace('\u{0}', "'")) {
            found.extend(word.strip_prefix('^').map(example));
            found.push(word);
        }
    }
    unique(found.into_iter().map(Value::from))
}

/// A text that fits a regular expression of the plain kind: literals, escapes, classes, groups and counts. What is of another
/// kind gives a text that does not fit, and is then said to.
fn example(pattern: &str) -> String {
    let characters: Vec<char> = pattern.chars().collect();
    alternatives(&characters, &mut 0)
}

/// The first of the alternatives up to the end of the group.
fn alternatives(pattern: &[char], at: &mut usize) -> String {
    let mut first = None;
    loop {
        let branch = sequence(pattern, at);
        first.get_or_insert(branch);
        match pattern.get(*at) {
            Some('|') => *at += 1,
            _ => return first.unwrap_or_default(),
        }
    }
}

fn sequence(pattern: &[char], at: &mut usize) -> String {
    let mut text = String::new();
    while let Some(&character) = pattern.get(*at) {
        if matches!(character, '|' | ')') {
            break;
        }
        *at += 1;
        let part = match character {
            '$' | '^' => String::new(),
            '.' => "x".to_owned(),
            '\\' => {
                *at += 1;
                match pattern.get(*at - 1) {
                    Some('d') => "1".to_owned(),
                    Some('w') => "x".to_owned(),
                    escaped => escaped.into_iter().collect(),
                }
            }
            '[' => {
                let member = pattern.get(*at).copied().unwrap_or('x');
                // A bracket that comes first is a member.
                let from = (*at + 1).min(pattern.len());
                *at = pattern[from..]
                    .iter()
                    .position(|c| *c == ']')
                    .map_or(pattern.len(), |end| from + end + 1);
                if member == '^' { "x".to_owned() } else { member.to_string() }
            }
            '(' => {
                let named = pattern[*at..].starts_with(&['?', ':']);
                *at += if named { 2 } else { 0 };
                let inside = alternatives(pattern, at);
                *at += 1;
                inside
            }
            literal => literal.to_string(),
        };
        let room = LONGEST.saturating_sub(text.len()) / part.len().max(1);
        text.push_str(&part.repeat(times(pattern, at).min(room)));
    }
    text
}

/// How often the part before is repeated, at least.
fn times(pattern: &[char], at: &mut usize) -> usize {
    match pattern.get(*at) {
        Some('+') => {
            *at += 1;
            1
        }
        Some('*' | '?') => {
            *at += 1;
            0
        }
        Some('{') => {
            let digits: String = pattern[*at + 1..].iter().take_while(|c| c.is_ascii_digit()).collect();
            *at = pattern[*at..].iter().position(|c| *c == '}').map_or(pattern.len(), |end| *at + end + 1);
            digits.parse().unwrap_or(1)
        }
        _ => 1,
    }
}

/// What the CHECKs name, and its neighbours.
fn numbers(texts: &[&str]) -> Vec<Value> {
    let mut found = vec![1_i64, 0, 2, 10];
    for text in texts {
        let named = text.split(|c: char| !c.is_ascii_digit()).filter_map(|digits| digits.parse::<i64>().ok());
        found.extend(
            named
                .filter(|number| *number < 1_000_000_000)
                .flat_map(|number| [number, number - 1, number + 1]),
        );
    }
    unique(found.into_iter().map(Value::from))
}

fn unique(values: impl Iterator<Item = Value>) -> Vec<Value> {
    values.fold(Vec::new(), |mut found, value| {
        if !found.contains(&value) {
            found.push(value);
        }
        found
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{example, of};

    #[test]
    fn what_a_check_names_is_tried() {
        let status = "(status = ANY (ARRAY['QUEUED'::text, 'IT''S'::text]))";
        let words = of("text", &[status]);
        assert!(
            words.contains(&json!("QUEUED")) && words.contains(&json!("IT's".to_uppercase())),
            "{words:?}"
        );
        assert!(of("integer", &["((n >= 17) AND (n <= 99))"]).contains(&json!(17)));
        assert!(of("text[]", &[status]).contains(&json!(["QUEUED"])));
        assert_eq!(of("text[]", &[])[0], json!([]));
    }

    #[test]
    fn a_pattern_stands_for_what_fits_it() {
        for (pattern, fits) in [
            ("fn_live_[0-9A-Za-z]{4}$", "fn_live_0000"),
            ("[a-z_]+[.][a-z_]+$", "a.a"),
            ("[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$", "a"),
            ("(a|b)\\.c{2,}x*$", "a.cc"),
            ("(?:[0-9a-f]{2}){3}$", "000000"),
            ("[^a]\\d.$", "x1x"),
        ] {
            assert_eq!(example(pattern), fits, "{pattern}");
        }
        for broken in ["[", "(", "{", "a{", "\\", "[]", "((", "a{99999999}", "((a{99}){99}){99}", ")"] {
            assert!(example(broken).len() <= 4096, "{broken}");
        }
    }

    #[test]
    fn a_type_that_nobody_thought_of_has_no_value() {
        assert!(of("tsvector", &[]).is_empty());
    }
}
