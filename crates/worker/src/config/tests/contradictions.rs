//! Values that are right one by one and wrong together, and secrets that stand in files.

use super::*;

const FILES: &[(&str, &str)] = &[
    ("password", "from file\n"),
    ("windows", "from file\r\n"),
    ("empty", "\n"),
    ("two", "one\ntwo\n"),
    ("ca.pem", "PEM"),
    ("cert.pem", "PEM"),
    ("key.pem", "PEM"),
];
const PASSWORD: (&str, &str) = ("CDC_WORKER_KAFKA_SASL_PASSWORD", "hunter2");

/// `--set`s, variables, the refusal.
type Case<'a> = (&'a [&'a str], &'a [(&'a str, &'a str)], &'a str);

fn machine<'a>(set: &'a [&'a str], environment: &'a [(&'a str, &'a str)]) -> Machine<'a> {
    Machine { files: FILES, set, environment, ..Machine::default() }
}

#[test]
fn kafka_security_is_refused_where_it_contradicts_itself() {
    let cases: &[Case<'_>] = &[
        (
            &[],
            &[PASSWORD],
            "kafka.sasl_password = \"(hidden)\" (env CDC_WORKER_KAFKA_SASL_PASSWORD) has no use with \
             kafka.security_protocol = \"plaintext\" (default); \
             set kafka.security_protocol to sasl_plaintext or sasl_ssl, or leave kafka.sasl_password out",
        ),
        (
            &["kafka.security_protocol=ssl", "kafka.sasl_username=me"],
            &[],
            "kafka.sasl_username = \"me\" (flag --set) has no use with kafka.security_protocol = \"ssl\" (flag --set); \
             set kafka.security_protocol to sasl_ssl, or leave kafka.sasl_username out",
        ),
        (
            &["kafka.security_protocol=sasl_plaintext", "kafka.ssl_ca_file=ca.pem"],
            &[],
            "kafka.ssl_ca_file = \"ca.pem\" (flag --set) has no use with \
             kafka.security_protocol = \"sasl_plaintext\" (flag --set); \
             set kafka.security_protocol to sasl_ssl, or leave kafka.ssl_ca_file out",
        ),
        (
            &["kafka.security_protocol=sasl_ssl"],
            &[PASSWORD],
            "kafka.security_protocol = \"sasl_ssl\" (flag --set) needs kafka.sasl_username; \
             set kafka.sasl_username, or kafka.security_protocol to plaintext or ssl",
        ),
        (
            &["kafka.security_protocol=sasl_ssl", "kafka.sasl_username=me"],
            &[],
            "kafka.security_protocol = \"sasl_ssl\" (flag --set) needs kafka.sasl_password_file; \
             set kafka.sasl_password_file, or kafka.security_protocol to plaintext or ssl",
        ),
        (
            &["kafka.security_protocol=ssl", "kafka.ssl_certificate_file=cert.pem"],
            &[],
            "kafka.ssl_certificate_file = \"cert.pem\" (flag --set) is of no use without kafka.ssl_key_file; \
             set kafka.ssl_key_file, or leave kafka.ssl_certificate_file out",
        ),
        (
            &["kafka.security_protocol=ssl", "kafka.ssl_key_file=key.pem"],
            &[],
            "kafka.ssl_key_file = \"key.pem\" (flag --set) is of no use without kafka.ssl_certificate_file; \
             set kafka.ssl_certificate_file, or leave kafka.ssl_key_file out",
        ),
        (
            &["kafka.security_protocol=ssl", "kafka.ssl_key_password_file=password"],
            &[],
            "kafka.ssl_key_password_file = \"password\" (flag --set) is of no use without kafka.ssl_key_file; \
             set kafka.ssl_key_file, or leave kafka.ssl_key_password_file out",
        ),
        (
            &["kafka.security_protocol=ssl", "kafka.ssl_ca_file=none.pem"],
            &[],
            "kafka.ssl_ca_file = \"none.pem\" (flag --set): entity not found; name a file that this user may read",
        ),
    ];
    for (set, environment, expected) in cases {
        assert_eq!(machine(set, environment).refusal(), *expected);
    }
}

