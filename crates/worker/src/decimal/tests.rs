//! Decimals against values worked out by hand, by Python's `decimal` and by plain big integers.

use super::*;

fn d(text: &str) -> Decimal {
    Decimal::parse(text).unwrap()
}

#[test]
fn text_in_and_out() {
    for (text, plain) in [("72000.00", "72000"), ("-0.00", "0"), ("1e-30", "0.000000000000000000000000000001")] {
        assert_eq!(d(text).to_string(), plain);
    }
}
