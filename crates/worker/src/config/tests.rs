//! Layers, refusals with their exact texts, and that a value means the same wherever it is given.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::io;
use std::path::Path;

use super::*;
use crate::decimal::Decimal;
use crate::event::{Op, OpSet};

/// A machine of a test's own.
#[derive(Default)]
struct Machine<'a> {
    files: &'a [(&'a str, &'a str)],
    environment: &'a [(&'a str, &'a str)],
    memory: Option<u64>,
    set: &'a [&'a str],
    overrides: &'a [(&'static str, &'a str, &'static str)],
    file_flag: bool,
}

impl Machine<'_> {
    fn with_host<T>(&self, run: impl FnOnce(&Host<'_>) -> T) -> T {
        let read = |path: &Path| {
            let file = self.files.iter().find(|(name, _)| Path::new(name) == path);
            file.map(|(_, text)| (*text).to_owned()).ok_or_else(|| io::ErrorKind::NotFound.into())
        };
        let variable = |(name, value): &(&str, &str)| (OsString::from(name), OsString::from(value));
        run(&Host {
            environment: self.environment.iter().map(variable).collect(),
            read: &read,
            memory_limit_bytes: self.memory,
        })
    }

    fn values(&self) -> Result<Values, ConfigError> {
        let flags = Flags {
            file: self.file_flag.then(|| "worker.toml".into()),
            set: self.set.iter().map(|&text| text.to_owned()).collect(),
            overrides: self
                .overrides
                .iter()
                .map(|&(key, text, flag)| Override { key, text: text.to_owned(), flag })
                .collect(),
        };
        self.with_host(|host| Values::load(&flags, host))
    }

    fn settings(&self) -> Result<Settings, ConfigError> {
        let values = self.values()?;
        self.with_host(|host| Settings::read(&values, host))
    }

    fn refusal(&self) -> String {
        let error = self.settings().expect_err("must be refused");
        let text = error.to_string();
        assert!(!text.contains('\n'), "one line: {text}");
        text
    }
}

