//! Queries as Grafana's plug-in for ClickHouse (4.12) sends them: macros and variables filled in.

use anyhow::{Context as _, Result, bail};

/// What the time picker, the panel's width and the variable say.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Picked {
    /// In seconds since 1970, as the plug-in writes it.
    pub(super) from: i64,
    pub(super) to: i64,
    /// Seconds that one point of a graph stands for.
    pub(super) interval: i64,
    /// All there are.
    pub(super) symbols: Vec<String>,
    /// `All` is chosen; else the symbols are.
    pub(super) all: bool,
}

/// Fills it in.
pub(super) fn expand(query: &str, picked: &Picked) -> Result<String> {
    let mut query = conditions(query, picked)?;
    query = query.replace("${symbol:singlequote}", &quoted(&picked.symbols));
    let (from, to) = (format!("toDateTime({})", picked.from), format!("toDateTime({})", picked.to));
    query = calls(&query, "$__timeFilter", |column| format!("{column} >= {from} AND {column} <= {to}"))?;
    query = calls(&query, "$__timeInterval", |column| {
        format!("toStartOfInterval(toDateTime({column}), INTERVAL {} second)", picked.interval.max(1))
    })?;
    query = query.replace("$__interval_s", &picked.interval.max(1).to_string());
    query = query.replace("$__fromTime", &from).replace("$__toTime", &to);
    match query.find('$') {
        Some(at) => bail!("nothing that is known here: {:.40}", &query[at..]),
        None => Ok(query),
    }
}

/// `$__conditionalAll(condition, $variable)`: the condition, or nothing to hold where all is chosen.
fn conditions(query: &str, picked: &Picked) -> Result<String> {
    calls(query, "$__conditionalAll", |inside| match inside.rsplit_once(',') {
        Some((condition, variable)) if variable.trim() == "$symbol" => {
            if picked.all {
                "1=1".to_owned()
            } else {
                condition.trim().to_owned()
            }
        }
        _ => format!("$__conditionalAll[{inside}]"),
    })
}

/// Every `name(inside)`, with whatever parentheses inside.
fn calls(query: &str, name: &str, with: impl Fn(&str) -> String) -> Result<String> {
    let mut done = String::new();
    let mut rest = query;
    while let Some(at) = rest.find(&format!("{name}(")) {
        let (before, behind) = (&rest[..at], &rest[at + name.len() + 1..]);
        let mut depth = 1;
        let end = behind.find(|c: char| {
            depth += i32::from(c == '(') - i32::from(c == ')');
            depth == 0
        });
        let end = end.with_context(|| format!("{name} without an end: {behind:.40}"))?;
        done.push_str(before);
        done.push_str(&with(&behind[..end]));
        rest = &behind[end + 1..];
    }
    Ok(done + rest)
}

/// Grafana's format `singlequote`.
fn quoted(values: &[String]) -> String {
    let one = |value: &String| format!("'{}'", value.replace('\'', "\\'"));
    values.iter().map(one).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picked(all: bool) -> Picked {
        Picked { from: 10, to: 20, interval: 5, symbols: vec!["A".to_owned(), "B'C".to_owned()], all }
    }

    // As the plug-in's README and its own tests have them.
    #[test]
    fn macros_are_those_of_the_plug_in() {
        for (query, sent) in [
            ("WHERE $__timeFilter(at)", "WHERE at >= toDateTime(10) AND at <= toDateTime(20)"),
            ("$__timeInterval(f(a, b))", "toStartOfInterval(toDateTime(f(a, b)), INTERVAL 5 second)"),
            ("$__fromTime $__toTime $__interval_s", "toDateTime(10) toDateTime(20) 5"),
            ("$__conditionalAll(symbol IN (${symbol:singlequote}), $symbol)", "symbol IN ('A','B\\'C')"),
        ] {
            assert_eq!(expand(query, &picked(false)).expect(query), sent);
        }
        assert_eq!(
            expand("$__conditionalAll(a IN (${symbol:singlequote}), $symbol)", &picked(true)).expect("all"),
            "1=1"
        );
    }

    #[test]
    fn what_the_plug_in_does_not_know_is_told() {
        for query in ["$__timeFiltr(at)", "$symbol", "${symbol}", "$__timeFilter(at"] {
            assert!(expand(query, &picked(true)).is_err(), "{query}");
        }
    }
}
