//! The reader against `serde_json`'s `Value`: the same texts are accepted, with the same values.

use proptest::prelude::*;
use serde_json::Value;

use super::scan::{leading_digits, plain_bytes};
use super::*;

/// Stands for a key: whether the reader guessed it or searched for it, it must come out the same.
fn class(name: &str) -> u64 {
    xxhash_rust::xxh3::xxh3_64(name.as_bytes())
}

/// Builds the value that a text has by this reader alone; numbers by `serde_json` from their raw text.
fn build(reader: &mut Reader<'_>, hints: &mut KeyHints<u64>) -> Result<Value, Broken> {
    if reader.enter_object()? {
        let mut members = serde_json::Map::new();
        let mut slot = 0;
        while let Some(found) = reader.next_member(hints, slot, |key| class(key.name()))? {
            slot += 1;
            let key: String = serde_json::from_str(&format!("\"{}\"", reader.last_key())).unwrap();
            assert_eq!(found, class(&key), "{key}");
            members.insert(key, build(reader, hints)?);
        }
        return Ok(Value::Object(members));
    }
    let text = reader.text;
    let raw = reader.value()?.of(text);
    Ok(match raw.kind() {
        Kind::String => Value::String(raw.string().unwrap().into_owned()),
        // Arrays are only ever skipped: their text is what counts.
        _ => serde_json::from_str(raw.text()).unwrap_or_else(|error| panic!("{}: {error}", raw.text())),
    })
}

fn read(text: &str, hints: &mut KeyHints<u64>) -> Result<Value, Broken> {
    let mut reader = Reader::new(text);
    let value = build(&mut reader, hints)?;
    reader.end().map(|()| value)
}