fn file(text: &str, run: impl FnOnce(&Machine<'_>)) {
    run(&Machine { files: &[("worker.toml", text)], file_flag: true, ..Machine::default() });
}

fn shown(values: &Values, key: &str) -> String {
    let entry = values.get(key).unwrap();
    format!("{} # {}", entry.value, entry.origin)
}

#[test]
fn defaults_are_the_contracts() {
    let settings = Machine::default().settings().unwrap();
    assert_eq!(settings.language, Language::Korean);
    assert_eq!(settings.zone.iana_name(), Some("Asia/Seoul"));
    assert_eq!((settings.format, settings.time), (Format::Text, TimeMode::Processing));
    assert_eq!((settings.clock, settings.parallelism), (ReplayClock::Record, 2));
    assert_eq!(settings.kafka.bootstrap, "127.0.0.1:9092");
    assert_eq!(settings.kafka.topic, "cdc.orders_db.orders");
    assert_eq!(settings.kafka.group, "cdc-worker");
    assert_eq!(settings.kafka.from, StartFrom::Earliest);
    assert_eq!(settings.kafka.fetch_queue_bytes, 8_388_608);
    assert_eq!(settings.kafka.security, Security::default());
    assert_eq!((settings.source.database.as_str(), settings.source.table.as_str()), ("orders_db", "orders"));
    assert_eq!(settings.source.max_line_bytes, 67_108_864);
    let policies = (settings.source.on_recreated_topic, settings.source.on_lost_records);
    assert_eq!(policies, (OnRecreatedTopic::Stop, OnLostRecords::Stop));
    assert_eq!((settings.agg.window_ms, settings.agg.ops), (300_000, OpSet::ALL));
    let time = settings.event_time;
    assert_eq!((time.out_of_orderness_ms, time.idle_after_ms), (5000, 30_000));
    assert_eq!((time.allowed_lateness_ms, time.max_ahead_ms), (0, 3_600_000));
    let rules = settings.rules;
    assert_eq!((rules.large_order.enabled, rules.large_order.threshold), (true, 500));
    assert_eq!(rules.high_amount.threshold, Decimal::parse("100000000").unwrap());
    assert_eq!(rules.price_spike.threshold, Decimal::parse("5").unwrap());
    let rapid = rules.rapid_orders;
    assert_eq!((rapid.count, rapid.window_ms, rapid.quiet_ms, rapid.ops), (5, 10_000, 10_000, OpSet::ALL));
    assert_eq!((settings.epoch.max_records, settings.epoch.max_bytes), (4096, 4_194_304));
    let state = settings.state;
    let backend = if cfg!(feature = "rocksdb") { StateBackend::Rocksdb } else { StateBackend::Memory };
    assert_eq!((state.backend, state.directory), (backend, "state".into()));
    assert_eq!((state.memory_bytes, state.hot_symbols), (33_554_432, 50_000));
    assert_eq!((state.checkpoints_directory, state.savepoints_directory), ("checkpoints".into(), "savepoints".into()));
    assert_eq!((state.checkpoint_interval_ms, state.checkpoints_kept), (60_000, 3));
    assert!(settings.sink.stdout && settings.raw.enabled);
    assert_eq!((settings.sink.file, settings.sink.dead_letters), (None, "dead-letters.ndjson".into()));
    assert_eq!(settings.web.listen.to_string(), "127.0.0.1:8081");
    assert_eq!(settings.web.token, None);
    assert_eq!((settings.log.level, settings.log.format), (LogLevel::Info, LogFormat::Auto));
    assert_eq!((settings.demo.rate, settings.demo.seed, settings.demo.window_ms), (200, 1, 20_000));
}

#[test]
fn the_table_is_sound() {
    let keys: BTreeSet<&str> = KNOBS.iter().map(|knob| knob.key).collect();
    assert_eq!(keys.len(), KNOBS.len(), "keys are unique");
    let variables: BTreeSet<String> = KNOBS.iter().map(Knob::environment_name).collect();
    assert_eq!(variables.len(), KNOBS.len(), "variables are unique");
    assert!(!variables.contains(FILE_VARIABLE));
    for knob in KNOBS {
        // Each default passes its own check, given as text.
        let text = match knob.default_value() {
            Value::Bool(value) => value.to_string(),
            Value::Integer(value) => value.to_string(),
            Value::Text(text) => text,
            Value::List(words) => words.join(","),
            Value::Secret(_) => String::new(),
        };
        assert_eq!(value::from_text(knob, &text), Ok(knob.default_value()), "{}", knob.key);
        assert!(!knob.help.is_empty() && !knob.help.contains('\n') && !knob.allowed().is_empty(), "{}", knob.key);
        assert!(knob.key.split('.').count() <= 4, "{}: the file's reader goes no deeper", knob.key);
        if knob.is_secret() {
            assert!(find(&format!("{}_file", knob.key)).is_some(), "{} can stand in a file", knob.key);
        }
    }
}

#[test]
fn every_knob_reaches_the_settings() {
    let without = format!("{:?}", Machine::default().settings().unwrap());
    let tls = "kafka.security_protocol=sasl_ssl";
    let beside = [tls, "kafka.sasl_username=u", "kafka.ssl_certificate_file=c", "kafka.ssl_key_file=k"];
    let files = [("c", "PEM"), ("k", "PEM"), ("s", "secret\n"), ("other", "text")];
    let secured = |set: &[&str], environment: &[(&str, &str)]| {
        let set: Vec<&str> = beside.iter().chain(set).copied().collect();
        let machine = Machine { files: &files, set: &set, environment, ..Machine::default() };
        format!("{:?}", machine.settings().unwrap())
    };
    let security = secured(&[], &[("CDC_WORKER_KAFKA_SASL_PASSWORD", "p")]);
    for knob in KNOBS {
        let other = match (knob.key, knob.kind) {
            ("kafka.from", _) => "group:other",
            ("zone", _) => "UTC",
            ("source.table", _) => "shop.other",
            ("web.listen", _) => "127.0.0.1:9",
            ("web.otlp_endpoint", _) => "http://collector:4318/v1/metrics",
            ("kafka.sasl_mechanism", _) => "PLAIN",
            ("sink.clickhouse.url", _) => "http://other:8123",
            ("sink.clickhouse.decimal_digits", _) => "38",
            (_, Kind::Bool) if knob.default_value() == Value::Bool(true) => "false",
            (_, Kind::Bool) => "true",
            (_, Kind::Integer { max, .. }) => &max.to_string(),
            (_, Kind::Choice(words)) => {
                words.iter().find(|&&word| knob.default_value() != Value::Text(word.into())).unwrap()
            }
            (_, Kind::Decimal { .. }) => "7.25",
            (_, Kind::Ops { .. }) => "c",
            (_, Kind::Text { .. } | Kind::Secret) => "other",
        };
        let set = format!("{}={other}", knob.key);
        let variable = (knob.environment_name(), other);
        let environment = [("CDC_WORKER_KAFKA_SASL_PASSWORD", "p"), (variable.0.as_str(), variable.1)];
        match knob.key {
            // Secrets are hidden, so what shows is whether there is one, and their text is tested elsewhere.
            "kafka.sasl_password" | "kafka.sasl_password_file" | "kafka.security_protocol" => {}
            "kafka.ssl_certificate_file" | "kafka.ssl_key_file" | "kafka.sasl_username" => {
                let environment = [("CDC_WORKER_KAFKA_SASL_PASSWORD", "p")];
                assert_ne!(secured(&[&set], &environment), security, "{}", knob.key);
            }
            key if key.starts_with("kafka.s") => assert_ne!(secured(&[], &environment), security, "{key}"),
            "web.otlp_interval_ms" => {
                let with = |set: &[&str]| {
                    let set = [&["web.otlp_endpoint=http://c/"][..], set].concat();
                    format!("{:?}", Machine { set: &set, ..Machine::default() }.settings().unwrap())
                };
                assert_ne!(with(&[&set]), with(&[]));
            }
            "web.token" | "web.token_file" => {
                let machine = Machine { files: &files, environment: &environment[1..], ..Machine::default() };
                assert_ne!(format!("{:?}", machine.settings().unwrap()), without, "{}", knob.key);
            }
            // What an output that is off does not have.
            key if key.starts_with("sink.kafka.") => {
                // It needs a state that lasts, which not every build has by default.
                let (lasting, on) = ("state.backend=rocksdb", "sink.kafka.enabled=true");
                let text = |set: &[&str]| format!("{:?}", Machine { set, ..Machine::default() }.settings().unwrap());
                let before = if key.ends_with("enabled") { text(&[lasting]) } else { text(&[lasting, on]) };
                assert_ne!(text(&[lasting, on, &set]), before, "{key}");
            }
            key if key.starts_with("sink.clickhouse.") => {
                let (lasting, on) = ("state.backend=rocksdb", "sink.clickhouse.url=https://clickhouse:8443");
                let text = |set: &[&str], environment: &[(&str, &str)]| {
                    let machine = Machine { files: &files, set, environment, ..Machine::default() };
                    format!("{:?}", machine.settings().unwrap())
                };
                // Given as a variable, as secrets can be: they are not taken from a flag.
                let given = &environment[1..];
                if key.ends_with("url") {
                    assert_ne!(text(&[lasting], given), text(&[lasting], &[]), "{key}");
                } else {
                    assert_ne!(text(&[lasting, on], given), text(&[lasting, on], &[]), "{key}");
                    assert_eq!(text(&[lasting], given), text(&[lasting], &[]), "{key}: it is off");
                }
            }
            key => {
                let machine = Machine { set: &[&set], ..Machine::default() };
                assert_ne!(format!("{:?}", machine.settings().unwrap()), without, "{key}");
            }
        }
    }
}

#[test]
fn later_layers_win_and_are_named() {
    let files =
        [("worker.toml", "[agg]\nwindow_ms = 60_000\nops = [\"c\", \"u\"]\n\n[rules.large_order]\nthreshold=1\n")];
    let machine = Machine { files: &files, file_flag: true, ..Machine::default() };
    let values = machine.values().unwrap();
    assert_eq!(shown(&values, "agg.window_ms"), "60000 # file worker.toml:2");
    assert_eq!(shown(&values, "agg.ops"), r#"["c", "u"] # file worker.toml:3"#);
    assert_eq!(shown(&values, "rules.large_order.threshold"), "1 # file worker.toml:6");
    assert_eq!(shown(&values, "language"), "\"ko\" # default");

    let machine = Machine { environment: &[("CDC_WORKER_AGG_WINDOW_MS", "70000")], ..machine };
    assert_eq!(shown(&machine.values().unwrap(), "agg.window_ms"), "70000 # env CDC_WORKER_AGG_WINDOW_MS");
    let machine = Machine { set: &["agg.window_ms=80000", "agg.window_ms = 90000"], ..machine };
    assert_eq!(shown(&machine.values().unwrap(), "agg.window_ms"), "90000 # flag --set");
    let machine = Machine { overrides: &[("agg.window_ms", "95000", "--window")], ..machine };
    assert_eq!(shown(&machine.values().unwrap(), "agg.window_ms"), "95000 # flag --window");
    let settings = machine.settings().unwrap();
    let ops = OpSet::NONE.with(Op::Create).with(Op::Update);
    assert_eq!((settings.agg.window_ms, settings.agg.ops), (95_000, ops));
}

#[test]
fn the_file_is_the_flags_then_the_variables_then_none() {
    let files = [("worker.toml", "zone = \"UTC\""), ("other.toml", "zone = \"Europe/Paris\"")];
    let environment = [(FILE_VARIABLE, "other.toml")];
    let by_variable = Machine { files: &files, environment: &environment, ..Machine::default() };
    assert_eq!(shown(&by_variable.values().unwrap(), "zone"), "\"Europe/Paris\" # file other.toml:1");
    let by_flag = Machine { file_flag: true, ..by_variable };
    assert_eq!(shown(&by_flag.values().unwrap(), "zone"), "\"UTC\" # file worker.toml:1");
    let none = Machine { environment: &[(FILE_VARIABLE, "")], ..Machine::default() };
    assert_eq!(none.values().unwrap(), Values::defaults());
}

#[test]
fn other_programs_variables_are_left_alone() {
    let environment = [
        ("PATH", "/bin"),
        ("CDC_WORKERS", "5"),
        ("cdc_worker_zone", "UTC"),
        // Kubernetes, for a service called cdc-worker.
        ("CDC_WORKER_SERVICE_HOST", "10.0.0.7"),
        ("CDC_WORKER_SERVICE_PORT", "8081"),
        ("CDC_WORKER_SERVICE_PORT_HTTP", "8081"),
        ("CDC_WORKER_PORT", "tcp://10.0.0.7:8081"),
        ("CDC_WORKER_PORT_8081_TCP_ADDR", "10.0.0.7"),
    ];
    assert_eq!(Machine { environment: &environment, ..Machine::default() }.values().unwrap(), Values::defaults());
    let environment = [("CDC_WORKER_PORT", "8082")];
    assert!(Machine { environment: &environment, ..Machine::default() }.values().is_err());
}

mod contradictions;
mod equal;
mod refusals;
