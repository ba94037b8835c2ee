//! The dashboard and the alert rules, as Grafana is given them.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

/// The plug-in's own name and our data source's.
const PLUGIN: &str = "grafana-clickhouse-datasource";
const DATA_SOURCE: &str = "clickhouse";

/// A dashboard.
#[derive(Debug)]
pub(super) struct Dashboard {
    pub(super) panels: Vec<Panel>,
    /// What the variable `symbol` offers.
    pub(super) symbols: String,
}

/// A panel.
#[derive(Debug, Clone)]
pub(super) struct Panel {
    pub(super) title: String,
    pub(super) kind: PanelKind,
    /// Left, top, width and height on Grafana's grid, which is 24 wide.
    pub(super) place: [u32; 4],
    pub(super) unit: String,
    /// Bars that stand on each other, or areas.
    pub(super) stacked: bool,
    pub(super) bars: bool,
    pub(super) queries: Vec<String>,
}

/// How a panel shows its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PanelKind {
    Stat,
    Series,
    Table,
}

/// An alert rule.
#[derive(Debug)]
pub(super) struct Rule {
    pub(super) title: String,
    pub(super) query: String,
    /// It looks back so many seconds.
    pub(super) seconds: i64,
    /// It fires above this.
    pub(super) above: f64,
}

impl Dashboard {
    /// Reads the file.
    pub(super) fn read(path: &Path) -> Result<Self> {
        let dashboard = json(path)?;
        let variables = dashboard.pointer("/templating/list").and_then(Value::as_array).context("no variables")?;
        let symbols = variables.iter().find(|variable| variable["name"] == "symbol").context("no variable symbol")?;
        let panels = dashboard["panels"].as_array().context("no panels")?;
        let panels =
            panels.iter().map(panel).collect::<Result<Vec<_>>>().with_context(|| format!("{}", path.display()))?;
        Ok(Self { panels, symbols: text(symbols, "/query")?.to_owned() })
    }
}

fn panel(panel: &Value) -> Result<Panel> {
    let title = text(panel, "/title")?.to_owned();
    let told = || format!("panel {title}");
    let kind = match text(panel, "/type")? {
        "stat" => PanelKind::Stat,
        "timeseries" => PanelKind::Series,
        "table" => PanelKind::Table,
        other => anyhow::bail!("{}: the type {other} is not known here", told()),
    };
    let targets = panel["targets"].as_array().with_context(told)?;
    ensure!(!targets.is_empty(), "{} asks for nothing", told());
    let queries = targets.iter().map(|target| query(target, kind == PanelKind::Series)).collect::<Result<_>>();
    let place = |field: &str| panel["gridPos"][field].as_u64().and_then(|number| u32::try_from(number).ok());
    let custom = &panel["fieldConfig"]["defaults"]["custom"];
    Ok(Panel {
        kind,
        place: [place("x"), place("y"), place("w"), place("h")].map(Option::unwrap_or_default),
        unit: text(panel, "/fieldConfig/defaults/unit")?.to_owned(),
        stacked: custom["stacking"]["mode"] == "normal",
        bars: custom["drawStyle"] == "bars",
        queries: queries.with_context(told)?,
        title,
    })
}

/// A target's SQL. The plug-in makes series of what is asked in format 0, and a table of format 1.
fn query(target: &Value, series: bool) -> Result<String> {
    ensure!(
        target["datasource"]["type"] == PLUGIN && target["datasource"]["uid"] == DATA_SOURCE,
        "another data source"
    );
    ensure!(target["editorType"] == "sql", "not asked by SQL");
    let (format, kind) = if series { (0, "timeseries") } else { (1, "table") };
    ensure!(target["format"] == format && target["queryType"] == kind, "not asked for as {kind}");
    Ok(text(target, "/rawSql")?.to_owned())
}

/// All rules of the file.
pub(super) fn rules(path: &Path) -> Result<Vec<Rule>> {
    let file = json(path)?;
    let groups = file["groups"].as_array().context("no groups of rules")?;
    let rules = groups.iter().filter_map(|group| group["rules"].as_array()).flatten();
    rules.map(rule).collect::<Result<_>>().with_context(|| format!("{}", path.display()))
}

/// One that asks ClickHouse (A) and compares the answer (B).
fn rule(rule: &Value) -> Result<Rule> {
    let title = text(rule, "/title")?.to_owned();
    let told = || format!("rule {title}");
    let [question, condition] = rule["data"].as_array().map_or(&[][..], Vec::as_slice) else {
        anyhow::bail!("{} has other parts than a question and a condition", told());
    };
    ensure!(rule["condition"] == condition["refId"] && condition["model"]["expression"] == question["refId"], told());
    ensure!(question["datasourceUid"] == DATA_SOURCE, "{} asks another data source", told());
    ensure!(condition["model"]["type"] == "threshold", told());
    let evaluator = condition.pointer("/model/conditions/0/evaluator").with_context(told)?;
    ensure!(evaluator["type"] == "gt", "{}: only `gt` is known here", told());
    // Provisioned files have variables of their own; what is meant for later has two dollars.
    let written = query(&question["model"], false).with_context(told)?;
    ensure!(
        !written.replace("$$", "").contains('$'),
        "{}: a $ that Grafana would fill in when it reads the file",
        told()
    );
    Ok(Rule {
        query: written.replace("$$", "$"),
        seconds: question.pointer("/relativeTimeRange/from").and_then(Value::as_i64).with_context(told)?,
        above: evaluator.pointer("/params/0").and_then(Value::as_f64).with_context(told)?,
        title,
    })
}

fn json(path: &Path) -> Result<Value> {
    let text = fs::read_to_string(path).with_context(|| format!("{} cannot be read", path.display()))?;
    serde_json::from_str(&text).with_context(|| format!("{}", path.display()))
}

fn text<'a>(value: &'a Value, pointer: &str) -> Result<&'a str> {
    value.pointer(pointer).and_then(Value::as_str).with_context(|| format!("{pointer} is missing"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shipped_is_read() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let dashboard = Dashboard::read(&root.join(super::super::DASHBOARD)).expect("a dashboard");
        assert!(dashboard.panels.iter().any(|panel| panel.title == "Alerts by rule" && panel.bars && panel.stacked));
        assert!(dashboard.panels.iter().all(|panel| panel.place[0] + panel.place[2] <= 24));
        let rules = rules(&root.join(super::super::ALERTS)).expect("rules");
        assert!(rules.iter().all(|rule| rule.query.contains("$__timeFilter(at)") && rule.seconds == 300), "{rules:?}");
    }
}
