//! A pull reader of JSON: borrows from the message, one pass, no tree, nothing allocated.
//!
//! It accepts exactly what `serde_json::from_slice::<serde_json::Value>` accepts, also in the parts that nobody asks
//! for, since a value that is malformed anywhere is a dead letter (`spec.md` 1.1). Values are handed out as [`Span`]s
//! of their text, numbers with all their digits. Containers are skipped without recursion; nesting ends at 127 levels.

mod error;
mod hint;
mod key;
mod number;
mod raw;
mod scan;
mod string;

pub(super) use error::{Broken, Fault, JsonError};
pub(super) use hint::KeyHints;
pub(super) use key::{Code, Key, code};
pub(super) use raw::{Kind, Raw, Span};

/// `serde_json` refuses the 128th level.
const MAX_DEPTH: u8 = 127;

/// The reader. Once it has said [`Broken`] it is only good for [`Reader::error`] and [`Reader::last_key`].
#[derive(Debug)]
pub(super) struct Reader<'a> {
    text: &'a str,
    at: usize,
    depth: u8,
    /// A bracket was opened and nothing in it read yet.
    fresh: bool,
    /// Where the last key stands.
    key: (usize, usize),
    /// Kept here and not in the results, which so stay in registers.
    error: Option<JsonError>,
}

impl<'a> Reader<'a> {
    /// A reader at the beginning of `text`.
    pub(super) const fn new(text: &'a str) -> Self {
        Self { text, at: 0, depth: 0, fresh: false, key: (0, 0), error: None }
    }

    /// A reader of the rest of an object whose first member is already known: `text` begins right behind its value.
    pub(super) const fn behind_member(text: &'a str) -> Self {
        Self { text, at: 0, depth: 1, fresh: false, key: (0, 0), error: None }
    }

