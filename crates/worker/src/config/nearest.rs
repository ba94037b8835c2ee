//! The key that somebody probably meant.

/// Longer keys than this are nobody's typing error and are not compared.
const LONGEST_CHARACTERS: usize = 80;

/// The known name nearest to `given`: the one with the fewest typing errors, if those are few; else one that `given`
/// only adds to (`kafka.bootstrap_servers`); else one with the same last part (`aggregate.window_ms`). Parts end at
/// `separator`; the last rule is for keys alone, because in a variable's name the parts cannot be told apart.
pub(super) fn nearest(given: &str, separator: char, known: impl Iterator<Item = String>) -> Option<String> {
    if given.chars().count() > LONGEST_CHARACTERS {
        return None;
    }
    let few = 1 + given.chars().count() / 5;
    let tail = |name: &str| name.rsplit('.').next().map(str::to_owned);
    let rank = |name: &String| {
        let errors = distance(name, given);
        if errors <= few {
            Some((0, errors))
        } else if name.contains(separator)
            && given.strip_prefix(name.as_str()).is_some_and(|rest| rest.starts_with('_'))
        {
            Some((1, errors))
        } else if separator == '.' && tail(name) == tail(given) {
            Some((2, errors))
        } else {
            None
        }
    };
    known.filter_map(|name| Some((rank(&name)?, name))).min().map(|(_, name)| name)
}

/// How many characters must be put in, left out, replaced or swapped with their neighbour (optimal string alignment).
fn distance(one: &str, other: &str) -> usize {
    let (one, other): (Vec<char>, Vec<char>) = (one.chars().collect(), other.chars().collect());
    let mut before: Vec<usize> = Vec::new();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    let mut previous: Option<char> = None;
    for (i, &a) in one.iter().enumerate() {
        let next = next_row(&row, &before, (previous, a), &other, i + 1);
        before = std::mem::replace(&mut row, next);
        previous = Some(a);
    }
    row.last().copied().unwrap_or_default()
}

/// The row of the distance table after `above` and `before` (the one above that); `(previous, a)` are the last two
/// characters of the one string so far.
fn next_row(
    above: &[usize],
    before: &[usize],
    (previous, a): (Option<char>, char),
    other: &[char],
    first: usize,
) -> Vec<usize> {
    let at = |row: &[usize], column: usize| row.get(column).copied().unwrap_or(usize::MAX / 2);
    let mut row = vec![first];
    let mut left = first;
    let mut before_b: Option<char> = None;
    for (j, &b) in other.iter().enumerate() {
        let mut cost = (at(above, j) + usize::from(a != b)).min(at(above, j + 1) + 1).min(left + 1);
        if j > 0 && Some(b) == previous && before_b == Some(a) {
            cost = cost.min(at(before, j - 1) + 1);
        }
        row.push(cost);
        left = cost;
        before_b = Some(b);
    }
    row
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_by_hand() {
        for (one, other, expected) in [
            ("", "", 0),
            ("", "abc", 3),
            ("abc", "", 3),
            ("kitten", "sitting", 3),
            ("flaw", "lawn", 2),
            ("ab", "ba", 1),
            ("wnidow", "window", 1),
            ("가나다", "가다", 1),
        ] {
            assert_eq!(distance(one, other), expected, "{one} {other}");
            assert_eq!(distance(other, one), expected, "{other} {one}");
        }
    }

    #[test]
    fn finds_what_was_meant() {
        let keys = || crate::config::KNOBS.iter().map(|knob| knob.key.to_owned());
        for (given, expected) in [
            ("agg.windw_ms", Some("agg.window_ms")),
            ("agg.wnidow_ms", Some("agg.window_ms")),
            ("agg.window", Some("agg.window_ms")),
            ("aggregate.window_ms", Some("agg.window_ms")),
            ("bootstrap", Some("kafka.bootstrap")),
            ("kafka.bootstrap_servers", Some("kafka.bootstrap")),
            ("rules.rapid_orders.cuont", Some("rules.rapid_orders.count")),
            ("langauge", Some("language")),
            ("checkpoints.interval", None),
            ("", None),
        ] {
            assert_eq!(nearest(given, '.', keys()).as_deref(), expected, "{given}");
        }
        assert_eq!(nearest(&"agg.window_ms".repeat(100_000), '.', keys()), None);
    }
}
