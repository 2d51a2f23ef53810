//! Reports as pictures: SVG that stands alone, in one hue for each contender, readable in light and dark surroundings.

use std::fmt::Write as _;

use serde_json::Value;

use crate::operations::Failure;

const PANEL: (f64, f64) = (300.0, 220.0);
const GAP: f64 = 70.0;
const MARGIN: (f64, f64) = (56.0, 64.0);
/// Names and hues of the contenders, as reports call them.
const CONTENDERS: [(&str, &str, &str); 3] = [
    ("footnote", "this server", "#2f6fde"),
    ("statement", "statement under pgbench", "#8a94a6"),
    ("postgraphile", "PostGraphile", "#d9822b"),
];

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

/// One group of bars or one point of the lines, by contender; a bar may have two parts.
struct Point {
    label: String,
    values: Vec<(usize, Vec<f64>)>,
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
            bars(1, "CPU ms per request (dark: PostgreSQL, light: server)", &cpu),
            bars(2, "latency in ms (dark: p50, light: to p99)", &p99),
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

fn picture(title: &str, panels: &[String]) -> String {
    let count = f64::from(u32::try_from(panels.len()).unwrap_or(1));
    let width = MARGIN.0 * 2.0 + count * PANEL.0 + (count - 1.0) * GAP;
    let height = MARGIN.1 * 2.0 + PANEL.1;
    let mut legend = String::new();
    for (n, (_, name, hue)) in (0_u32..).zip(CONTENDERS) {
        let x = MARGIN.0 + f64::from(n) * 190.0;
        let y = height - 20.0;
        let _ = write!(
            legend,
            r#"<rect x="{x:.0}" y="{:.0}" width="12" height="12" fill="{hue}"/><text x="{:.0}" y="{y:.0}">{name}</text>"#,
            y - 11.0,
            x + 18.0
        );
    }
    // Grey text is readable on white and on black.
    format!(
        r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0} {height:.0}" font-family="system-ui, sans-serif" font-size="12" fill="#7a8290">
<title>{title}</title>
<text x="{:.0}" y="22" font-size="15" font-weight="600">{title}</text>
{}
{legend}
</svg>
"##,
        MARGIN.0,
        panels.join("\n")
    )
}

/// Groups of bars, one for each contender.
fn bars(place: u32, title: &str, groups: &[Point]) -> String {
    let (left, scale, mut svg) = panel(place, title, groups);
    for (n, group) in (0_u32..).zip(groups) {
        let width = PANEL.0 / f64::from(u32::try_from(groups.len()).unwrap_or(1));
        let x = left + f64::from(n) * width;
        let _ = write!(
            svg,
            r#"<text x="{:.1}" y="{:.1}" text-anchor="middle">{}</text>"#,
            x + width / 2.0,
            bottom() + 16.0,
            group.label
        );
        let bar = width * 0.24;
        for (contender, parts) in &group.values {
            let index = f64::from(u32::try_from(*contender).unwrap_or_default());
            let x = x + width * 0.14 + index * bar;
            let mut y = bottom();
            for (part, value) in parts.iter().enumerate() {
                let height = value * scale;
                y -= height;
                let opacity = if part == 0 { 1.0 } else { 0.45 };
                let _ = write!(
                    svg,
                    r#"<rect x="{x:.1}" y="{y:.1}" width="{:.1}" height="{height:.1}" fill="{}" fill-opacity="{opacity}"/>"#,
                    bar * 0.9,
                    CONTENDERS[*contender].2
                );
            }
            let _ = write!(
                svg,
                r#"<text x="{:.1}" y="{:.1}" text-anchor="middle" font-size="11">{}</text>"#,
                x + bar * 0.45,
                y - 4.0,
                short(parts.iter().sum())
            );
        }
    }
    svg
}

