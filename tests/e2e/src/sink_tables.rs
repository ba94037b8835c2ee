//! What the tables of a worker's ClickHouse sink hold, beside what the worker wrote to stdout and what SQL says in MySQL.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, Result, bail, ensure};

use crate::audit::{self, Sums, from_hex};
use crate::cents::cents;
use crate::clickhouse::{self, USER};
use crate::once;
use crate::output::Output;
use crate::pipeline::{FIRST_ORDER, FIRST_SYMBOL, Pipeline};
use crate::scenarios::oracle::{self, Found};
use crate::stack::Stack;

/// What becomes of RAW, AGG and ALERT lines.
const TABLES: [&str; 3] = ["orders_raw", "order_agg_5m", "anomaly_alerts"];
/// Too little to be merged with anything: a merge would make one row of two that are the same.
const NO_MERGES: &str = "max_bytes_to_merge_at_max_space_in_pool = 1, max_bytes_to_merge_at_min_space_in_pool = 1";

/// Columns as [`audit::add`] takes them; alerts come from a table of their own.
const EVENTS: &str =
    "SELECT hex(symbol), op, count(), countIf(side = 'BUY'), countIf(side = 'SELL'), toString(sum(amount)),
    toString(min(price)), toString(max(price)), 0, 0, 0 FROM orders_raw WHERE symbol != '{first}' GROUP BY symbol, op";
const WINDOWS: &str = "SELECT hex(symbol), 'any', sum(orders), sum(buys), sum(sells), toString(sum(total)),
    toString(min(min)), toString(max(max)), 0, 0, 0 FROM order_agg_latest WHERE symbol != '{first}' GROUP BY symbol";
const ALERTS: &str =
    "SELECT hex(symbol), rule, count() FROM anomaly_alerts WHERE rule != 'RAPID_ORDERS' GROUP BY symbol, rule";

/// Orders as they stand, by SQL's own record. It keeps the old id of one that was changed, as the tables do: no change says
/// that it has gone.
const STANDING: &str = "SELECT id, HEX(symbol), side, quantity, price FROM audit
    WHERE op <> 'd' AND seq IN (SELECT MAX(seq) FROM audit GROUP BY id);";
const CURRENT: &str = "SELECT order_id, hex(symbol), side, quantity, toString(price) FROM orders_current";
/// Orders whose changes at their last time (a transaction's) tell by themselves how they stand: one of them, or a changed
/// symbol, which is two. The view goes by time.
const TOLD: &str =
    "SELECT order_id FROM (SELECT order_id, op, symbol, event_time, max(event_time) OVER (PARTITION BY order_id)
    AS last FROM orders_raw) WHERE event_time = last GROUP BY order_id
    HAVING count() = 1 OR (arraySort(groupArray(op)) = ['c', 'd'] AND uniqExact(symbol) = 2)";

/// Symbol, side, quantity, price in cents.
type Order = (String, String, String, i128);

/// Settings of a worker that writes to this database behind this address.
pub(crate) fn settings(stack: &Stack, url: &str, database: &str) -> Result<String> {
    Ok(format!(
        "sink.clickhouse.url = \"{url}\"\nsink.clickhouse.user = \"{USER}\"\nsink.clickhouse.password = \"{}\"\n\
         sink.clickhouse.database = \"{database}\"\nsink.clickhouse.pipeline = \"{database}\"\n",
        clickhouse::password(stack)?
    ))
}

/// The tables that a pipeline's worker writes to, in a database of the pipeline's name.
#[derive(Debug)]
pub(crate) struct SinkTables<'a> {
    pipeline: &'a Pipeline<'a>,
}

impl<'a> SinkTables<'a> {
    pub(crate) fn of(pipeline: &'a Pipeline<'a>) -> Self {
        Self { pipeline }
    }

    fn ask(&self, question: &str) -> Result<Vec<Vec<String>>> {
        clickhouse::ask(self.pipeline.stack, &self.pipeline.name, "GET", question)
    }

    /// From here on, also after a restart, what comes twice is there twice. Fails while there are no tables.
    pub(crate) fn keep_doubles(&self) -> Result<()> {
        for table in TABLES {
            let statement = format!("ALTER TABLE {table} MODIFY SETTING {NO_MERGES}");
            clickhouse::ask(self.pipeline.stack, &self.pipeline.name, "POST", &statement)?;
        }
        Ok(())
    }

