//! A value means the same in the file, in the environment and behind `--set`; whatever is given, nothing panics.

use proptest::prelude::*;

use super::*;

/// A value that the knob takes, as TOML and as text.
fn taken(knob: &'static Knob) -> BoxedStrategy<(String, String)> {
    let same = |text: String| (text.clone(), text);
    let string = |text: String| (value::quoted(&text), text);
    match knob.kind {
        Kind::Bool => any::<bool>().prop_map(move |value| same(value.to_string())).boxed(),
        Kind::Integer { min, max } => (min..=max).prop_map(move |value| same(value.to_string())).boxed(),
        Kind::Choice(words) => prop::sample::select(words).prop_map(move |word| string(word.to_owned())).boxed(),
        Kind::Decimal { .. } => "[1-9][0-9]{0,20}(\\.[0-9]{1,9})?".prop_map(string).boxed(),
        Kind::Ops { may_be_empty } => {
            let words =
                prop::collection::vec(prop::sample::select(vec!["c", "u", "d", "r"]), usize::from(!may_be_empty)..6);
            words.prop_map(|words| (format!("{words:?}"), words.join(","))).boxed()
        }
        Kind::Text { accepts, .. } => {
            let text = prop_oneof![
                Just("127.0.0.1:9".to_owned()),
                Just("UTC".to_owned()),
                "http://[a-z]{1,9}:[1-9][0-9]{0,3}/[a-z/]{0,9}",
                Just("earliest".to_owned()),
                Just("group:x".to_owned()),
                "[a-z]{1,9}\\.[a-z\"\\\\가-힣]{1,9}",
                "[a-z_.-]{1,30}",
            ];
            text.prop_filter("taken", move |text| accepts(text)).prop_map(string).boxed()
        }
        Kind::Secret => "[ -~가-힣]{1,30}".prop_map(string).boxed(),
    }
}

fn knob_and_value() -> impl Strategy<Value = (&'static Knob, String, String)> {
    (0..KNOBS.len()).prop_flat_map(|index| {
        let knob = &KNOBS[index];
        taken(knob).prop_map(move |(toml, text)| (knob, toml, text))
    })
}

/// What the settings are, or why not, without the places.
fn outcome(machine: &Machine<'_>, key: &str) -> (Value, String) {
    let values = machine.values().unwrap();
    let settings = machine.settings().map_or_else(|_| "refused".to_owned(), |settings| format!("{settings:?}"));
    (values.get(key).unwrap().value.clone(), settings)
}

proptest! {
    #[test]
    fn every_layer_reads_the_same((knob, toml, text) in knob_and_value()) {
        let files = [("worker.toml".to_owned(), format!("{} = {toml}\n", knob.key))];
        let files: Vec<(&str, &str)> = files.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
        let by_file = outcome(&Machine { files: &files, file_flag: true, ..Machine::default() }, knob.key);
        let variable = knob.environment_name();
        let by_variable = outcome(&Machine { environment: &[(&variable, &text)], ..Machine::default() }, knob.key);
        prop_assert_eq!(&by_file, &by_variable);
        if !knob.is_secret() {
            let set = format!("{}={text}", knob.key);
            let by_set = outcome(&Machine { set: &[&set], ..Machine::default() }, knob.key);
            prop_assert_eq!(&by_file, &by_set);
        }
    }

    #[test]
    fn no_text_panics_and_every_refusal_is_one_line(index in 0..KNOBS.len(), text in "\\PC{0,40}|[\\x00-\\x7f]{0,20}", toml in "\\PC{0,60}|[a-z.=\"\\[\\]\n0-9]{0,40}") {
        let variable = KNOBS[index].environment_name();
        let environment = [(variable.as_str(), text.as_str())];
        let files = [("worker.toml", toml.as_str())];
        for machine in [
            Machine { environment: &environment, ..Machine::default() },
            Machine { set: &[&text], ..Machine::default() },
            Machine { files: &files, file_flag: true, ..Machine::default() },
        ] {
            if let Err(error) = machine.settings() {
                prop_assert!(!error.to_string().contains(['\n', '\r']), "{}", error);
            }
        }
    }

    #[test]
    fn what_is_shown_is_toml_of_the_same_value((knob, _, text) in knob_and_value()) {
        let value = value::from_text(knob, &text).unwrap();
        let table: toml::Table = format!("x = {value}").parse().unwrap();
        prop_assert_eq!(serde_json::to_value(&table["x"]).unwrap(), serde_json::to_value(&value).unwrap());
    }
}
