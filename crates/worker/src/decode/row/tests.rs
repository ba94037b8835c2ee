//! Columns, by tables.

use super::super::columns::ColumnTable;
use super::super::json::{KeyHints, Reader};
use super::*;

fn event(price: PriceEncoding) -> Event {
    Event { op: Op::Create, latency_ms: Some(4), source_time_ms: Some(9), price }
}

fn read_with(text: &str, columns: Columns, price: PriceEncoding) -> Result<OrderEvent, String> {
    let table = ColumnTable::new(columns);
    let mut row = RowText::default();
    row.read(&mut Reader::new(text), &table, &mut KeyHints::default()).unwrap();
    read(event(price), &row, text, table.columns()).map_err(|reason| reason.0.into_string())
}

fn read_default(text: &str) -> Result<OrderEvent, String> {
    read_with(text, Columns::default(), PriceEncoding::Unknown)
}

/// A good row with one member changed; an empty `value` leaves it out.
fn row(name: &str, value: &str) -> String {
    let members = [
        ("id", "7"),
        ("symbol", r#""A""#),
        ("side", r#""BUY""#),
        ("quantity", "3"),
        ("price", "\"2.50\""),
        ("status", r#""NEW""#),
    ];
    let members = members.map(|member| if member.0 == name { (name, value) } else { member });
    let members =
        members.iter().filter(|member| !member.1.is_empty()).map(|(name, value)| format!("\"{name}\":{value}"));
    format!("{{{}}}", members.collect::<Vec<_>>().join(","))
}

#[track_caller]
fn refused(name: &str, value: &str, words: &str) {
    assert_eq!(read_default(&row(name, value)), Err(words.to_owned()), "{name} = {value}");
}

#[track_caller]
fn accepted(name: &str, value: &str) -> OrderEvent {
    read_default(&row(name, value)).unwrap_or_else(|reason| panic!("{name} = {value}: {reason}"))
}

#[test]
fn a_row_becomes_an_event() {
    let expected = OrderEvent {
        op: Op::Create,
        order_id: OrderId::Integer(7),
        symbol: "A".into(),
        side: Side::Buy,
        quantity: 3,
        price: Decimal::parse("2.5").unwrap(),
        amount: Decimal::parse("7.5").unwrap(),
        status: Some("NEW".into()),
        latency_ms: Some(4),
        source_time_ms: Some(9),
    };
    assert_eq!(read_default(&row("", "")), Ok(expected));
}

#[test]
fn a_row_is_an_object() {
    assert_eq!(read_default("null"), Err("after: null".into()));
    assert_eq!(read_default("5"), Err("after: not an object: 5".into()));
    assert_eq!(read_default("[{}]"), Err("after: not an object: [{}]".into()));
    let missing = read(event(PriceEncoding::Unknown), &RowText::default(), "", &Columns::default());
    assert_eq!(missing, Err(Reason("after: missing".into())));
    let deleted = Event { op: Op::Delete, ..event(PriceEncoding::Unknown) };
    assert_eq!(read(deleted, &RowText::default(), "", &Columns::default()), Err(Reason("before: missing".into())));
}

#[test]
fn ids_are_integers_or_strings() {
    assert_eq!(accepted("id", "-9223372036854775808").order_id, OrderId::Integer(i64::MIN));
    assert_eq!(accepted("id", "9223372036854775807").order_id, OrderId::Integer(i64::MAX));
    assert_eq!(accepted("id", "9223372036854775808").order_id, OrderId::Unsigned(1 << 63));
    assert_eq!(accepted("id", "18446744073709551615").order_id, OrderId::Unsigned(u64::MAX));
    assert_eq!(accepted("id", "-0").order_id, OrderId::Integer(0));
    assert_eq!(accepted("id", r#""ord-1""#).order_id, OrderId::Text("ord-1".into()));
    assert_eq!(accepted("id", r#""""#).order_id, OrderId::Text("".into()));
    refused("id", "18446744073709551616", "id: beyond 64 bits: 18446744073709551616");
    refused("id", "-9223372036854775809", "id: beyond 64 bits: -9223372036854775809");
    refused("id", "1.0", "id: not an integer: 1.0");
    refused("id", "1e2", "id: not an integer: 1e2");
    refused("id", "true", "id: not an integer or a string: true");
    refused("id", "{}", "id: not an integer or a string: {}");
    refused("id", "null", "id: null");
    refused("id", "", "id: missing");
}

#[test]
fn the_fallback_is_read_where_id_is_nothing() {
    assert_eq!(accepted("id", r#"null,"order_id":5"#).order_id, OrderId::Integer(5));
    assert_eq!(accepted("status", r#"null,"order_id":5"#).order_id, OrderId::Integer(7));
    assert_eq!(accepted("id", r#"null,"order_id":"x""#).order_id, OrderId::Text("x".into()));
    refused("id", r#"null,"order_id":null"#, "id: null");
    refused("id", r#"true,"order_id":5"#, "id: not an integer or a string: true");
    refused("id", r#"null,"order_id":1.5"#, "order_id: not an integer: 1.5");
    let without_id = r#"{"order_id":null,"symbol":"A","quantity":1}"#;
    assert_eq!(read_default(without_id), Err("order_id: null".into()));
}

#[test]
fn symbols_are_any_string() {
    for (text, symbol) in [
        (r#""""#, ""),
        (r#""  A ""#, "  A "),
        (r#""\u0000""#, "\0"),
        (r#""\uD83D\uDE00日経""#, "😀日経"),
        (r#""a\"\\\/\b\f\n\r\tb""#, "a\"\\/\u{8}\u{c}\n\r\tb"),
    ] {
        assert_eq!(accepted("symbol", text).symbol, symbol);
    }
    refused("symbol", "null", "symbol: null");
    refused("symbol", "", "symbol: missing");
    refused("symbol", "5930", "symbol: not a string: 5930");
    refused("symbol", r#"["A"]"#, "symbol: not a string: [\"A\"]");
}

#[test]
fn quantities_are_integers_of_64_bits() {
    for (text, quantity) in
        [("0", 0), ("-5", -5), ("-0", 0), ("9223372036854775807", i64::MAX), ("-9223372036854775808", i64::MIN)]
    {
        assert_eq!(accepted("quantity", text).quantity, quantity);
    }
    refused("quantity", "9223372036854775808", "quantity: beyond 64 bits: 9223372036854775808");
    refused("quantity", "1.5", "quantity: not an integer: 1.5");
    refused("quantity", "1.0", "quantity: not an integer: 1.0");
    refused("quantity", "1e2", "quantity: not an integer: 1e2");
    refused("quantity", "1E2", "quantity: not an integer: 1E2");
    refused("quantity", "\"5\"", "quantity: not an integer: \"5\"");
    refused("quantity", "false", "quantity: not an integer: false");
    refused("quantity", "null", "quantity: null");
    refused("quantity", "", "quantity: missing");
}

#[test]
fn sides_are_any_string_or_nothing() {
    for (text, side) in [
        (r#""BUY""#, Side::Buy),
        (r#""SELL""#, Side::Sell),
        (r#""\u0042UY""#, Side::Buy),
        (r#""S\u0045LL""#, Side::Sell),
        (r#""buy""#, Side::Other("buy".into())),
        (r#""BUY ""#, Side::Other("BUY ".into())),
        (r#""""#, Side::Other("".into())),
        ("null", Side::Absent),
        ("", Side::Absent),
    ] {
        assert_eq!(accepted("side", text).side, side, "{text}");
    }
    refused("side", "1", "side: not a string: 1");
    refused("side", "{\"a\":\n1}", "side: not a string: {\"a\":\\n1}");
}

#[test]
fn statuses_are_strings_or_nothing() {
    assert_eq!(accepted("status", "\"\"").status, Some("".into()));
    assert_eq!(accepted("status", "null").status, None);
    assert_eq!(accepted("status", "").status, None);
    refused("status", "0", "status: not a string: 0");
    refused("status", "true", "status: not a string: true");
}

#[test]
fn prices_are_exact() {
    for (text, price, amount) in [
        ("\"72000.00\"", "72000", "216000"),
        ("72000.1", "72000.1", "216000.3"),
        ("1.23456789E7", "12345678.9", "37037036.7"),
        ("1e2", "100", "300"),
        ("\"-1.5\"", "-1.5", "-4.5"),
        ("-0", "0", "0"),
        ("\"\\u0031\"", "1", "3"),
        ("0.1000000000000000055511151231", "0.1000000000000000055511151231", "0.3000000000000000166533453693"),
        ("null", "0", "0"),
        ("", "0", "0"),
    ] {
        let event = accepted("price", text);
        assert_eq!((event.price.to_string(), event.amount.to_string()), (price.into(), amount.into()), "{text}");
    }
    refused("price", "\"12,5\"", "price: not a decimal: \"12,5\"");
    refused("price", "\"\"", "price: not a decimal: \"\"");
    refused("price", "\" 1\"", "price: not a decimal: \" 1\"");
    refused("price", "\"+1\"", "price: not a decimal: \"+1\"");
    refused("price", "\"NaN\\n\"", "price: not a decimal: \"NaN\\n\"");
    refused("price", "true", "price: not a decimal: true");
    refused("price", "{\"scale\":2}", "price: not a decimal: {\"scale\":2}");
    refused("price", "\"1e400\"", "price: beyond 65 digits or 30 decimals: \"1e400\"");
    refused("price", "1e300", "price: beyond 65 digits or 30 decimals: 1e300");
    refused("price", "1e-31", "price: beyond 65 digits or 30 decimals: 1e-31");
    let long = "9".repeat(300);
    refused("price", &long, &format!("price: beyond 65 digits or 30 decimals: {}…", "9".repeat(80)));
}

#[test]
fn base64_needs_the_schema() {
    let hint = "; if it is base64, its scale is unknown: set decimal.handling.mode=string in the connector, \
                or schemas.enable=true in its value converter";
    refused("price", "\"SgY=\"", &format!("price: not a decimal: \"SgY=\"{hint}"));
    let refused = |text: &str, encoding, words: &str| {
        let read = read_with(&row("price", text), Columns::default(), encoding);
        assert_eq!(read, Err(words.to_owned()), "{text}");
    };
    refused("\"SgY=\"", PriceEncoding::Text, "price: not a decimal: \"SgY=\"");
    refused("\"SgY=\"", PriceEncoding::BytesWithoutScale, "price: the schema says bytes but gives no scale: \"SgY=\"");
    let decimal = PriceEncoding::Decimal { scale: 2 };
    for text in ["SgY", "SgY==", "Sg-=", "", "12.5", "SgZ=", " SgY="] {
        let text = format!("\"{text}\"");
        refused(&text, decimal, &format!("price: not base64 although the schema says bytes: {text}"));
    }
    let huge = format!("\"{}\"", "f///".repeat(30));
    refused(&huge, decimal, &format!("price: beyond 65 digits or 30 decimals: {}…", &huge[..80]));
    let bad = format!("\"{}=\"", "f///".repeat(30));
    refused(&bad, decimal, &format!("price: not base64 although the schema says bytes: {}…", &bad[..80]));
}

#[test]
fn base64_is_read_by_the_schemas_scale() {
    const LARGEST: &str = "99999999999999999999999999999999999.999999999999999999999999999999";
    for (text, scale, price) in [
        ("SgY=", 2, "189.5"),
        ("AA==", 2, "0"),
        ("/w==", 0, "-1"),
        ("\\u0053gY=", 2, "189.5"),
        ("SgY=", 0, "18950"),
        ("SgY=", -2, "1895000"),
        // 10^65 − 1, the largest that MySQL has.
        ("APMWJxx/w5CKi+9GTjlF73olNgn//////////w==", 30, LARGEST),
    ] {
        let text = row("price", &format!("\"{text}\""));
        let event = read_with(&text, Columns::default(), PriceEncoding::Decimal { scale });
        assert_eq!(event.unwrap().price.to_string(), price, "{text}");
    }
    // With JsonConverter's decimal.format=NUMERIC the schema says Decimal and the value is a number.
    let numeric = read_with(&row("price", "189.50"), Columns::default(), PriceEncoding::Decimal { scale: 2 });
    assert_eq!(numeric.unwrap().price.to_string(), "189.5");
    let null = read_with(&row("price", "null"), Columns::default(), PriceEncoding::BytesWithoutScale);
    assert_eq!(null.unwrap().price, Decimal::ZERO);
}

#[test]
fn columns_have_the_configured_names() {
    let columns = Columns {
        id: "no".into(),
        symbol: "종목".into(),
        side: "type".into(),
        quantity: "qty".into(),
        price: "px".into(),
        status: "type".into(),
        ..Columns::default()
    };
    let read = |text| read_with(text, columns.clone(), PriceEncoding::Unknown);
    let event = read(r#"{"no":1,"\uc885목":"A","type":"SELL","qty":2,"px":1.5,"symbol":5,"price":"x"}"#).unwrap();
    assert_eq!((event.symbol.as_str(), event.side, event.quantity), ("A", Side::Sell, 2));
    assert_eq!((event.status.as_deref(), event.amount.to_string()), (Some("SELL"), "3".to_owned()));
    assert_eq!(read(r#"{"no":1,"종목":null,"qty":2}"#), Err("종목: null".into()));
    assert_eq!(read(r#"{"no":1,"종목":"A","qty":2.5}"#), Err("qty: not an integer: 2.5".into()));
    assert_eq!(read(r#"{"no":1,"종목":"A","qty":2,"px":"x"}"#), Err("px: not a decimal: \"x\"".into()));
}

#[test]
fn the_first_bad_column_gives_the_reason_whatever_the_order() {
    assert_eq!(read_default(r#"{"quantity":1.5,"price":"x","symbol":null,"id":1}"#), Err("symbol: null".into()));
    assert_eq!(
        read_default(r#"{"price":"x","status":1,"quantity":1.5,"symbol":"","id":1}"#),
        Err("quantity: not an integer: 1.5".into())
    );
}

#[test]
fn of_repeated_columns_the_last_wins() {
    assert_eq!(accepted("quantity", r#"null,"quantity":4"#).quantity, 4);
    refused("quantity", r#"4,"quantity":null"#, "quantity: null");
}
