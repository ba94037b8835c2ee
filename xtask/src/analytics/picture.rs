//! The dashboard as a picture: every panel where Grafana would put it, drawn from what ClickHouse answered.

mod chart;
mod number;

use std::fmt::Write as _;

use crate::analytics::answer::{Answer, Kind, number as value, text};
use crate::analytics::grafana::{Dashboard, Panel, PanelKind};
use crate::analytics::picture::chart::chart;
use crate::analytics::picture::number::short;

/// Grafana's grid, in pixels.
const COLUMN: f64 = 50.0;
const ROW: f64 = 30.0;
const GAP: f64 = 4.0;
const TITLE: f64 = 26.0;
const NOTE: f64 = 30.0;
/// A table's rows and letters.
const LINE: f64 = 17.0;
const LETTER: f64 = 6.6;

/// A rectangle on the picture.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Frame {
    pub(super) left: f64,
    pub(super) top: f64,
    pub(super) width: f64,
    pub(super) height: f64,
}

/// All panels; `note` says below where the numbers are from.
pub(super) fn draw(dashboard: &Dashboard, answers: &[Vec<Answer>], note: &str) -> String {
    let rows = dashboard.panels.iter().map(|panel| panel.place[1] + panel.place[3]).max().unwrap_or_default();
    let (width, height) = (24.0 * COLUMN, f64::from(rows) * ROW + NOTE);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width:.0}\" height=\"{height:.0}\" \
         viewBox=\"0 0 {width:.0} {height:.0}\" font-family=\"sans-serif\" font-size=\"12\" fill=\"#212529\">\n\
         <rect width=\"{width:.0}\" height=\"{height:.0}\" fill=\"#f1f3f5\"/>\n"
    );
    for (panel, answers) in dashboard.panels.iter().zip(answers) {
        let [x, y, w, h] = panel.place.map(f64::from);
        let frame = Frame {
            left: x * COLUMN + GAP,
            top: y * ROW + GAP,
            width: w * COLUMN - 2.0 * GAP,
            height: h * ROW - 2.0 * GAP,
        };
        svg.push_str(&one(panel, answers, frame));
    }
    let note = escaped(note);
    let _infallible =
        writeln!(svg, "<text x=\"{GAP}\" y=\"{:.0}\" fill=\"#495057\">{note}</text>\n</svg>", height - 11.0);
    svg
}

fn one(panel: &Panel, answers: &[Answer], frame: Frame) -> String {
    let Frame { left, top, width, height } = frame;
    let mut svg = format!(
        "<g><rect x=\"{left:.0}\" y=\"{top:.0}\" width=\"{width:.0}\" height=\"{height:.0}\" rx=\"3\" fill=\"#ffffff\" \
         stroke=\"#dee2e6\"/><text x=\"{:.0}\" y=\"{:.0}\" font-weight=\"bold\">{}</text>\n",
        left + 9.0,
        top + 18.0,
        escaped(&panel.title)
    );
    let inner = Frame { left: left + 8.0, top: top + TITLE, width: width - 16.0, height: height - TITLE - 6.0 };
    svg.push_str(&match panel.kind {
        PanelKind::Stat => stat(panel, answers, inner),
        PanelKind::Series => chart(panel, answers, inner),
        PanelKind::Table => answers.first().map_or_else(String::new, |answer| table(answer, inner)),
    });
    svg.push_str("</g>\n");
    svg
}

fn stat(panel: &Panel, answers: &[Answer], frame: Frame) -> String {
    let number = answers.first().and_then(|answer| answer.rows.first()?.first().and_then(value));
    let told = number.map_or_else(|| "-".to_owned(), |number| short(number, &panel.unit));
    format!(
        "<text x=\"{:.0}\" y=\"{:.0}\" font-size=\"30\" text-anchor=\"middle\" fill=\"#d9480f\">{told}</text>\n",
        frame.left + frame.width / 2.0,
        frame.top + frame.height / 2.0 + 10.0
    )
}

/// As many columns and rows as there is room for.
fn table(answer: &Answer, frame: Frame) -> String {
    let rows = ((frame.height / LINE) as usize).saturating_sub(1).min(answer.rows.len());
    let cells =
        |column: usize| answer.rows[..rows].iter().map(move |row| row.get(column).map(text).unwrap_or_default());
    let mut svg = String::new();
    let mut left = frame.left;
    for (column, (name, _)) in answer.columns.iter().enumerate() {
        let widest =
            cells(column).map(|cell| cell.chars().count()).chain([name.chars().count()]).max().unwrap_or_default();
        let room = ((frame.left + frame.width - left) / LETTER) as usize;
        if room < 4 {
            break;
        }
        let letters = widest.min(room).min(44);
        let right = answer.kind(column) == Kind::Number;
        for (line, cell) in [name.clone()].into_iter().chain(cells(column)).enumerate() {
            let cut: String = cell.chars().take(letters).collect();
            let (at, anchor) = if right { (left + letters as f64 * LETTER, "end") } else { (left, "start") };
            let colour = if line == 0 { "#868e96" } else { "#212529" };
            let _infallible = writeln!(
                svg,
                "<text x=\"{at:.0}\" y=\"{:.0}\" font-size=\"11\" font-family=\"monospace\" fill=\"{colour}\" \
                 text-anchor=\"{anchor}\">{}</text>",
                frame.top + 12.0 + line as f64 * LINE,
                escaped(&cut)
            );
        }
        left += letters as f64 * LETTER + 14.0;
    }
    svg
}

/// What may stand in XML. Controls may not, and would be seen nowhere.
fn escaped(text: &str) -> String {
    let text: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_number_and_a_table_stand_where_the_dashboard_has_them() {
        let panel = |title: &str, kind, place| Panel {
            title: title.to_owned(),
            kind,
            place,
            unit: "short".to_owned(),
            stacked: false,
            bars: false,
            queries: Vec::new(),
        };
        let dashboard = Dashboard {
            panels: vec![panel("A & B", PanelKind::Stat, [0, 0, 4, 4]), panel("Rows", PanelKind::Table, [0, 4, 24, 4])],
            symbols: String::new(),
        };
        let answer = |name: &str, kind: &str, rows: Vec<Vec<serde_json::Value>>| Answer {
            columns: vec![(name.to_owned(), kind.to_owned())],
            rows,
        };
        let many: Vec<_> = (0..50).map(|number| vec![json!(format!("<{number}>\u{7}"))]).collect();
        let answers =
            [vec![answer("n", "UInt64", vec![vec![json!("12345678")]])], vec![answer("name", "String", many)]];
        let svg = draw(&dashboard, &answers, "a < b");
        assert!(svg.contains(">A &amp; B</text>") && svg.contains(">12.3 M</text>"), "{svg}");
        assert!(svg.contains("&lt;0&gt; <") && !svg.contains("&lt;9&gt;"), "as many rows as there is room for: {svg}");
        assert!(svg.contains("height=\"270\"") && svg.contains("a &lt; b") && svg.ends_with("</svg>\n"));
    }
}
