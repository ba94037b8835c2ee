//! Window sums against a brute-force reading of the same orders, in whole numbers of ten-thousandths.

use std::collections::BTreeMap;

use proptest::collection::vec;
use proptest::prelude::*;
use worker::epoch::{EpochKind, LineClock};
use worker::source::Batch;
use worker::time::TimeMode;

use super::{epoch, executor, lines_of, partitions, pipeline};

const WINDOW_MS: i64 = 60_000;
/// A price's unit: 1/10,000.
const UNIT: i128 = 10_000;

#[derive(Clone, Debug)]
struct Order {
    symbol: u8,
    side: u8,
    quantity: i64,
    /// In units.
    price: i64,
    /// Record timestamp since the one before; where it is negative the clock stands, at the largest so far.
    step_ms: i64,
}

fn order() -> impl Strategy<Value = Order> {
    let quantity = prop_oneof![-1_000..1_000i64, any::<i64>()];
    let price = prop_oneof![0..2_000_000i64, -5_000..5_000i64, any::<i64>()];
    (0..5u8, 0..4u8, quantity, price, -5_000..40_000i64).prop_map(|(symbol, side, quantity, price, step_ms)| Order {
        symbol,
        side,
        quantity,
        price,
        step_ms,
    })
}

fn plain(units: i128) -> String {
    let (whole, rest) = (units.unsigned_abs() / UNIT as u128, units.unsigned_abs() % UNIT as u128);
    let text = format!("{whole}.{rest:04}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if units < 0 { format!("-{text}") } else { text.to_owned() }
}

/// sum ÷ count to hundredths, half to even; in units.
fn mean(sum: i128, count: i128) -> i128 {
    let hundredth = UNIT / 100;
    let divisor = count * hundredth;
    let (floor, rest) = (sum.div_euclid(divisor), sum.rem_euclid(divisor));
    let up = match (2 * rest).cmp(&divisor) {
        std::cmp::Ordering::Less => 0,
        std::cmp::Ordering::Equal => floor.rem_euclid(2),
        std::cmp::Ordering::Greater => 1,
    };
    (floor + up) * hundredth
}

const SIDES: [&str; 4] = ["BUY", "SELL", "HOLD", ""];

/// One window's line as it must come, without its times' text.
fn expected(orders: &[(i64, Order)]) -> Vec<String> {
    let mut windows: BTreeMap<(i64, u8), Vec<&(i64, Order)>> = BTreeMap::new();
    for timed in orders {
        let end = timed.0.div_euclid(WINDOW_MS) * WINDOW_MS + WINDOW_MS;
        windows.entry((end, timed.1.symbol)).or_default().push(timed);
    }
    let line = |(&(end, symbol), orders): (&(i64, u8), &Vec<&(i64, Order)>)| {
        let count = |side| orders.iter().filter(|(_, order)| order.side == side).count();
        let prices = || orders.iter().map(|(_, order)| i128::from(order.price));
        let total: i128 = orders.iter().map(|(_, order)| i128::from(order.price) * i128::from(order.quantity)).sum();
        format!(
            "S{symbol}-{}-{end}-r1 {} {} {} {} {} {} {}",
            end - WINDOW_MS,
            orders.len(),
            count(0),
            count(1),
            plain(total),
            plain(mean(prices().sum(), orders.len() as i128)),
            plain(prices().min().unwrap()),
            plain(prices().max().unwrap()),
        )
    };
    windows.iter().map(line).collect()
}

fn found(lines: &str) -> Vec<String> {
    let agg = lines.lines().filter(|line| line.starts_with(r#"{"stream":"agg""#));
    agg.map(|line| {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        let text = |key: &str| line[key].as_str().unwrap().to_owned();
        format!(
            "{} {} {} {} {} {} {} {}",
            text("id"),
            line["orders"],
            line["buys"],
            line["sells"],
            text("total"),
            text("avg"),
            text("min"),
            text("max")
        )
    })
    .collect()
}

fn check(orders: Vec<Order>, parallelism: usize, cut: usize) {
    let (mut now_ms, mut clock_ms) = (1_770_872_222_000, 0);
    let (mut timed, mut timestamps) = (Vec::new(), Vec::new());
    for order in orders {
        now_ms += order.step_ms;
        clock_ms = now_ms.max(clock_ms);
        timestamps.push(now_ms);
        timed.push((clock_ms, order));
    }
    let mut executor = executor(&pipeline(TimeMode::Processing, 0), LineClock::Records, parallelism);
    let mut lines = Vec::new();
    let mut id = 0;
    for (part, timestamps) in timed.chunks(cut).zip(timestamps.chunks(cut)) {
        let mut batch = Batch::of(partitions());
        for (index, ((_, order), timestamp_ms)) in part.iter().zip(timestamps).enumerate() {
            let value = format!(
                concat!(
                    r#"{{"after":{{"id":1,"symbol":"S{}","side":"{}","quantity":{},"price":"{}"}},"#,
                    r#""source":{{"db":"orders_db","table":"orders"}},"op":"r"}}"#
                ),
                order.symbol,
                SIDES[usize::from(order.side)],
                order.quantity,
                plain(order.price.into())
            );
            batch.push(0, index as i64, *timestamp_ms, Some(value.as_bytes()));
        }
        id += 1;
        lines.extend(lines_of(&executor.execute(epoch(id, EpochKind::Data, 0), batch).unwrap()));
    }
    lines.extend(lines_of(&executor.execute(epoch(id + 1, EpochKind::Flush, 0), Batch::default()).unwrap()));
    assert_eq!(found(&String::from_utf8(lines).unwrap()), expected(&timed));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn windows_are_what_brute_force_makes_of_the_orders(
        orders in vec(order(), 1..80),
        parallelism in prop_oneof![Just(1), Just(2), Just(3), Just(8)],
        cut in 1..80usize,
    ) {
        check(orders, parallelism, cut);
    }
}

// The brute force itself, on numbers worked out by hand.
#[test]
fn the_brute_force_rounds_half_to_even() {
    // 10.00 and 10.01 → 10.005 → 10.00; 10.01 and 10.02 → 10.015 → 10.02; −0.005 → 0; −0.015 → −0.02; 1, 2, 2 → 1.67.
    for (sum, count, text) in
        [(200_100, 2, "10"), (200_300, 2, "10.02"), (-100, 2, "0"), (-300, 2, "-0.02"), (50_000, 3, "1.67")]
    {
        assert_eq!(plain(mean(sum, count)), text);
    }
    assert_eq!(plain(-12_345), "-1.2345");
}