    /// The key that was read last, as it stands in the text: it names the field of an error.
    pub(super) fn last_key(&self) -> &'a str {
        self.slice(self.key.0, self.key.1)
    }

    /// What is wrong with the text, after [`Broken`].
    pub(super) const fn error(&self) -> Option<JsonError> {
        self.error
    }

    /// Whether an object begins here; if so it is entered, and [`Reader::next_member`] gives its members.
    #[inline]
    pub(super) fn enter_object(&mut self) -> Result<bool, Broken> {
        let object = self.peek() == Some(b'{');
        if object {
            self.open()?;
        }
        Ok(object)
    }

    /// What `classify` makes of the next member's key, or `None` at the object's end, which is left. The member's
    /// value must be read next. `slot` is the member's number: objects of one kind have the same keys in the same
    /// order, and `hints` remember which key the last one had there.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "see `value`")]
    pub(super) fn next_member<T: Copy>(
        &mut self,
        hints: &mut KeyHints<T>,
        slot: usize,
        classify: impl FnOnce(&Key<'_>) -> T,
    ) -> Result<Option<T>, Broken> {
        if let Some((class, len)) = hints.guess(slot, self.fresh, self.rest()) {
            // From behind the opening quote to before the closing one; the colon stands behind that.
            let opening = self.at + usize::from(!self.fresh);
            self.at += len;
            self.key = (opening + 1, self.at - 2);
            self.fresh = false;
            return Ok(Some(class));
        }
        self.next_unforeseen(hints, slot, classify)
    }

    #[inline(never)]
    fn next_unforeseen<T: Copy>(
        &mut self,
        hints: &mut KeyHints<T>,
        slot: usize,
        classify: impl FnOnce(&Key<'_>) -> T,
    ) -> Result<Option<T>, Broken> {
        let (start, fresh) = (self.at, self.fresh);
        let Some(escaped) = self.next_key()? else {
            return Ok(None);
        };
        let class = if escaped {
            classify(&Key::new(&raw::unescape(self.last_key())))
        } else {
            classify(&Key::new(self.last_key()))
        };
        hints.learn(slot, fresh, self.text.as_bytes().get(start..self.at).unwrap_or_default(), class, escaped);
        Ok(Some(class))
    }

    /// The long way of [`Reader::next_member`]: reads a key and its colon; tells whether it has escapes. `None` at the
    /// object's end, which is left.
    fn next_key(&mut self) -> Result<Option<bool>, Broken> {
        if !self.next_in(b'}')? {
            return Ok(None);
        }
        if self.peek() != Some(b'"') {
            return Err(self.wrong(Fault::Key));
        }
        let start = self.at + 1;
        let escaped = self.skip_string()?;
        self.key = (start, self.at - 1);
        if self.peek() != Some(b':') {
            return Err(self.wrong(Fault::Colon));
        }
        self.at += 1;
        Ok(Some(escaped))
    }

    /// Reads one value of any type.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "the message's hottest code; a call costs as much as the work")]
    pub(super) fn value(&mut self) -> Result<Span, Broken> {
        let byte = self.peek();
        let start = self.at;
        match byte {
            Some(b'"') => {
                self.skip_string()?;
            }
            Some(b'0'..=b'9') => self.skip_number()?,
            _ => self.skip_other(byte)?,
        }
        Ok(self.since(start))
    }

    /// Where the next byte stands; white space before it is passed over.
    #[inline]
    pub(super) fn mark(&mut self) -> usize {
        self.peek();
        self.at
    }

    /// What was read since `start`, a [`Reader::mark`] at the beginning of a value that was read to its end.
    #[inline]
    pub(super) fn since(&self, start: usize) -> Span {
        Span { start, end: self.at }
    }

    /// Nothing but white space may follow.
    pub(super) fn end(&mut self) -> Result<(), Broken> {
        if self.peek().is_some() { Err(self.wrong(Fault::Trailing)) } else { Ok(()) }
    }

    /// The next byte that is no white space.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "see `value`")]
    fn peek(&mut self) -> Option<u8> {
        loop {
            match self.byte() {
                Some(b' ' | b'\n' | b'\t' | b'\r') => self.at += 1,
                byte => return byte,
            }
        }
    }

    /// Whether another member or element follows before `close`; else the container is left.
    #[inline]
    fn next_in(&mut self, close: u8) -> Result<bool, Broken> {
        let fresh = std::mem::take(&mut self.fresh);
        match self.peek() {
            Some(b',') if !fresh => {
                self.at += 1;
                Ok(true)
            }
            Some(byte) if byte == close => {
                self.at += 1;
                self.depth -= 1;
                Ok(false)
            }
            _ if fresh => Ok(true),
            _ => Err(self.wrong(Fault::Comma)),
        }
    }

    #[inline]
    fn open(&mut self) -> Result<(), Broken> {
        if self.depth >= MAX_DEPTH {
            return Err(self.wrong(Fault::Depth));
        }
        self.at += 1;
        self.depth += 1;
        self.fresh = true;
        Ok(())
    }

    fn skip_container(&mut self, object: bool) -> Result<(), Broken> {
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
                    _ => {
                        self.value()?;
                    }
                }
            } else if self.depth == floor {
                return Ok(());
            } else {
                objects >>= 1;
            }
        }
    }

    /// What neither begins with a quote nor with a digit.
    fn skip_other(&mut self, byte: Option<u8>) -> Result<(), Broken> {
        match byte {
            Some(b'n') => self.skip_word(*b"null"),
            Some(b't') => self.skip_word(*b"true"),
            Some(b'f') => self.skip_word(*b"false"),
            Some(b'{' | b'[') => self.skip_container(byte == Some(b'{')),
            Some(b'-') => self.skip_number(),
            _ => Err(self.wrong(Fault::Value)),
        }
    }

    #[inline]
    fn skip_word<const LEN: usize>(&mut self, word: [u8; LEN]) -> Result<(), Broken> {
        if self.rest().first_chunk() != Some(&word) {
            return Err(self.wrong(Fault::Value));
        }
        self.at += LEN;
        Ok(())
    }

    #[inline(always)]
    #[expect(clippy::inline_always, reason = "see `value`")]
    fn byte(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    #[inline(always)]
    #[expect(clippy::inline_always, reason = "see `value`")]
    fn rest(&self) -> &'a [u8] {
        self.text.as_bytes().get(self.at..).unwrap_or_default()
    }

    /// Both ends are next to ASCII that was read, so they are character boundaries.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "see `value`")]
    fn slice(&self, start: usize, end: usize) -> &'a str {
        self.text.get(start..end).unwrap_or_default()
    }

    #[cold]
    fn wrong(&mut self, fault: Fault) -> Broken {
        self.wrong_token(fault, self.at.min(self.text.len()))
    }

    #[cold]
    fn wrong_token(&mut self, fault: Fault, token: usize) -> Broken {
        let fault = if self.at >= self.text.len() { Fault::End } else { fault };
        self.fail(JsonError { fault, at: self.at.min(self.text.len()), token })
    }

    #[cold]
    fn fail(&mut self, error: JsonError) -> Broken {
        self.error = Some(error);
        Broken
    }
}

#[cfg(test)]
mod tests;
