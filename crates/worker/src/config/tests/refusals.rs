//! Every refusal of a single value or key, with its exact text.

use super::*;
use crate::cli::Exit;

#[test]
fn refusals_of_the_file() {
    for (text, expected) in [
        ("[agg]\nwindw_ms = 5\n", "agg.windw_ms: no such key (file worker.toml:2); did you mean agg.window_ms?"),
        (
            "zone = \"UTC\"\n[checkpoints]\ninterval = 5\n",
            "checkpoints.interval: no such key (file worker.toml:3); `worker config --keys` lists every key",
        ),
        ("[nonsense]\n", "nonsense: no such key (file worker.toml:1); `worker config --keys` lists every key"),
        ("a.b.c.d.e.f = 1", "a.b.c.d: no such key (file worker.toml:1); `worker config --keys` lists every key"),
        (
            "[[agg]]\nwindow_ms = 5000\n",
            "agg: no such key (file worker.toml:1); `worker config --keys` lists every key",
        ),
        (
            "agg.window_ms = \"300000\"",
            "agg.window_ms = \"300000\" (file worker.toml:1) is not a whole number: give a whole number from 1000 to 86400000 (ms)",
        ),
        (
            "agg.window_ms = 86_400_001",
            "agg.window_ms = 86_400_001 (file worker.toml:1) is too large: give a whole number from 1000 to 86400000 (ms)",
        ),
        (
            "agg.window_ms = 99999999999999999999",
            "agg.window_ms = 99999999999999999999 (file worker.toml:1) is not a whole number within 64 bits: give a whole number from 1000 to 86400000 (ms)",
        ),
        (
            "[agg.window_ms]\nx = 1",
            "agg.window_ms = [agg.window_ms] (file worker.toml:1) is not a whole number: give a whole number from 1000 to 86400000 (ms)",
        ),
        (
            "rules.high_amount.threshold = 1e8",
            "rules.high_amount.threshold = 1e8 (file worker.toml:1) is a float, which is not exact: give a decimal that is not negative, such as \"100000000\" (won)",
        ),
        ("web.enabled = 1", "web.enabled = 1 (file worker.toml:1) is no switch: give true or false"),
        ("format = \"xml\"", "format = \"xml\" (file worker.toml:1) is unknown: give \"text\" or \"json\""),
        (
            "agg.ops = [\"c\", \"x\"]",
            "agg.ops = [\"c\", \"x\"] (file worker.toml:1) is not valid: give a list of c, u, d, r, which may be empty",
        ),
        (
            "agg.ops = [\n1]",
            "agg.ops = [ … (file worker.toml:1) is no list of words: give a list of c, u, d, r, which may be empty",
        ),
        (
            "kafka.sasl_password = 12345",
            "kafka.sasl_password = \"(hidden)\" (file worker.toml:1) is not text: give text of one line",
        ),
        (
            "web.token = \"(hidden)\"",
            "web.token = \"(hidden)\" (file worker.toml:1) is what `worker config` prints in place of a secret, not the secret: give text of one line",
        ),
    ] {
        file(text, |machine| assert_eq!(machine.refusal(), expected, "{text}"));
    }
}

#[test]
fn a_file_that_is_no_toml_is_refused_with_its_line() {
    for (text, start) in [
        ("zone = \"UTC\"\nformat = text\n", "worker.toml:2:10: not TOML: "),
        ("가 = 1", "worker.toml:1:1: not TOML: "),
        ("zone = \"UTC\"\nzone = \"UTC\"\n", "worker.toml:2:1: not TOML: "),
        ("[agg", "worker.toml:1:5: not TOML: "),
        ("\u{0}", "worker.toml:1:2: not TOML: "),
    ] {
        file(text, |machine| {
            let refusal = machine.refusal();
            assert!(refusal.starts_with(start) && refusal.ends_with("; correct that line"), "{refusal}");
        });
    }
    let deep = format!("x = {}", "[".repeat(100_000));
    file(&deep, |machine| assert!(machine.settings().is_err()));
    let deep = format!("{} = 1", vec!["a"; 100_000].join("."));
    file(&deep, |machine| assert!(machine.settings().is_err()));
}

#[test]
fn a_missing_file_is_refused() {
    let by_flag = Machine { file_flag: true, ..Machine::default() };
    assert_eq!(
        by_flag.refusal(),
        "configuration file worker.toml (flag --config): entity not found; name a readable TOML file, or none for the defaults"
    );
    let by_variable = Machine { environment: &[(FILE_VARIABLE, "/none.toml")], ..Machine::default() };
    assert_eq!(
        by_variable.refusal(),
        "configuration file /none.toml (env CDC_WORKER_CONFIG): entity not found; name a readable TOML file, or none for the defaults"
    );
}

