//! Decimals against another way to do the same: every text, moved to 60 decimals by appending zeros, is one plain big
//! integer, and all comparing and adding is done on those.

use std::cmp::Ordering;

use num_bigint::BigInt;
use proptest::prelude::*;
use serde::de::IgnoredAny;

use super::{check_invariant, d, plain};
use crate::decimal::{Decimal, ParseDecimalError};

const PLACES: usize = 60;

/// The value × 10^60, by way of the text.
fn fixed(text: &str) -> BigInt {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    format!("{whole}{fraction:0<PLACES$}").parse().unwrap()
}

fn value(decimal: &Decimal) -> BigInt {
    check_invariant(decimal);
    fixed(&plain(decimal))
}

/// What a column can hold, as a connector writes it: mostly ordinary prices, often near an integer type's border.
fn number() -> impl Strategy<Value = String> {
    let text = prop_oneof![
        4 => "-?[0-9]{1,6}(\\.[0-9]{1,4})?",
        2 => "-?[0-9]{15,20}(\\.[0-9]{1,4})?",
        2 => "-?[0-9]{1,35}(\\.[0-9]{1,30})?",
        1 => "-?[0-9]{36,65}",
        1 => "-?0\\.0{0,28}[0-9]{1,2}",
    ];
    let border = (any::<bool>(), prop::sample::select(vec![63_u32, 64, 127, 128]), -2..=2_i32, 0..=30_usize);
    let border = border.prop_map(|(negative, bits, step, decimals)| {
        let digits = ((BigInt::from(1) << bits) + step).to_string();
        let (whole, fraction) = digits.split_at(digits.len().saturating_sub(decimals).max(1));
        let point = if fraction.is_empty() { "" } else { "." };
        format!("{}{whole}{point}{fraction}", if negative { "-" } else { "" })
    });
    prop_oneof![3 => text, 1 => border]
}

fn positive() -> impl Strategy<Value = String> {
    number().prop_map(|text| text.trim_start_matches('-').to_owned()).prop_filter("zero", |text| d(text).is_positive())
}

/// Numbers, and texts that just miss being one.
fn nearly_a_number() -> impl Strategy<Value = String> {
    prop_oneof![
        "[-+]?[0-9.eE+-]{0,12}",
        "-?[0-9]{1,24}\\.?[0-9]{0,8}([eE][+-]?[0-9]{0,2})?",
        "[0-9]{1,21}\\.[0-9]{0,21}[.e]?[0-9]{0,3}",
    ]
}

