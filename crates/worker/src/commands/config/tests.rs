//! What `worker config` prints.

use std::ffi::OsString;
use std::path::Path;

use super::*;
use crate::cli::{Command, parse_from};

const TOML: &str = "[kafka]\nsecurity_protocol = \"sasl_plaintext\"\nsasl_username = \"me\"\n";

fn run(line: &str) -> (String, Result<(), ConfigCommandError>) {
    let cli = parse_from(line.split_whitespace()).unwrap();
    let Command::Config(arguments) = &cli.command else { panic!("{line}") };
    let environment = [("CDC_WORKER_AGG_WINDOW_MS", "60000"), ("CDC_WORKER_KAFKA_SASL_PASSWORD", "hunter2")];
    let environment = environment.map(|(name, value)| (OsString::from(name), OsString::from(value))).to_vec();
    let read = |path: &Path| {
        assert_eq!(path, Path::new("w.toml"));
        Ok(TOML.to_owned())
    };
    let host = Host { environment, read: &read, memory_limit_bytes: None };
    let mut out = Vec::new();
    let result = execute(arguments, &cli.flags(), &host, &mut out);
    (String::from_utf8(out).unwrap(), result)
}

#[test]
fn one_line_a_key_with_its_source() {
    let (text, result) = run("worker config --config w.toml --language en --set epoch.max_records=7");
    result.unwrap();
    for line in [
        "language = \"en\"                                           # flag --language",
        "zone = \"Asia/Seoul\"                                       # default",
        "kafka.sasl_username = \"me\"                                # file w.toml:3",
        "kafka.sasl_password = \"(hidden)\"                          # env CDC_WORKER_KAFKA_SASL_PASSWORD",
        "kafka.sasl_password_file = \"\"                             # default",
        "agg.window_ms = 60000                                     # env CDC_WORKER_AGG_WINDOW_MS",
        "agg.ops = [\"c\", \"u\", \"d\", \"r\"]                            # default",
        "epoch.max_records = 7                                     # flag --set",
    ] {
        assert!(text.lines().any(|printed| printed == line), "{line}\n{text}");
    }
    assert_eq!(text.lines().filter(|line| !line.is_empty()).count(), KNOBS.len());
    assert!(!text.contains("hunter2"));
}

#[test]
fn the_text_is_toml_and_the_json_says_the_same() {
    let arguments = "--config w.toml --language en --set epoch.max_records=7";
    let (text, result) = run(&format!("worker config {arguments}"));
    result.unwrap();
    let (json, result) = run(&format!("worker config --json {arguments}"));
    result.unwrap();
    let table: toml::Table = text.parse().unwrap();
    let json: serde_json::Map<String, serde_json::Value> = serde_json::from_str(&json).unwrap();
    assert_eq!(json.len(), KNOBS.len());
    for (key, line) in &json {
        let in_toml = key.split('.').fold(Some(&toml::Value::Table(table.clone())).cloned(), |value, part| {
            value.and_then(|value| value.get(part).cloned())
        });
        assert_eq!(serde_json::to_value(in_toml).unwrap(), line["value"], "{key}");
    }
    assert_eq!(json["epoch.max_records"], serde_json::json!({"value": 7, "source": "flag --set"}));
    assert_eq!(json["kafka.sasl_password"]["value"], HIDDEN);
}

#[test]
fn the_json_is_in_the_tables_order() {
    let (json, _) = run("worker config --config w.toml --json");
    let places: Vec<usize> = KNOBS.iter().map(|knob| json.find(&format!("\n  \"{}\"", knob.key)).unwrap()).collect();
    assert!(places.is_sorted());
}

#[test]
fn keys_are_a_file_that_says_nothing_new() {
    let (text, result) = run("worker config --keys");
    result.unwrap();
    let start = "# language of alert messages\n# takes \"ko\" or \"en\"; or CDC_WORKER_LANGUAGE\nlanguage = \"ko\"\n\n";
    assert!(text.starts_with(start), "{text}");
    let read = |_: &Path| Ok(text.clone());
    let host = Host { environment: Vec::new(), read: &read, memory_limit_bytes: None };
    let values = Values::load(&Flags { file: Some("keys.toml".into()), ..Flags::default() }, &host).unwrap();
    for (entry, knob) in values.entries().iter().zip(KNOBS) {
        assert_eq!(entry.value, knob.default_value(), "{}", knob.key);
        assert!(entry.origin.to_string().starts_with("file keys.toml:"), "{}", knob.key);
    }
    Settings::read(&values, &host).unwrap();

    let (json, result) = run("worker config --keys --json");
    result.unwrap();
    let lines: Vec<serde_json::Value> = serde_json::from_str(&json).unwrap();
    assert_eq!(lines.len(), KNOBS.len());
    assert_eq!(lines[0]["environment"], "CDC_WORKER_LANGUAGE");
}

#[test]
fn a_contradiction_is_refused_after_everything_is_printed() {
    let (text, result) = run("worker config");
    assert!(text.contains("kafka.sasl_password = \"(hidden)\""), "{text}");
    let error = result.unwrap_err();
    assert_eq!(error.exit(), Exit::Configuration);
    assert!(error.to_string().starts_with("kafka.sasl_password = \"(hidden)\""), "{error}");
}

#[test]
fn a_wrong_value_prints_nothing() {
    let (text, result) = run("worker config --set agg.window_ms=x");
    assert_eq!((text.as_str(), result.unwrap_err().exit()), ("", Exit::Configuration));
    let (text, result) = run("worker config --parallelism 0");
    assert_eq!((text.as_str(), result.unwrap_err().exit()), ("", Exit::Usage));
}

#[test]
fn a_closed_pipe_is_told() {
    struct Closed;
    impl Write for Closed {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::BrokenPipe.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let cli = parse_from(["worker", "config"]).unwrap();
    let Command::Config(arguments) = &cli.command else { panic!("config") };
    let read = |_: &Path| Err(io::ErrorKind::NotFound.into());
    let host = Host { environment: Vec::new(), read: &read, memory_limit_bytes: None };
    let error = execute(arguments, &cli.flags(), &host, &mut Closed).unwrap_err();
    assert_eq!((error.exit(), error.to_string()), (Exit::Failed, "writing the configuration: broken pipe".to_owned()));
}
