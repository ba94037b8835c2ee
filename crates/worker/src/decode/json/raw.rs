//! Values as their text, borrowed from the message.

use std::borrow::Cow;

/// What a [`Raw`] value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::decode) enum Kind {
    /// The key was not there.
    Absent,
    /// `null`
    Null,
    /// `true`, `false`
    Bool,
    /// Any number.
    Number,
    /// Any string.
    String,
    /// `[…]`
    Array,
    /// `{…}`
    Object,
}

/// A value's JSON text, checked by the reader that gave it; empty where there is none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::decode) struct Raw<'a>(&'a str);

/// Where a value stands in its message's text; empty where there is none. Cheaper to note than the text itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::decode) struct Span {
    pub(super) start: usize,
    pub(super) end: usize,
}

impl Span {
    /// The value, from the text that was read.
    #[inline]
    pub(in crate::decode) fn of(self, text: &str) -> Raw<'_> {
        // Both ends are next to ASCII that was read, so they are character boundaries.
        Raw(text.get(self.start..self.end).unwrap_or_default())
    }
}

impl<'a> Raw<'a> {
    /// The JSON text; empty if absent.
    #[inline]
    pub(in crate::decode) const fn text(self) -> &'a str {
        self.0
    }

    /// Type of the value.
    #[inline]
    pub(in crate::decode) fn kind(self) -> Kind {
        match self.0.as_bytes().first() {
            None => Kind::Absent,
            Some(b'n') => Kind::Null,
            Some(b't' | b'f') => Kind::Bool,
            Some(b'"') => Kind::String,
            Some(b'{') => Kind::Object,
            Some(b'[') => Kind::Array,
            Some(_) => Kind::Number,
        }
    }

    /// Whether there is nothing to read: absent or `null`.
    #[inline]
    pub(in crate::decode) fn is_nothing(self) -> bool {
        matches!(self.kind(), Kind::Absent | Kind::Null)
    }

    /// The value of a string; `None` for every other type.
    #[inline]
    pub(in crate::decode) fn string(self) -> Option<Cow<'a, str>> {
        // By bytes: prefix and suffix as patterns are a call each to compare one byte, several times an event.
        let [b'"', inner @ .., b'"'] = self.0.as_bytes() else { return None };
        let inner = self.0.get(1..=inner.len())?;
        Some(if inner.as_bytes().contains(&b'\\') { Cow::Owned(unescape(inner)) } else { Cow::Borrowed(inner) })
    }
}

/// Resolves the escapes of a string's inner text that a [`super::Reader`] has passed.
#[cold]
pub(super) fn unescape(inner: &str) -> String {
    let mut out = String::with_capacity(inner.len());
    let mut rest = inner;
    while let Some((plain, escape)) = rest.split_once('\\') {
        out.push_str(plain);
        let mut chars = escape.chars();
        match chars.next() {
            Some('b') => out.push('\u{8}'),
            Some('f') => out.push('\u{c}'),
            Some('n') => out.push('\n'),
            Some('r') => out.push('\r'),
            Some('t') => out.push('\t'),
            Some('u') => out.push(unescape_unicode(&mut chars)),
            Some(same) => out.push(same),
            None => {}
        }
        rest = chars.as_str();
    }
    out.push_str(rest);
    out
}

fn unescape_unicode(chars: &mut std::str::Chars<'_>) -> char {
    let high = unescape_unit(chars);
    let code = if (0xD800..0xDC00).contains(&high) {
        // The `\u` of the lower half.
        chars.nth(1);
        0x1_0000 + ((high & 0x3FF) << 10 | unescape_unit(chars) & 0x3FF)
    } else {
        high
    };
    char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER)
}

fn unescape_unit(chars: &mut std::str::Chars<'_>) -> u32 {
    chars.by_ref().take(4).filter_map(|digit| digit.to_digit(16)).fold(0, |unit, digit| unit << 4 | digit)
}
