//! A panel of series: lines, or bars and areas that stand on each other.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::analytics::answer::{Answer, Kind, number, text};
use crate::analytics::grafana::Panel;
use crate::analytics::picture::number::{lines, short};
use crate::analytics::picture::{Frame, escaped};

const COLOURS: [&str; 10] =
    ["#1971c2", "#d9480f", "#2f9e44", "#9c36b5", "#e8590c", "#0c8599", "#c2255c", "#5c940d", "#6741d9", "#868e96"];
const AXIS: f64 = 52.0;
const BELOW: f64 = 20.0;
const LEGEND: f64 = 18.0;

/// A name and its points: seconds and value.
type Series = (String, Vec<(f64, f64)>);

/// The series of all answers of a panel.
fn series(answers: &[Answer]) -> Vec<Series> {
    let mut all: Vec<Series> = Vec::new();
    for answer in answers {
        let name = answer.all(Kind::Text).next();
        for column in answer.all(Kind::Number) {
            for row in &answer.rows {
                let (Some(time), Some(value)) = (number(&row[0]), number(&row[column])) else { continue };
                let label = name.map_or_else(|| answer.columns[column].0.clone(), |name| text(&row[name]));
                match all.iter_mut().find(|(known, _)| *known == label) {
                    Some((_, points)) => points.push((time, value)),
                    None => all.push((label, vec![(time, value)])),
                }
            }
        }
    }
    all
}

/// Draws it.
pub(super) fn chart(panel: &Panel, answers: &[Answer], frame: Frame) -> String {
    let mut all = series(answers);
    if panel.stacked {
        stack(&mut all);
    }
    let points = || all.iter().flat_map(|(_, points)| points);
    let values = points().map(|(_, value)| *value);
    let (least, most) =
        values.fold((f64::INFINITY, f64::NEG_INFINITY), |(least, most), value| (least.min(value), most.max(value)));
    // A graph of prices begins where they do; counts and amounts begin at nothing.
    let least = if least > most * 0.5 && !panel.stacked { least } else { least.min(0.0) };
    let (first, last) = points()
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(first, last), (time, _)| (first.min(*time), last.max(*time)));
    if first > last {
        return String::new();
    }
    let ticks = lines(least, most);
    let (low, high) = (ticks[0], ticks[ticks.len() - 1]);
    let plot = Frame {
        left: frame.left + AXIS,
        top: frame.top + 4.0,
        width: frame.width - AXIS - 6.0,
        height: frame.height - BELOW - LEGEND - 4.0,
    };
    let x = |time: f64| plot.left + (time - first) / (last - first).max(1.0) * plot.width;
    let y = |value: f64| plot.top + plot.height - (value - low) / (high - low) * plot.height;
    let mut svg = axes(panel, &ticks, (first, last), plot, y);
    // From the highest down, so that a lower one stands before it.
    for (at, (_, points)) in all.iter().enumerate().rev() {
        let colour = COLOURS[at % COLOURS.len()];
        svg.push_str(&if panel.bars {
            bars(points, colour, plot, x, y)
        } else {
            line(points, colour, panel.stacked.then(|| y(low)), x, y)
        });
    }
    svg.push_str(&legend(&all, frame));
    svg
}

/// Each on those before it, at the same times.
fn stack(all: &mut [Series]) {
    let mut below: BTreeMap<u64, f64> =
        all.iter().flat_map(|(_, points)| points).map(|(time, _)| (time.to_bits(), 0.0)).collect();
    for (_, points) in all.iter_mut() {
        let own: BTreeMap<u64, f64> = points.iter().map(|(time, value)| (time.to_bits(), *value)).collect();
        for (time, sum) in &mut below {
            *sum += own.get(time).copied().unwrap_or(0.0);
        }
        // Also where it has no value itself: what it stands on goes on.
        *points = below.iter().map(|(time, sum)| (f64::from_bits(*time), *sum)).collect();
    }
}

fn axes(panel: &Panel, ticks: &[f64], (first, last): (f64, f64), plot: Frame, y: impl Fn(f64) -> f64) -> String {
    let mut svg = String::new();
    for tick in ticks {
        let (at, right) = (y(*tick), plot.left + plot.width);
        let _infallible = writeln!(
            svg,
            "<path d=\"M{:.0} {at:.1}H{right:.0}\" stroke=\"#e9ecef\"/><text x=\"{:.0}\" y=\"{:.1}\" text-anchor=\"end\" \
             font-size=\"11\" fill=\"#495057\">{}</text>",
            plot.left,
            plot.left - 6.0,
            at + 4.0,
            short(*tick, &panel.unit)
        );
    }
    for quarter in 0..=4 {
        let share = f64::from(quarter) / 4.0;
        let anchor = if quarter == 4 { "end" } else { "middle" };
        let _infallible = writeln!(
            svg,
            "<text x=\"{:.0}\" y=\"{:.0}\" text-anchor=\"{anchor}\" font-size=\"11\" fill=\"#495057\">{}</text>",
            plot.left + share * plot.width,
            plot.top + plot.height + 15.0,
            clock(first + share * (last - first))
        );
    }
    svg
}

