//! Why a text is no JSON.

/// What is wrong with a text that is no JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::decode) enum Fault {
    /// The text stops in the middle of a value.
    End,
    /// Something else stands where a value should.
    Value,
    /// Something else stands where a key should.
    Key,
    /// Something else stands where the colon after a key should.
    Colon,
    /// Something else stands where a comma or the closing bracket should.
    Comma,
    /// A control character in a string that should be escaped.
    Control,
    /// An escape that JSON does not have.
    Escape,
    /// Half of a surrogate pair.
    Surrogate,
    /// Not JSON's grammar of numbers.
    Number,
    /// Beyond f64: `1e400`.
    Range,
    /// More than 127 levels.
    Depth,
    /// Something stands behind the value.
    Trailing,
}

impl Fault {
    /// In words, for a dead letter's reason.
    pub(in crate::decode) const fn words(self) -> &'static str {
        match self {
            Self::End => "not JSON, it stops in the middle",
            Self::Value => "not JSON, a value is expected",
            Self::Key => "not JSON, a key is expected",
            Self::Colon => "not JSON, a colon is expected",
            Self::Comma => "not JSON, a comma or a closing bracket is expected",
            Self::Control => "not JSON, a control character in a string",
            Self::Escape => "not JSON, no such escape",
            Self::Surrogate => "not JSON, half of a surrogate pair",
            Self::Number => "not JSON, not a number",
            Self::Range => "number out of range",
            Self::Depth => "more than 127 levels deep",
            Self::Trailing => "not JSON, bytes behind the value",
        }
    }
}

/// A text that is no JSON, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::decode) struct JsonError {
    /// What is wrong.
    pub(in crate::decode) fault: Fault,
    /// Byte at which it is wrong; the end of a number that is out of range.
    pub(in crate::decode) at: usize,
    /// Where the string or number begins that is wrong; else the same as `at`.
    pub(in crate::decode) token: usize,
}

/// The text is no JSON; the reader knows why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::decode) struct Broken;