    /// Every result on stdout is a row, each once; gives how many there are.
    pub(crate) fn hold_every_line_once(&self) -> Result<usize> {
        let mut written: [BTreeMap<String, String>; 3] = Default::default();
        for (_, output) in self.pipeline.lines.outputs()? {
            let table = match &output {
                Output::Raw(_) => 0,
                Output::Agg(_) => 1,
                Output::Alert(_) => 2,
                Output::DeadLetter { reason } => bail!("a dead letter: {reason}"),
                Output::Late {} => bail!("a late event"),
            };
            // Stdout may repeat some after a crash.
            written[table].extend(output.id().map(|id| (id.to_owned(), id.to_owned())));
        }
        for (table, written) in TABLES.into_iter().zip(&written) {
            // Symbols are in the ids, and they have what a line of an answer has not.
            let ids = self.ask(&format!("SELECT hex(id) FROM {table}"))?;
            let ids = ids.iter().flatten().map(|id| from_hex(id)).collect::<Result<Vec<_>>>()?;
            once::must_be(written, &ids).context(table)?;
        }
        let letters = self.ask("SELECT stream, field, reason FROM orders_dlq LIMIT 10")?;
        ensure!(letters.is_empty(), "dead letters of the sink: {letters:?}");
        Ok(written.iter().map(BTreeMap::len).sum())
    }

    /// Sums of events, windows and alerts are those of SQL's own record; gives how many changes that has.
    pub(crate) fn have_sqls_sums(&self) -> Result<i64> {
        let mut found = Found { events: self.sums(EVENTS)?, windows: self.sums(WINDOWS)? };
        for row in self.ask(ALERTS)? {
            let [symbol, rule, count] = &row[..] else { bail!("{} columns: {row:?}", row.len()) };
            found.events.entry(from_hex(symbol)?).or_default().alerts.insert(rule.clone(), count.parse()?);
        }
        let expected = audit::sums(self.pipeline)?;
        let differences = oracle::differences(&expected, &found);
        ensure!(differences.is_empty(), "MySQL and ClickHouse differ:\n{}", differences.join("\n"));
        Ok(expected.values().map(Sums::orders).sum())
    }

    fn sums(&self, question: &str) -> Result<BTreeMap<String, Sums>> {
        let mut sums = BTreeMap::new();
        for row in self.ask(&question.replace("{first}", FIRST_SYMBOL))? {
            audit::add(&mut sums, &row).with_context(|| format!("ClickHouse's answer: {row:?}"))?;
        }
        Ok(sums)
    }

    /// Orders stand as they do in MySQL, column by column; gives how many could be compared, of how many.
    pub(crate) fn have_orders_as_they_stand(&self) -> Result<(usize, usize)> {
        let (standing, current) = (orders(&self.pipeline.sql(STANDING)?)?, orders(&self.ask(CURRENT)?)?);
        let told: BTreeSet<String> = self.ask(TOLD)?.into_iter().flatten().collect();
        let differences = unlike(&told, &standing, &current);
        ensure!(
            differences.is_empty(),
            "{} orders stand otherwise, the first: {}",
            differences.len(),
            differences.iter().take(10).map(String::as_str).collect::<Vec<_>>().join("\n")
        );
        let all: BTreeSet<&String> = standing.keys().chain(current.keys()).chain(&told).collect();
        Ok((told.len(), all.len()))
    }
}

fn orders(rows: &[Vec<String>]) -> Result<BTreeMap<String, Order>> {
    let order = |row: &Vec<String>| {
        let [id, symbol, side, quantity, price] = &row[..] else { bail!("{} columns: {row:?}", row.len()) };
        Ok((id.clone(), (from_hex(symbol)?, side.clone(), quantity.clone(), cents(price)?)))
    };
    rows.iter().filter(|row| row.first() != Some(&FIRST_ORDER.to_string())).map(order).collect()
}

/// Those of these orders that do not stand alike, or only in one of both.
fn unlike(
    told: &BTreeSet<String>,
    standing: &BTreeMap<String, Order>,
    current: &BTreeMap<String, Order>,
) -> Vec<String> {
    let pairs = told.iter().map(|id| (id, standing.get(id), current.get(id)));
    let unlike = pairs.filter(|(id, standing, current)| **id != FIRST_ORDER.to_string() && standing != current);
    unlike.map(|(id, standing, current)| format!("{id}: MySQL {standing:?}, ClickHouse {current:?}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_are_compared_where_they_can_be() {
        let order = |id: &str, price: &str| {
            vec![id.to_owned(), "C3A4".to_owned(), "BUY".to_owned(), "3".to_owned(), price.to_owned()]
        };
        let read = |rows: &[Vec<String>]| orders(rows).expect("orders");
        let told = ["1", "2", "3", "4"].map(str::to_owned).into();
        let mysql = read(&[order("2", "1.50"), order("3", "1.00"), order("5", "9.00")]);
        assert_eq!(mysql["2"], ("ä".to_owned(), "BUY".to_owned(), "3".to_owned(), 150));
        let same = read(&[order("1", "7"), order("2", "1.5"), order("3", "1"), order("6", "1")]);
        assert_eq!(unlike(&told, &mysql, &same), Vec::<String>::new(), "1 is the snapshot's, 5 and 6 tell nothing");
        let other = read(&[order("2", "1.51"), order("4", "1")]);
        let differences = unlike(&told, &mysql, &other);
        assert_eq!(differences.iter().map(|line| &line[..2]).collect::<Vec<_>>(), ["2:", "3:", "4:"]);
        assert!(orders(&[vec!["1".to_owned()], vec!["2".to_owned()]]).is_err());
    }
}
