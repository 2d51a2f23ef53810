//! Values that a column may take, to be tried until every CHECK holds: some of each type, and what the CHECK itself names.

use chrono::TimeDelta;
use serde_json::{Value, json};

use crate::clock;

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
        // Between quotes; a doubled one inside stands for itself.
        let protected = text.replace("''", "\u{0}");
        let quoted = protected.split('\'').skip(1).step_by(2);
        found.extend(quoted.map(|word| word.replace('\u{0}', "'")));
    }
    unique(found.into_iter().map(Value::from))
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

    use super::of;

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
    fn a_type_that_nobody_thought_of_has_no_value() {
        assert!(of("tsvector", &[]).is_empty());
    }
}
