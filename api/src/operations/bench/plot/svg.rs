//! Panels of bars and lines, side by side, in SVG.

use std::fmt::Write as _;

const PANEL: (f64, f64) = (300.0, 220.0);
const GAP: f64 = 70.0;
const MARGIN: (f64, f64) = (56.0, 64.0);
/// Names and hues of the contenders, as reports call them.
pub(super) const CONTENDERS: [(&str, &str, &str); 3] = [
    ("footnote", "this server", "#2f6fde"),
    ("statement", "statement under pgbench", "#8a94a6"),
    ("postgraphile", "PostGraphile", "#d9822b"),
];

/// One group of bars or one point of the lines, by contender; a bar may have two parts.
pub(super) struct Point {
    pub(super) label: String,
    pub(super) values: Vec<(usize, Vec<f64>)>,
}

/// Panels with a title and a legend.
pub(super) fn picture(title: &str, panels: &[String]) -> String {
    let count = f64::from(u32::try_from(panels.len()).unwrap_or(1));
    let width = MARGIN.0 * 2.0 + count * PANEL.0 + (count - 1.0) * GAP;
    let height = MARGIN.1 * 2.0 + PANEL.1;
    let mut legend = String::new();
    let shown = CONTENDERS.iter().filter(|(.., hue)| panels.iter().any(|panel| panel.contains(hue)));
    for (n, (_, name, hue)) in (0_u32..).zip(shown) {
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
pub(super) fn bars(place: u32, title: &str, groups: &[Point]) -> String {
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
pub(super) fn lines(place: usize, title: &str, points: &[Point]) -> String {
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
        format!("{:.1}k", value / 1000.0).replace(".0k", "k")
    } else if value >= 20.0 || value == 0.0 {
        format!("{value:.0}")
    } else {
        format!("{value:.1}")
    }
}

#[cfg(test)]
mod tests {
    use super::round_up;

    #[test]
    fn an_axis_ends_above_the_highest_value() {
        for (most, top) in [(1.0, 2.0), (905.0, 1000.0), (40.0, 80.0), (7.9, 10.0)] {
            assert!((round_up(most) - top).abs() < 1e-9, "{most}");
        }
        assert!(round_up(0.0) > 0.0);
    }
}
