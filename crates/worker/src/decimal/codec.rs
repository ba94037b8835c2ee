//! The stored form: one byte string, the scale in its first byte and after it the unscaled value as big-endian two's
//! complement, as short as it can be but at least one byte.
//!
//! Trailing zeros are taken off before, so equal values make equal bytes; on reading, any other form is refused.
//!
//! Formats for people (JSON) have the decimal as text instead, plain and of any length.

use std::fmt;

use num_bigint::BigInt;
use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{Decimal, Repr, small_from_be};

const WIDTH: usize = size_of::<i128>();

impl Serialize for Decimal {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            return serializer.collect_str(self);
        }
        match &self.0 {
            Repr::Small { unscaled, scale } => serialize_small(*unscaled, *scale, serializer),
            Repr::Big { unscaled, scale } => {
                let (unscaled, scale) = normalised_big(BigInt::clone(unscaled), *scale);
                let mut form = vec![scale];
                form.extend(unscaled.to_signed_bytes_be());
                serializer.serialize_bytes(&form)
            }
        }
    }
}

fn serialize_small<S: Serializer>(unscaled: i128, scale: u8, serializer: S) -> Result<S::Ok, S::Error> {
    let (unscaled, scale) = normalised(unscaled, scale);
    let significant_bits = i128::BITS - (unscaled ^ (unscaled >> 127)).leading_zeros();
    // One bit more for the sign; 16 bytes at most.
    let length = significant_bits as usize / 8 + 1;
    let mut form = [0; 1 + WIDTH];
    for (to, from) in form.iter_mut().rev().zip(unscaled.to_le_bytes()) {
        *to = from;
    }
    let (_, kept) = form.split_at_mut(WIDTH - length);
    if let Some(first) = kept.first_mut() {
        *first = scale;
    }
    serializer.serialize_bytes(kept)
}

/// Without trailing zeros after the point.
fn normalised(mut unscaled: i128, mut scale: u8) -> (i128, u8) {
    if unscaled == 0 {
        return (0, 0);
    }
    while scale > 0 && divides_by_ten(unscaled) {
        unscaled /= 10;
        scale -= 1;
    }
    (unscaled, scale)
}

/// By way of an `i64` where that will do: dividing an `i128` takes many times as long.
fn divides_by_ten(unscaled: i128) -> bool {
    i64::try_from(unscaled).map_or_else(|_| unscaled % 10 == 0, |short| short % 10 == 0)
}

/// As [`normalised`].
fn normalised_big(mut unscaled: BigInt, mut scale: u8) -> (BigInt, u8) {
    while scale > 0 && &unscaled % 10 == BigInt::ZERO {
        unscaled /= 10;
        scale -= 1;
    }
    (unscaled, scale)
}

impl<'de> Deserialize<'de> for Decimal {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            return deserializer.deserialize_str(TextVisitor);
        }
        deserializer.deserialize_bytes(FormVisitor)
    }
}

struct FormVisitor;

impl Visitor<'_> for FormVisitor {
    type Value = Decimal;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a decimal in its shortest binary form")
    }

    fn visit_bytes<E: Error>(self, form: &[u8]) -> Result<Decimal, E> {
        from_form(form).ok_or_else(|| E::custom("a decimal's binary form is cut short or not the shortest"))
    }
}

struct TextVisitor;

impl Visitor<'_> for TextVisitor {
    type Value = Decimal;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a plain decimal as text")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Decimal, E> {
        from_text(text).ok_or_else(|| E::custom(format_args!("not a decimal as it is printed: {text:?}")))
    }
}

/// `None` for anything but what printing writes: sums may have more digits than a column, so no other bound.
fn from_text(text: &str) -> Option<Decimal> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let (whole, places) = digits.split_once('.').unwrap_or((digits, ""));
    let plain = |digits: &str| digits.bytes().all(|byte| byte.is_ascii_digit());
    let shortest = !places.ends_with('0') && (whole == "0" || !whole.starts_with('0'));
    if whole.is_empty() || !plain(whole) || !plain(places) || !shortest || text == "-0" || digits.ends_with('.') {
        return None;
    }
    let scale = u8::try_from(places.len()).ok()?;
    let unscaled = format!("{}{whole}{places}", if digits.len() < text.len() { "-" } else { "" });
    match unscaled.parse() {
        Ok(unscaled) => Some(Decimal::small(unscaled, scale)),
        Err(_) => Some(Decimal::from_big(unscaled.parse().ok()?, scale)),
    }
}

/// `None` for anything but what serialising writes.
fn from_form(form: &[u8]) -> Option<Decimal> {
    let (&scale, bytes) = form.split_first()?;
    let redundant = match bytes {
        [] => return None,
        [0x00, next, ..] => *next < 0x80,
        [0xff, next, ..] => *next >= 0x80,
        _ => false,
    };
    let decimal = match small_from_be(bytes) {
        Some(unscaled) => Decimal::small(unscaled, scale),
        None => Decimal::from_big(BigInt::from_signed_bytes_be(bytes), scale),
    };
    let shortest = !redundant && (scale == 0 || !decimal.unscaled_divides_by_ten());
    shortest.then_some(decimal)
}

impl Decimal {
    fn unscaled_divides_by_ten(&self) -> bool {
        match &self.0 {
            Repr::Small { unscaled, .. } => divides_by_ten(*unscaled),
            Repr::Big { unscaled, .. } => &**unscaled % 10 == BigInt::ZERO,
        }
    }
}