/// `2 × |quotient × divisor − dividend|` is below `|divisor|`, or equal to it with an even quotient.
fn is_half_even(dividend: &BigInt, divisor: &BigInt, quotient: &BigInt) -> bool {
    let twice_off = (quotient * divisor - dividend).magnitude() * 2_u32;
    match twice_off.cmp(divisor.magnitude()) {
        Ordering::Less => true,
        Ordering::Equal => !quotient.bit(0),
        Ordering::Greater => false,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    /// Every length around those at which reading goes another way, the point anywhere.
    #[test]
    fn the_point_anywhere(digits in "[0-9]{2,44}", decimals in 0..=30_usize) {
        let (whole, fraction) = digits.split_at(digits.len().saturating_sub(decimals).max(1));
        let text = if fraction.is_empty() { digits.clone() } else { format!("{whole}.{fraction}") };
        prop_assert_eq!(value(&d(&text)), fixed(&text));
        prop_assert_eq!(value(&d(&format!("-{text}"))), -fixed(&text));
    }

    #[test]
    fn plain_text_is_canonical(text in number()) {
        let decimal = d(&text);
        let plain = plain(&decimal);
        prop_assert_eq!(fixed(&plain), fixed(&text));
        let unsigned = plain.strip_prefix('-').unwrap_or(&plain);
        prop_assert!(unsigned == "0" || !unsigned.starts_with('0') || unsigned.starts_with("0."), "{}", plain);
        prop_assert!(!unsigned.contains('.') || !unsigned.ends_with(['0', '.']), "{}", plain);
        prop_assert!(plain != "-0");
    }

    #[test]
    fn sums_and_differences(a in number(), b in number()) {
        let (x, y) = (d(&a), d(&b));
        prop_assert_eq!(value(&x.add(&y)), fixed(&a) + fixed(&b));
        prop_assert_eq!(value(&x.sub(&y)), fixed(&a) - fixed(&b));
        prop_assert!(x.add(&y).sub(&y) == x);
        let mut sum = x.clone();
        sum.add_assign(&y);
        prop_assert_eq!(value(&sum), fixed(&a) + fixed(&b));
    }

    #[test]
    fn products(a in number(), q in prop_oneof![any::<i64>(), -2..=2_i64, Just(i64::MIN), Just(i64::MAX)]) {
        prop_assert_eq!(value(&d(&a).mul_i64(q)), fixed(&a) * q);
        prop_assert_eq!(value(&d(&a).abs()), BigInt::from(fixed(&a).magnitude().clone()));
    }

    #[test]
    fn long_sums(terms in prop::collection::vec((number(), any::<i64>()), 0..40)) {
        let mut sum = Decimal::ZERO;
        let mut expected = BigInt::ZERO;
        for (text, quantity) in &terms {
            sum.add_assign(&d(text).mul_i64(*quantity));
            expected += fixed(text) * quantity;
        }
        prop_assert_eq!(value(&sum), expected);
    }

    #[test]
    fn order(a in number(), b in number(), zeros in 0..5_usize) {
        prop_assert_eq!(d(&a).cmp(&d(&b)), fixed(&a).cmp(&fixed(&b)));
        prop_assert_eq!(d(&a) == d(&b), fixed(&a) == fixed(&b));
        prop_assert_eq!(d(&a).is_positive(), fixed(&a) > BigInt::ZERO);
        prop_assert_eq!(d(&a).is_zero(), fixed(&a) == BigInt::ZERO);
        if a.contains('.') {
            let padded = format!("{a}{}", "0".repeat(zeros));
            prop_assert_eq!(d(&padded), d(&a));
        }
    }

    #[test]
    fn quotients(a in number(), n in prop_oneof![1..=1000_u64, 1..=u64::MAX], places in 0..=8_u32) {
        let quotient = d(&a).div_round_half_even(n, places);
        let unit = BigInt::from(10).pow(PLACES as u32 - places);
        let rounded = value(&quotient);
        prop_assert_eq!(&rounded % &unit, BigInt::ZERO);
        prop_assert!(is_half_even(&fixed(&a), &(&unit * n), &(rounded / unit)), "{}", quotient);
    }

    /// n prices of an odd number of half hundredths each: their average is a tie.
    #[test]
    fn ties(hundredths in -100_000..100_000_i64, n in 1..=1000_u64) {
        let price = d("0.005").mul_i64(hundredths * 2 + 1);
        let even = if hundredths % 2 == 0 { hundredths } else { hundredths + 1 };
        prop_assert_eq!(price.mul_i64(n as i64).div_round_half_even(n, 2), d("0.01").mul_i64(even));
    }

    #[test]
    fn percentages(now in number(), before in positive(), threshold in "[0-9]{1,2}(\\.[0-9]{1,3})?") {
        let text = d(&now).percent_change(&d(&before));
        let (whole, places) = text.split_once('.').unwrap();
        prop_assert_eq!(places.len(), 2);
        prop_assert!(text != "-0.00");
        let hundredths: BigInt = format!("{whole}{places}").parse().unwrap();
        let change = fixed(&now) - fixed(&before);
        prop_assert!(is_half_even(&(&change * 10_000), &fixed(&before), &hundredths), "{}", text);
        let change = BigInt::from(change.magnitude().clone());
        let moved = change * 100 * BigInt::from(10).pow(60) >= fixed(&threshold) * fixed(&before);
        prop_assert_eq!(d(&now).moved_by_percent(&d(&before), &d(&threshold)), moved);
    }

    /// Exactly at the threshold, and one step of the last decimal below it.
    #[test]
    fn thresholds(before in 1..=i64::MAX / 2, threshold in 1..=99_i64, down in any::<bool>()) {
        let before = Decimal::from_i64(before);
        let change = before.mul_i64(threshold).div_round_half_even(100, 4);
        let step = d("0.0001");
        let at = |change: &Decimal| if down { before.sub(change) } else { before.add(change) };
        prop_assert!(at(&change).moved_by_percent(&before, &Decimal::from_i64(threshold)));
        prop_assert!(!at(&change.sub(&step)).moved_by_percent(&before, &Decimal::from_i64(threshold)));
    }

    #[test]
    fn stored_forms_round_trip_and_are_canonical(a in number(), b in number(), q in any::<i64>()) {
        let (x, y) = (d(&a).mul_i64(q), d(&b));
        let form = postcard::to_stdvec(&x).unwrap();
        let read: Decimal = postcard::from_bytes(&form).unwrap();
        check_invariant(&read);
        prop_assert_eq!(&read, &x);
        prop_assert_eq!(&postcard::to_stdvec(&read).unwrap(), &form);
        // The same value by another way: another scale inside, the same bytes.
        prop_assert_eq!(&postcard::to_stdvec(&x.add(&y).sub(&y)).unwrap(), &form);
        prop_assert_eq!(postcard::to_stdvec(&y).unwrap() == form, x == y);
    }

    /// Whatever the bytes, reading them gives an error or something that is written as the very same bytes.
    #[test]
    fn any_stored_bytes(scale in 0..4_u8, unscaled in prop::collection::vec(any::<u8>(), 0..24)) {
        let form = [vec![unscaled.len() as u8 + 1, scale], unscaled].concat();
        if let Ok(decimal) = postcard::from_bytes::<Decimal>(&form) {
            prop_assert_eq!(postcard::to_stdvec(&decimal).unwrap(), form);
        }
    }

    #[test]
    fn binary_forms(bytes in prop::collection::vec(any::<u8>(), 0..34), filling in 0..3_usize, scale in -70..70_i32) {
        let result = Decimal::from_unscaled_be(&bytes, scale);
        if bytes.is_empty() {
            prop_assert_eq!(result, Err(ParseDecimalError::Malformed));
            return Ok(());
        }
        let text = format!("{}e{}", BigInt::from_signed_bytes_be(&bytes), -scale);
        prop_assert_eq!(&result, &Decimal::parse(&text));
        let sign = if bytes[0] < 0x80 { 0x00 } else { 0xff };
        let filled = [vec![sign; filling], bytes].concat();
        prop_assert_eq!(Decimal::from_unscaled_be(&filled, scale), result);
    }

    #[test]
    fn any_text_is_read_or_refused(text in any::<String>()) {
        if let Ok(decimal) = Decimal::parse(&text) {
            prop_assert_eq!(d(&plain(&decimal)), decimal);
        }
    }

    /// The grammar is JSON's but for leading zeros, which JSON does not allow: judged by `serde_json` without them.
    #[test]
    fn the_grammar_is_that_of_json(text in nearly_a_number()) {
        let (sign, unsigned) = text.strip_prefix('-').map_or(("", &*text), |rest| ("-", rest));
        let stripped = unsigned.trim_start_matches('0');
        let only_zeros = stripped.len() < unsigned.len() && !stripped.starts_with(|c: char| c.is_ascii_digit());
        let zero = if only_zeros { "0" } else { "" };
        let valid = serde_json::from_str::<IgnoredAny>(&format!("{sign}{zero}{stripped}")).is_ok();
        prop_assert_eq!(Decimal::parse(&text) != Err(ParseDecimalError::Malformed), valid, "{}", text);
    }
}
