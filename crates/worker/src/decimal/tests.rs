//! Decimals against values worked out by hand (here), by Python's `decimal` (`vectors`) and by plain big integers at
//! one fixed scale (`properties`).

mod json;
mod properties;
mod vectors;

use super::*;

const NINES: &str = "99999999999999999999999999999999999999999999999999999999999999999";

fn d(text: &str) -> Decimal {
    Decimal::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn plain(decimal: &Decimal) -> String {
    let mut out = Vec::new();
    decimal.write_plain(&mut out);
    let text = String::from_utf8(out).unwrap();
    assert_eq!(decimal.to_string(), text);
    text
}

/// `Big` is only for what an `i128` cannot hold.
fn check_invariant(decimal: &Decimal) {
    if let Repr::Big { unscaled, .. } = &decimal.0 {
        assert!(i128::try_from(&**unscaled).is_err(), "{decimal} would fit");
    }
}

#[test]
fn text_is_read_and_printed_plain() {
    for (text, expected) in [
        ("72000.00", "72000"),
        ("72000", "72000"),
        ("0.5", "0.5"),
        ("-12.340", "-12.34"),
        ("100", "100"),
        ("-0", "0"),
        ("-0.00", "0"),
        ("0e999999999", "0"),
        ("-0.000e-999999999999999999999999", "0"),
        ("00012", "12"),
        ("0.010", "0.01"),
        ("1e3", "1000"),
        ("1E+3", "1000"),
        ("1.20E7", "12000000"),
        ("15e-1", "1.5"),
        ("1e-00000000000000000000003", "0.001"),
        ("1e-30", "0.000000000000000000000000000001"),
        ("1e64", "10000000000000000000000000000000000000000000000000000000000000000"),
        (NINES, NINES),
        ("9999999999999999999", "9999999999999999999"),
        ("-99999999999999999999", "-99999999999999999999"),
        ("170141183460469231731687303715884105727", "170141183460469231731687303715884105727"),
        ("-170141183460469231731687303715884105728", "-170141183460469231731687303715884105728"),
        ("170141183460469231731687303715884105728", "170141183460469231731687303715884105728"),
        (
            "12345678901234567890123456789012345.123456789012345678901234567890",
            "12345678901234567890123456789012345.12345678901234567890123456789",
        ),
    ] {
        assert_eq!(plain(&d(text)), expected, "{text}");
        check_invariant(&d(text));
    }
}

#[test]
fn what_is_not_a_decimal_is_malformed() {
    for text in [
        "",
        "-",
        ".",
        ".5",
        "5.",
        "-.5",
        "+5",
        "--5",
        "1e",
        "1e+",
        "1e-",
        "e5",
        "1.e5",
        "1.5e",
        "1e5.0",
        "1e5e5",
        "1.2.3",
        "NaN",
        "Infinity",
        "-inf",
        " 1",
        "1 ",
        "1\n",
        "1_000",
        "1,5",
        "12,5",
        "0x10",
        "１２",
        "٣",
        "1\u{661}",
        "1.\u{661}",
        "\0",
        "1\0",
        "−5",
        "9999999999999999999.",
        "99999999999999999999x",
    ] {
        assert_eq!(Decimal::parse(text), Err(ParseDecimalError::Malformed), "{text:?}");
    }
}

#[test]
fn what_a_column_cannot_hold_is_too_large() {
    let forty_decimals = format!("0.{}1", "0".repeat(39));
    let sixty_six = format!("{NINES}0");
    for text in ["1e65", "-1e65", "1e-31", "1e400", "1e999999999", "1e-999999999", "1e99999999999999999999", "10.5e64"]
        .into_iter()
        .chain([&*forty_decimals, &*sixty_six])
    {
        assert_eq!(Decimal::parse(text), Err(ParseDecimalError::TooLarge), "{text}");
    }
}

/// Megabytes of digits cost no more than reading them, and count by their value.
#[test]
fn long_texts_go_by_their_value() {
    let zeros = "0".repeat(4_000_000);
    assert_eq!(plain(&d(&format!("{zeros}7.5{zeros}"))), "7.5");
    assert_eq!(plain(&d(&format!("0.{zeros}25e4000001"))), "2.5");
    assert_eq!(plain(&d(&format!("75{zeros}e-4000001"))), "7.5");
    assert_eq!(Decimal::parse(&format!("1{zeros}")), Err(ParseDecimalError::TooLarge));
    assert_eq!(Decimal::parse(&format!("0.{zeros}1")), Err(ParseDecimalError::TooLarge));
    assert_eq!(Decimal::parse(&format!("1{zeros}.")), Err(ParseDecimalError::Malformed));
}

#[test]
fn connects_binary_form() {
    for (bytes, scale, expected) in [
        (&[0x00][..], 2, "0"),
        (&[0x00, 0x00, 0x00], 400, "0"),
        (&[0x6d, 0xdd, 0x00], 2, "72000"),
        (&[0xff], 2, "-0.01"),
        (&[0xff, 0xff, 0xff], 0, "-1"),
        (&[0x80], 0, "-128"),
        (&[0x00, 0x80], 1, "12.8"),
        (&[0x05], -3, "5000"),
        (&[0x0a], 31, "0.000000000000000000000000000001"),
        (&[0x01], -64, "10000000000000000000000000000000000000000000000000000000000000000"),
        (&[0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], 0, "-170141183460469231731687303715884105728"),
        (&[0, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], 0, "170141183460469231731687303715884105728"),
    ] {
        let decimal = Decimal::from_unscaled_be(bytes, scale).unwrap();
        assert_eq!(plain(&decimal), expected, "{bytes:x?} at {scale}");
        check_invariant(&decimal);
    }
    assert_eq!(Decimal::from_unscaled_be(&[], 2), Err(ParseDecimalError::Malformed));
    let long = |byte: u8, last: u8| [vec![byte; 1 << 20], vec![last]].concat();
    assert_eq!(plain(&Decimal::from_unscaled_be(&long(0xff, 0x38), 2).unwrap()), "-2");
    for (bytes, scale) in [
        (vec![0x01], 31),
        (vec![0x01], -65),
        (vec![0x01], i32::MAX),
        (vec![0x01], i32::MIN),
        (vec![0x7f; 28], 0),
        (long(0x7f, 0), 2),
        (long(0x80, 0), 2),
    ] {
        assert_eq!(Decimal::from_unscaled_be(&bytes, scale), Err(ParseDecimalError::TooLarge), "{scale}");
    }
}

#[test]
fn equality_and_order_go_by_value() {
    assert_eq!(d("72000.00"), d("72000"));
    assert_eq!(d("72000.00"), Decimal::from_i64(72_000));
    assert_eq!(d("-0.00"), Decimal::ZERO);
    assert_eq!(Decimal::default(), Decimal::from(0));
    let ascending = [
        "-1e64",
        "-170141183460469231731687303715884105729",
        "-170141183460469231731687303715884105728",
        "-5",
        "-4.999",
        "-1e-30",
        "0",
        "1e-30",
        "0.1",
        "4.999",
        "5",
        "170141183460469231731687303715884105727",
        "170141183460469231731687303715884105728",
        "1e64",
    ]
    .map(d);
    for (i, a) in ascending.iter().enumerate() {
        for (j, b) in ascending.iter().enumerate() {
            assert_eq!(a.cmp(b), i.cmp(&j), "{a} and {b}");
            assert_eq!(a == b, i == j, "{a} and {b}");
        }
    }
}

#[test]
fn signs() {
    for (text, positive, zero, abs) in [
        ("5", true, false, "5"),
        ("-5.50", false, false, "5.5"),
        ("-0.0", false, true, "0"),
        ("-170141183460469231731687303715884105728", false, false, "170141183460469231731687303715884105728"),
        ("-1e64", false, false, "10000000000000000000000000000000000000000000000000000000000000000"),
        ("1e64", true, false, "10000000000000000000000000000000000000000000000000000000000000000"),
    ] {
        let decimal = d(text);
        assert_eq!((decimal.is_positive(), decimal.is_zero()), (positive, zero), "{text}");
        assert_eq!(plain(&decimal.abs()), abs);
        check_invariant(&decimal.abs());
    }
}

#[test]
fn arithmetic_crosses_the_border_of_i128_both_ways() {
    let max = d("170141183460469231731687303715884105727");
    let above = max.add(&d("0.1"));
    assert_eq!(plain(&above), "170141183460469231731687303715884105727.1");
    let back = above.sub(&max);
    assert_eq!(plain(&back), "0.1");
    check_invariant(&back);
    let min = max.mul_i64(-1).sub(&d("1"));
    assert_eq!(plain(&min.mul_i64(-1)), "170141183460469231731687303715884105728");
    check_invariant(&min.mul_i64(-1).mul_i64(-1));
    assert_eq!(min.mul_i64(-1).mul_i64(-1), min);
    assert_eq!(max.mul_i64(0), Decimal::ZERO);
    check_invariant(&d("1e64").mul_i64(0));
    assert_eq!(plain(&(&d("1.5") + &d("-0.25"))), "1.25");
    assert_eq!(plain(&(&d("1.5") - &d("0.25"))), "1.25");
}

/// 10^65 − 1 times the smallest quantity, a thousand times: the widest product there is, and sums of it.
#[test]
fn the_widest_products_add_up() {
    let product = d(NINES).mul_i64(i64::MIN);
    let expected = BigInt::from(i64::MIN) * NINES.parse::<BigInt>().unwrap();
    assert_eq!(plain(&product), expected.to_string());
    let mut sum = Decimal::ZERO;
    for _ in 0..1_000 {
        sum += &product;
    }
    assert_eq!(plain(&sum), (expected * 1_000_i32).to_string());
    sum += &product.mul_i64(-1_000);
    assert!(sum.is_zero());
}

/// A column's prices all have one scale: the sum takes it over and keeps it.
#[test]
fn a_sum_of_one_scale_is_never_rescaled() {
    let mut sum = Decimal::ZERO;
    for _ in 0..3 {
        sum.add_assign(&d("72000.10"));
        assert_eq!(sum.scale(), 2);
    }
    assert_eq!(plain(&sum), "216000.3");
}

#[test]
fn quotients_round_half_to_even() {
    for (text, n, places, expected) in [
        ("219000", 3, 2, "73000"),
        ("220000", 3, 2, "73333.33"),
        ("0.01", 2, 2, "0"),
        ("0.03", 2, 2, "0.02"),
        ("0.05", 2, 2, "0.02"),
        ("-0.01", 2, 2, "0"),
        ("-0.03", 2, 2, "-0.02"),
        ("-0.05", 2, 2, "-0.02"),
        ("0.015", 1, 2, "0.02"),
        ("0.025", 1, 2, "0.02"),
        ("0.0250000000000000000000000001", 1, 2, "0.03"),
        ("5", 2, 0, "2"),
        ("-7", 2, 0, "-4"),
        ("99.995", 1, 2, "100"),
        ("1", 18_446_744_073_709_551_615, 30, "0.000000000000000000054210108624"),
        ("5", 0, 2, "5"),
    ] {
        assert_eq!(plain(&d(text).div_round_half_even(n, places)), expected, "{text} / {n}");
    }
    // Far more places than there are: still exact, the scale stays within its byte.
    let quarter = d("1").div_round_half_even(4, u32::MAX);
    assert_eq!((plain(&quarter).as_str(), quarter.scale()), ("0.25", 255));
    assert_eq!(quarter, d("0.25"));
    assert_eq!(plain(&quarter.div_round_half_even(1, 1)), "0.2");
}

#[test]
fn percentages_of_a_change() {
    for (now, before, expected) in [
        ("76000", "72000", "5.56"),
        ("75600", "72000", "5.00"),
        ("68000", "72000", "-5.56"),
        ("72000.00", "72000", "0.00"),
        ("20001", "20000", "0.00"),
        ("20003", "20000", "0.02"),
        ("19999", "20000", "0.00"),
        ("19997", "20000", "-0.02"),
        ("0", "72000", "-100.00"),
        ("2e64", "1e64", "100.00"),
        ("0.99", "1e64", "-100.00"),
    ] {
        assert_eq!(d(now).percent_change(&d(before)), expected, "{before} → {now}");
    }
    // 10^64 times the price less the price itself, in percent.
    assert_eq!(d("1e34").percent_change(&d("1e-30")), format!("{}00.00", "9".repeat(64)));
    assert_eq!(d("5").percent_change(&Decimal::ZERO), "0.00");
    assert_eq!(d("5").percent_change(&d("-5")), "0.00");
}

#[test]
fn the_threshold_is_exact() {
    for (now, before, threshold, expected) in [
        ("75600", "72000", "5", true),
        ("75599.99", "72000", "5", false),
        ("68400.00", "72000", "5.00", true),
        ("68400.01", "72000", "5", false),
        ("72001", "72000", "0.001", true),
        ("72000.71", "72000", "0.001", false),
        ("72000", "72000", "0", true),
        ("72000", "72000", "1e-30", false),
        ("105e62", "1e64", "5", true),
        ("104999999999999999999999999999999999999999999999999999999999999e2", "1e64", "5", false),
        ("1.05", "1", "5.0000000000000000000000000001", false),
    ] {
        assert_eq!(d(now).moved_by_percent(&d(before), &d(threshold)), expected, "{before} → {now}, {threshold} %");
    }
}

#[test]
fn stored_forms() {
    for (text, form) in [
        ("0.00", &[2, 0, 0][..]),
        ("72000.00", &[4, 0, 0x01, 0x19, 0x40]),
        ("-0.010", &[2, 2, 0xff]),
        ("127", &[2, 0, 0x7f]),
        ("128", &[3, 0, 0, 0x80]),
        ("-128", &[2, 0, 0x80]),
        ("-12.9", &[3, 1, 0xff, 0x7f]),
        ("-170141183460469231731687303715884105728", &[17, 0, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
        ("170141183460469231731687303715884105728", &[18, 0, 0, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
    ] {
        assert_eq!(postcard::to_stdvec(&d(text)).unwrap(), form, "{text}");
        assert_eq!(postcard::from_bytes::<Decimal>(form).unwrap(), d(text), "{text}");
    }
    // A value that a big integer holds only because of its trailing zeros is written like the small one that it equals.
    let wide = d("1e64").add(&d("1e-30")).sub(&d("1e64"));
    assert_eq!(postcard::to_stdvec(&wide).unwrap(), postcard::to_stdvec(&d("1e-30")).unwrap());
    let padded = d("1e20").add(&d("1e-30")).sub(&d("1e-30"));
    assert!(matches!(padded.0, Repr::Big { .. }));
    assert_eq!(postcard::to_stdvec(&padded).unwrap(), postcard::to_stdvec(&d("1e20")).unwrap());
}

#[test]
fn other_stored_forms_are_refused() {
    let long_with_zero = {
        let mut form = vec![1];
        form.extend((BigInt::from(10).pow(60)).to_signed_bytes_be());
        form.insert(0, form.len() as u8);
        form
    };
    for form in [
        &[][..],
        &[0],
        &[1, 0],
        &[2, 1, 0],
        &[2, 1, 10],
        &[3, 0, 0, 0x7f],
        &[3, 0, 0xff, 0x80],
        &[3, 0, 0, 0],
        &[5, 0, 1],
        &long_with_zero,
    ] {
        assert!(postcard::from_bytes::<Decimal>(form).is_err(), "{form:x?}");
    }
}