/// The reader's and `serde_json`'s opinions of a text must agree, whether it is built or skipped, and whatever keys the
/// reader expects: none, those of the text itself, or those of a related one.
fn agree(text: &str) {
    let expected = serde_json::from_slice::<Value>(text.as_bytes()).ok();
    let mut hints = KeyHints::default();
    assert_eq!(read(text, &mut hints).ok(), expected, "{text:?}");
    assert_eq!(read(text, &mut hints).ok(), expected, "{text:?} expected");
    let mut hints = KeyHints::default();
    let _ = read(r#"{"a":1,"b":{"c":2,"key":3},"k":4}"#, &mut hints);
    assert_eq!(read(text, &mut hints).ok(), expected, "{text:?} after another");
    let mut reader = Reader::new(text);
    let skipped = reader.value().and_then(|_| reader.end());
    assert_eq!(skipped.is_ok(), expected.is_some(), "{text:?} {skipped:?}");
}

#[test]
fn numbers_agree() {
    let long = |digits: usize| "9".repeat(digits);
    for number in [
        "0",
        "-0",
        "1",
        "-1",
        "10",
        "01",
        "-01",
        "00",
        "1.",
        "1.0",
        ".5",
        "-.5",
        "+1",
        "-",
        "--1",
        "1e",
        "1e+",
        "1e-",
        "1E5",
        "1e5",
        "1e+5",
        "1e-5",
        "1.e5",
        "1.5e05",
        "0e5",
        "0x1",
        "1a",
        "1 ",
        "12345678",
        "123456789",
        "1234567:",
        "1234567/",
        "1e308",
        "1e309",
        "-1e308",
        "-1e309",
        "1.7976931348623157e308",
        "1.7976931348623158e308",
        "1.7976931348623159e308",
        "17976931348623157e292",
        "0e400",
        "0.0e99999999999",
        "0e99999999999",
        "1e99999999999",
        "1e-99999999999",
        "1e-400",
        "0.00000000000000000000000000000000000000001e330",
        "1e2147483647",
        "1e2147483648",
        "1e-2147483648",
        "NaN",
        "Infinity",
    ] {
        agree(number);
        agree(&format!("[{number}]"));
        agree(&format!("{{\"a\":{number}}}"));
    }
    for number in [
        long(300),
        long(308),
        long(309),
        long(310),
        long(400),
        format!("0.{}", long(400)),
        format!("{}e-200", long(400)),
        format!("0.{}1e330", "0".repeat(320)),
        format!("1{}", "0".repeat(308)),
        format!("{}.5", long(308)),
        format!("{}.", long(400)),
    ] {
        agree(&number);
        agree(&format!("[-{number}]"));
    }
}

#[test]
fn strings_agree() {
    for inner in [
        "",
        "a",
        "1234567",
        "12345678",
        "123456789",
        "日本語",
        "😀",
        "\u{7f}",
        "\u{80}",
        "\\\"",
        "\\\\",
        "\\/",
        "\\b\\f\\n\\r\\t",
        "\\a",
        "\\",
        "\\u",
        "\\u0",
        "\\u00",
        "\\u004",
        "\\u0041",
        "\\u004g",
        "\\u00e9",
        "\\uD83D\\uDE00",
        "\\ud83d\\ude00x",
        "\\ud800",
        "\\udc00",
        "\\ud800\\n",
        "\\ud800\\u0041",
        "\\ud800\\ud800",
        "\\ud800\\u",
        "\\ud800\\udc0",
        "\\udbff\\udfff",
        "\\ud800x",
        "\\uFFFF",
        "\\u0000",
        "\\U0041",
        "\0",
        "\u{1f}",
        "\n",
        "\t",
        "\u{b}",
        "abcdefg\u{1}",
        "abcdefgh\u{1}",
        "abcdefghij\\",
        "\u{2028}",
        "a\u{300}",
        "\\u+041",
        "\\ue9 1",
    ] {
        agree(&format!("\"{inner}\""));
        agree(&format!("\"{inner}"));
        agree(&format!("{{\"{inner}\":1}}"));
        agree(&format!("[\"{inner}\",\"padding to more than eight bytes\"]"));
    }
}

#[test]
fn structures_agree() {
    for text in [
        "",
        " ",
        "{}",
        "[]",
        "{ }",
        "[ ]",
        "{,}",
        "[,]",
        "[1,]",
        "[,1]",
        "{\"a\"}",
        "{\"a\":}",
        "{\"a\":1,}",
        "{\"a\":1 \"b\":2}",
        "[1 2]",
        "{\"a\":1]",
        "[1}",
        "[1",
        "{\"a\":1",
        "{\"a\":[1,{\"b\":[]}]}",
        "{1:2}",
        "{a:1}",
        "{null:1}",
        "null",
        "nul",
        "nulll",
        "true",
        "tru",
        "false",
        "fals",
        "truefalse",
        "\u{feff}{}",
        "{} {}",
        "[]]",
        "\u{c}1",
        "\u{a0}1",
        " \t\r\n{ \"a\" : [ 1 , 2 ] } \n",
        "{\"a\":1,\"a\":{\"b\":1},\"a\":{\"c\":1}}",
        "{\"a\":1,\"\\u0061\":2}",
        "/**/1",
        "'a'",
        "[[[[]]],[{}],{\"x\":[{},[]]}]",
        "]",
        "}",
        ":",
        ",",
        "\0",
        "{\"a\":1}\0",
    ] {
        agree(text);
    }
}

#[test]
fn depths_agree() {
    for levels in [1, 63, 64, 65, 126, 127, 128, 129, 10_000] {
        let arrays = format!("{}{}", "[".repeat(levels), "]".repeat(levels));
        let objects = format!("{}1{}", "{\"a\":".repeat(levels), "}".repeat(levels));
        let mixed = format!("{}1{}", "[{\"a\":".repeat(levels), "}]".repeat(levels));
        for text in [&arrays, &objects, &mixed] {
            // `build` itself recurses over objects, within the reader's limit.
            agree(text);
            agree(text.get(..text.len() - 1).unwrap());
            agree(&format!("[{text},{text}]"));
        }
        assert_eq!(read(&arrays, &mut KeyHints::default()).is_ok(), levels < 128);
    }
}

#[test]
fn a_guess_is_not_taken_where_the_comma_is_wrong() {
    let mut hints = KeyHints::default();
    let long = "\"padding\":\"more than sixteen bytes\"";
    for text in [
        format!("{{\"a\":1,\"b\":2,{long}}}"),
        format!("{{,\"a\":1,{long}}}"),
        format!("{{\"a\":1\"b\":2,{long}}}"),
        format!("{{\"a\":1,,\"b\":2,{long}}}"),
        format!("{{\"a\":1,{long},}}"),
    ] {
        let expected = serde_json::from_str::<Value>(&text).ok();
        assert_eq!(read(&text, &mut hints).ok(), expected, "{text}");
    }
    // The rest of an object, as behind a known schema, begins with a comma; a whole one must not.
    let rest = format!(",\"payload\":1,{long}}}");
    let mut reader = Reader::behind_member(&rest);
    assert_eq!(reader.next_member(&mut hints, 0, |key| class(key.name())), Ok(Some(class("payload"))));
    assert!(read(&format!("{{{rest}"), &mut hints).is_err());
    let mut reader = Reader::behind_member(&rest);
    assert_eq!(reader.next_member(&mut hints, 0, |key| class(key.name())), Ok(Some(class("payload"))));
    assert_eq!(reader.last_key(), "payload");
}

#[test]
fn the_last_key_names_the_place() {
    let mut reader = Reader::new(r#"{"a":1,"b":{"c":[1,2,{"d":x}]}}"#);
    assert_eq!(reader.value(), Err(Broken));
    assert_eq!(reader.error(), Some(JsonError { fault: Fault::Value, at: 26, token: 26 }));
    assert_eq!(reader.last_key(), "d");
}

const WHOLE_TOKENS: &[&str] =
    &["\"a\"", "\"\"", "\"b\":1", "\"k\":", "\"key\":{", "1", "0", "-1.5", "null", "true", "false", "\"12345678\""];
const BROKEN_TOKENS: &[&str] =
    &["\"", "\\", "\\u00", "\\ud83d", "\\ude00", "e", ".", "-", "01", "1e999", "1e5", "\n", "\u{1}", "é", "😀", "nul"];

/// JSON-like text: tokens and fragments that go wrong in interesting places, strung together.
fn fragments() -> impl Strategy<Value = String> {
    let token = prop_oneof![
        8 => prop::sample::select(vec!["{", "}", "[", "]", ",", ":", " "]),
        4 => prop::sample::select(WHOLE_TOKENS),
        1 => prop::sample::select(BROKEN_TOKENS),
    ];
    prop::collection::vec(token, 0..24).prop_map(|tokens| tokens.concat())
}

/// Bytes around those that the scans look for.
fn near_the_limits() -> impl Strategy<Value = u8> {
    prop_oneof![any::<u8>(), 0x1e_u8..0x24, 0x2f_u8..0x3b, Just(b'a'), Just(b'\\')]
}

fn values() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,20}".prop_map(Value::String),
    ];
    leaf.prop_recursive(6, 40, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::Array),
            prop::collection::vec((".{0,10}", inner), 0..6)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1024, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn fragments_agree(text in fragments()) {
        agree(&text);
    }

    #[test]
    fn values_agree(
        value in values(),
        cut in any::<prop::sample::Index>(),
        with in any::<char>(),
        pretty in any::<bool>(),
    ) {
        let text = if pretty { serde_json::to_string_pretty(&value) } else { serde_json::to_string(&value) }.unwrap();
        agree(&text);
        // One character replaced.
        let mut chars: Vec<char> = text.chars().collect();
        let at = cut.index(chars.len());
        chars[at] = with;
        agree(&chars.iter().collect::<String>());
        agree(&chars[..at].iter().collect::<String>());
    }

    #[test]
    fn scanning_eight_at_a_time_is_scanning_one_by_one(bytes in prop::collection::vec(near_the_limits(), 0..40)) {
        let plain = bytes.iter().position(|&byte| byte < 0x20 || byte == b'"' || byte == b'\\');
        prop_assert_eq!(plain_bytes(&bytes), plain.unwrap_or(bytes.len()));
        let digits = bytes.iter().position(|byte| !byte.is_ascii_digit());
        prop_assert_eq!(leading_digits(&bytes), digits.unwrap_or(bytes.len()));
    }
}
