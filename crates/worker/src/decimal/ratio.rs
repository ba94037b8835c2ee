//! Averages and percentages: the only places where a result is rounded, always half to even, and the one test that
//! must not be.

use num_bigint::{BigInt, Sign};

use super::{Decimal, MAX_SCALE, Repr, big_power, shift};

impl Decimal {
    /// `self / n`, rounded half to even to `places` decimals (at most 255): a window's average. An `n` of
    /// 0 counts as 1.
    #[must_use]
    pub fn div_round_half_even(&self, n: u64, places: u32) -> Self {
        let n = n.max(1);
        let places = u8::try_from(places).unwrap_or(MAX_SCALE);
        if let Repr::Small { unscaled, scale } = self.0
            && let Some(dividend) = shift(unscaled, places.saturating_sub(scale))
            && let Some(divisor) = shift(i128::from(n), scale.saturating_sub(places))
        {
            return Self::small(divide_half_even(dividend, divisor), places);
        }
        let dividend = self.big_at(self.scale().max(places));
        let divisor = big_power(u32::from(self.scale().saturating_sub(places))) * n;
        Self::from_big(divide_half_even_big(&dividend, &divisor), places)
    }

    /// `(self − prev) × 100 / prev`, rounded half to even and always with two places: `5.56`, `5.00`, `-5.56`, never
    /// `-0.00`. There is no change against a `prev` that is not above zero: `0.00`.
    #[must_use]
    pub fn percent_change(&self, prev: &Self) -> String {
        if !prev.is_positive() {
            return "0.00".to_owned();
        }
        if let Some((now, before, _)) = self.small_pair(prev)
            && let Some(change) = now.checked_sub(before)
            && let Some(dividend) = change.checked_mul(10_000)
        {
            let hundredths = divide_half_even(dividend, before);
            return two_places(hundredths < 0, &hundredths.unsigned_abs().to_string());
        }
        let (now, before, _) = self.big_pair(prev);
        let hundredths = divide_half_even_big(&((now - &before) * 10_000), &before);
        two_places(hundredths.sign() == Sign::Minus, &hundredths.magnitude().to_string())
    }

    /// Whether `|self − prev| × 100 ≥ threshold_percent × prev`, exactly.
    #[inline]
    pub fn moved_by_percent(&self, prev: &Self, threshold_percent: &Self) -> bool {
        self.small_moved(prev, threshold_percent).unwrap_or_else(|| self.big_moved(prev, threshold_percent))
    }

    /// Both sides at the scale of the prices plus that of the threshold; `None` if that does not fit.
    #[inline]
    fn small_moved(&self, prev: &Self, threshold_percent: &Self) -> Option<bool> {
        let (now, before, _) = self.small_pair(prev)?;
        let Repr::Small { unscaled: threshold, scale } = threshold_percent.0 else {
            return None;
        };
        let moved = shift(now.checked_sub(before)?.checked_abs()?.checked_mul(100)?, scale)?;
        Some(moved >= threshold.checked_mul(before)?)
    }

    #[cold]
    fn big_moved(&self, prev: &Self, threshold_percent: &Self) -> bool {
        let (now, before, _) = self.big_pair(prev);
        let change = BigInt::from((now - &before).magnitude().clone());
        let scale = threshold_percent.scale();
        change * 100 * big_power(u32::from(scale)) >= threshold_percent.big_at(scale) * before
    }
}

/// `dividend / divisor`, the divisor above zero.
fn divide_half_even(dividend: i128, divisor: i128) -> i128 {
    let (quotient, remainder) = (dividend / divisor, dividend % divisor);
    let left = remainder.abs();
    // Compared with what is missing rather than doubled: twice the remainder may not fit.
    let away = match left.cmp(&(divisor - left)) {
        std::cmp::Ordering::Less => false,
        std::cmp::Ordering::Equal => quotient % 2 != 0,
        std::cmp::Ordering::Greater => true,
    };
    if away { quotient + dividend.signum() } else { quotient }
}

/// As [`divide_half_even`].
fn divide_half_even_big(dividend: &BigInt, divisor: &BigInt) -> BigInt {
    let quotient = dividend / divisor;
    let remainder = dividend - &quotient * divisor;
    let twice = remainder.magnitude() * 2_u32;
    let away = match twice.cmp(divisor.magnitude()) {
        std::cmp::Ordering::Less => false,
        std::cmp::Ordering::Equal => quotient.bit(0),
        std::cmp::Ordering::Greater => true,
    };
    match (away, dividend.sign()) {
        (true, Sign::Minus) => quotient - 1,
        (true, _) => quotient + 1,
        (false, _) => quotient,
    }
}

/// The text of a number of hundredths, given without its sign.
fn two_places(negative: bool, hundredths: &str) -> String {
    let padded = format!("{hundredths:0>3}");
    let (whole, places) = padded.split_at(padded.len() - 2);
    format!("{}{whole}.{places}", if negative { "-" } else { "" })
}
