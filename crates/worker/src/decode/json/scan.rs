//! Bytes scanned eight at a time.

const ONES: u64 = u64::MAX / 255;
const HIGH_BITS: u64 = ONES << 7;

/// How many bytes stand before the first quote, backslash or control character.
///
/// Eight at a time: a byte below `n` borrows into its high bit when `n` is taken away (Mycroft). A borrow can run into
/// the bytes above it, never below, so that the lowest mark is right.
#[inline(always)]
#[expect(clippy::inline_always, reason = "see `Reader::value`")]
pub(super) fn plain_bytes(bytes: &[u8]) -> usize {
    let mut at = 0;
    while let Some(chunk) = bytes.get(at..).and_then(<[u8]>::first_chunk::<8>) {
        let word = u64::from_le_bytes(*chunk);
        let quote = word ^ (ONES * u64::from(b'"'));
        let backslash = word ^ (ONES * u64::from(b'\\'));
        let marks = (word.wrapping_sub(ONES * 0x20) & !word)
            | (quote.wrapping_sub(ONES) & !quote)
            | (backslash.wrapping_sub(ONES) & !backslash);
        if marks & HIGH_BITS != 0 {
            return at + (marks & HIGH_BITS).trailing_zeros() as usize / 8;
        }
        at += 8;
    }
    let tail = bytes.get(at..).unwrap_or_default();
    at + tail.iter().position(|byte| matches!(byte, b'"' | b'\\' | 0..0x20)).unwrap_or(tail.len())
}

/// How many bytes at the beginning are digits, eight at a time.
#[inline(always)]
#[expect(clippy::inline_always, reason = "see `Reader::value`")]
pub(super) fn leading_digits(bytes: &[u8]) -> usize {
    let mut at = 0;
    while let Some(chunk) = bytes.get(at..).and_then(<[u8]>::first_chunk::<8>) {
        let off = u64::from_le_bytes(*chunk) ^ (ONES * u64::from(b'0'));
        // A byte's high bit is set where it is above 9: 0x76 + 10 = 0x80.
        let others = (((off & !HIGH_BITS) + ONES * 0x76) | off) & HIGH_BITS;
        if others != 0 {
            return at + others.trailing_zeros() as usize / 8;
        }
        at += 8;
    }
    let tail = bytes.get(at..).unwrap_or_default();
    at + tail.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(tail.len())
}
