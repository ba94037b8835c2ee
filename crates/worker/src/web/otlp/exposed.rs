//! Our own exposition read back: families with their samples. What Prometheus is told is what a collector is told.

use crate::web::metrics::Kind;

/// A metric with all its samples.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Family {
    pub(super) name: String,
    pub(super) help: String,
    pub(super) kind: Kind,
    pub(super) samples: Vec<Sample>,
}

/// One line.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Sample {
    /// Behind the family's name: `_bucket`, `_sum`, `_count`, or nothing.
    pub(super) suffix: String,
    pub(super) labels: Vec<(String, String)>,
    pub(super) value: f64,
}

/// The families of a text in Prometheus' format 0.0.4, as this worker writes it: each begins with HELP and TYPE. Lines that
/// are none of its are left out.
pub(super) fn families(text: &str) -> Vec<Family> {
    let mut families: Vec<Family> = Vec::new();
    for line in text.lines() {
        if let Some((name, help)) = line.strip_prefix("# HELP ").and_then(|rest| rest.split_once(' ')) {
            let (name, help) = (name.to_owned(), help.to_owned());
            families.push(Family { name, help, kind: Kind::Gauge, samples: Vec::new() });
            continue;
        }
        let Some(family) = families.last_mut() else { continue };
        if let Some((_, word)) = line.strip_prefix("# TYPE ").and_then(|rest| rest.split_once(' ')) {
            family.kind = Kind::of_word(word).unwrap_or(family.kind);
        } else if let Some(sample) = line.strip_prefix(&*family.name).and_then(sample) {
            family.samples.push(sample);
        }
    }
    families
}

/// `_bucket{le="1"} 3`: what stands behind the family's name.
fn sample(rest: &str) -> Option<Sample> {
    let (before, value) = rest.rsplit_once(' ')?;
    let (suffix, labels) = match before.split_once('{') {
        Some((suffix, labels)) => (suffix, self::labels(labels.strip_suffix('}')?)?),
        None => (before, Vec::new()),
    };
    Some(Sample { suffix: suffix.to_owned(), labels, value: value.parse().ok()? })
}

/// `a="b",c="d"`, with the format's three escapes.
fn labels(text: &str) -> Option<Vec<(String, String)>> {
    let (mut labels, mut rest) = (Vec::new(), text);
    while !rest.is_empty() {
        let (name, quoted) = rest.split_once("=\"")?;
        let (mut value, mut characters) = (String::new(), quoted.char_indices());
        let end = loop {
            match characters.next()? {
                (end, '"') => break end,
                (_, '\\') => value.push(match characters.next()?.1 {
                    'n' => '\n',
                    other => other,
                }),
                (_, other) => value.push(other),
            }
        };
        labels.push((name.to_owned(), value));
        rest = quoted.get(end + 1..)?;
        rest = rest.strip_prefix(',').unwrap_or(rest);
    }
    Some(labels)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_read() {
        let text = "# HELP a_total All of a.\n# TYPE a_total counter\na_total 3\n\
                    # HELP b B: \"b\".\n# TYPE b gauge\nb{x=\"1\",y=\"a\\\"b\\\\c\\nd, e=\\\"\"} -2.5\nb{x=\"2\"} 0\n\
                    # HELP c_seconds C.\n# TYPE c_seconds histogram\nc_seconds_bucket{le=\"+Inf\"} 7\nc_seconds_sum 9.5\n";
        let [a, b, c] = &families(text)[..] else { panic!("three families") };
        assert_eq!((a.kind, a.help.as_str(), a.samples[0].value), (Kind::Counter, "All of a.", 3.0));
        assert_eq!((b.kind, b.samples.len(), b.samples[1].labels.len()), (Kind::Gauge, 2, 1));
        assert_eq!(b.samples[0].labels[1], ("y".to_owned(), "a\"b\\c\nd, e=\"".to_owned()));
        assert!(b.samples[0].value < -2.4 && b.samples[0].value > -2.6, "{b:?}");
        let suffixes: Vec<&str> = c.samples.iter().map(|sample| sample.suffix.as_str()).collect();
        assert_eq!((c.kind, suffixes), (Kind::Histogram, vec!["_bucket", "_sum"]));
    }

    #[test]
    fn a_line_that_is_none_is_left_out() {
        for line in ["a{x=\"1\" 3", "a{x=1} 3", "a three", "a{x=\"\\", "b 1"] {
            let [family] = &families(&format!("# HELP a A.\n{line}\n"))[..] else { panic!("one family") };
            assert!(family.samples.is_empty(), "{line}: {family:?}");
        }
        assert!(families("a 3\n").is_empty(), "no family to belong to");
    }
}