/// A line for each contender over the points.
fn lines(place: usize, title: &str, points: &[Point]) -> String {
    let (left, scale, mut svg) = panel(u32::try_from(place).unwrap_or_default(), title, points);
    let step = PANEL.0 / f64::from(u32::try_from(points.len()).unwrap_or(1));
    let x_of = |n: u32| left + step * (f64::from(n) + 0.5);
    for (n, point) in (0_u32..).zip(points) {
        let _ = write!(
            svg,
            r#"<text x="{:.1}" y="{:.1}" text-anchor="middle">{}</text>"#,
            x_of(n),
            bottom() + 16.0,
            point.label
        );
    }
    for (contender, (.., hue)) in CONTENDERS.iter().enumerate() {
        let mut path = String::new();
        for (n, point) in (0_u32..).zip(points) {
            let Some((_, parts)) = point.values.iter().find(|(of, _)| *of == contender) else { continue };
            let value: f64 = parts.iter().sum();
            let (x, y) = (x_of(n), bottom() - value * scale);
            let _ = write!(path, "{}{x:.1} {y:.1} ", if path.is_empty() { "M" } else { "L" });
            let _ = write!(
                svg,
                r#"<circle cx="{x:.1}" cy="{y:.1}" r="3.5" fill="{hue}"/><text x="{x:.1}" y="{:.1}" text-anchor="middle" font-size="11">{}</text>"#,
                y - 8.0,
                short(value)
            );
        }
        if !path.is_empty() {
            let _ =
                write!(svg, r#"<path d="{}" fill="none" stroke="{hue}" stroke-width="2"/>"#, path.trim_end());
        }
    }
    svg
}

/// The frame of a panel: its left side, what a value is multiplied by, and what is drawn so far.
fn panel(place: u32, title: &str, points: &[Point]) -> (f64, f64, String) {
    let left = MARGIN.0 + f64::from(place) * (PANEL.0 + GAP);
    let values = points.iter().flat_map(|point| &point.values).map(|(_, parts)| parts.iter().sum::<f64>());
    let top = round_up(values.fold(0.0, f64::max));
    let scale = PANEL.1 / top;
    let mut svg =
        format!(r#"<text x="{left:.0}" y="{:.0}" font-weight="600">{title}</text>"#, MARGIN.1 - 14.0);
    for quarter in 0_u32..=4 {
        let value = top * f64::from(quarter) / 4.0;
        let y = bottom() - value * scale;
        let _ = write!(
            svg,
            r##"<path d="M{left:.1} {y:.1}h{:.1}" stroke="#7a8290" stroke-opacity="0.3"/><text x="{:.1}" y="{:.1}" text-anchor="end" font-size="11">{}</text>"##,
            PANEL.0,
            left - 6.0,
            y + 4.0,
            short(value)
        );
    }
    (left, scale, svg)
}

fn bottom() -> f64 {
    MARGIN.1 + PANEL.1
}

/// The next 1, 2, 4 or 8 times a power of ten that leaves room above.
fn round_up(most: f64) -> f64 {
    let most = (most * 1.1).max(f64::MIN_POSITIVE);
    let power = 10_f64.powf(most.log10().floor());
    [1.0, 2.0, 4.0, 8.0, 10.0].map(|times| times * power).into_iter().find(|top| *top >= most).unwrap_or(most)
}

fn short(value: f64) -> String {
    if value >= 10_000.0 {
        format!("{:.1}k", value / 1000.0)
    } else if value >= 20.0 || value == 0.0 {
        format!("{value:.0}")
    } else {
        format!("{value:.1}")
    }
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

    use super::{plot, round_up};

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

    #[test]
    fn an_axis_ends_above_the_highest_value() {
        for (most, top) in [(1.0, 2.0), (905.0, 1000.0), (40.0, 80.0), (7.9, 10.0)] {
            assert!((round_up(most) - top).abs() < 1e-9, "{most}");
        }
        assert!(round_up(0.0) > 0.0);
    }
}