#[test]
fn kafka_security_in_full() {
    let set = [
        "kafka.security_protocol=sasl_ssl",
        "kafka.ssl_ca_file=ca.pem",
        "kafka.ssl_certificate_file=cert.pem",
        "kafka.ssl_key_file=key.pem",
        "kafka.ssl_key_password_file=password",
        "kafka.sasl_mechanism=SCRAM-SHA-256",
        "kafka.sasl_username=me",
    ];
    let security = machine(&set, &[PASSWORD]).settings().unwrap().kafka.security;
    let identity = Identity {
        certificate_file: "cert.pem".into(),
        key_file: "key.pem".into(),
        key_password: Secret::new("from file"),
    };
    let tls = Tls { ca_file: Some("ca.pem".into()), identity: Some(identity) };
    let sasl = Sasl {
        mechanism: SaslMechanism::ScramSha256,
        username: "me".into(),
        password: Secret::new("hunter2").unwrap(),
    };
    assert_eq!(security, Security { tls: Some(tls), sasl: Some(sasl) });
    assert_eq!(security.protocol(), SecurityProtocol::SaslSsl);
    for protocol in SecurityProtocol::WORDS {
        let set = [format!("kafka.security_protocol={protocol}"), "kafka.sasl_username=me".to_owned()];
        let with_sasl = protocol.starts_with("sasl");
        let set: Vec<&str> = set.iter().take(if with_sasl { 2 } else { 1 }).map(String::as_str).collect();
        let password = if with_sasl { vec![PASSWORD] } else { vec![] };
        assert_eq!(machine(&set, &password).settings().unwrap().kafka.security.protocol().word(), *protocol);
    }
}

#[test]
fn a_secret_comes_from_the_higher_layer() {
    let token = |machine: &Machine<'_>| machine.settings().unwrap().web.token.map(|token| token.expose().to_owned());
    let direct = [("CDC_WORKER_WEB_TOKEN", "direct")];
    assert_eq!(token(&machine(&[], &direct)), Some("direct".to_owned()));
    assert_eq!(token(&machine(&["web.token_file=password"], &[])), Some("from file".to_owned()));
    assert_eq!(token(&machine(&["web.token_file=windows"], &[])), Some("from file".to_owned()));
    assert_eq!(token(&machine(&["web.token_file=password"], &direct)), Some("from file".to_owned()), "flag over env");
    let files = [("worker.toml", "web.token_file = \"password\""), FILES[0]];
    let below = Machine { files: &files, file_flag: true, environment: &direct, ..Machine::default() };
    assert_eq!(token(&below), Some("direct".to_owned()), "env over file");
    let empty = [("CDC_WORKER_WEB_TOKEN", "")];
    assert_eq!(token(&Machine { environment: &empty, ..below }), Some("from file".to_owned()), "empty gives nothing");
}

#[test]
fn secrets_in_files_are_refused_where_they_are_none() {
    let beside = [("CDC_WORKER_WEB_TOKEN", "direct"), ("CDC_WORKER_WEB_TOKEN_FILE", "password")];
    assert_eq!(
        machine(&[], &beside).refusal(),
        "web.token = \"(hidden)\" (env CDC_WORKER_WEB_TOKEN) is given beside \
         web.token_file = \"password\" (env CDC_WORKER_WEB_TOKEN_FILE); keep one of web.token and web.token_file"
    );
    for (set, expected) in [
        (
            "web.token_file=none",
            "web.token_file = \"none\" (flag --set): entity not found; name a file that this user may read",
        ),
        (
            "web.token_file=empty",
            "web.token_file = \"empty\" (flag --set): the file is empty; put the secret into it, one line",
        ),
        (
            "web.token_file=two",
            "web.token_file = \"two\" (flag --set): the file has more than one line of text; \
             put the secret into it, one line",
        ),
    ] {
        assert_eq!(machine(&[set], &[]).refusal(), expected);
    }
}

