//! From text and from Connect's binary form to a decimal, within what a MySQL `DECIMAL` can hold.
//!
//! Time and memory are bounded by the input's length whatever its exponent says: only the significant digits are ever
//! turned into a number, and there are at most 65 of them.

use num_bigint::BigInt;
use thiserror::Error;

use super::{Decimal, POWERS, small_from_be};

/// MySQL's limit on the digits of a `DECIMAL`.
const MAX_DIGITS: i64 = 65;
/// MySQL's limit on the decimals of a `DECIMAL`.
const MAX_DECIMALS: u8 = 30;
/// So many decimal digits always fit a `u64`.
const DIGITS_IN_U64: usize = 19;
/// Binary forms beyond this (308 digits) are refused unread: at any scale that a connector writes they are too large.
const MAX_UNSCALED_BYTES: usize = 128;
/// Where an exponent's digits stop counting: far beyond what any length of text can make up for.
const EXPONENT_LIMIT: i64 = 100_000_000_000_000_000;

/// Why something is not a decimal within the bounds of a MySQL `DECIMAL`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ParseDecimalError {
    /// The text is not `-?digits[.digits][e±n]`, or the binary form is empty.
    #[error("not a decimal")]
    Malformed,
    /// The value needs more than 65 digits, or more than 30 of them after the point.
    #[error("more than 65 digits or 30 decimals")]
    TooLarge,
}

impl Decimal {
    /// Reads `-?digits[.digits][e±n]`, of which JSON's numbers are a subset. Bounds go by the value, not by how it is
    /// written: `1.000…0` with a hundred zeros is 1.
    #[inline]
    pub fn parse(text: &str) -> Result<Self, ParseDecimalError> {
        match parse_short(text.as_bytes()) {
            Some(decimal) => Ok(decimal),
            None => parse_any(text.as_bytes()),
        }
    }

    /// Reads Connect's `Decimal` logical type: the unscaled value as big-endian two's complement, and the scale that
    /// the schema gives (negative: zeros before the point). Bounds as in [`Decimal::parse`].
    pub fn from_unscaled_be(bytes: &[u8], scale: i32) -> Result<Self, ParseDecimalError> {
        let Some(&first) = bytes.first() else {
            return Err(ParseDecimalError::Malformed);
        };
        let extension = if first < 0x80 { 0x00 } else { 0xff };
        let filling = bytes.iter().take_while(|&&byte| byte == extension).count();
        // One byte of the filling carries the sign.
        let significant = bytes.get(filling.saturating_sub(1)..).unwrap_or_default();
        if significant.len() > MAX_UNSCALED_BYTES {
            return Err(ParseDecimalError::TooLarge);
        }
        if let (Some(unscaled), Ok(scale @ 0..=MAX_DECIMALS)) = (small_from_be(significant), u8::try_from(scale)) {
            return Ok(Self::small(unscaled, scale));
        }
        let digits = BigInt::from_signed_bytes_be(significant).magnitude().to_str_radix(10);
        let negative = extension != 0;
        Number { negative, integer: digits.as_bytes(), fraction: &[], exponent: -i64::from(scale) }.value()
    }
}

/// What nearly every price looks like: at most 38 characters of digits with perhaps a point, read as two halves that
/// each fit a `u64`. `None` decides nothing.
#[inline]
fn parse_short(text: &[u8]) -> Option<Decimal> {
    let (negative, digits) = match text {
        [b'-', digits @ ..] => (true, digits),
        digits => (false, digits),
    };
    let head = digits.len().saturating_sub(DIGITS_IN_U64);
    let (unscaled, decimals) = if head == 0 {
        scan(digits).map(|(value, point)| (i128::from(value), point))?
    } else {
        scan_long(digits, head)?
    };
    let scale = match decimals {
        None if digits.is_empty() => return None,
        None => 0,
        Some(decimals) if (1..digits.len() - 1).contains(&decimals) && decimals <= usize::from(MAX_DECIMALS) => {
            decimals
        }
        Some(_) => return None,
    };
    Some(Decimal::small(if negative { -unscaled } else { unscaled }, scale as u8))
}

/// As [`scan`] for twice as many characters, of which `head` stand before the last 19.
fn scan_long(digits: &[u8], head: usize) -> Option<(i128, Option<usize>)> {
    let (high, low) = digits.split_at_checked(head).filter(|(high, _)| high.len() <= DIGITS_IN_U64)?;
    let ((high, high_decimals), (low, low_decimals)) = (scan(high)?, scan(low)?);
    let (low_digits, decimals) = match (high_decimals, low_decimals) {
        (Some(_), Some(_)) => return None,
        (None, Some(decimals)) => (DIGITS_IN_U64 - 1, Some(decimals)),
        (high_decimals, None) => (DIGITS_IN_U64, high_decimals.map(|decimals| decimals + DIGITS_IN_U64)),
    };
    Some((i128::from(high) * POWERS[low_digits] + i128::from(low), decimals))
}

