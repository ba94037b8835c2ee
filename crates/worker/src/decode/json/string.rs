//! Strings: quotes, escapes, surrogate pairs.

use super::scan::plain_bytes;
use super::{Broken, Fault, Reader};

impl Reader<'_> {
    /// Skips a string from its opening quote on; tells whether it has escapes.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "see `Reader::value`")]
    pub(super) fn skip_string(&mut self) -> Result<bool, Broken> {
        let start = self.at;
        self.at += 1;
        self.at += plain_bytes(self.rest());
        if self.byte() == Some(b'"') {
            self.at += 1;
            return Ok(false);
        }
        self.skip_rest_of_string(start).map(|()| true)
    }

    /// From the first byte on that is no plain text.
    #[cold]
    fn skip_rest_of_string(&mut self, start: usize) -> Result<(), Broken> {
        loop {
            match self.byte() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(());
                }
                Some(b'\\') => self.skip_escape(start)?,
                _ => return Err(self.wrong_token(Fault::Control, start)),
            }
            self.at += plain_bytes(self.rest());
        }
    }

    fn skip_escape(&mut self, start: usize) -> Result<(), Broken> {
        self.at += 1;
        match self.byte() {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => {
                self.at += 1;
                Ok(())
            }
            Some(b'u') => self.skip_unicode_escape(start),
            _ => Err(self.wrong_token(Fault::Escape, start)),
        }
    }

    fn skip_unicode_escape(&mut self, start: usize) -> Result<(), Broken> {
        match self.hex_unit(start)? {
            0xDC00..=0xDFFF => Err(self.wrong_token(Fault::Surrogate, start)),
            0xD800..=0xDBFF => {
                if !self.rest().starts_with(b"\\u") {
                    return Err(self.wrong_token(Fault::Surrogate, start));
                }
                self.at += 1;
                match self.hex_unit(start)? {
                    0xDC00..=0xDFFF => Ok(()),
                    _ => Err(self.wrong_token(Fault::Surrogate, start)),
                }
            }
            _ => Ok(()),
        }
    }

    /// The four hexadecimal digits behind the `u` that is next.
    fn hex_unit(&mut self, start: usize) -> Result<u32, Broken> {
        self.at += 1;
        let mut unit = 0;
        for _ in 0..4 {
            let digit = self.byte().and_then(|byte| char::from(byte).to_digit(16));
            unit = unit << 4 | digit.ok_or_else(|| self.wrong_token(Fault::Escape, start))?;
            self.at += 1;
        }
        Ok(unit)
    }
}
