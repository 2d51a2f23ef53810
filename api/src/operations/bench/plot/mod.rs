//! Reports as pictures: SVG that stands alone, in one hue for each contender, readable in light and dark surroundings.

mod svg;

use serde_json::Value;

use self::svg::{CONTENDERS, Point, bars, lines, picture};
use crate::operations::Failure;

/// Draws a report of `bench nested-read` or `bench operations`.
///
/// # Errors
///
/// [`Failure::Usage`] for anything else.
pub fn plot(report: &Value) -> Result<String, Failure> {
    match report["report"].as_str() {
        Some("nested-read") => Ok(nested_read(report)),
        Some("operations") => Ok(operations(report)),
        _ => Err(Failure::Usage(
            "This is no report of `bench nested-read --json` or `bench operations --json`.".to_owned(),
        )),
    }
}

fn nested_read(report: &Value) -> String {
    let results = list(&report["results"]);
    let clients = distinct(&results, "clients");
    let group = |number: &Value, of: &dyn Fn(&Value) -> Vec<f64>| Point {
        label: format!("{number} clients"),
        values: contenders(
            &results.iter().copied().filter(|one| one["clients"] == *number).collect::<Vec<_>>(),
            of,
        ),
    };
    let rates: Vec<Point> = clients
        .iter()
        .map(|number| group(number, &|one| vec![number_of(&one["requests_per_second"])]))
        .collect();
    let cpu: Vec<Point> = clients
        .iter()
        .map(|number| {
            group(number, &|one| vec![number_of(&one["postgres_cpu_ms"]), number_of(&one["server_cpu_ms"])])
        })
        .collect();
    let p99: Vec<Point> = clients
        .iter()
        .map(|number| {
            group(number, &|one| {
                vec![number_of(&one["p50_ms"]), number_of(&one["p99_ms"]) - number_of(&one["p50_ms"])]
            })
        })
        .collect();
    picture(
        &format!(
            "Nested read 20 × 5 × 3, {} workspaces, {} rows",
            report["database"]["workspaces"], report["database"]["rows"]
        ),
        &[
            bars(0, "requests per second", &rates),
            bars(1, "CPU ms a request: PostgreSQL, server (light)", &cpu),
            bars(2, "latency in ms: p50, to p99 (light)", &p99),
        ],
    )
}

fn operations(report: &Value) -> String {
    let all = list(&report["operations"]);
    let panels: Vec<String> = distinct(&all, "operation")
        .iter()
        .enumerate()
        .map(|(n, operation)| {
            let points: Vec<Point> = all
                .iter()
                .filter(|one| one["operation"] == *operation)
                .map(|one| Point {
                    label: one["workspaces"].to_string(),
                    values: contenders(&list(&one["results"]), &|one| {
                        vec![number_of(&one["requests_per_second"])]
                    }),
                })
                .collect();
            lines(n, &format!("{}: requests per second", operation.as_str().unwrap_or_default()), &points)
        })
        .collect();
    picture("Single operations by number of workspaces, the same rows each", &panels)
}

/// The first result of each contender.
fn contenders(results: &[&Value], of: &dyn Fn(&Value) -> Vec<f64>) -> Vec<(usize, Vec<f64>)> {
    let found = CONTENDERS.iter().enumerate().filter_map(|(n, (name, ..))| {
        let one = results.iter().find(|one| one["contender"] == *name)?;
        Some((n, of(one)))
    });
    found.collect()
}

fn list(value: &Value) -> Vec<&Value> {
    value.as_array().into_iter().flatten().collect()
}

fn distinct(values: &[&Value], field: &str) -> Vec<Value> {
    let mut found: Vec<Value> = Vec::new();
    for value in values {
        if !found.contains(&value[field]) {
            found.push(value[field].clone());
        }
    }
    found
}

fn number_of(value: &Value) -> f64 {
    value.as_f64().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::plot;

    #[test]
    fn a_report_becomes_a_picture_with_its_figures_and_anything_else_is_refused() {
        let one = |contender: &str, clients: u32, rate: f64| {
            json!({ "contender": contender, "clients": clients, "requests_per_second": rate, "p50_ms": 10.0, "p99_ms": 30.0,
                    "server_cpu_ms": 1.5, "postgres_cpu_ms": 1.0 })
        };
        let nested = json!({ "report": "nested-read", "database": { "workspaces": 1000, "rows": 1_000_000 },
            "results": [one("footnote", 16, 701.0), one("statement", 16, 905.0), one("footnote", 64, 690.0)] });
        let svg = plot(&nested).expect("a picture");
        for part in ["<svg", "1000 workspaces", "16 clients", "64 clients", ">701<", ">905<", "</svg>"] {
            assert!(svg.contains(part), "{part}");
        }
        let operations = json!({ "report": "operations", "operations": [
            { "operation": "page", "workspaces": 100, "results": [one("footnote", 16, 5000.0)] },
            { "operation": "page", "workspaces": 1000, "results": [one("footnote", 16, 4000.0), one("statement", 16, 9000.0)] }] });
        let svg = plot(&operations).expect("a picture");
        assert!(svg.contains(">5000<") && svg.contains(">9000<") && svg.contains("<path d=\"M"));
        assert_eq!(plot(&json!({ "report": "search" })).expect_err("no picture").exit_code(), 2);
    }
}
