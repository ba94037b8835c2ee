//! What an alert says to a person, in Korean (the seed's words) or English.

use crate::anomaly::Finding;
use crate::decimal::Decimal;
use crate::words::words;

words! {
    /// The language of alert messages.
    Language {
        /// Korean, the seed's.
        Korean = "ko",
        /// English.
        English = "en",
    }
}

impl Language {
    /// Appends an alert's message.
    pub fn write_message(self, finding: &Finding, out: &mut Vec<u8>) {
        match self {
            Self::Korean => korean(finding, out),
            Self::English => english(finding, out),
        }
    }
}

fn korean(finding: &Finding, out: &mut Vec<u8>) {
    match finding {
        Finding::LargeOrder { quantity, threshold } => {
            put(out, "대량 주문 감지: ").integer(*quantity).text("주 (임계값: ").integer(*threshold).text(")");
        }
        Finding::HighAmount { amount, threshold } => {
            put(out, "고액 주문 감지: ").decimal(amount).text("원 (임계값: ").decimal(threshold).text(")");
        }
        Finding::PriceSpike { previous, price, percent, threshold } => {
            put(out, "가격 급변 감지: ")
                .decimal(previous)
                .text(" → ")
                .decimal(price)
                .text(" (")
                .percent(percent)
                .text("%, 임계값: ")
                .decimal(threshold)
                .text("%)");
        }
        Finding::RapidOrders { count, window_ms } => {
            put(out, "단기 다수 주문 감지: ")
                .seconds(*window_ms)
                .text("초 내 ")
                .integer(*count as i64)
                .text("건 (임계값: ")
                .integer(*count as i64)
                .text(")");
        }
    }
}

fn english(finding: &Finding, out: &mut Vec<u8>) {
    match finding {
        Finding::LargeOrder { quantity, threshold } => {
            put(out, "large order: ").integer(*quantity).text(" shares (threshold: ").integer(*threshold).text(")");
        }
        Finding::HighAmount { amount, threshold } => {
            put(out, "high amount: ").decimal(amount).text(" won (threshold: ").decimal(threshold).text(")");
        }
        Finding::PriceSpike { previous, price, percent, threshold } => {
            put(out, "price spike: ")
                .decimal(previous)
                .text(" → ")
                .decimal(price)
                .text(" (")
                .percent(percent)
                .text("%, threshold: ")
                .decimal(threshold)
                .text("%)");
        }
        Finding::RapidOrders { count, window_ms } => {
            put(out, "rapid orders: ")
                .integer(*count as i64)
                .text(" within ")
                .seconds(*window_ms)
                .text(" s (threshold: ")
                .integer(*count as i64)
                .text(")");
        }
    }
}

struct Put<'a>(&'a mut Vec<u8>);

fn put<'a>(out: &'a mut Vec<u8>, text: &str) -> Put<'a> {
    Put(out).text(text)
}

impl Put<'_> {
    fn text(self, text: &str) -> Self {
        self.0.extend_from_slice(text.as_bytes());
        self
    }

    fn integer(self, value: i64) -> Self {
        self.0.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
        self
    }

    fn decimal(self, value: &Decimal) -> Self {
        value.write_plain(self.0);
        self
    }

    /// A change in percent; people see the plus sign, programs do not.
    fn percent(self, percent: &str) -> Self {
        let sign = if percent.starts_with('-') { "" } else { "+" };
        self.text(sign).text(percent)
    }

    /// Milliseconds as seconds: `10`, `0.5`.
    fn seconds(self, milliseconds: i64) -> Self {
        self.decimal(&Decimal::from_i64(milliseconds).div_round_half_even(1_000, 3))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(language: Language, finding: &Finding) -> String {
        let mut out = Vec::new();
        language.write_message(finding, &mut out);
        String::from_utf8(out).unwrap()
    }

    fn decimal(text: &str) -> Decimal {
        Decimal::parse(text).unwrap()
    }

    // The Korean lines are the seed's and spec.md 1.2's own.
    #[test]
    fn the_seeds_words() {
        let cases = [
            (Finding::LargeOrder { quantity: 1000, threshold: 500 }, "대량 주문 감지: 1000주 (임계값: 500)"),
            (
                Finding::HighAmount { amount: decimal("144000000.00"), threshold: decimal("1e8") },
                "고액 주문 감지: 144000000원 (임계값: 100000000)",
            ),
            (
                Finding::PriceSpike {
                    previous: decimal("72000.00"),
                    price: decimal("76000"),
                    percent: "5.56".into(),
                    threshold: decimal("5"),
                },
                "가격 급변 감지: 72000 → 76000 (+5.56%, 임계값: 5%)",
            ),
            (Finding::RapidOrders { count: 5, window_ms: 10_000 }, "단기 다수 주문 감지: 10초 내 5건 (임계값: 5)"),
        ];
        for (finding, expected) in cases {
            assert_eq!(message(Language::Korean, &finding), expected);
        }
    }

    #[test]
    fn the_same_in_english() {
        let fall = Finding::PriceSpike {
            previous: decimal("76000"),
            price: decimal("72000"),
            percent: "-5.26".into(),
            threshold: decimal("2.5"),
        };
        assert_eq!(message(Language::English, &fall), "price spike: 76000 → 72000 (-5.26%, threshold: 2.5%)");
        let rapid = Finding::RapidOrders { count: 3, window_ms: 1_500 };
        assert_eq!(message(Language::English, &rapid), "rapid orders: 3 within 1.5 s (threshold: 3)");
        let large = Finding::LargeOrder { quantity: 501, threshold: 500 };
        assert_eq!(message(Language::English, &large), "large order: 501 shares (threshold: 500)");
        let amount = Finding::HighAmount { amount: decimal("0.5"), threshold: decimal("0.25") };
        assert_eq!(message(Language::English, &amount), "high amount: 0.5 won (threshold: 0.25)");
    }
}
