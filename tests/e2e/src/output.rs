//! The worker's lines in JSON format, as its contract gives them.

use anyhow::{Context as _, Result};
use serde::Deserialize;

/// One line. A field that is missing, or of another type, is an error: the contract names them all.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(tag = "stream", rename_all = "snake_case")]
pub(crate) enum Output {
    /// An order event.
    Raw(Raw),
    /// A window that fired.
    Agg(Agg),
    /// A rule that fired.
    Alert(Alert),
    /// What could not be read.
    DeadLetter {
        /// Why.
        reason: String,
    },
    /// An event whose window had fired; only by event time.
    Late {},
}

/// An order event.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct Raw {
    /// Topic, partition and offset: the same again when it is written again.
    pub(crate) id: String,
    pub(crate) op: String,
    pub(crate) order_id: i64,
    pub(crate) symbol: String,
    pub(crate) side: Option<String>,
    pub(crate) quantity: i64,
    pub(crate) price: String,
    pub(crate) amount: String,
    pub(crate) status: Option<String>,
    /// Commit in MySQL; RFC 3339.
    pub(crate) event_time: String,
}

/// A window.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct Agg {
    pub(crate) id: String,
    pub(crate) symbol: String,
    pub(crate) orders: i64,
    pub(crate) buys: i64,
    pub(crate) sells: i64,
    pub(crate) total: String,
    pub(crate) min: String,
    pub(crate) max: String,
}

/// An alert.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct Alert {
    pub(crate) id: String,
    pub(crate) rule: String,
    pub(crate) symbol: String,
    pub(crate) order_id: i64,
    pub(crate) value: String,
}

impl Output {
    /// Reads a line.
    pub(crate) fn parse(line: &str) -> Result<Self> {
        serde_json::from_str(line).with_context(|| format!("not a line of the worker's JSON format: {line:?}"))
    }

    /// The id of a result: the same again when it is written again.
    pub(crate) fn id(&self) -> Option<&str> {
        match self {
            Self::Raw(raw) => Some(&raw.id),
            Self::Agg(agg) => Some(&agg.id),
            Self::Alert(alert) => Some(&alert.id),
            Self::DeadLetter { .. } | Self::Late {} => None,
        }
    }
}

impl Raw {
    /// When it was committed, in milliseconds since the Unix epoch.
    pub(crate) fn committed_ms(&self) -> Result<i64> {
        let time: jiff::Timestamp = self.event_time.parse().with_context(|| format!("{:?}", self.event_time))?;
        Ok(time.as_millisecond())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_contract_s_examples_are_read() {
        let raw = r#"{"stream":"raw","id":"cdc.orders_db.orders-0-17","op":"c","order_id":6,"symbol":"005930","side":"SELL","quantity":1000,"price":"74000","amount":"74000000","status":"PENDING","latency_ms":4,"event_time":"2026-02-12T04:57:38.000Z","topic":"cdc.orders_db.orders","partition":0,"offset":17}"#;
        let Output::Raw(raw) = Output::parse(raw).expect("a line") else { panic!("another stream") };
        assert_eq!((raw.order_id, raw.committed_ms().expect("a time")), (6, 1_770_872_258_000));
        let alert = r#"{"stream":"alert","id":"LARGE_ORDER-cdc.orders_db.orders-0-17","rule":"LARGE_ORDER","symbol":"005930","order_id":6,"value":"1000","threshold":"500","message":"대량 주문 감지: 1000주 (임계값: 500)","at":"2026-02-12T04:57:38.000Z"}"#;
        assert!(matches!(Output::parse(alert).expect("a line"), Output::Alert(alert) if alert.value == "1000"));
        let dead = r#"{"stream":"dead_letter","topic":"t","partition":0,"offset":18,"reason":"no","value_base64":""}"#;
        assert!(matches!(Output::parse(dead).expect("a line"), Output::DeadLetter { reason } if reason == "no"));
        for line in ["RAW:1> OrderEvent{}", "{}", r#"{"stream":"raw","id":"a"}"#, r#"{"stream":"other"}"#] {
            assert!(Output::parse(line).is_err(), "{line}");
        }
    }
}
