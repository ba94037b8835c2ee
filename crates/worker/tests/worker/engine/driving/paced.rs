//! Sinks at their own pace, on threads: one that is away holds nobody up, until as much waits as may.

use worker::epoch::{FeedError, Outputs, PartitionFacts, Read, SteppedDriver, TopicId};
use worker::sink::{Outlet, PacedLimits, PacedSink, Pack, Parcel, Sent, SinkBatch};
use worker::source::PartitionId;
use worker::time::clock::SystemClock;

use super::*;

/// A sink whose other side is away until a test lets it come back.
#[derive(Clone, Default)]
struct Remote {
    there: Arc<AtomicBool>,
    epochs: Arc<Mutex<Vec<(u64, u64)>>>,
    rows: Arc<AtomicU64>,
    /// It refuses for good.
    refuses: Arc<AtomicBool>,
    tried: Arc<AtomicU64>,
    packed: Arc<AtomicU64>,
}

struct Way(Remote);

impl Outlet for Way {
    fn name(&self) -> &'static str {
        "remote"
    }

    fn send(&mut self, batch: &SinkBatch<'_>) -> Result<(), SinkError> {
        self.0.tried.fetch_add(1, Ordering::SeqCst);
        if self.0.refuses.load(Ordering::SeqCst) {
            return Err(SinkError::OutboxUnreadable { sink: "remote" });
        }
        if !self.0.there.load(Ordering::SeqCst) {
            let source = std::io::ErrorKind::ConnectionRefused.into();
            return Err(SinkError::Write { sink: "remote", target: "nobody".to_owned(), source });
        }
        self.0.epochs.lock().unwrap().push((batch.first, batch.last));
        let rows = batch.parcels.iter().map(|parcel| u64::from(parcel.rows)).sum();
        self.0.rows.fetch_add(rows, Ordering::SeqCst);
        Ok(())
    }
}

/// A hundred bytes a line, and how often it was asked.
struct HundredBytes(Arc<AtomicU64>);

impl Pack for HundredBytes {
    fn pack(&self, _epoch: &EpochRecord, outputs: &Outputs) -> Parcel {
        self.0.fetch_add(1, Ordering::SeqCst);
        let rows = outputs.lines.len() as u32;
        Parcel { rows, bytes: vec![b'x'; 100 * rows as usize] }
    }
}

impl Remote {
    fn sink(&self, outbox_bytes: u64) -> PacedSink {
        PacedSink {
            pack: Box::new(HundredBytes(Arc::clone(&self.packed))),
            outlet: Box::new(Way(self.clone())),
            limits: PacedLimits { batch_rows: 8, batch_bytes: 10_000, batch_ms: 0, memory_bytes: 1_000, outbox_bytes },
            clock: Arc::new(SystemClock),
        }
    }
}

/// A feed that stands where a second run goes on.
struct GoesOn<'a>(Scripted<'a>);

impl Feed for GoesOn<'_> {
    fn read(&mut self, wait: Duration) -> Result<Read, FeedError> {
        self.0.read(wait)
    }

    fn partitions(&self) -> Vec<PartitionId> {
        self.0.partitions()
    }

    fn facts(&self, slot: usize) -> PartitionFacts {
        self.0.facts(slot)
    }

    fn seek(
        &mut self,
        next_offsets: &[(PartitionId, i64)],
        _was: Option<TopicId>,
    ) -> Result<Option<TopicId>, FeedError> {
        assert_eq!(next_offsets[0].1, 100);
        Ok(None)
    }
}

fn orders(from: i64, to: i64) -> Vec<Turn> {
    (from..to).map(|offset| Turn::order(0, offset, "A", MORNING_MS)).collect()
}

