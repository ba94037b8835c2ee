//! A pull reader of JSON: borrows from the message, one pass, no tree, nothing allocated.
//!
//! It accepts exactly what `serde_json::from_slice::<serde_json::Value>` accepts, also in the parts that nobody asks
//! for, since a value that is malformed anywhere is a dead letter (`spec.md` 1.1). Values are handed out as [`Raw`]
//! text, numbers with all their digits. Containers are skipped without recursion; nesting ends at 127 levels.

mod error;
mod raw;
mod scan;

pub(super) use error::{Fault, JsonError};
pub(super) use raw::{Key, Kind, Raw};
use scan::{leading_digits, plain_bytes};

/// `serde_json` refuses the 128th level.
const MAX_DEPTH: u8 = 127;

/// A number of at most this many bytes and without exponent is within f64's range, whatever its digits.
const SAFE_NUMBER_LEN: usize = 300;

/// The reader. After an error it is only good for [`Reader::last_key`].
#[derive(Debug)]
pub(super) struct Reader<'a> {
    text: &'a str,
    at: usize,
    depth: u8,
    /// A bracket was opened and nothing in it read yet.
    fresh: bool,
    key: &'a str,
}

impl<'a> Reader<'a> {
    /// A reader at the beginning of `text`.
    pub(super) const fn new(text: &'a str) -> Self {
        Self { text, at: 0, depth: 0, fresh: false, key: "" }
    }

    /// A reader of the rest of an object whose first member is already known: `text` begins right behind its value.
    pub(super) const fn behind_member(text: &'a str) -> Self {
        Self { text, at: 0, depth: 1, fresh: false, key: "" }
    }