/// The digits as one number, and how many of them follow the point if there is one; at most 19 characters.
#[inline]
fn scan(digits: &[u8]) -> Option<(u64, Option<usize>)> {
    let mut value = 0_u64;
    let mut decimals = None;
    for (index, &byte) in digits.iter().enumerate() {
        let digit = byte.wrapping_sub(b'0');
        if digit <= 9 {
            // Cannot wrap: there are at most 19 digits.
            value = value.wrapping_mul(10).wrapping_add(u64::from(digit));
        } else if byte == b'.' && decimals.is_none() {
            decimals = Some(digits.len() - 1 - index);
        } else {
            return None;
        }
    }
    Some((value, decimals))
}

#[cold]
fn parse_any(text: &[u8]) -> Result<Decimal, ParseDecimalError> {
    Number::split(text).ok_or(ParseDecimalError::Malformed)?.value()
}

/// A number as written: `±integer.fraction × 10^exponent`, both parts ASCII digits.
struct Number<'a> {
    negative: bool,
    integer: &'a [u8],
    fraction: &'a [u8],
    exponent: i64,
}

impl<'a> Number<'a> {
    /// `None` if the text does not follow the grammar.
    fn split(text: &'a [u8]) -> Option<Self> {
        let (negative, rest) = match text {
            [b'-', rest @ ..] => (true, rest),
            rest => (false, rest),
        };
        let (integer, rest) = leading_digits(rest)?;
        let (fraction, rest) = match rest {
            [b'.', rest @ ..] => leading_digits(rest)?,
            rest => (&[][..], rest),
        };
        let exponent = match rest {
            [] => 0,
            [b'e' | b'E', rest @ ..] => exponent(rest)?,
            _ => return None,
        };
        Some(Self { negative, integer, fraction, exponent })
    }

    fn value(self) -> Result<Decimal, ParseDecimalError> {
        let mut integer = without_leading_zeros(self.integer);
        let mut fraction = without_trailing_zeros(self.fraction);
        // The power of ten of the last digit kept.
        let mut lowest = self.exponent - fraction.len() as i64;
        if fraction.is_empty() {
            let whole = integer.len();
            integer = without_trailing_zeros(integer);
            lowest += (whole - integer.len()) as i64;
        }
        if integer.is_empty() {
            fraction = without_leading_zeros(fraction);
        }
        let significant = (integer.len() + fraction.len()) as i64;
        if significant == 0 {
            return Ok(Decimal::ZERO);
        }
        let zeros = lowest.max(0);
        let decimals = (-lowest).max(0);
        if significant.saturating_add(zeros) > MAX_DIGITS || decimals > i64::from(MAX_DECIMALS) {
            return Err(ParseDecimalError::TooLarge);
        }
        let digits = integer.iter().chain(fraction).chain(std::iter::repeat_n(&b'0', zeros as usize));
        Ok(from_digits(self.negative, digits, significant + zeros, decimals as u8))
    }
}

/// `count` is how many digits there are, at most 65. They are taken in groups of 19, counted from the last.
fn from_digits<'a>(negative: bool, digits: impl Iterator<Item = &'a u8>, count: i64, scale: u8) -> Decimal {
    let mut groups = [0_u64; 4];
    let mut left = count as usize;
    // `for_each`, because a chain of iterators is much faster from within than step by step.
    digits.for_each(|&byte| {
        left = left.saturating_sub(1);
        let group = &mut groups[left / DIGITS_IN_U64 % 4];
        *group = group.wrapping_mul(10).wrapping_add(u64::from(byte.wrapping_sub(b'0')));
    });
    let [low, middle, high, highest] = groups.map(i128::from);
    let sign = if negative { -1 } else { 1 };
    let (low, high) = (sign * (middle * POWERS[DIGITS_IN_U64] + low), sign * (highest * POWERS[DIGITS_IN_U64] + high));
    if high == 0 {
        return Decimal::small(low, scale);
    }
    Decimal::from_big(BigInt::from(high) * POWERS[2 * DIGITS_IN_U64] + low, scale)
}

/// At least one digit, and what follows them.
fn leading_digits(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let count = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    if count == 0 { None } else { text.split_at_checked(count) }
}

/// What stands after the `e`, up to the end of the text.
fn exponent(text: &[u8]) -> Option<i64> {
    let (negative, text) = match text {
        [sign @ (b'-' | b'+'), rest @ ..] => (*sign == b'-', rest),
        rest => (false, rest),
    };
    let (digits, []) = leading_digits(text)? else {
        return None;
    };
    let magnitude = digits.iter().fold(0_i64, |value, &byte| (value * 10 + i64::from(byte - b'0')).min(EXPONENT_LIMIT));
    Some(if negative { -magnitude } else { magnitude })
}

fn without_leading_zeros(digits: &[u8]) -> &[u8] {
    let zeros = digits.iter().take_while(|&&byte| byte == b'0').count();
    digits.get(zeros..).unwrap_or_default()
}

fn without_trailing_zeros(digits: &[u8]) -> &[u8] {
    let zeros = digits.iter().rev().take_while(|&&byte| byte == b'0').count();
    digits.get(..digits.len() - zeros).unwrap_or_default()
}
