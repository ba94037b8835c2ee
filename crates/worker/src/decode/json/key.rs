//! Keys, told apart by their length and first eight bytes.

/// A name's length and its first eight bytes, padded with zeros: all of a name of at most eight bytes.
pub(in crate::decode) type Code = (usize, u64);

/// A member's key, escapes resolved.
#[derive(Clone, Copy, Debug)]
pub(in crate::decode) struct Key<'k> {
    name: &'k str,
    code: Code,
}

impl<'k> Key<'k> {
    /// A key on its own.
    pub(in crate::decode) const fn new(name: &'k str) -> Self {
        Self { name, code: code(name) }
    }

    /// The key's value.
    pub(in crate::decode) const fn name(&self) -> &'k str {
        self.name
    }

    /// What to match on; of a longer name compare the rest as well.
    #[inline]
    pub(in crate::decode) const fn code(&self) -> Code {
        self.code
    }
}

/// The code of `name`.
pub(in crate::decode) const fn code(name: &str) -> Code {
    let bytes = name.as_bytes();
    let mut head = 0;
    let mut index = 0;
    while index < bytes.len() && index < 8 {
        head |= (bytes[index] as u64) << (index * 8);
        index += 1;
    }
    (bytes.len(), head)
}
