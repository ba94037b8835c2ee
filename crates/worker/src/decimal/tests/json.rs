//! Decimals in JSON.

use super::*;

// For people: a savepoint has decimals as text, also sums that no column could hold.
#[test]
fn decimals_in_json_are_text() {
    let sum = "9".repeat(80) + "." + &"123456789".repeat(8);
    for text in ["0", "-12.9", "0.5", "-0.05", "72000", "170141183460469231731687303715884105728", &sum] {
        let decimal = from_json(&format!("\"{text}\"")).unwrap();
        assert_eq!(serde_json::to_string(&decimal).unwrap(), format!("\"{text}\""));
    }
    assert_eq!(serde_json::to_string(&d("72000.00")).unwrap(), "\"72000\"");
    assert_eq!(from_json("\"-12.9\"").unwrap(), d("-12.9"));
    for other in ["", "-", "-0", "+1", "1.", ".5", "01", "1.50", "1e3", " 1", "1_000", "٣", "1.2.3", "--1"] {
        assert!(from_json(&format!("\"{other}\"")).is_err(), "{other:?}");
    }
    assert!(from_json("12.9").is_err() && from_json("[1,2]").is_err());
    assert!(from_json(&format!("\"0.{}1\"", "0".repeat(255))).is_err(), "more decimals than any value has");
}

fn from_json(json: &str) -> Result<Decimal, serde_json::Error> {
    serde_json::from_str(json)
}
