//! 64-bit numbers in JSON as 16 hexadecimal digits: readers that hold numbers as doubles would round them.

use serde::{Deserialize as _, Deserializer, Serializer, de::Error as _};

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
pub(super) fn serialize<S: Serializer>(value: &u64, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&format_args!("{value:016x}"))
}

pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
    let digits = text.len() == 16 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let value = digits.then(|| u64::from_str_radix(&text, 16).ok()).flatten();
    value.ok_or_else(|| D::Error::custom(format_args!("{text:?} is not 16 hexadecimal digits")))
}
