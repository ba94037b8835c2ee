//! Pictures of what was measured: bars of rate, processor time and memory.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Context as _, Result};

use super::report::thousands;

const LEFT: f64 = 150.0;
const WIDEST: f64 = 430.0;
const BAR: f64 = 22.0;
const STEP: f64 = 30.0;
const PANEL: f64 = 46.0;

/// Writes the picture to a file.
pub(crate) fn write(path: &Path, bars: &[(&str, [f64; 3])], marked: &str, note: &str) -> Result<()> {
    std::fs::write(path, draw(bars, marked, note)).with_context(|| format!("{} cannot be written", path.display()))
}

/// Three panels, each with a bar for everybody, one of them marked; `note` says below where the numbers are from.
fn draw(bars: &[(&str, [f64; 3])], marked: &str, note: &str) -> String {
    let panels =
        ["events a second (more is better)", "CPU µs an event (less is better)", "peak memory, MB (less is better)"];
    let height = panels.len() as f64 * (PANEL + STEP * bars.len() as f64) + 40.0;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"720\" height=\"{height:.0}\" viewBox=\"0 0 720 {height:.0}\" \
         font-family=\"sans-serif\" font-size=\"14\">\n<rect width=\"720\" height=\"{height:.0}\" fill=\"#ffffff\"/>\n"
    );
    let mut y = 0.0;
    for (at, title) in panels.iter().enumerate() {
        let most = bars.iter().map(|(_, numbers)| numbers[at]).fold(0.0, f64::max);
        let _infallible = writeln!(svg, "<text x=\"12\" y=\"{:.0}\" font-weight=\"bold\">{title}</text>", y + 30.0);
        y += PANEL;
        for (name, numbers) in bars {
            let number = numbers[at];
            let width = if most > 0.0 { (number / most * WIDEST).max(1.0) } else { 1.0 };
            let colour = if *name == marked { "#d9480f" } else { "#868e96" };
            let told = if number < 100.0 { format!("{number:.2}") } else { thousands(number) };
            let middle = y + BAR * 0.7;
            let _infallible = writeln!(
                svg,
                "<text x=\"{:.0}\" y=\"{middle:.0}\" text-anchor=\"end\">{name}</text>\
                 <rect x=\"{LEFT:.0}\" y=\"{y:.0}\" width=\"{width:.1}\" height=\"{BAR:.0}\" fill=\"{colour}\"/>\
                 <text x=\"{:.0}\" y=\"{middle:.0}\">{told}</text>",
                LEFT - 8.0,
                LEFT + width + 8.0,
            );
            y += STEP;
        }
    }
    let note = note.replace('&', "&amp;").replace('<', "&lt;");
    let _infallible =
        writeln!(svg, "<text x=\"12\" y=\"{:.0}\" font-size=\"11\" fill=\"#495057\">{note}</text>\n</svg>", y + 24.0);
    svg
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_bar_is_the_widest_and_others_are_in_proportion() {
        let svg =
            draw(&[("bare client", [800_000.0, 0.5, 10.0]), ("worker", [400_000.0, 1.5, 20.0])], "worker", "a < b & c");
        assert!(
            svg.contains("width=\"430.0\"") && svg.contains("width=\"215.0\"") && svg.contains(">400,000</text>"),
            "{svg}"
        );
        assert_eq!((svg.matches("#d9480f").count(), svg.matches("#868e96").count()), (3, 3), "one is marked: {svg}");
        assert!(svg.contains("a &lt; b &amp; c") && svg.starts_with("<svg") && svg.ends_with("</svg>\n"));
    }
}