#[test]
fn refusals_of_the_environment() {
    for (name, value, expected) in [
        (
            "CDC_WORKER_AGG_WINDOW",
            "5",
            "CDC_WORKER_AGG_WINDOW: no such key (env CDC_WORKER_AGG_WINDOW); did you mean CDC_WORKER_AGG_WINDOW_MS?",
        ),
        (
            "CDC_WORKER_KAFKA_BOOTSTRAP_SERVERS",
            "a:1",
            "CDC_WORKER_KAFKA_BOOTSTRAP_SERVERS: no such key (env CDC_WORKER_KAFKA_BOOTSTRAP_SERVERS); did you mean CDC_WORKER_KAFKA_BOOTSTRAP?",
        ),
        (
            "CDC_WORKER_agg_window_ms",
            "5",
            "CDC_WORKER_agg_window_ms: no such key (env CDC_WORKER_agg_window_ms); did you mean CDC_WORKER_AGG_WINDOW_MS?",
        ),
        (
            "CDC_WORKER_AGG_WINDOW_MS",
            "5m",
            "agg.window_ms = \"5m\" (env CDC_WORKER_AGG_WINDOW_MS) is not a whole number: give a whole number from 1000 to 86400000 (ms)",
        ),
        (
            "CDC_WORKER_PARALLELISM",
            "0",
            "parallelism = \"0\" (env CDC_WORKER_PARALLELISM) is too small: give a whole number from 1 to 128 (shards)",
        ),
        (
            "CDC_WORKER_PARALLELISM",
            "",
            "parallelism = \"\" (env CDC_WORKER_PARALLELISM) is not a whole number: give a whole number from 1 to 128 (shards)",
        ),
        (
            "CDC_WORKER_WEB_ENABLED",
            "yes",
            "web.enabled = \"yes\" (env CDC_WORKER_WEB_ENABLED) is no switch: give true or false",
        ),
        (
            "CDC_WORKER_RULES_LARGE_ORDER_OPS",
            "",
            "rules.large_order.ops = \"\" (env CDC_WORKER_RULES_LARGE_ORDER_OPS) is an empty list: give a list of at least one of c, u, d, r",
        ),
        (
            "CDC_WORKER_KAFKA_SASL_PASSWORD",
            "a\nb",
            "kafka.sasl_password = \"(hidden)\" (env CDC_WORKER_KAFKA_SASL_PASSWORD) is not one line of text: give text of one line",
        ),
        (
            "CDC_WORKER_ZONE",
            "Asia/Soul\n",
            "zone = \"Asia/Soul\\n\" (env CDC_WORKER_ZONE) is not valid: give an IANA time zone such as Asia/Seoul or UTC",
        ),
    ] {
        let machine = Machine { environment: &[(name, value)], ..Machine::default() };
        assert_eq!(machine.refusal(), expected);
        assert_eq!(Exit::from(&machine.settings().unwrap_err()), Exit::Configuration);
    }
}

#[cfg(unix)]
#[test]
fn a_variable_that_is_no_utf8_is_refused() {
    use std::os::unix::ffi::OsStringExt as _;
    let environment = vec![("CDC_WORKER_ZONE".into(), OsString::from_vec(vec![b'U', 0xff]))];
    let host = Host { environment, read: &|_| Err(io::ErrorKind::NotFound.into()), memory_limit_bytes: None };
    let error = Values::load(&Flags::default(), &host).unwrap_err();
    assert_eq!(
        error.to_string(),
        "zone = \"U\u{fffd}\" (env CDC_WORKER_ZONE) is not UTF-8: give an IANA time zone such as Asia/Seoul or UTC"
    );
}

#[test]
fn refusals_of_the_command_line() {
    for (set, exit, expected) in [
        (
            "agg.window_ms",
            Exit::Usage,
            "--set agg.window_ms: no value; write --set KEY=VALUE, for example --set agg.window_ms=60000",
        ),
        ("window_ms=5", Exit::Configuration, "window_ms: no such key (flag --set); did you mean agg.window_ms?"),
        (
            "rules.rapid_orders.count=1",
            Exit::Configuration,
            "rules.rapid_orders.count = \"1\" (flag --set) is too small: give a whole number from 2 to 100 (orders)",
        ),
        (
            "kafka.from=latest",
            Exit::Configuration,
            "kafka.from = \"latest\" (flag --set) is not valid: give earliest, group:NAME or timestamp:T (T in ms since 1970 or RFC 3339)",
        ),
        (
            "kafka.sasl_password=hunter2",
            Exit::Usage,
            "--set kafka.sasl_password=…: a secret on the command line is seen by everybody on the machine; \
             put it into the environment as CDC_WORKER_KAFKA_SASL_PASSWORD or into a file that kafka.sasl_password_file names",
        ),
    ] {
        let machine = Machine { set: &[set], ..Machine::default() };
        assert_eq!(machine.refusal(), expected);
        assert_eq!(Exit::from(&machine.settings().unwrap_err()), exit, "{set}");
    }
    let machine = Machine { overrides: &[("parallelism", "129", "--parallelism")], ..Machine::default() };
    assert_eq!(
        machine.refusal(),
        "parallelism = \"129\" (flag --parallelism) is too large: give a whole number from 1 to 128 (shards)"
    );
    assert_eq!(Exit::from(&machine.settings().unwrap_err()), Exit::Usage);
    let long = format!("zone={}", "x".repeat(1000));
    let refusal = Machine { set: &[&long], ..Machine::default() }.refusal();
    assert!(refusal.starts_with("zone = \"xxx") && refusal.chars().count() < 200, "{refusal}");
}
