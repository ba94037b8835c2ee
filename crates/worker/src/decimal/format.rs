//! From a decimal to plain text: no exponent, no trailing zeros after the point, no `-0`.

use std::fmt;

use num_bigint::Sign;

use super::{Decimal, Repr};

impl Decimal {
    /// Appends the plain text: `72000`, `0.5`, `-12.34`. Does not allocate beyond `out`'s own growth while the
    /// unscaled value fits an `i128`.
    #[inline]
    pub fn write_plain(&self, out: &mut Vec<u8>) {
        match &self.0 {
            Repr::Small { unscaled, scale } => {
                let mut buffer = itoa::Buffer::new();
                let magnitude = unscaled.unsigned_abs();
                let digits = match u64::try_from(magnitude) {
                    Ok(short) => buffer.format(short),
                    Err(_) => buffer.format(magnitude),
                };
                write_digits(out, *unscaled < 0, digits.as_bytes(), *scale);
            }
            Repr::Big { unscaled, scale } => {
                let digits = unscaled.magnitude().to_str_radix(10);
                write_digits(out, unscaled.sign() == Sign::Minus, digits.as_bytes(), *scale);
            }
        }
    }
}

/// `digits` is the unscaled value's magnitude without leading zeros.
#[inline]
fn write_digits(out: &mut Vec<u8>, negative: bool, digits: &[u8], scale: u8) {
    if digits == b"0" {
        out.push(b'0');
        return;
    }
    let zeros = digits.iter().rev().take(usize::from(scale)).take_while(|&&digit| digit == b'0').count();
    let decimals = usize::from(scale) - zeros;
    let (digits, _) = digits.split_at(digits.len() - zeros);
    if negative {
        out.push(b'-');
    }
    if decimals == 0 {
        out.extend_from_slice(digits);
        return;
    }
    if let Some(point) = digits.len().checked_sub(decimals).filter(|&point| point > 0) {
        let (integer, fraction) = digits.split_at(point);
        out.extend_from_slice(integer);
        out.push(b'.');
        out.extend_from_slice(fraction);
    } else {
        out.extend_from_slice(b"0.");
        out.resize(out.len() + decimals - digits.len(), b'0');
        out.extend_from_slice(digits);
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = Vec::with_capacity(40);
        self.write_plain(&mut text);
        f.pad(&String::from_utf8_lossy(&text))
    }
}

impl fmt::Debug for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Decimal({self})")
    }
}
