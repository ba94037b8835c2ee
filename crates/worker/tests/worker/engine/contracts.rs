//! What every sink must hold, written so that the next one joins by a line.

use std::fs;
use std::io::{self, Write};
use std::path::Path;
use std::sync::{Arc, Mutex};

use worker::epoch::{EpochKind, Executed, LineClock, Timeline};
use worker::sink::{
    DeadLettersSink, FileSink, Known, Language, MemorySink, Renderer, Sink, SinkError, StdoutSink, TextRenderer,
};
use worker::time::{TimeMode, Zone};

use super::{batch_of, epoch, executor, json, pipeline};
use crate::recordings::insert;

/// Four epochs: RAW and an alert; a dead letter; nothing; a window.
fn epochs() -> Vec<Executed> {
    let mut executor = executor(&pipeline(TimeMode::Processing, 0), LineClock::Records, 2);
    let order = insert(1, "\"A\"", "501", "\"2\"");
    let mut execute = |id, kind, batch| executor.execute(epoch(id, kind, 0), batch).unwrap();
    vec![
        execute(1, EpochKind::Data, batch_of(0, 5, &[&order])),
        execute(2, EpochKind::Data, batch_of(1, 5, &["\u{1b}bad", "null"])),
        execute(3, EpochKind::Data, batch_of(3, 5, &["null"])),
        execute(4, EpochKind::Flush, batch_of::<&str>(4, 5, &[])),
    ]
}

fn text() -> Renderer {
    let zone = Zone::named("Asia/Seoul").unwrap();
    Renderer::Text(TextRenderer { language: Language::English, zone, colour: false })
}

/// An epoch's lines by the renderer itself: results, and what text keeps apart.
fn rendered(renderer: &Renderer, executed: &Executed) -> (Vec<u8>, Vec<u8>) {
    let (mut out, mut err) = (Vec::new(), Vec::new());
    renderer.render(&executed.outputs, &mut out, &mut err);
    (out, err)
}

/// Delivers epochs to a sink; after each of them `content` has that epoch's lines behind what was there.
fn a_sink_keeps_its_contract(
    sink: &mut dyn Sink,
    expected: impl Fn(&Executed) -> Vec<u8>,
    content: impl Fn() -> Vec<u8>,
) {
    assert_eq!(sink.resume(Known::nothing_of(Timeline(1))).unwrap(), 0, "{}: nothing is known of it", sink.name());
    let mut whole = content();
    for executed in epochs() {
        sink.deliver(&executed.epoch, &executed.outputs).unwrap();
        whole.extend(expected(&executed));
        assert!(content() == whole, "{}: epoch {} is not out when it was delivered", sink.name(), executed.epoch.id);
    }
    sink.finish().unwrap();
    assert!(content() == whole && !whole.is_empty(), "{}: ending changes nothing", sink.name());
}

/// A stream that a test can read while it is written.
#[derive(Clone, Default)]
struct Shared(Arc<Mutex<Vec<u8>>>);

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // As a pipe does: not all at once.
        let taken = bytes.len().min(7);
        self.0.lock().unwrap().extend(&bytes[..taken]);
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Shared {
    fn content(&self) -> Vec<u8> {
        self.0.lock().unwrap().clone()
    }
}

#[test]
fn every_sink_keeps_the_contract() {
    for renderer in [json(), text()] {
        let results = |executed: &Executed| rendered(&renderer, executed).0;
        let aside = |executed: &Executed| rendered(&renderer, executed).1;
        let both = |executed: &Executed| [results(executed), aside(executed)].concat();

        let memory = MemorySink::new(renderer.clone());
        a_sink_keeps_its_contract(&mut memory.clone(), both, || memory.bytes());

        let (out, err) = (Shared::default(), Shared::default());
        let mut stdout = StdoutSink::new(renderer.clone(), out.clone(), err.clone());
        a_sink_keeps_its_contract(&mut stdout, results, || out.content());
        assert_eq!(err.content(), epochs().iter().flat_map(aside).collect::<Vec<u8>>());

        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("results");
        fs::write(&path, "what an earlier run left\n").unwrap();
        let mut file = FileSink::create(&path, renderer.clone()).unwrap();
        a_sink_keeps_its_contract(&mut file, results, || fs::read(&path).unwrap());
    }
}

#[test]
fn dead_letters_are_kept_behind_those_of_earlier_runs() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("letters");
    let earlier = "{\"an earlier run's\":1}\n";
    fs::write(&path, earlier).unwrap();
    let letters = |executed: &Executed| if executed.epoch.id == 2 { rendered(&json(), executed).0 } else { Vec::new() };
    let mut sink = DeadLettersSink::open(&path).unwrap();
    a_sink_keeps_its_contract(&mut sink, letters, || fs::read(&path).unwrap());
    let kept = fs::read_to_string(&path).unwrap();
    assert!(kept.starts_with(earlier) && kept.lines().count() == 2, "{kept}");
}

// One worker a file. The second one is refused and touches nothing; when the first is gone, it may.
#[test]
fn a_file_belongs_to_one_sink() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("results");
    let first = &epochs()[0];
    let mut owner = FileSink::create(&path, json()).unwrap();
    owner.deliver(&first.epoch, &first.outputs).unwrap();
    let refusals = [FileSink::create(&path, json()).err(), DeadLettersSink::open(&path).err()];
    for refusal in refusals {
        let refusal = refusal.expect("a refusal");
        assert!(matches!(refusal, SinkError::InUse { .. }), "{refusal}");
        assert!(refusal.to_string().contains(path.to_str().unwrap()), "{refusal}");
    }
    assert_eq!(fs::read(&path).unwrap(), rendered(&json(), first).0, "what the owner wrote is still there");
    drop(owner);
    FileSink::create(&path, json()).unwrap();
}

// What is no file has no end to write at and nothing to lose: two workers may both throw their results away.
#[test]
fn devices_belong_to_nobody() {
    let null = Path::new("/dev/null");
    let _first = FileSink::create(null, json()).unwrap();
    let mut second = FileSink::create(null, json()).unwrap();
    let executed = &epochs()[0];
    second.deliver(&executed.epoch, &executed.outputs).unwrap();
    second.finish().unwrap();
}

fn refusal(sink: &mut dyn Sink) -> SinkError {
    let mut results = epochs().into_iter().map(|executed| sink.deliver(&executed.epoch, &executed.outputs));
    results.find_map(Result::err).expect("it cannot be written")
}

#[test]
fn a_full_disk_is_an_error_that_names_the_file() {
    let full = Path::new("/dev/full");
    let sinks: [Box<dyn Sink>; 2] =
        [Box::new(FileSink::create(full, json()).unwrap()), Box::new(DeadLettersSink::open(full).unwrap())];
    for mut sink in sinks {
        let said = refusal(sink.as_mut()).to_string();
        assert_eq!(said, format!("{}: cannot write /dev/full: No space left on device (os error 28)", sink.name()));
    }
}

struct Broken(io::ErrorKind);

impl Write for Broken {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(self.0.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_reader_that_has_gone_is_told_apart_from_a_failure() {
    let gone = refusal(&mut StdoutSink::new(json(), Broken(io::ErrorKind::BrokenPipe), Shared::default()));
    assert!(matches!(gone, SinkError::Closed), "{gone}");
    let failed = refusal(&mut StdoutSink::new(json(), Broken(io::ErrorKind::StorageFull), Shared::default()));
    assert!(failed.to_string().starts_with("stdout: cannot write stdout: "), "{failed}");
}
