//! Values as ClickHouse's format `RowBinary` has them, one after the other in the order of the columns. Pure.

use crate::decimal::{Decimal, FixedPoint};

/// What a column of milliseconds (`DateTime64(3)`) holds: the years 1900 to 2299.
const TIMES_MS: std::ops::RangeInclusive<i64> = -2_208_988_800_000..=10_413_791_999_999;

/// A value that its column does not hold.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Misfit {
    /// The column.
    pub(super) field: &'static str,
    /// Why, with the value.
    pub(super) reason: String,
}

/// Appends rows.
#[derive(Debug)]
pub(super) struct Rows<'a> {
    pub(super) out: &'a mut Vec<u8>,
    pub(super) amounts: FixedPoint,
}

impl Rows<'_> {
    /// Text, or any bytes.
    pub(super) fn text(&mut self, text: impl AsRef<[u8]>) {
        let text = text.as_ref();
        let mut length = text.len();
        while length >= 0x80 {
            self.out.push(length as u8 | 0x80);
            length >>= 7;
        }
        self.out.push(length as u8);
        self.out.extend_from_slice(text);
    }

    /// Text, or null.
    pub(super) fn optional_text(&mut self, text: Option<&str>) {
        self.out.push(u8::from(text.is_none()));
        if let Some(text) = text {
            self.text(text);
        }
    }

    /// A `UInt32`.
    pub(super) fn u32(&mut self, value: u32) {
        self.out.extend_from_slice(&value.to_le_bytes());
    }

    /// An `Int32`.
    pub(super) fn i32(&mut self, value: i32) {
        self.out.extend_from_slice(&value.to_le_bytes());
    }

    /// A `UInt64`.
    pub(super) fn u64(&mut self, value: u64) {
        self.out.extend_from_slice(&value.to_le_bytes());
    }

    /// An `Int64`.
    pub(super) fn i64(&mut self, value: i64) {
        self.out.extend_from_slice(&value.to_le_bytes());
    }

    /// An `Int64`, or null.
    pub(super) fn optional_i64(&mut self, value: Option<i64>) {
        self.out.push(u8::from(value.is_none()));
        if let Some(value) = value {
            self.i64(value);
        }
    }

    /// A time in milliseconds.
    pub(super) fn time(&mut self, field: &'static str, time_ms: i64) -> Result<(), Misfit> {
        if !holds_time(time_ms) {
            let reason = format!("{field}: {time_ms} ms since 1970 is outside the years 1900 to 2299");
            return Err(Misfit { field, reason });
        }
        self.i64(time_ms);
        Ok(())
    }

    /// A decimal.
    pub(super) fn amount(&mut self, field: &'static str, value: &Decimal) -> Result<(), Misfit> {
        let Some(bytes) = self.amounts.encode(value) else {
            return Err(Misfit { field, reason: format!("{field}: {}", self.amounts.misfit(value)) });
        };
        self.out.extend_from_slice(&bytes[..self.amounts.width()]);
        Ok(())
    }
}

/// Whether a column of times holds it.
pub(super) fn holds_time(time_ms: i64) -> bool {
    TIMES_MS.contains(&time_ms)
}

/// The nearest time that a column holds: for times that say when something was done, not what.
pub(super) fn nearest_time(time_ms: i64) -> i64 {
    time_ms.clamp(*TIMES_MS.start(), *TIMES_MS.end())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(write: impl FnOnce(&mut Rows<'_>)) -> Vec<u8> {
        let mut out = Vec::new();
        write(&mut Rows { out: &mut out, amounts: FixedPoint::new(38, 10).unwrap() });
        out
    }

    #[test]
    fn values_have_the_form_of_row_binary() {
        assert_eq!(written(|rows| rows.text("가")), [3, 0xea, 0xb0, 0x80]);
        assert_eq!(written(|rows| rows.text(vec![7; 300]))[..3], [0xac, 0x02, 7]);
        assert_eq!(written(|rows| rows.optional_text(None)), [1]);
        assert_eq!(written(|rows| rows.optional_text(Some(""))), [0, 0]);
        assert_eq!(written(|rows| rows.optional_i64(Some(-1))), [0, 255, 255, 255, 255, 255, 255, 255, 255]);
        assert_eq!(written(|rows| rows.i32(-2)), [254, 255, 255, 255]);
        let minus_one = written(|rows| rows.amount("price", &Decimal::from_i64(-1)).unwrap());
        assert_eq!(minus_one, (-10_000_000_000_i128).to_le_bytes());
    }

    #[test]
    fn what_does_not_fit_names_field_and_value() {
        let mut out = Vec::new();
        let mut rows = Rows { out: &mut out, amounts: FixedPoint::new(4, 2).unwrap() };
        let misfit = rows.amount("price", &Decimal::from_i64(100)).unwrap_err();
        assert_eq!(
            (misfit.field, misfit.reason.as_str()),
            ("price", "price: 100 has 3 digits before the point and 0 behind it; Decimal(4,2) has room for 2 and 2")
        );
        let misfit = rows.time("at", i64::MAX).unwrap_err();
        assert_eq!(misfit.reason, "at: 9223372036854775807 ms since 1970 is outside the years 1900 to 2299");
        assert!(out.is_empty());
    }

    #[test]
    fn times_are_held_to_the_millisecond() {
        for (time_ms, holds) in [
            (-2_208_988_800_001, false),
            (-2_208_988_800_000, true),
            (10_413_791_999_999, true),
            (10_413_792_000_000, false),
        ] {
            assert_eq!(holds_time(time_ms), holds, "{time_ms}");
            assert!(holds_time(nearest_time(time_ms)));
        }
    }
}
