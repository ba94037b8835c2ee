//! From a decimal to a database's column: a fixed number of decimals, in two's complement.

use num_bigint::BigInt;

use super::{Decimal, POWERS, Repr, big_power};

/// The most digits of a [`FixedPoint`]: what 32 bytes hold.
const MAX_DIGITS: u8 = 76;
/// The most digits that an `i128` holds, and with it the longest shift in one step.
const MAX_SHORT_DIGITS: u8 = 38;

/// A magnitude below 2^256, the lowest limb first.
type Wide = [u64; 4];

/// The form of a column: so many digits in all, so many of them behind the point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FixedPoint {
    digits: u8,
    scale: u8,
    /// `10^digits`: every magnitude is below it.
    limit: Wide,
}

impl FixedPoint {
    /// `None` for more than 76 digits, none at all, more than 38 decimals, or more decimals than digits.
    pub fn new(digits: u8, scale: u8) -> Option<Self> {
        if digits == 0 || digits > MAX_DIGITS || scale > MAX_SHORT_DIGITS || scale > digits {
            return None;
        }
        let short = digits.min(MAX_SHORT_DIGITS);
        let limit = multiply(power(short)?, power(digits - short)?);
        Some(Self { digits, scale, limit })
    }

    /// Digits in all.
    pub fn digits(&self) -> u8 {
        self.digits
    }

    /// Digits behind the point.
    pub fn scale(&self) -> u8 {
        self.scale
    }

    /// Bytes of a value: 16 where they hold all its digits, else 32.
    pub fn width(&self) -> usize {
        if self.digits > MAX_SHORT_DIGITS { 32 } else { 16 }
    }

    /// The value, exactly, as little-endian two's complement; the first [`width`](Self::width) bytes are the column's.
    /// `None` where it needs more digits than there are.
    #[inline]
    pub fn encode(&self, value: &Decimal) -> Option<[u8; 32]> {
        let (negative, magnitude) = match &value.0 {
            Repr::Small { unscaled, scale } => (*unscaled < 0, self.short(unscaled.unsigned_abs(), *scale)?),
            Repr::Big { unscaled, scale } => {
                (unscaled.sign() == num_bigint::Sign::Minus, self.long(unscaled.as_ref(), *scale)?)
            }
        };
        let fits = magnitude.iter().rev().lt(self.limit.iter().rev());
        fits.then(|| to_bytes(magnitude, negative))
    }

    /// Why the value does not fit, for people.
    pub fn misfit(&self, value: &Decimal) -> String {
        let text = value.to_string();
        let digits = text.strip_prefix('-').unwrap_or(&text);
        let (whole, decimals) = digits.split_once('.').unwrap_or((digits, ""));
        let Self { digits, scale, .. } = self;
        format!(
            "{text} has {} digits before the point and {} behind it; Decimal({digits},{scale}) has room for {} and {scale}",
            whole.len(),
            decimals.len(),
            digits - scale,
        )
    }

    #[inline]
    fn short(&self, magnitude: u128, scale: u8) -> Option<Wide> {
        if let Some(places) = self.scale.checked_sub(scale) {
            return Some(multiply(magnitude, power(places)?));
        }
        if magnitude == 0 {
            return Some([0; 4]);
        }
        // Decimals that the column does not have must be zeros.
        let power = power(scale - self.scale)?;
        magnitude.is_multiple_of(power).then(|| multiply(magnitude / power, 1))
    }

    #[cold]
    fn long(&self, unscaled: &BigInt, scale: u8) -> Option<Wide> {
        let scaled = if let Some(places) = self.scale.checked_sub(scale) {
            unscaled * big_power(u32::from(places))
        } else {
            let power = big_power(u32::from(scale - self.scale));
            if unscaled % &power != BigInt::ZERO {
                return None;
            }
            unscaled / power
        };
        let limbs = scaled.magnitude().to_u64_digits();
        let mut wide = [0; 4];
        wide.get_mut(..limbs.len())?.copy_from_slice(&limbs);
        Some(wide)
    }
}

/// `10^exponent`, up to 38.
#[inline]
fn power(exponent: u8) -> Option<u128> {
    POWERS.get(usize::from(exponent)).map(|power| power.unsigned_abs())
}

/// The whole product.
#[inline]
fn multiply(a: u128, b: u128) -> Wide {
    let halves = |value: u128| [u128::from(value as u64), value >> 64];
    let mut product = [0_u64; 4];
    for (at, a) in halves(a).into_iter().enumerate() {
        let mut carry = 0_u128;
        for (further, b) in halves(b).into_iter().enumerate() {
            // At most (2^64 − 1)^2 + 2 × (2^64 − 1), which is 2^128 − 1.
            let sum = a * b + u128::from(product[at + further]) + carry;
            product[at + further] = sum as u64;
            carry = sum >> 64;
        }
        product[at + 2] = carry as u64;
    }
    product
}

