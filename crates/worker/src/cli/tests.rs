//! The command line: examples, exit codes, flags as a layer.

use std::ffi::OsStr;

use super::*;
use crate::config::Override;

fn cli(line: &str) -> Cli {
    parse_from(line.split_whitespace()).unwrap_or_else(|error| panic!("{line}: {error}"))
}

fn refused(line: &str) -> (Exit, String) {
    let error = parse_from(line.split_whitespace()).err().unwrap_or_else(|| panic!("{line}: must be refused"));
    (exit_of(&error), error.to_string())
}

#[test]
fn clap_finds_no_mistake_in_the_definition() {
    Cli::command().debug_assert();
}

#[test]
fn every_example_is_a_command_line() {
    let mut examples = 0;
    for line in help::ALL.iter().flat_map(|text| text.lines()).filter(|line| line.starts_with("  ")) {
        for command in line.split(['|', '>']).map(str::trim).filter(|part| part.starts_with("worker ")) {
            cli(command);
            examples += 1;
        }
    }
    assert!(examples >= 20, "{examples}");
}

#[test]
fn the_help_of_every_command_has_examples() {
    for command in Cli::command().get_subcommands_mut() {
        let help = command.render_long_help().to_string();
        assert!(help.contains("Examples:\n  "), "{help}");
    }
}

#[test]
fn exit_codes() {
    for (line, expected) in [
        ("worker --help", Exit::Done),
        ("worker --version", Exit::Done),
        ("worker run --help", Exit::Done),
        ("worker replay -h", Exit::Done),
        ("worker", Exit::Usage),
        ("worker dance", Exit::Usage),
        ("worker run --dance", Exit::Usage),
        ("worker replay", Exit::Usage),
        ("worker decode", Exit::Usage),
        ("worker generate", Exit::Usage),
        ("worker generate --to x --count -1", Exit::Usage),
        ("worker generate --to x --rate 0", Exit::Usage),
        ("worker run --for 30", Exit::Usage),
        ("worker run --from-offset -1", Exit::Usage),
        ("worker run --from-offset 0:-4,1:2", Exit::Usage),
        ("worker run --from-timestamp yesterday", Exit::Usage),
        ("worker run --until -5", Exit::Usage),
        ("worker run --from earliest --from-offset 5", Exit::Usage),
        ("worker run --from-offset 5 --from-timestamp 5", Exit::Usage),
        ("worker run --dry-run --start-over", Exit::Usage),
        ("worker run --from-offset 5 --restore x", Exit::Usage),
        ("worker run --dry-run --from-offset 6 --until 5", Exit::Usage),
        ("worker backfill --until 5 f", Exit::Usage),
        ("worker backfill --from-offset 5 f", Exit::Usage),
        ("worker backfill f --from-timestamp 5", Exit::Usage),
        ("worker backfill --from-offset 5 --from-timestamp 5", Exit::Usage),
        ("worker backfill --from-offset 6 --until 5", Exit::Usage),
        ("worker demo --port 65536", Exit::Usage),
        ("worker health --timeout 2", Exit::Usage),
        ("worker run --color sometimes", Exit::Usage),
        ("worker --config a run --config b", Exit::Usage),
        ("worker --color never run --color always", Exit::Usage),
    ] {
        assert_eq!(refused(line).0, expected, "{line}");
    }
    let codes = [Exit::Done, Exit::Failed, Exit::StateRefused, Exit::Usage, Exit::Configuration].map(Exit::code);
    assert_eq!(codes, [0, 1, 3, 64, 78]);
}

#[test]
fn a_usage_error_says_what_to_write() {
    let (_, text) = refused("worker run --for 30");
    assert!(text.contains("write a number with a unit, such as 500ms, 30s, 2m or 1h30m"), "{text}");
    let (_, text) = refused("worker run --from-offset -1");
    assert!(text.contains("write an offset, such as 1200, or one for each partition"), "{text}");
    let (_, text) = refused("worker run --until 5 --from-offset 0:4,1:6");
    assert!(text.contains("--from-offset 0:4,1:6 stands behind --until 5: there is nothing between"), "{text}");
    let (_, text) = refused("worker --config a run --config b");
    assert!(text.contains("--config is given twice, before the command and behind it"), "{text}");
}

