//! The short way through a line that looks as most do: which takes a third of the general way's time.
//!
//! It answers only where [`super::line::parse`] would answer the same, and otherwise leaves the line to it: fields it
//! does not know, escapes by number, anything wrong.

use std::borrow::Cow;

use super::line::Line;

/// A line's record, its value appended to `arena`; `None` leaves the arena as it was and the line to the general way.
pub(super) fn parse<'a>(line: &'a [u8], arena: &mut Vec<u8>) -> Option<Line<'a>> {
    let start = arena.len();
    let line = Scanner(line).record(arena);
    if line.is_none() {
        arena.truncate(start);
    }
    line
}

/// What of the line is still to be read.
struct Scanner<'a>(&'a [u8]);

impl<'a> Scanner<'a> {
    fn record(&mut self, arena: &mut Vec<u8>) -> Option<Line<'a>> {
        let (mut topic, mut partition, mut offset, mut timestamp, mut value) = (None, None, None, None, None);
        let mut key_seen = false;
        self.expect(b'{')?;
        loop {
            self.expect(b'"')?;
            let field = self.plain_text()?;
            self.expect(b':')?;
            self.skip_blanks();
            let repeated = match field {
                b"topic" => topic.replace(std::str::from_utf8(self.quoted()?).ok()?).is_some(),
                b"partition" => partition.replace(i32::try_from(self.number()?).ok()?).is_some(),
                b"offset" => offset.replace(self.number()?).is_some(),
                b"timestamp" => timestamp.replace(self.number()?).is_some(),
                b"key" => std::mem::replace(&mut key_seen, true) || self.skip_text_or_null().is_none(),
                b"value" => value.replace(self.value(arena)?).is_some(),
                _ => return None,
            };
            if repeated {
                return None;
            }
            self.skip_blanks();
            match self.next()? {
                b',' => {}
                b'}' => break,
                _ => return None,
            }
        }
        self.skip_blanks();
        if !self.0.is_empty() {
            return None;
        }
        let topic = Cow::Borrowed(topic?);
        let timestamp_ms = timestamp.filter(|time| super::line::TIMES_MS.contains(time))?;
        Some(Line { topic, partition: partition?, offset: offset?, timestamp_ms, value_is_null: value? })
    }

    fn next(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    fn skip_blanks(&mut self) {
        while let [b' ' | b'\t' | b'\r' | b'\n', rest @ ..] = self.0 {
            self.0 = rest;
        }
    }

    fn expect(&mut self, byte: u8) -> Option<()> {
        self.skip_blanks();
        (self.next()? == byte).then_some(())
    }

    /// Text without escapes and control characters, up to and with its closing quote.
    fn plain_text(&mut self) -> Option<&'a [u8]> {
        let end = self.0.iter().position(|byte| matches!(byte, b'"' | b'\\' | 0..0x20))?;
        let (text, rest) = self.0.split_at_checked(end)?;
        self.0 = rest;
        (self.next()? == b'"').then_some(text)
    }

    fn quoted(&mut self) -> Option<&'a [u8]> {
        self.expect(b'"')?;
        self.plain_text()
    }

    /// Digits, so few that they cannot overflow, without a leading zero.
    fn number(&mut self) -> Option<i64> {
        let count = self.0.iter().position(|byte| !byte.is_ascii_digit())?;
        let (digits, rest) = self.0.split_at_checked(count)?;
        if count == 0 || count > 18 || (digits.first() == Some(&b'0') && count > 1) {
            return None;
        }
        self.0 = rest;
        Some(digits.iter().fold(0, |number, digit| number * 10 + i64::from(digit - b'0')))
    }

    fn null(&mut self) -> Option<()> {
        self.0 = self.0.strip_prefix(b"null")?;
        Some(())
    }

    fn skip_text_or_null(&mut self) -> Option<()> {
        if self.null().is_some() {
            return Some(());
        }
        self.expect(b'"')?;
        loop {
            match self.next()? {
                b'"' => return Some(()),
                b'\\' => drop(unescaped(self.next()?)?),
                0..0x20 => return None,
                _ => {}
            }
        }
    }

    /// Appends a string to the arena; gives whether there was null instead.
    fn value(&mut self, arena: &mut Vec<u8>) -> Option<bool> {
        if self.null().is_some() {
            return Some(true);
        }
        self.expect(b'"')?;
        let consumed = append_unescaped(self.0, arena)?;
        self.0 = self.0.get(consumed..)?;
        Some(false)
    }
}

/// What an escape of one letter stands for.
const fn unescaped(letter: u8) -> Option<u8> {
    Some(match letter {
        b'"' | b'\\' | b'/' => letter,
        b'n' => b'\n',
        b't' => b'\t',
        b'r' => b'\r',
        b'b' => 8,
        b'f' => 12,
        _ => return None,
    })
}

/// Unescapes up to the closing quote, in steps of eight bytes: a value that is JSON has an escape every few bytes, and a
/// call to copy each piece between two would cost more than the bytes. Gives how many bytes were read.
fn append_unescaped(text: &[u8], arena: &mut Vec<u8>) -> Option<usize> {
    let base = arena.len();
    arena.resize(base + text.len() + 8, 0);
    let out = arena.get_mut(base..)?;
    let (mut read, mut written) = (0, 0);
    loop {
        let special = if let Some(chunk) = text.get(read..).and_then(<[u8]>::first_chunk::<8>) {
            *out.get_mut(written..)?.first_chunk_mut()? = *chunk;
            let word = u64::from_le_bytes(*chunk);
            let found = lanes_with(word, b'"') | lanes_with(word, b'\\');
            let plain = (found.trailing_zeros() / 8) as usize;
            read += plain;
            written += plain;
            if found == 0 {
                continue;
            }
            *text.get(read)?
        } else {
            let byte = *text.get(read)?;
            if byte != b'"' && byte != b'\\' {
                *out.get_mut(written)? = byte;
                read += 1;
                written += 1;
                continue;
            }
            byte
        };
        if special == b'"' {
            arena.truncate(base + written);
            return Some(read + 1);
        }
        *out.get_mut(written)? = unescaped(*text.get(read + 1)?)?;
        read += 2;
        written += 1;
    }
}

