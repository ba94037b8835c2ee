//! The table of vectors that `vectors.py` worked out with Python's `decimal` and `fractions`; the script stands beside
//! it and says how to make it anew.

use super::{check_invariant, d, plain};
use crate::decimal::{Decimal, ParseDecimalError};

fn read(result: Result<Decimal, ParseDecimalError>) -> String {
    match result {
        Ok(decimal) => plain(&decimal),
        Err(error) => format!("{error:?}"),
    }
}

fn exact(decimal: &Decimal) -> String {
    check_invariant(decimal);
    plain(decimal)
}

fn bytes(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}

#[test]
fn python_agrees() {
    let table = include_str!("vectors.tsv");
    for line in table.lines() {
        let (operation, expected) = line.rsplit_once('\t').unwrap();
        let result = match *operation.split('\t').collect::<Vec<_>>() {
            ["parse", text] => read(Decimal::parse(text)),
            ["unscaled", hex, scale] => read(Decimal::from_unscaled_be(&bytes(hex), scale.parse().unwrap())),
            ["add", a, b] => exact(&d(a).add(&d(b))),
            ["sub", a, b] => exact(&d(a).sub(&d(b))),
            ["compare", a, b] => format!("{:?}", d(a).cmp(&d(b))),
            ["multiply", a, quantity] => exact(&d(a).mul_i64(quantity.parse().unwrap())),
            ["divide", a, n, places] => exact(&d(a).div_round_half_even(n.parse().unwrap(), places.parse().unwrap())),
            ["percent", now, before] => d(now).percent_change(&d(before)),
            ["moved", now, before, threshold] => d(now).moved_by_percent(&d(before), &d(threshold)).to_string(),
            _ => panic!("unknown operation: {line}"),
        };
        assert_eq!(result, expected, "{operation}");
    }
    assert_eq!(table.lines().count(), 564);
}
