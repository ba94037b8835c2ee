//! Numbers as a dashboard writes them, and where an axis has its lines.

/// With a letter for thousands, and the unit.
pub(super) fn short(number: f64, unit: &str) -> String {
    let steps = [(1e12, " T"), (1e9, " B"), (1e6, " M"), (1e3, " K")];
    let of = steps.iter().find(|(step, _)| number.abs() >= *step).unwrap_or(&(1.0, ""));
    let scaled = number / of.0;
    let is_whole = of.0 <= 1.0 && scaled.fract() == 0.0;
    let places = usize::from(scaled.abs() < 100.0 && !is_whole);
    let unit = match unit {
        "ms" => " ms",
        "ops" => "/s",
        _ => "",
    };
    format!("{scaled:.places$}{}{unit}", of.1)
}

/// Round numbers from below the least to above the most, about four steps apart.
pub(super) fn lines(least: f64, most: f64) -> Vec<f64> {
    let span = if most > least { most - least } else { most.abs().max(1.0) };
    let rough = span / 4.0;
    let power = 10f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 2.5, 5.0, 10.0].map(|factor| factor * power).into_iter().find(|step| *step >= rough * 0.999);
    let step = step.unwrap_or(power * 10.0);
    let first = (least / step).floor();
    let count = ((most / step).ceil() - first).max(1.0) as usize;
    (0..=count).map(|number| (first + number as f64) * step).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short() {
        for (number, unit, told) in [
            (0.0, "short", "0"),
            (7.0, "short", "7"),
            (7.25, "ms", "7.2 ms"),
            (1234.0, "short", "1.2 K"),
            (123_456.0, "ops", "123 K/s"),
            (-2.5e9, "short", "-2.5 B"),
        ] {
            assert_eq!(short(number, unit), told);
        }
    }

    #[test]
    fn an_axis_has_round_numbers_around_all_values() {
        for (least, most, expected) in [
            (0.0, 97.0, &[0.0, 25.0, 50.0, 75.0, 100.0][..]),
            (0.0, 0.0, &[0.0, 0.25]),
            (84_600.0, 85_400.0, &[84_600.0, 84_800.0, 85_000.0, 85_200.0, 85_400.0]),
        ] {
            assert_eq!(lines(least, most), expected);
        }
    }
}
