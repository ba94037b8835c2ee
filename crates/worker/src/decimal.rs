//! Exact decimals for money: what a MySQL `DECIMAL` holds, its products with a quantity, and sums of any number of
//! them.
//!
//! A value is `unscaled × 10^-scale`. The unscaled part is an `i128` as long as it fits and a boxed big integer beyond,
//! so nothing ever overflows or rounds, and ordinary prices never allocate. The scale stays as it came in, because a
//! column always writes the same number of decimals and sums of one scale need no rescaling; whatever is compared,
//! printed or stored goes by the value alone.

mod arithmetic;
mod codec;
mod fixed;
mod format;
mod parse;
mod ratio;

#[cfg(test)]
mod tests;

use std::cmp::Ordering;

use num_bigint::{BigInt, Sign};

pub use fixed::FixedPoint;
pub use parse::ParseDecimalError;

/// The most decimals that any value here can have; see [`Decimal::div_round_half_even`].
const MAX_SCALE: u8 = u8::MAX;

/// `10^0` to `10^38`, all the powers of ten that an `i128` holds.
const POWERS: [i128; 39] = {
    let mut powers = [1; 39];
    let mut exponent = 1;
    while exponent < powers.len() {
        powers[exponent] = powers[exponent - 1] * 10;
        exponent += 1;
    }
    powers
};

/// An exact decimal number. Equality and order go by value: `72000.00 == 72000`.
#[derive(Clone)]
pub struct Decimal(Repr);

const _: () = assert!(size_of::<Decimal>() <= 32, "a decimal is passed by value and kept several times a symbol");

/// `Big` is only for what an `i128` cannot hold, so that two values of one scale and different variants are unequal.
#[derive(Clone)]
enum Repr {
    Small { unscaled: i128, scale: u8 },
    Big { unscaled: Box<BigInt>, scale: u8 },
}

impl Decimal {
    /// Zero.
    pub const ZERO: Self = Self::small(0, 0);

    /// The whole number `v`.
    #[must_use]
    pub const fn from_i64(v: i64) -> Self {
        Self::small(v as i128, 0)
    }

    const fn small(unscaled: i128, scale: u8) -> Self {
        Self(Repr::Small { unscaled, scale })
    }

    /// Keeps the rule that `Big` is only for what does not fit an `i128`.
    fn from_big(unscaled: BigInt, scale: u8) -> Self {
        match i128::try_from(&unscaled) {
            Ok(unscaled) => Self::small(unscaled, scale),
            Err(_) => Self(Repr::Big { unscaled: Box::new(unscaled), scale }),
        }
    }

    const fn scale(&self) -> u8 {
        match self.0 {
            Repr::Small { scale, .. } | Repr::Big { scale, .. } => scale,
        }
    }

    /// The unscaled value at `scale`, which must not be below the decimal's own.
    fn big_at(&self, scale: u8) -> BigInt {
        let unscaled = match &self.0 {
            Repr::Small { unscaled, .. } => BigInt::from(*unscaled),
            Repr::Big { unscaled, .. } => BigInt::clone(unscaled),
        };
        match scale.saturating_sub(self.scale()) {
            0 => unscaled,
            places => unscaled * big_power(u32::from(places)),
        }
    }

    /// Both unscaled values at the larger of the two scales, if they fit.
    #[inline]
    fn small_pair(&self, other: &Self) -> Option<(i128, i128, u8)> {
        let (Repr::Small { unscaled: a, scale: a_scale }, Repr::Small { unscaled: b, scale: b_scale }) =
            (&self.0, &other.0)
        else {
            return None;
        };
        match a_scale.cmp(b_scale) {
            Ordering::Equal => Some((*a, *b, *a_scale)),
            Ordering::Less => Some((shift(*a, b_scale - a_scale)?, *b, *b_scale)),
            Ordering::Greater => Some((*a, shift(*b, a_scale - b_scale)?, *a_scale)),
        }
    }

    /// Both unscaled values at the larger of the two scales, whatever their size.
    #[cold]
    fn big_pair(&self, other: &Self) -> (BigInt, BigInt, u8) {
        let scale = self.scale().max(other.scale());
        (self.big_at(scale), other.big_at(scale), scale)
    }

    fn sign(&self) -> Sign {
        match &self.0 {
            Repr::Small { unscaled, .. } => match unscaled.signum() {
                0 => Sign::NoSign,
                1 => Sign::Plus,
                _ => Sign::Minus,
            },
            Repr::Big { unscaled, .. } => unscaled.sign(),
        }
    }

    /// Whether the value is above zero.
    #[inline]
    pub fn is_positive(&self) -> bool {
        self.sign() == Sign::Plus
    }

    /// Whether the value is zero.
    #[inline]
    pub fn is_zero(&self) -> bool {
        matches!(self.0, Repr::Small { unscaled: 0, .. })
    }
}

/// `unscaled × 10^places`, if it fits.
#[inline]
fn shift(unscaled: i128, places: u8) -> Option<i128> {
    if unscaled == 0 {
        return Some(0);
    }
    unscaled.checked_mul(*POWERS.get(usize::from(places))?)
}

/// Big-endian two's complement, if it fits.
#[inline]
fn small_from_be(bytes: &[u8]) -> Option<i128> {
    let fill = match bytes {
        [0x80..=0xff, ..] => -1,
        _ => 0,
    };
    (bytes.len() <= size_of::<i128>()).then(|| bytes.iter().fold(fill, |value, &byte| value << 8 | i128::from(byte)))
}

fn big_power(exponent: u32) -> BigInt {
    BigInt::from(10).pow(exponent)
}

impl Default for Decimal {
    fn default() -> Self {
        Self::ZERO
    }
}

impl From<i64> for Decimal {
    fn from(v: i64) -> Self {
        Self::from_i64(v)
    }
}

impl PartialEq for Decimal {
    #[inline]
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Decimal {}

impl PartialOrd for Decimal {
    #[inline]
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Decimal {
    #[inline]
    fn cmp(&self, other: &Self) -> Ordering {
        if let Some((a, b, _)) = self.small_pair(other) {
            return a.cmp(&b);
        }
        let (a, b, _) = self.big_pair(other);
        a.cmp(&b)
    }
}