#[test]
fn common_flags_stand_before_the_command_or_behind_it() {
    for line in [
        "worker --config a.toml --set x=1 --set y=2 --log-level debug run",
        "worker run --config a.toml --set x=1 --set y=2 --log-level debug",
        "worker --set x=1 run --set y=2 --config a.toml --log-level debug",
    ] {
        let flags = cli(line).flags();
        assert_eq!(flags.file, Some("a.toml".into()), "{line}");
        assert_eq!(flags.set, ["x=1", "y=2"], "{line}");
        let level = Override { key: "log.level", text: "debug".to_owned(), flag: "--log-level" };
        assert_eq!(flags.overrides, [level], "{line}");
    }
}

#[test]
fn flags_stand_for_keys() {
    for (line, expected) in [
        ("worker run --from group:x", "kafka.from=group:x"),
        ("worker run --parallelism 4 --format json", "format=json parallelism=4"),
        ("worker run --language en --zone UTC --time event", "language=en zone=UTC time=event"),
        ("worker replay --clock wall --epoch-records 7 f", "clock=wall epoch.max_records=7"),
        ("worker replay --file o --dead-letters d f", "sink.file.path=o sink.dead_letters.path=d"),
        ("worker replay --summary s f", "summary=s"),
        ("worker backfill --language en --summary s f", "language=en summary=s"),
        ("worker backfill --time event --parallelism 2 --dry-run", "time=event parallelism=2"),
        ("worker demo --rate 9 --seed 8 --window 1m", "demo.rate=9 demo.seed=8 demo.window_ms=60000"),
        ("worker demo --port 8090", "web.listen=127.0.0.1:8090"),
        ("worker config --language en", "language=en"),
        ("worker decode f", ""),
        ("worker generate --to f --seed 7 --rate 5", ""),
        ("worker health --live --timeout 1s", ""),
    ] {
        let overrides = cli(line).flags().overrides;
        let told: Vec<String> = overrides.iter().map(|flag| format!("{}={}", flag.key, flag.text)).collect();
        assert_eq!(told.join(" "), expected, "{line}");
        for Override { key, flag, .. } in overrides {
            assert!(crate::config::find(key).is_some(), "{key}");
            assert!(line.contains(flag), "{flag}");
        }
    }
}

#[test]
fn arguments_as_values() {
    let Command::Replay(replay) = cli("worker replay a.ndjson - b.zst").command else { panic!("replay") };
    assert_eq!(replay.files, [Input::File("a.ndjson".into()), Input::Stdin, Input::File("b.zst".into())]);
    let Command::Run(run) = cli("worker run --for 1m30s").command else { panic!("run") };
    assert_eq!(run.run_for, Some(Duration::from_secs(90)));
    let line = "worker generate --to b:9092 --from-time 5 --wrapped --rate 3 --partitions 6 --seed 2 --count 4";
    let Command::Generate(generate) = cli(line).command else { panic!("generate") };
    assert_eq!(generate.to, Target::Brokers("b:9092".to_owned()));
    assert_eq!((generate.from_time, generate.wrapped, generate.rate), (Some(5), true, Some(3)));
    assert_eq!((generate.partitions, generate.seed, generate.count), (6, 2, 4));
    let Command::Config(config) = cli("worker config --all --json").command else { panic!("config") };
    assert!(config.keys && config.json);
}

#[test]
fn colour() {
    for (color, no_color, is_terminal, expected) in [
        (Color::Auto, None, true, true),
        (Color::Auto, None, false, false),
        (Color::Auto, Some(""), true, true),
        (Color::Auto, Some("1"), true, false),
        (Color::Always, Some("1"), false, true),
        (Color::Never, None, true, false),
    ] {
        assert_eq!(color.is_on(no_color.map(OsStr::new), is_terminal), expected, "{color:?} {no_color:?}");
    }
    assert_eq!(cli("worker --color never run").common.color, Some(Color::Never));
}