    /// The key that was read last, as it stands in the text: it names the field of an error.
    pub(super) const fn last_key(&self) -> &'a str {
        self.key
    }

    /// The next byte that is no white space.
    #[inline]
    pub(super) fn peek(&mut self) -> Option<u8> {
        loop {
            match self.text.as_bytes().get(self.at) {
                Some(b' ' | b'\n' | b'\t' | b'\r') => self.at += 1,
                byte => return byte.copied(),
            }
        }
    }

    /// Whether an object begins here; if so it is entered, and [`Reader::next_key`] gives its members.
    #[inline]
    pub(super) fn enter_object(&mut self) -> Result<bool, JsonError> {
        let object = self.peek() == Some(b'{');
        if object {
            self.open()?;
        }
        Ok(object)
    }

    /// The next member's key, or `None` at the object's end, which is left. The member's value must be read next.
    #[inline]
    pub(super) fn next_key(&mut self) -> Result<Option<Key<'a>>, JsonError> {
        if !self.next_in(b'}')? {
            return Ok(None);
        }
        if self.peek() != Some(b'"') {
            return Err(self.wrong(Fault::Key));
        }
        let start = self.at;
        let escaped = self.skip_string().map_err(|error| error.of_token(start))?;
        let inner = self.slice(start + 1, self.at - 1);
        self.key = inner;
        if self.peek() != Some(b':') {
            return Err(self.wrong(Fault::Colon));
        }
        self.at += 1;
        Ok(Some(Key::new(inner, escaped)))
    }

    /// Reads one value of any type.
    #[inline]
    pub(super) fn value(&mut self) -> Result<Raw<'a>, JsonError> {
        let byte = self.peek();
        let start = self.at;
        match byte {
            Some(b'{' | b'[') => self.skip_container(byte == Some(b'{'))?,
            _ => self.skip_scalar(byte)?,
        }
        Ok(self.since(start))
    }

    /// Where the next byte stands; white space before it is passed over.
    pub(super) fn mark(&mut self) -> usize {
        self.peek();
        self.at
    }

    /// The text read since `start`, a [`Reader::mark`] at the beginning of a value that was read to its end.
    pub(super) fn since(&self, start: usize) -> Raw<'a> {
        Raw::new(self.slice(start, self.at))
    }

    /// Nothing but white space may follow.
    pub(super) fn end(&mut self) -> Result<(), JsonError> {
        if self.peek().is_some() { Err(self.wrong(Fault::Trailing)) } else { Ok(()) }
    }

    /// Whether another member or element follows before `close`; else the container is left.
    #[inline]
    fn next_in(&mut self, close: u8) -> Result<bool, JsonError> {
        let fresh = std::mem::take(&mut self.fresh);
        match self.peek() {
            Some(byte) if byte == close => {
                self.at += 1;
                self.depth -= 1;
                Ok(false)
            }
            Some(b',') if !fresh => {
                self.at += 1;
                Ok(true)
            }
            _ if fresh => Ok(true),
            _ => Err(self.wrong(Fault::Comma)),
        }
    }

    #[inline]
    fn open(&mut self) -> Result<(), JsonError> {
        if self.depth >= MAX_DEPTH {
            return Err(self.wrong(Fault::Depth));
        }
        self.at += 1;
        self.depth += 1;
        self.fresh = true;
        Ok(())
    }

    fn skip_container(&mut self, object: bool) -> Result<(), JsonError> {
        let floor = self.depth;
        // One bit a level: 1 for an object. 127 levels fit.
        let mut objects = u128::from(object);
        self.open()?;
        loop {
            let more = if objects & 1 == 1 { self.next_key()?.is_some() } else { self.next_in(b']')? };
            if more {
                let byte = self.peek();
                match byte {
                    Some(b'{' | b'[') => {
                        self.open()?;
                        objects = objects << 1 | u128::from(byte == Some(b'{'));
                    }
                    _ => self.skip_scalar(byte)?,
                }
            } else if self.depth == floor {
                return Ok(());
            } else {
                objects >>= 1;
            }
        }
    }

    #[inline]
    fn skip_scalar(&mut self, byte: Option<u8>) -> Result<(), JsonError> {
        let start = self.at;
        match byte {
            Some(b'"') => self.skip_string().map(|_| ()).map_err(|error| error.of_token(start)),
            Some(b'-' | b'0'..=b'9') => self.skip_number().map_err(|error| error.of_token(start)),
            Some(b'n') => self.skip_word(b"null"),
            Some(b't') => self.skip_word(b"true"),
            Some(b'f') => self.skip_word(b"false"),
            _ => Err(self.wrong(Fault::Value)),
        }
    }

    fn skip_word(&mut self, word: &[u8]) -> Result<(), JsonError> {
        if !self.rest().starts_with(word) {
            return Err(self.wrong(Fault::Value));
        }
        self.at += word.len();
        Ok(())
    }

    /// Skips a string from its opening quote on; tells whether it has escapes.
    #[inline]
    fn skip_string(&mut self) -> Result<bool, JsonError> {
        self.at += 1;
        let mut escaped = false;
        loop {
            self.at += plain_bytes(self.rest());
            match self.byte() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(escaped);
                }
                Some(b'\\') => {
                    escaped = true;
                    self.skip_escape()?;
                }
                _ => return Err(self.wrong(Fault::Control)),
            }
        }
    }

    #[cold]
    fn skip_escape(&mut self) -> Result<(), JsonError> {
        self.at += 1;
        match self.byte() {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => {
                self.at += 1;
                Ok(())
            }
            Some(b'u') => self.skip_unicode_escape(),
            _ => Err(self.wrong(Fault::Escape)),
        }
    }

    fn skip_unicode_escape(&mut self) -> Result<(), JsonError> {
        match self.hex_unit()? {
            0xDC00..=0xDFFF => Err(self.wrong(Fault::Surrogate)),
            0xD800..=0xDBFF => {
                if !self.rest().starts_with(b"\\u") {
                    return Err(self.wrong(Fault::Surrogate));
                }
                self.at += 1;
                match self.hex_unit()? {
                    0xDC00..=0xDFFF => Ok(()),
                    _ => Err(self.wrong(Fault::Surrogate)),
                }
            }
            _ => Ok(()),
        }
    }

    /// The four hexadecimal digits behind the `u` that is next.
    fn hex_unit(&mut self) -> Result<u32, JsonError> {
        self.at += 1;
        let mut unit = 0;
        for _ in 0..4 {
            let digit = self.byte().and_then(|byte| char::from(byte).to_digit(16));
            unit = unit << 4 | digit.ok_or_else(|| self.wrong(Fault::Escape))?;
            self.at += 1;
        }
        Ok(unit)
    }

    #[inline]
    fn skip_number(&mut self) -> Result<(), JsonError> {
        let start = self.at;
        if self.byte() == Some(b'-') {
            self.at += 1;
        }
        let zero = self.byte() == Some(b'0');
        let digits = self.skip_digits()?;
        if zero && digits > 1 {
            return Err(self.wrong(Fault::Number));
        }
        if self.byte() == Some(b'.') {
            self.at += 1;
            self.skip_digits()?;
        }
        let exponent = matches!(self.byte(), Some(b'e' | b'E'));
        if exponent {
            self.at += 1;
            if matches!(self.byte(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.skip_digits()?;
        }
        if exponent || self.at - start > SAFE_NUMBER_LEN { self.check_range(start) } else { Ok(()) }
    }

    /// At least one digit.
    #[inline]
    fn skip_digits(&mut self) -> Result<usize, JsonError> {
        let digits = leading_digits(self.rest());
        if digits == 0 {
            return Err(self.wrong(Fault::Number));
        }
        self.at += digits;
        Ok(digits)
    }

    /// Asks `serde_json` itself, whose rounding at the very edge is its own.
    #[cold]
    fn check_range(&self, start: usize) -> Result<(), JsonError> {
        match serde_json::from_str::<f64>(self.slice(start, self.at)) {
            Ok(_) => Ok(()),
            Err(_) => Err(JsonError { fault: Fault::Range, at: self.at, token: start }),
        }
    }

    #[inline]
    fn byte(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    #[inline]
    fn rest(&self) -> &'a [u8] {
        self.text.as_bytes().get(self.at..).unwrap_or_default()
    }

    /// Both ends are next to ASCII that was read, so they are character boundaries.
    #[inline]
    fn slice(&self, start: usize, end: usize) -> &'a str {
        self.text.get(start..end).unwrap_or_default()
    }

    #[cold]
    fn wrong(&self, fault: Fault) -> JsonError {
        let fault = if self.at >= self.text.len() { Fault::End } else { fault };
        let at = self.at.min(self.text.len());
        JsonError { fault, at, token: at }
    }
}

#[cfg(test)]
mod tests;
