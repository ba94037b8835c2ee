//! Every question of the dashboard and of its alerts, asked, and what must be true of the answers.

use crate::analytics::answer::{Answer, Kind, number};
use crate::analytics::grafana::{Dashboard, Panel, PanelKind, Rule};
use crate::analytics::macros::{Picked, expand};
use crate::analytics::server::{DATABASE, Server};
use anyhow::{Context as _, Result, bail, ensure};

/// Times as seconds, as graphs are drawn by.
const AS_SECONDS: [(&str, &str); 1] = [("date_time_output_format", "unix_timestamp")];
/// A dashboard that asks fewer things has lost some.
const LEAST_QUERIES: usize = 15;
/// Of these two out of fifty, with a quote in one: what is chosen is found, the quote harms nothing.
const CHOSEN: [&str; 2] = ["005930", "O'Neil"];
/// Long after everything else: only what a test puts there is seen.
const LATER: i64 = 1_900_000_000;

/// What came of it.
pub(super) struct Asked {
    pub(super) queries: usize,
    /// A panel's answers for the symbols of the market, in the panels' order: what is drawn.
    pub(super) answers: Vec<Vec<Answer>>,
}

/// Asks what every panel asks, with all symbols and with some; every answer has something to show, in the columns that the
/// panel needs.
pub(super) fn panels(server: &Server, dashboard: &Dashboard, picked: &Picked, verbose: bool) -> Result<Asked> {
    let symbols = expand(&dashboard.symbols, picked).and_then(|query| server.ask(&query, &[]));
    let symbols = symbols.context("the variable symbol")?;
    let symbols: Vec<String> = symbols.rows.iter().filter_map(|row| Some(row.first()?.as_str()?.to_owned())).collect();
    ensure!(symbols.len() > CHOSEN.len(), "{} symbols are offered only", symbols.len());
    let all = Picked { symbols, ..picked.clone() };
    let some = Picked { symbols: CHOSEN.map(str::to_owned).to_vec(), all: false, ..picked.clone() };
    // The recording's odd rows have symbols and amounts that no picture has room for.
    let is_of_market = |symbol: &&String| symbol.len() == 6 && symbol.bytes().all(|byte| byte.is_ascii_digit());
    let market: Vec<String> = all.symbols.iter().filter(is_of_market).cloned().collect();
    let drawn = Picked { symbols: market, all: false, ..picked.clone() };
    let mut asked = Asked { queries: 0, answers: Vec::new() };
    for panel in &dashboard.panels {
        let mut answers = Vec::new();
        for query in &panel.queries {
            let told = || format!("panel {}: {query}", panel.title);
            let answer = ask(server, panel, query, &all).with_context(told)?;
            fits(panel, &answer).with_context(told)?;
            let fewer = ask(server, panel, query, &some).with_context(told)?;
            fits(panel, &fewer).with_context(told)?;
            ensure!(fewer.rows.len() <= answer.rows.len(), "{}: more rows for fewer symbols", told());
            only_chosen(&fewer).with_context(told)?;
            if verbose {
                println!("{:<36} {:>4} rows, {:>4} of two symbols", panel.title, answer.rows.len(), fewer.rows.len());
                println!("    {}", expand(query, &some)?);
            }
            asked.queries += 1;
            answers.push(ask(server, panel, query, &drawn).with_context(told)?);
        }
        asked.answers.push(answers);
    }
    ensure!(asked.queries >= LEAST_QUERIES, "the dashboard asks {} things only", asked.queries);
    Ok(asked)
}

fn ask(server: &Server, panel: &Panel, query: &str, picked: &Picked) -> Result<Answer> {
    let settings = if panel.kind == PanelKind::Series { &AS_SECONDS[..] } else { &[] };
    server.ask(&expand(query, picked)?, settings)
}

/// What Grafana can make something of.
fn fits(panel: &Panel, answer: &Answer) -> Result<()> {
    ensure!(!answer.rows.is_empty(), "no rows");
    let counts = [Kind::Time, Kind::Text, Kind::Number].map(|kind| answer.all(kind).count());
    match (panel.kind, counts) {
        (PanelKind::Stat, [0, 0, 1]) => {
            ensure!(
                answer.rows.len() == 1 && number(&answer.rows[0][0]).is_some(),
                "not one number: {:?}",
                answer.rows
            );
        }
        // Long: a time, at most one name of a series, numbers. Wide: no name.
        (PanelKind::Series, [1, 0 | 1, numbers]) if numbers > 0 => {
            ensure!(answer.kind(0) == Kind::Time && answer.columns[0].0 == "time", "the first column is not the time");
            let times: Vec<f64> = answer.rows.iter().filter_map(|row| number(&row[0])).collect();
            ensure!(times.len() == answer.rows.len() && times.is_sorted(), "the rows are not by time");
        }
        (PanelKind::Table, _) => {}
        (kind, counts) => bail!("a {kind:?} cannot be drawn of {counts:?} columns of time, text and number"),
    }
    Ok(())
}