/// The top bit of each byte lane that equals `byte`, exact up to the first such lane.
const fn lanes_with(word: u64, byte: u8) -> u64 {
    const ONES: u64 = u64::from_le_bytes([1; 8]);
    let differing = word ^ ONES.wrapping_mul(byte as u64);
    differing.wrapping_sub(ONES) & !differing & (ONES << 7)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::line;
    use super::*;

    /// A line's record and the arena it was read into.
    type Read<'a> = (Line<'a>, Vec<u8>);

    /// Both ways, each with its own arena.
    fn both(text: &[u8]) -> (Option<Read<'_>>, Result<Read<'_>, String>) {
        let (mut quick, mut general) = (b"x".to_vec(), b"x".to_vec());
        let by_quick = parse(text, &mut quick);
        assert!(by_quick.is_some() || quick == b"x", "what is left to the other leaves nothing behind");
        (by_quick.map(|line| (line, quick)), line::parse(text, &mut general).map(|line| (line, general)))
    }

    #[test]
    fn lines_as_recorded_take_the_short_way() {
        for text in [
            r#"{"topic": "cdc.orders_db.orders", "partition": 0, "offset": 12, "timestamp": 1795438991966, "key": "{\"id\":1}", "value": "{\"op\":\"c\",\"text\":\"a\\\\b\"}"}"#,
            r#"{"topic":"t","partition":2147483647,"offset":0,"timestamp":0,"key":null,"value":null}"#,
            r#" { "value" : "" , "timestamp" : 1 , "offset" : 1 , "partition" : 1 , "topic" : "é" } "#,
            r#"{"topic":"t","partition":1,"offset":1,"timestamp":1,"value":"日本\b\f\n\r\t\/é"}"#,
        ] {
            let (quick, general) = both(text.as_bytes());
            assert_eq!(quick, Some(general.unwrap()), "{text}");
        }
    }

    #[test]
    fn what_is_unusual_takes_the_general_way() {
        for text in [
            r#"{"topic":"t","partition":1,"offset":1,"timestamp":1,"value":"\u0041"}"#,
            r#"{"topic":"t","partition":1,"offset":1,"timestamp":1,"value":"v","headers":[]}"#,
            r#"{"topic":"t","partition":1,"offset":1,"value":"v"}"#,
            r#"{"topic":"t","partition":1,"offset":1,"timestamp":null,"value":"v"}"#,
            r#"{"topic":"t","topic":"t","partition":1,"offset":1,"timestamp":1,"value":"v"}"#,
            r#"{"topic":"t","partition":1,"offset":1,"timestamp":1,"value":"v","value":"w"}"#,
            r#"{"topic":"\/","partition":1,"offset":1,"timestamp":1,"value":"v"}"#,
            r#"{"topic":"t","partition":1,"offset":01,"timestamp":1,"value":"v"}"#,
            r#"{"topic":"t","partition":1,"offset":1e2,"timestamp":1,"value":"v"}"#,
            r#"{"topic":"t","partition":1,"offset":1,"timestamp":1,"value":"v"} x"#,
            r#"{"topic":"t","partition":1,"offset":1,"timestamp":1,"value":"\x"}"#,
            r#"{"topic":"t","partition":1,"offset":1,"timestamp":1,"value":"v"#,
            r#"{"topic":"t","partition":2147483648,"offset":1,"timestamp":1,"value":"v"}"#,
            r#"{"topic":"t","partition":1,"offset":1,"timestamp":999999999999999,"value":"v"}"#,
            r"[]",
            r"",
        ] {
            assert_eq!(both(text.as_bytes()).0, None, "{text}");
        }
    }

    /// Lines made of pieces that matter, so that many are nearly right.
    fn nearly_a_line() -> impl Strategy<Value = Vec<u8>> {
        let good = r#"{"topic":"t","partition":1,"offset":17,"timestamp":1795438991966,"key":"{\"id\":1}","value":"{\"op\":\"c\",\"before\":null,\"text\":\"a\\\\b\"}"}"#;
        let piece = proptest::sample::select(vec![
            "\"",
            "\\",
            "\\\"",
            "\\\\",
            "\\n",
            "\\u0041",
            "\\x",
            ",",
            ":",
            "{",
            "}",
            "0",
            "9",
            "-1",
            "1.5",
            "null",
            "é",
            "\u{1}",
            " ",
            "\"value\":",
            "\"key\":null,",
            "\"topic\":\"u\",",
            "a longer piece of text, for the eights",
        ]);
        let edit = (any::<proptest::sample::Index>(), 0..3_usize, piece);
        proptest::collection::vec(edit, 0..4).prop_map(move |edits| {
            let mut line = good.as_bytes().to_vec();
            for (at, cut, piece) in edits {
                let at = at.index(line.len() + 1);
                let end = (at + cut).min(line.len());
                line.splice(at..end, piece.bytes());
            }
            line
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4096))]

        #[test]
        fn the_short_way_answers_as_the_general_one(text in nearly_a_line()) {
            let (quick, general) = both(&text);
            if let Some(quick) = quick {
                prop_assert_eq!(Ok(quick), general);
            }
        }
    }
}
