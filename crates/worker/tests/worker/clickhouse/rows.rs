//! What a parcel has in it, byte by byte, as `RowBinary` and the tables' columns have it: no server is needed.

use worker::decimal::FixedPoint;
use worker::sink::Parcel;
use worker::time::TimeMode;

use super::results::{Results, TIMELINE};
use crate::engine::{batch_of, pipeline};

const NOW_MS: i64 = 1_770_872_222_000;
const TOPIC: &str = "cdc.orders_db.orders";
/// Tables by their numbers in a parcel.
const RAW: u8 = 0;
const AGG: u8 = 2;
const DEAD_LETTERS: u8 = 4;

/// Orders in `Decimal(38, 10)`, the first at offset 40: the parcel of their epoch, then that of their windows.
fn parcels(orders: &[String]) -> Results {
    let batch = batch_of(40, NOW_MS, orders);
    Results::packed(&pipeline(TimeMode::Processing, 0), FixedPoint::new(38, 10).unwrap(), [batch])
}

fn order(id: i64, symbol: &str, quantity: i64, price: &str) -> String {
    let committed_ms = NOW_MS - 9;
    format!(
        r#"{{"op":"c","ts_ms":{NOW_MS},"source":{{"db":"orders_db","table":"orders","ts_ms":{committed_ms},"file":"b.1","pos":{id},"row":0}},"after":{{"id":{id},"symbol":"{symbol}","side":"SELL","quantity":{quantity},"price":"{price}","status":null}}}}"#
    )
}

/// What is still to be read.
struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    fn take(&mut self, length: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(length);
        self.0 = rest;
        taken
    }

    fn number<const N: usize>(&mut self) -> [u8; N] {
        self.take(N).try_into().unwrap()
    }

    fn i64(&mut self) -> i64 {
        i64::from_le_bytes(self.number())
    }

    /// In ten-thousand-millionths.
    fn amount(&mut self) -> i128 {
        i128::from_le_bytes(self.number())
    }

    fn text(&mut self) -> &'a str {
        let [low] = self.number();
        let length =
            if low < 0x80 { usize::from(low) } else { usize::from(low & 0x7f) + 128 * usize::from(self.take(1)[0]) };
        std::str::from_utf8(self.take(length)).unwrap()
    }

    fn is_null(&mut self) -> bool {
        self.take(1) == [1]
    }

    /// A table's rows and their number, from a parcel.
    fn of(parcel: &'a Parcel, wanted: u8) -> (u32, Self) {
        let mut bytes = Self(&parcel.bytes);
        assert_eq!(bytes.take(3), [1, 38, 10], "version, digits, scale");
        while !bytes.0.is_empty() {
            let [table] = bytes.number();
            let (rows, length) = (u32::from_le_bytes(bytes.number()), u64::from_le_bytes(bytes.number()));
            let rest = bytes.take(usize::try_from(length).unwrap());
            if table == wanted {
                return (rows, Self(rest));
            }
        }
        (0, Self(&[]))
    }

    fn event(&mut self, id: &str, symbol: &str, quantity: i64, (price, amount): (i128, i128), offset: i64) {
        assert_eq!((self.text(), self.text(), self.text()), ("c", id, symbol), "op, order_id, symbol");
        assert!(!self.is_null());
        assert_eq!((self.text(), self.i64()), ("SELL", quantity), "side, quantity");
        assert_eq!((self.amount(), self.amount()), (price, amount), "price, amount");
        assert!(self.is_null(), "status");
        assert!(!self.is_null());
        assert_eq!((self.i64(), self.i64()), (9, NOW_MS - 9), "latency_ms, event_time");
        self.place(offset);
    }

    fn place(&mut self, offset: i64) {
        assert_eq!((self.text(), self.number(), self.i64()), (TOPIC, [0; 4], offset), "topic, partition, offset");
        self.epoch(1);
    }

    fn epoch(&mut self, id: i64) {
        let timeline = i64::try_from(TIMELINE.0).unwrap();
        assert_eq!((self.i64(), self.i64(), self.i64()), (timeline, id, NOW_MS), "timeline, epoch, epoch_time");
    }
}

#[test]
fn every_column_stands_in_its_place() {
    let results = parcels(&[order(7, "가", 3, "1.5"), order(8, "가", 4, "-0.5")]);
    let (rows, mut raw) = Bytes::of(&results.parcels[0], RAW);
    assert_eq!((rows, results.misfits), (2, 0));
    raw.event("7", "가", 3, (15_000_000_000, 45_000_000_000), 40);
    raw.event("8", "가", 4, (-5_000_000_000, -20_000_000_000), 41);
    assert!(raw.0.is_empty());

    let (rows, mut windows) = Bytes::of(&results.parcels[1], AGG);
    assert_eq!((rows, windows.text()), (1, "가"));
    let minute = NOW_MS / 60_000 * 60_000;
    assert_eq!([windows.i64(), windows.i64(), windows.i64()], [minute, minute + 60_000, NOW_MS], "start, end, first");
    assert_eq!([windows.i64(), windows.i64(), windows.i64()], [2, 0, 2], "orders, buys, sells");
    assert_eq!(windows.amount(), 25_000_000_000, "total");
    assert_eq!(windows.amount(), 5_000_000_000, "avg, of the prices");
    assert_eq!((windows.amount(), windows.amount()), (-5_000_000_000, 15_000_000_000), "min, max");
    assert_eq!(windows.number(), 1_u32.to_le_bytes(), "revision");
    windows.epoch(2);
    assert!(windows.0.is_empty());
}

#[test]
fn what_does_not_fit_leaves_nothing_of_its_row_and_takes_no_other_along() {
    // Decimal(38, 10) has room for 28 digits before the point.
    let huge = "9".repeat(29);
    let results = parcels(&[order(1, "a", 1, "1"), order(2, "huge", 1, &huge), order(3, "a", 2, "2")]);
    let (rows, mut raw) = Bytes::of(&results.parcels[0], RAW);
    assert_eq!(rows, 2);
    raw.event("1", "a", 1, (10_000_000_000, 10_000_000_000), 40);
    raw.event("3", "a", 2, (20_000_000_000, 40_000_000_000), 42);
    assert!(raw.0.is_empty());

    let (rows, mut letters) = Bytes::of(&results.parcels[0], DEAD_LETTERS);
    assert_eq!(rows, 2, "the order and its alert");
    let of = format!("{TOPIC}-0-41");
    for (stream, id, field) in [("raw", of.clone(), "price"), ("alert", format!("HIGH_AMOUNT-{of}"), "value")] {
        assert_eq!((letters.text(), letters.text(), letters.text()), (stream, id.as_str(), field));
        let room = "has 29 digits before the point and 0 behind it; Decimal(38,10) has room for 28 and 10";
        assert_eq!(letters.text(), format!("{field}: {huge} {room}"));
        let line: serde_json::Value = serde_json::from_str(letters.text()).unwrap();
        assert_eq!((line["stream"].as_str(), line["id"].as_str()), (Some(stream), Some(id.as_str())));
        assert_eq!(letters.i64(), NOW_MS, "at");
        letters.place(41);
    }
    assert!(letters.0.is_empty());
    // The window of such an order does not fit either.
    assert_eq!(results.misfits, 3);
}
