//! Numbers: JSON's grammar, and f64's range.

use super::scan::leading_digits;
use super::{Broken, Fault, JsonError, Reader};

/// A number of at most this many bytes and without exponent is within f64's range, whatever its digits.
const SAFE_NUMBER_LEN: usize = 300;

impl Reader<'_> {
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "see `Reader::value`")]
    pub(super) fn skip_number(&mut self) -> Result<(), Broken> {
        let start = self.at;
        if self.byte() == Some(b'-') {
            self.at += 1;
        }
        let zero = self.byte() == Some(b'0');
        let digits = self.skip_digits(start)?;
        if zero && digits > 1 {
            return Err(self.wrong_token(Fault::Number, start));
        }
        if matches!(self.byte(), Some(b'.' | b'e' | b'E')) || digits > SAFE_NUMBER_LEN {
            return self.skip_rest_of_number(start);
        }
        Ok(())
    }

    /// Fraction and exponent.
    fn skip_rest_of_number(&mut self, start: usize) -> Result<(), Broken> {
        if self.byte() == Some(b'.') {
            self.at += 1;
            self.skip_digits(start)?;
        }
        let exponent = matches!(self.byte(), Some(b'e' | b'E'));
        if exponent {
            self.at += 1;
            if matches!(self.byte(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.skip_digits(start)?;
        }
        if exponent || self.at - start > SAFE_NUMBER_LEN { self.check_range(start) } else { Ok(()) }
    }

    /// At least one digit.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "see `Reader::value`")]
    fn skip_digits(&mut self, start: usize) -> Result<usize, Broken> {
        let digits = leading_digits(self.rest());
        if digits == 0 {
            return Err(self.wrong_token(Fault::Number, start));
        }
        self.at += digits;
        Ok(digits)
    }

    /// Asks `serde_json` itself, whose rounding at the very edge is its own.
    #[cold]
    fn check_range(&mut self, start: usize) -> Result<(), Broken> {
        match serde_json::from_str::<f64>(self.slice(start, self.at)) {
            Ok(_) => Ok(()),
            Err(_) => Err(self.fail(JsonError { fault: Fault::Range, at: self.at, token: start })),
        }
    }
}
