//! Sums, differences and products: in `i128` while they fit, in big integers beyond, never rounded.

use std::ops::{Add, AddAssign, Sub};

use num_bigint::BigInt;

use super::{Decimal, Repr};

impl Decimal {
    /// `self × q`, exact.
    #[inline]
    #[must_use]
    pub fn mul_i64(&self, q: i64) -> Self {
        match &self.0 {
            Repr::Small { unscaled, scale } => match unscaled.checked_mul(i128::from(q)) {
                Some(product) => Self::small(product, *scale),
                None => Self::from_big(BigInt::from(*unscaled) * q, *scale),
            },
            Repr::Big { unscaled, scale } => Self::from_big(&**unscaled * q, *scale),
        }
    }

    /// `self + o`, exact.
    #[inline]
    #[must_use]
    pub fn add(&self, o: &Self) -> Self {
        if let Some((a, b, scale)) = self.small_pair(o)
            && let Some(sum) = a.checked_add(b)
        {
            return Self::small(sum, scale);
        }
        let (a, b, scale) = self.big_pair(o);
        Self::from_big(a + b, scale)
    }

    /// `self − o`, exact.
    #[inline]
    #[must_use]
    pub fn sub(&self, o: &Self) -> Self {
        if let Some((a, b, scale)) = self.small_pair(o)
            && let Some(difference) = a.checked_sub(b)
        {
            return Self::small(difference, scale);
        }
        let (a, b, scale) = self.big_pair(o);
        Self::from_big(a - b, scale)
    }

    /// Adds `o` in place, exact.
    #[inline]
    pub fn add_assign(&mut self, o: &Self) {
        if let (Repr::Small { unscaled: a, scale }, Repr::Small { unscaled: b, scale: o_scale }) = (&mut self.0, &o.0)
            && scale == o_scale
            && let Some(sum) = a.checked_add(*b)
        {
            *a = sum;
            return;
        }
        *self = self.add(o);
    }

    /// The value without its sign.
    #[must_use]
    pub fn abs(&self) -> Self {
        match &self.0 {
            Repr::Small { unscaled, scale } => match unscaled.checked_abs() {
                Some(magnitude) => Self::small(magnitude, *scale),
                None => Self::from_big(-BigInt::from(*unscaled), *scale),
            },
            Repr::Big { unscaled, scale } => Self::from_big(BigInt::from(unscaled.magnitude().clone()), *scale),
        }
    }
}

impl Add for &Decimal {
    type Output = Decimal;

    fn add(self, o: Self) -> Decimal {
        Decimal::add(self, o)
    }
}

impl Sub for &Decimal {
    type Output = Decimal;

    fn sub(self, o: Self) -> Decimal {
        Decimal::sub(self, o)
    }
}

impl AddAssign<&Self> for Decimal {
    fn add_assign(&mut self, o: &Self) {
        Self::add_assign(self, o);
    }
}