/// Where a symbol stands in the answer, it is one of those chosen.
fn only_chosen(answer: &Answer) -> Result<()> {
    let Some(column) = answer.columns.iter().position(|(name, _)| name == "symbol") else { return Ok(()) };
    let other = answer.rows.iter().find(|row| row[column].as_str().is_none_or(|symbol| !CHOSEN.contains(&symbol)));
    ensure!(other.is_none(), "a symbol that was not chosen: {other:?}");
    Ok(())
}

/// Each rule is quiet where nothing happened, quiet at its threshold, and speaks one above it.
pub(super) fn rules(server: &Server, rules: &[Rule], picked: &Picked) -> Result<()> {
    for (rule, at) in rules.iter().zip((LATER..).step_by(3600)) {
        let told = || format!("rule {}", rule.title);
        let name = rule.title.split(' ').next().unwrap_or_default();
        ensure!(!fires(server, rule, at, picked)?, "{} fires where nothing happened", told());
        let threshold = rule.above as i64;
        for number in 0..threshold {
            plant(server, name, "005930", at - 10, number)?;
        }
        // Of another symbol, of another rule, and from before: none of these counts, or only where symbols are counted together.
        plant(server, "LARGE_ORDER", "005930", at - 10, 0)?;
        plant(server, name, "005930", at - rule.seconds - 10, 0)?;
        ensure!(!fires(server, rule, at, picked)?, "{} fires at its threshold", told());
        plant(server, name, "005930", at - 5, threshold)?;
        ensure!(fires(server, rule, at, picked)?, "{} does not fire above its threshold", told());
        ensure!(!fires(server, rule, at + rule.seconds + 60, picked)?, "{} does not end", told());
    }
    Ok(())
}

/// Whether any row's number is above the threshold at that moment.
fn fires(server: &Server, rule: &Rule, at: i64, picked: &Picked) -> Result<bool> {
    let picked = Picked { from: at - rule.seconds, to: at, ..picked.clone() };
    let answer = server.ask(&expand(&rule.query, &picked)?, &[]).with_context(|| format!("rule {}", rule.title))?;
    let [column] = answer.all(Kind::Number).collect::<Vec<_>>()[..] else {
        bail!("rule {}: not one number a row: {:?}", rule.title, answer.columns);
    };
    ensure!(answer.all(Kind::Time).next().is_none(), "rule {}: a time makes a series of it", rule.title);
    Ok(answer.rows.iter().filter_map(|row| row.get(column).and_then(number)).any(|value| value > rule.above))
}

/// One alert at that moment.
fn plant(server: &Server, rule: &str, symbol: &str, at: i64, number: i64) -> Result<()> {
    let row = serde_json::json!({
        "rule": rule, "symbol": symbol, "order_id": number.to_string(), "value": "1", "threshold": "1", "message": "",
        "at": at, "topic": "t", "partition": 0, "offset": number, "timeline": 1, "epoch": 1, "epoch_time": at,
    });
    server.execute(&format!("INSERT INTO {DATABASE}.anomaly_alerts FORMAT JSONEachRow\n{row}"))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn answer(columns: &[(&str, &str)], rows: Vec<Vec<Value>>) -> Answer {
        Answer { columns: columns.iter().map(|(name, kind)| ((*name).to_owned(), (*kind).to_owned())).collect(), rows }
    }

    fn panel(kind: PanelKind) -> Panel {
        Panel {
            title: "p".to_owned(),
            kind,
            place: [0; 4],
            unit: "short".to_owned(),
            stacked: false,
            bars: false,
            queries: Vec::new(),
        }
    }

    #[test]
    fn what_cannot_be_drawn_is_told() {
        let fits_series = |columns: &[(&str, &str)], rows: &[Value]| {
            let rows = rows.iter().map(|row| row.as_array().cloned().unwrap_or_default()).collect();
            fits(&panel(PanelKind::Series), &answer(columns, rows)).is_ok()
        };
        let time = ("time", "DateTime");
        assert!(fits_series(&[time, ("symbol", "String"), ("n", "Float64")], &[json!(["1", "A", 2])]));
        assert!(!fits_series(&[("at", "DateTime"), ("n", "Float64")], &[json!(["1", 2])]), "another name");
        assert!(!fits_series(&[time, ("n", "Decimal(76, 30)")], &[json!(["1", 2])]), "no number");
        assert!(!fits_series(&[time, ("n", "UInt8")], &[json!(["2", 1]), json!(["1", 1])]), "order");
        assert!(!fits_series(&[time, ("n", "UInt8")], &[]), "no rows");
        let stat = |rows| fits(&panel(PanelKind::Stat), &answer(&[("n", "Nullable(Float64)")], rows)).is_ok();
        assert!(
            stat(vec![vec![json!(1)]]) && !stat(vec![vec![json!(null)]]) && !stat(vec![vec![json!(1)], vec![json!(2)]])
        );
    }

    #[test]
    fn a_symbol_that_was_not_chosen_is_found() {
        let of = |symbol: &str| only_chosen(&answer(&[("symbol", "String")], vec![vec![json!(symbol)]]));
        assert!(of("005930").is_ok() && of("000660").is_err());
    }
}