#[inline]
fn to_bytes(magnitude: Wide, negative: bool) -> [u8; 32] {
    let mut bytes = [0; 32];
    let mut carry = negative;
    for (limb, out) in magnitude.into_iter().zip(bytes.chunks_exact_mut(8)) {
        // Two's complement: every bit turned, plus one.
        let (limb, carried) = if negative { (!limb).overflowing_add(u64::from(carry)) } else { (limb, false) };
        carry = carried;
        out.copy_from_slice(&limb.to_le_bytes());
    }
    bytes
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn encoded(text: &str, digits: u8, scale: u8) -> Option<BigInt> {
        let form = FixedPoint::new(digits, scale).unwrap();
        let bytes = form.encode(&text.parse_decimal())?;
        let value = BigInt::from_signed_bytes_le(&bytes);
        assert_eq!(value, BigInt::from_signed_bytes_le(&bytes[..form.width()]), "the rest is the sign");
        Some(value)
    }

    trait ParseDecimal {
        fn parse_decimal(&self) -> Decimal;
    }

    impl ParseDecimal for str {
        fn parse_decimal(&self) -> Decimal {
            serde_json::from_value(serde_json::Value::String(self.to_owned())).unwrap()
        }
    }

    #[test]
    fn values_at_the_bounds() {
        let nines = |count: usize| "9".repeat(count);
        for (text, digits, scale, unscaled) in [
            ("0", 76, 30, Some("0".to_owned())),
            ("1", 76, 30, Some(format!("1{}", "0".repeat(30)))),
            ("-1.5", 38, 10, Some("-15000000000".to_owned())),
            ("0.00000000001", 38, 10, None),
            ("-72000.12", 38, 2, Some("-7200012".to_owned())),
            (&nines(46), 76, 30, Some(format!("{}{}", nines(46), "0".repeat(30)))),
            (&format!("-{}.{}", nines(46), nines(30)), 76, 30, Some(format!("-{}", nines(76)))),
            (&format!("1{}", "0".repeat(46)), 76, 30, None),
            (&nines(28), 38, 10, Some(format!("{}{}", nines(28), "0".repeat(10)))),
            (&format!("-1{}", "0".repeat(28)), 38, 10, None),
            (&format!("1{}", "0".repeat(120)), 76, 30, None),
            (&format!("0.{}1", "0".repeat(60)), 76, 30, None),
        ] {
            let expected = unscaled.map(|text| text.parse::<BigInt>().unwrap());
            assert_eq!(encoded(text, digits, scale), expected, "{text} in Decimal({digits},{scale})");
        }
    }

    #[test]
    fn zeros_behind_the_columns_decimals_are_no_hindrance() {
        let form = FixedPoint::new(38, 2).unwrap();
        let one = Decimal::small(100_000_000, 8);
        assert_eq!(form.encode(&one).map(|bytes| BigInt::from_signed_bytes_le(&bytes)), Some(BigInt::from(100)));
        assert!(form.encode(&Decimal::small(0, 200)).is_some());
        assert!(form.encode(&Decimal::small(1, 200)).is_none());
    }

    #[test]
    fn forms_that_no_column_has() {
        for (digits, scale) in [(0, 0), (77, 30), (38, 39), (76, 39), (10, 11)] {
            assert_eq!(FixedPoint::new(digits, scale), None, "Decimal({digits},{scale})");
        }
    }

    #[test]
    fn a_misfit_says_what_there_is_and_what_there_is_room_for() {
        let form = FixedPoint::new(5, 2).unwrap();
        let text = form.misfit(&"-12345.678".parse_decimal());
        assert_eq!(text, "-12345.678 has 5 digits before the point and 3 behind it; Decimal(5,2) has room for 3 and 2");
    }

    proptest! {
        #[test]
        fn every_value_is_what_big_integers_make_of_it(
            unscaled in any::<i128>(), own in 0_u8..60, digits in 1_u8..=76, scale in 0_u8..=38, times in any::<i64>()
        ) {
            prop_assume!(scale <= digits);
            let form = FixedPoint::new(digits, scale).unwrap();
            for value in [Decimal::small(unscaled, own), Decimal::small(unscaled, own).mul_i64(times)] {
                let exact = value.big_at(own.max(scale));
                let surplus = big_power(u32::from(own.max(scale) - scale));
                let whole = &exact % &surplus == BigInt::ZERO;
                let expected = Some(exact / surplus)
                    .filter(|at_scale| whole && at_scale.magnitude() < big_power(u32::from(digits)).magnitude());
                let encoded = form.encode(&value).map(|bytes| BigInt::from_signed_bytes_le(&bytes));
                prop_assert_eq!(encoded, expected);
            }
        }
    }
}
