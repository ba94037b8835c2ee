//! The picture of curves: for each thing that the cost depends on, rate, processor time and memory; the worker beside the
//! bare client. Pure.

use std::fmt::Write as _;

use crate::bench::report::thousands;

const PANEL_WIDTH: f64 = 250.0;
const PANEL_HEIGHT: f64 = 120.0;
const LEFT: f64 = 60.0;
const TOP: f64 = 56.0;
const ROW: f64 = PANEL_HEIGHT + 62.0;
const COLUMN: f64 = PANEL_WIDTH + 70.0;
const COLUMNS: [&str; 3] = ["events a second", "CPU µs an event", "peak memory, MB"];

/// Rate, processor time, memory.
pub(super) type Numbers = [f64; 3];

/// One thing that the cost depends on.
#[derive(Clone, Debug)]
pub(super) struct Curve {
    /// Which.
    pub(super) title: &'static str,
    /// Where it was measured, with the worker's numbers and the bare client's.
    pub(super) points: Vec<(&'static str, Numbers, Numbers)>,
}

/// Draws them; `note` says below where the numbers are from. Points stand at even distances, whatever lies between them, and
/// every axis begins at nothing.
pub(super) fn draw(curves: &[Curve], note: &str) -> String {
    let (width, height) = (LEFT + COLUMNS.len() as f64 * COLUMN, TOP + curves.len() as f64 * ROW + 24.0);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width:.0}\" height=\"{height:.0}\" \
         viewBox=\"0 0 {width:.0} {height:.0}\" font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"{width:.0}\" height=\"{height:.0}\" fill=\"#ffffff\"/>\n"
    );
    for (column, title) in COLUMNS.iter().enumerate() {
        let x = LEFT + column as f64 * COLUMN;
        let _infallible = writeln!(svg, "<text x=\"{x:.0}\" y=\"20\" font-weight=\"bold\">{title}</text>");
    }
    let _infallible = writeln!(
        svg,
        "<text x=\"{LEFT:.0}\" y=\"38\" fill=\"#d9480f\">worker</text>\
         <text x=\"{:.0}\" y=\"38\" fill=\"#868e96\">bare client</text>",
        LEFT + 60.0
    );
    for (row, curve) in curves.iter().enumerate() {
        let y = TOP + row as f64 * ROW;
        let _infallible =
            writeln!(svg, "<text x=\"12\" y=\"{:.0}\" font-weight=\"bold\">{}</text>", y + 4.0, curve.title);
        for column in 0..COLUMNS.len() {
            panel(&mut svg, curve, column, (LEFT + column as f64 * COLUMN, y + 12.0));
        }
    }
    let note = note.replace('&', "&amp;").replace('<', "&lt;");
    let _infallible = writeln!(
        svg,
        "<text x=\"12\" y=\"{:.0}\" font-size=\"11\" fill=\"#495057\">{note}</text>\n</svg>",
        height - 8.0
    );
    svg
}

fn panel(svg: &mut String, curve: &Curve, column: usize, (x, y): (f64, f64)) {
    let most = curve.points.iter().flat_map(|(_, worker, bare)| [worker[column], bare[column]]).fold(0.0, f64::max);
    let step = PANEL_WIDTH / (curve.points.len().max(2) - 1) as f64;
    let place = |index: usize, number: f64| {
        let height = if most > 0.0 { number / most * (PANEL_HEIGHT - 16.0) } else { 0.0 };
        (x + index as f64 * step, y + PANEL_HEIGHT - height)
    };
    let bottom = y + PANEL_HEIGHT;
    let _infallible = writeln!(
        svg,
        "<line x1=\"{x:.0}\" y1=\"{bottom:.0}\" x2=\"{:.0}\" y2=\"{bottom:.0}\" stroke=\"#ced4da\"/>",
        x + PANEL_WIDTH
    );
    let mut line = |colour: &str, number: &dyn Fn(usize) -> f64, told: bool| {
        let places: Vec<(f64, f64)> = (0..curve.points.len()).map(|index| place(index, number(index))).collect();
        let points: Vec<String> = places.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
        let _infallible = writeln!(
            svg,
            "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>",
            points.join(" ")
        );
        for (index, (x, y)) in places.into_iter().enumerate() {
            let _infallible = write!(svg, "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3\" fill=\"{colour}\"/>");
            if told {
                let number = number(index);
                let number = if number < 100.0 { format!("{number:.2}") } else { thousands(number) };
                let _infallible = writeln!(
                    svg,
                    "<text x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\" font-size=\"10\">{number}</text>",
                    y - 7.0
                );
            }
        }
    };
    line("#adb5bd", &|index| curve.points.get(index).map_or(0.0, |point| point.2[column]), false);
    line("#d9480f", &|index| curve.points.get(index).map_or(0.0, |point| point.1[column]), true);
    for (index, (label, ..)) in curve.points.iter().enumerate() {
        let _infallible = writeln!(
            svg,
            "<text x=\"{:.1}\" y=\"{:.0}\" text-anchor=\"middle\" fill=\"#495057\">{label}</text>",
            x + index as f64 * step,
            bottom + 16.0
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_curve_has_three_panels_with_two_lines_each() {
        let numbers = |rate| [rate, 1.5, 80.0];
        let curve = |title| Curve {
            title,
            points: vec![
                ("10", numbers(1_000_000.0), [1_400_000.0, 0.6, 20.0]),
                ("1 M", numbers(300_000.0), [1_400_000.0, 0.6, 20.0]),
            ],
        };
        let svg = draw(&[curve("symbols"), curve("partitions")], "a < b & c");
        assert_eq!((svg.matches("<polyline").count(), svg.matches("<circle").count()), (12, 24), "{svg}");
        for text in [">symbols</text>", ">partitions</text>", ">1,000,000</text>", ">1 M</text>", "a &lt; b &amp; c"] {
            assert!(svg.contains(text), "{text}: {svg}");
        }
        assert!(svg.starts_with("<svg") && svg.ends_with("</svg>\n"));
    }

    #[test]
    fn the_largest_number_is_at_the_top_and_nothing_at_the_bottom() {
        let curve =
            Curve { title: "x", points: vec![("a", [0.0; 3], [0.0; 3]), ("b", [10.0, 0.0, 0.0], [5.0, 0.0, 0.0])] };
        let svg = draw(&[curve], "");
        let (top, bottom) = (TOP + 12.0 + 16.0, TOP + 12.0 + PANEL_HEIGHT);
        let line = format!("points=\"{LEFT:.1},{bottom:.1} {:.1},{top:.1}\"", LEFT + PANEL_WIDTH);
        assert!(svg.contains(&line), "{line}: {svg}");
    }
}