#[test]
fn nothing_shows_a_secret() {
    let set = ["kafka.security_protocol=sasl_plaintext", "kafka.sasl_username=me", "web.token_file=password"];
    let machine = machine(&set, &[PASSWORD]);
    let (values, settings) = (machine.values().unwrap(), machine.settings().unwrap());
    let shown = format!("{values:?} {settings:?} {settings:#?} {:?}", values.get("kafka.sasl_password").unwrap());
    assert!(!shown.contains("hunter2") && !shown.contains("from file"), "{shown}");
    assert!(shown.contains(HIDDEN));
}

#[test]
fn the_open_page_needs_a_token() {
    for (set, refused) in [
        (&["web.listen=0.0.0.0:8081"][..], true),
        (&["web.listen=[::]:8081"], true),
        (&["web.listen=192.168.0.7:8081"], true),
        (&["web.listen=[::1]:8081"], false),
        (&["web.listen=127.0.0.2:0"], false),
        (&["web.listen=localhost:8090"], false),
        (&["web.listen=0.0.0.0:8081", "web.enabled=false"], false),
        (&["web.listen=0.0.0.0:8081", "web.token_file=password"], false),
    ] {
        assert_eq!(machine(set, &[]).settings().is_err(), refused, "{set:?}");
    }
    assert_eq!(
        machine(&["web.listen=0.0.0.0:8081"], &[]).refusal(),
        "web.listen = \"0.0.0.0:8081\" (flag --set) can be reached from other machines and there is no token; \
         set web.token_file, or listen on 127.0.0.1"
    );
}

#[test]
fn shared_columns_and_files_are_refused() {
    assert_eq!(
        machine(&["columns.price=quantity"], &[]).refusal(),
        "columns.price = \"quantity\" (flag --set) is the same as columns.quantity = \"quantity\" (default); \
         name each its own column"
    );
    assert!(machine(&["columns.id=order_id"], &[]).settings().is_ok());
    assert_eq!(
        machine(&["summary=dead-letters.ndjson"], &[]).refusal(),
        "sink.dead_letters.path = \"dead-letters.ndjson\" (default) is the same as \
         summary = \"dead-letters.ndjson\" (flag --set); name each its own file"
    );
}

#[test]
fn kafka_outputs_need_topics_of_their_own_and_a_state_that_lasts() {
    assert_eq!(
        machine(&["sink.kafka.enabled=true", "sink.kafka.raw_topic=cdc.orders_db.orders"], &[]).refusal(),
        "sink.kafka.raw_topic = \"cdc.orders_db.orders\" (flag --set) is the same as \
         kafka.topic = \"cdc.orders_db.orders\" (default); name each its own topic"
    );
    // Without the sink nothing is written there.
    assert!(machine(&["sink.kafka.raw_topic=cdc.orders_db.orders"], &[]).settings().is_ok());
    assert_eq!(
        machine(&["sink.kafka.enabled=true", "state.backend=memory"], &[]).refusal(),
        "sink.kafka.enabled = true (flag --set) does not go with state.backend = \"memory\" (flag --set): every start \
         would write everything again; set state.backend to rocksdb"
    );
}

