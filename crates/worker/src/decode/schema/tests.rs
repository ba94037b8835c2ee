//! What schemas say, and that remembering them is safe.

use super::*;

fn schema(before: &str, after: &str) -> String {
    let row = |name, price| {
        format!(r#"{{"type":"struct","fields":[{{"type":"int64","field":"id"}},{price}],"field":"{name}"}}"#)
    };
    format!(r#"{{"type":"struct","fields":[{},{}],"name":"x.Envelope"}}"#, row("before", before), row("after", after))
}

fn price(more: &str) -> String {
    format!(r#"{{"type":"bytes","field":"price"{more}}}"#)
}

const DECIMAL_2: &str = r#","name":"org.apache.kafka.connect.data.Decimal","parameters":{"scale":"2"}"#;

#[test]
fn the_price_is_found_in_each_row() {
    for (before, after, expected) in [
        (price(DECIMAL_2), price(DECIMAL_2), [PriceEncoding::Decimal { scale: 2 }; 2]),
        (
            price("").replace("bytes", "string"),
            price(DECIMAL_2),
            [PriceEncoding::Text, PriceEncoding::Decimal { scale: 2 }],
        ),
        (
            price(DECIMAL_2).replace('2', "0"),
            price(r#","name":"x""#),
            [PriceEncoding::Decimal { scale: 0 }, PriceEncoding::BytesWithoutScale],
        ),
        (
            price(DECIMAL_2).replace("\"2\"", "-3"),
            "{}".into(),
            [PriceEncoding::Decimal { scale: -3 }, PriceEncoding::Unknown],
        ),
        (
            price(DECIMAL_2).replace("price", "fee"),
            price(DECIMAL_2).replace("\"2\"", "null"),
            [PriceEncoding::Unknown, PriceEncoding::BytesWithoutScale],
        ),
        (
            price(DECIMAL_2).replace("\"2\"", "\"x\""),
            price(DECIMAL_2).replace("\"2\"", "2.5"),
            [PriceEncoding::BytesWithoutScale; 2],
        ),
        (
            price(DECIMAL_2).replace("\"2\"", "99999999999"),
            price(DECIMAL_2).replace("parameters", "p"),
            [PriceEncoding::BytesWithoutScale; 2],
        ),
        // The type decides.
        (
            price(DECIMAL_2).replace("bytes", "string"),
            price(DECIMAL_2).replace("\"type\":\"bytes\",", ""),
            [PriceEncoding::Text, PriceEncoding::Text],
        ),
    ] {
        let text = schema(&before, &after);
        let [before, after] = expected;
        assert_eq!(PriceEncodings::of_schema(&text, "price"), PriceEncodings { before, after }, "{text}");
    }
}

#[test]
fn odd_schemas_say_nothing_of_decimals() {
    let unknown = PriceEncodings { before: PriceEncoding::Unknown, after: PriceEncoding::Unknown };
    for odd in
        ["null", "5", "[]", "{}", r#"{"fields":5}"#, r#"{"fields":[1,{"field":2},{"field":"after","fields":{}}]}"#]
    {
        assert_eq!(PriceEncodings::of_schema(odd, "price"), unknown, "{odd}");
    }
}

#[test]
fn only_a_whole_object_is_recognised() {
    let mut schemas = KnownSchemas::default();
    let text = schema(&price(DECIMAL_2), &price(""));
    let encodings = schemas.encodings(SchemaText::Text(&text), "price");
    assert_eq!(encodings.before, PriceEncoding::Decimal { scale: 2 });
    let message = format!("{{\"schema\":{text},\"payload\":1}}");
    assert_eq!(schemas.recognise(message.as_bytes()), Some((encodings, 10 + text.len())));
    assert_eq!(schemas.recognise(message.replacen("int64", "int32", 1).as_bytes()), None);
    assert_eq!(schemas.recognise(message.replacen(":{", ": {", 1).as_bytes()), None);
    assert_eq!(schemas.recognise(b"{}"), None);
    schemas.encodings(SchemaText::Text("12"), "price");
    assert_eq!(schemas.recognise(b"{\"schema\":123}"), None);
}

#[test]
fn memory_is_bounded() {
    let mut schemas = KnownSchemas::default();
    for number in 0..100 {
        schemas.encodings(SchemaText::Text(&format!("{{\"version\":{number}}}")), "price");
        schemas.encodings(SchemaText::Text("{\"version\":\"same\"}"), "price");
    }
    assert_eq!(schemas.known.len(), MAX_KNOWN);
    assert!(schemas.recognise(b"{\"schema\":{\"version\":99},").is_some());
    let long = format!("{{\"doc\":\"{}\"}}", "x".repeat(MAX_SCHEMA_LEN));
    schemas.encodings(SchemaText::Text(&long), "price");
    assert!(schemas.known.iter().all(|known| known.head.len() < 100));
}