#[test]
fn a_sink_that_is_away_holds_nobody_up_and_gets_everything_later() {
    let (remote, log) = (Remote::default(), KeptLog::default());
    let store: Arc<dyn StateStore> = Arc::new(MemoryStateStore::default());
    let clock = ManualClock::at(MORNING_MS);
    let sink = MemorySink::new(json());
    let parts = |sink: &MemorySink| {
        let mut parts = Parts::new(&clock, sink.clone());
        (parts.log, parts.store) = (Box::new(log.clone()), Arc::clone(&store));
        parts.paced = vec![remote.sink(u64::MAX)];
        parts
    };
    // A stop waits three seconds for it, then leaves what waits to the next start.
    played(parts(&sink), &orders(0, 100)).unwrap();
    let lines = |sink: &MemorySink| told(sink).iter().map(|(_, _, lines)| lines.len() as u64).sum::<u64>();
    let before = lines(&sink);
    assert!(before >= 100, "the other sink has everything: {before}");
    assert_eq!(remote.rows.load(Ordering::SeqCst), 0);
    let waiting = store.outbox_page("remote", None, usize::MAX).unwrap();
    assert_eq!(waiting.iter().map(|(_, stored)| stored.len() as u64 - 4).sum::<u64>(), 100 * before);

    remote.there.store(true, Ordering::SeqCst);
    let (parts, turns) = (parts(&MemorySink::new(json())), orders(100, 101));
    let stop = Arc::clone(&parts.stop);
    parts.run(&mut GoesOn(Scripted::new(&turns, &clock, End::Stop(stop)))).unwrap();
    let order = remote.epochs.lock().unwrap().clone();
    assert!(order.windows(2).all(|pair| pair[0].1 < pair[1].0), "in order, each once: {order:?}");
    assert!(remote.rows.load(Ordering::SeqCst) > before, "and what is new");
    assert!(store.outbox_page("remote", None, 0).unwrap().is_empty(), "nothing is left over");
    let progress = store.last_commit().unwrap().unwrap();
    let told = progress.sinks.iter().find(|progress| progress.sink == "remote").unwrap();
    assert_eq!(told.epoch, progress.epoch, "a drained state says so");
}

// I7: at the outbox's bound the sources pause; nothing is dropped.
#[test]
fn i7_when_nothing_more_may_wait_the_sources_pause() {
    let (remote, log) = (Remote::default(), KeptLog::default());
    let (logged, away) = (log.clone(), remote.clone());
    let run = thread::spawn(move || {
        let clock = ManualClock::at(MORNING_MS);
        let mut parts = Parts::new(&clock, MemorySink::new(json()));
        parts.log = Box::new(log);
        parts.paced = vec![away.sink(2_000)];
        let progress = Arc::clone(&parts.progress);
        parts.run(&mut Scripted::new(&orders(0, 200), &clock, End::Flush)).unwrap();
        progress.counts()
    });
    let executed = || logged.0.lock().unwrap().len();
    let mut before = usize::MAX;
    while executed() != before || before == 0 {
        before = executed();
        // It is waited for a second before it is behind.
        thread::sleep(Duration::from_millis(1_500));
    }
    // 104 bytes a line: nineteen epochs of one order each may wait, or less where an alert comes with it.
    assert!(before < 30, "{before} epochs executed while nothing leaves");
    remote.there.store(true, Ordering::SeqCst);
    assert_eq!(run.join().unwrap().applied, 200);
    assert!(remote.rows.load(Ordering::SeqCst) > 200);
    assert_eq!(
        remote.packed.load(Ordering::SeqCst),
        executed() as u64,
        "an epoch is packed once, however often it is refused"
    );
}

#[test]
fn a_sink_that_cannot_go_on_ends_the_run_and_tries_no_more() {
    let remote = Remote::default();
    remote.refuses.store(true, Ordering::SeqCst);
    let clock = ManualClock::at(MORNING_MS);
    let mut parts = Parts::new(&clock, MemorySink::new(json()));
    parts.paced = vec![remote.sink(u64::MAX)];
    let turns = orders(0, 2);
    let mut feed = Scripted::new(&turns, &clock, End::Flush);
    let mut driver = SteppedDriver::start(parts.driver(), &mut feed, false).unwrap();
    let mut epoch = || driver.gather(&mut feed).and_then(|_| driver.deliver()).map(|()| driver.send());
    while remote.tried.load(Ordering::SeqCst) == 0 {
        epoch().unwrap();
    }
    let ended = epoch().unwrap_err();
    assert!(matches!(ended, DriverError::Sink(SinkError::OutboxUnreadable { .. })), "{ended}");
    assert_eq!(driver.send(), [Sent::Over], "whoever knows of it or not");
    assert_eq!(remote.tried.load(Ordering::SeqCst), 1);
}
