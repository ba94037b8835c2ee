//! Which keys to expect: a connector writes the same members in the same order, message after message.
//!
//! A guess that comes true is one comparison instead of a scan and a search. It changes the speed only: a hint is the
//! key's very bytes, with the comma before and the colon behind it.

/// Bytes that are compared at once; longer keys are never guessed.
const HINT_LEN: usize = 16;

/// Members of an object that are remembered.
const MAX_SLOTS: usize = 32;

/// The keys of one kind of object, by their place, each with what it means to its reader.
#[derive(Clone, Debug)]
pub(in crate::decode) struct KeyHints<T> {
    slots: Vec<Hint<T>>,
}

#[derive(Clone, Copy, Debug)]
struct Hint<T> {
    /// `,"key":`, without the comma if the key is its object's first; padded with zeros.
    bytes: u128,
    /// Covers as many bytes as the hint has.
    mask: u128,
    len: usize,
    first: bool,
    class: T,
}

impl<T> Default for KeyHints<T> {
    fn default() -> Self {
        Self { slots: Vec::new() }
    }
}

impl<T: Copy> KeyHints<T> {
    /// Whether the key expected at `slot` is what `rest` begins with: its class, and how many bytes it takes.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "see `Reader::value`")]
    pub(super) fn guess(&self, slot: usize, first: bool, rest: &[u8]) -> Option<(T, usize)> {
        let hint = self.slots.get(slot)?;
        let bytes = u128::from_le_bytes(*rest.first_chunk::<HINT_LEN>()?);
        (bytes & hint.mask == hint.bytes && hint.first == first).then_some((hint.class, hint.len))
    }

    /// Remembers a key that was not guessed, unless it is too long or there is white space or an escape in its text.
    #[cold]
    pub(super) fn learn(&mut self, slot: usize, first: bool, text: &[u8], class: T, escaped: bool) {
        let lead: &[u8] = if first { b"\"" } else { b",\"" };
        if escaped || text.len() > HINT_LEN || slot >= MAX_SLOTS || !text.starts_with(lead) || !text.ends_with(b"\":") {
            return;
        }
        let bytes = text.iter().rev().fold(0, |bytes, &byte| bytes << 8 | u128::from(byte));
        let mask = u128::MAX >> (8 * (HINT_LEN - text.len()));
        let hint = Hint { bytes, mask, len: text.len(), first, class };
        // Fills the places before it that could not be learnt: no byte is 1 and covered by no mask.
        let never = Hint { bytes: 1, mask: 0, ..hint };
        if slot >= self.slots.len() {
            self.slots.resize(slot + 1, never);
        }
        if let Some(place) = self.slots.get_mut(slot) {
            *place = hint;
        }
    }
}