#[test]
fn what_is_bounded_must_fit_the_container() {
    let with_memory = |memory, set| Machine { memory: Some(memory), set, ..Machine::default() };
    // 8 MiB + 4 × 4 MiB = 25,165,824 bytes.
    let in_memory = ["state.backend=memory"];
    assert!(with_memory(25_165_824, &in_memory).settings().is_ok());
    assert_eq!(
        with_memory(25_165_823, &in_memory).refusal(),
        "epoch.max_bytes = 4194304 (default) with kafka.fetch_queue_bytes = 8388608 (default) needs 25165824 bytes \
         (4 epochs 16777216, the queue 8388608), more than the container's memory limit of 25165823; \
         lower epoch.max_bytes, or give the container more memory"
    );
    assert_eq!(
        with_memory(268_435_456, &["state.backend=memory", "kafka.fetch_queue_bytes=300_000_000"]).refusal(),
        "kafka.fetch_queue_bytes = 300000000 (flag --set) with epoch.max_bytes = 4194304 (default) needs 316777216 bytes \
         (the queue 300000000, 4 epochs 16777216), more than the container's memory limit of 268435456; \
         lower kafka.fetch_queue_bytes, or give the container more memory"
    );
    // + 32 MiB + 50,000 × 600 bytes.
    let on_disk = ["state.backend=rocksdb"];
    assert!(with_memory(88_720_256, &on_disk).settings().is_ok());
    assert!(with_memory(88_720_255, &on_disk).settings().is_err());
    assert_eq!(
        with_memory(268_435_456, &["state.backend=rocksdb", "state.hot_symbols=1_000_000"]).refusal(),
        "state.hot_symbols = 1000000 (flag --set) with state.memory_bytes = 33554432 (default), \
         epoch.max_bytes = 4194304 (default), kafka.fetch_queue_bytes = 8388608 (default) needs 658720256 bytes \
         (1000000 symbols of 600 bytes 600000000, the database 33554432, 4 epochs 16777216, the queue 8388608), \
         more than the container's memory limit of 268435456; \
         lower state.hot_symbols, or give the container more memory"
    );
    let largest = ["kafka.fetch_queue_bytes=2147482624", "epoch.max_bytes=1073741824"];
    assert!(Machine { set: &largest, ..Machine::default() }.settings().is_ok(), "no limit");
}

#[test]
fn a_clickhouse_sink_is_refused_where_it_contradicts_itself() {
    let on = "sink.clickhouse.url=http://clickhouse:8123";
    let lasting = "state.backend=rocksdb";
    assert_eq!(
        machine(&[on, "state.backend=memory"], &[]).refusal(),
        "sink.clickhouse.url = \"http://clickhouse:8123\" (flag --set) does not go with state.backend = \"memory\" \
         (flag --set): every start would write everything again; set state.backend to rocksdb"
    );
    assert_eq!(
        machine(&[on, lasting, "sink.clickhouse.ca_file=ca.pem"], &[]).refusal(),
        "sink.clickhouse.ca_file = \"ca.pem\" (flag --set) has no use with sink.clickhouse.url = \
         \"http://clickhouse:8123\" (flag --set); begin sink.clickhouse.url with https://, or leave \
         sink.clickhouse.ca_file out"
    );
    assert_eq!(
        machine(&[on, lasting, "sink.clickhouse.decimal_digits=20"], &[]).refusal(),
        "sink.clickhouse.decimal_scale = 30 (default) is more than sink.clickhouse.decimal_digits = 20 (flag --set); \
         lower sink.clickhouse.decimal_scale"
    );
    let user = machine(&["sink.clickhouse.url=http://me:hunter2@clickhouse:8123"], &[]).refusal();
    assert!(user.contains("without user and password"), "{user}");
    let secret = ("CDC_WORKER_SINK_CLICKHOUSE_PASSWORD", "hunter2");
    let settings = machine(&[on, lasting], &[secret]).settings().unwrap();
    assert!(!format!("{settings:?}").contains("hunter2"), "I10");
    let password = settings.sink.clickhouse.and_then(|clickhouse| clickhouse.password);
    assert_eq!(password.map(|password| password.expose().to_owned()), Some("hunter2".to_owned()));
    let by_file = machine(&[on, lasting, "sink.clickhouse.password_file=password"], &[]).settings().unwrap();
    let password = by_file.sink.clickhouse.and_then(|clickhouse| clickhouse.password);
    assert_eq!(password.map(|password| password.expose().to_owned()), Some("from file".to_owned()));
}