fn line(
    points: &[(f64, f64)],
    colour: &str,
    filled_to: Option<f64>,
    x: impl Fn(f64) -> f64,
    y: impl Fn(f64) -> f64,
) -> String {
    let mut path = String::new();
    for (at, (time, value)) in points.iter().enumerate() {
        let _infallible = write!(path, "{}{:.1} {:.1}", if at == 0 { 'M' } else { 'L' }, x(*time), y(*value));
    }
    let area = match (filled_to, points.first(), points.last()) {
        (Some(ground), Some((first, _)), Some((last, _))) => format!(
            "<path d=\"{path}L{:.1} {ground:.1}L{:.1} {ground:.1}Z\" fill=\"{colour}\"/>\n",
            x(*last),
            x(*first)
        ),
        _ => String::new(),
    };
    format!("{area}<path d=\"{path}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"1.6\"/>\n")
}

fn bars(points: &[(f64, f64)], colour: &str, plot: Frame, x: impl Fn(f64) -> f64, y: impl Fn(f64) -> f64) -> String {
    let width = (plot.width / points.len().max(1) as f64 * 0.8).max(1.0);
    let mut svg = String::new();
    for (time, value) in points {
        let (left, top) = ((x(*time) - width / 2.0).max(plot.left), y(*value));
        let _infallible = writeln!(
            svg,
            "<rect x=\"{left:.1}\" y=\"{top:.1}\" width=\"{width:.1}\" height=\"{:.1}\" fill=\"{colour}\"/>",
            (plot.top + plot.height - top).max(0.0)
        );
    }
    svg
}

fn legend(all: &[Series], frame: Frame) -> String {
    let mut svg = String::new();
    let (mut left, top) = (frame.left + AXIS, frame.top + frame.height - 4.0);
    for (at, (name, _)) in all.iter().enumerate() {
        let width = name.chars().count() as f64 * 7.0 + 24.0;
        if left + width > frame.left + frame.width {
            break;
        }
        let _infallible = writeln!(
            svg,
            "<rect x=\"{left:.0}\" y=\"{:.0}\" width=\"10\" height=\"3\" fill=\"{}\"/><text x=\"{:.0}\" y=\"{top:.0}\" \
             font-size=\"11\">{}</text>",
            top - 5.0,
            COLOURS[at % COLOURS.len()],
            left + 14.0,
            escaped(name)
        );
        left += width;
    }
    svg
}

/// `13:04:20`, UTC.
fn clock(seconds: f64) -> String {
    let seconds = seconds.rem_euclid(86_400.0) as u32;
    format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn answer(columns: &[(&str, &str)], rows: Vec<Vec<serde_json::Value>>) -> Answer {
        Answer { columns: columns.iter().map(|(name, kind)| ((*name).to_owned(), (*kind).to_owned())).collect(), rows }
    }

    #[test]
    fn a_long_answer_is_a_series_a_name_and_a_wide_one_a_series_a_column() {
        let long = answer(
            &[("time", "DateTime"), ("symbol", "String"), ("n", "Float64")],
            vec![
                vec![json!("10"), json!("A"), json!(1)],
                vec![json!("10"), json!("B"), json!(2)],
                vec![json!("20"), json!("A"), json!(3)],
            ],
        );
        let wide = answer(
            &[("time", "DateTime"), ("p50", "Float64"), ("p99", "Float64")],
            vec![vec![json!("10"), json!(5), json!(null)]],
        );
        let expected = [("A", vec![(10.0, 1.0), (20.0, 3.0)]), ("B", vec![(10.0, 2.0)]), ("p50", vec![(10.0, 5.0)])];
        assert_eq!(series(&[long, wide]), expected.map(|(name, points)| (name.to_owned(), points)));
    }

    #[test]
    fn what_is_stacked_stands_on_what_is_before_it() {
        let mut all = vec![("A".to_owned(), vec![(10.0, 1.0), (20.0, 2.0)]), ("B".to_owned(), vec![(20.0, 5.0)])];
        stack(&mut all);
        assert_eq!(all[1].1, [(10.0, 1.0), (20.0, 7.0)]);
        assert_eq!(clock(1_795_439_060.0), "13:04:20");
    }
}
