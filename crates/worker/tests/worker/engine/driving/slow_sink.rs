//! A sink that takes its time.

use worker::epoch::SteppedDriver;

use super::*;

/// Waits at every delivery until it is told to go on.
struct Slow {
    go_on: mpsc::Receiver<()>,
    delivered: Arc<AtomicU64>,
}

impl Sink for Slow {
    fn name(&self) -> &'static str {
        "slow"
    }

    fn deliver(&mut self, _epoch: &EpochRecord, _outputs: &Outputs) -> Result<(), SinkError> {
        self.go_on.recv().expect("the test goes on");
        self.delivered.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }
}

// I7: a slow sink stops the reading after a few epochs; nothing is dropped.
#[test]
fn i7_a_slow_sink_holds_the_source_back() {
    let (tell, go_on) = mpsc::channel();
    let delivered = Arc::new(AtomicU64::new(0));
    let log = KeptLog::default();
    let (logged, seen) = (log.clone(), Arc::clone(&delivered));
    let run = thread::spawn(move || {
        let clock = ManualClock::at(MORNING_MS);
        let mut parts = Parts::new(&clock, Slow { go_on, delivered: seen });
        parts.log = Box::new(log);
        let turns: Vec<Turn> = (0..200).map(|offset| Turn::order(0, offset, "A", 0)).collect();
        let progress = Arc::clone(&parts.progress);
        parts.run(&mut Scripted::new(&turns, &clock, End::Flush)).unwrap();
        progress.counts()
    });
    let executed = || logged.0.lock().unwrap().len() as u64;
    for done in 0..=201 {
        // One is being delivered, two wait, one is executed and waits to be handed over.
        assert!(executed() <= done + 4, "{} epochs executed while {done} are delivered", executed());
        if done % 50 == 0 {
            thread::sleep(Duration::from_millis(20));
            assert!(executed() <= done + 4, "{} epochs executed while {done} are delivered", executed());
        }
        tell.send(()).unwrap();
        while delivered.load(Ordering::SeqCst) == done {
            thread::yield_now();
        }
    }
    assert_eq!(run.join().unwrap().applied, 200);
}

/// Takes so long for an epoch.
struct Takes(Arc<ManualClock>, i64);

impl Sink for Takes {
    fn name(&self) -> &'static str {
        "takes"
    }

    fn deliver(&mut self, _epoch: &EpochRecord, _outputs: &Outputs) -> Result<(), SinkError> {
        self.0.advance(self.1);
        Ok(())
    }
}

// The next epoch always waits when one has left, so that there is never a moment in which nothing comes: what has left is
// committed all the same, once a second. Where epochs are quick, hundreds share a commit.
#[test]
fn what_has_left_through_a_slow_sink_is_committed_within_a_second() {
    for (epoch_ms, commits) in [(300, vec![4, 8, 12, 16, 20]), (2_000, (1..=20).collect()), (1, vec![])] {
        let clock = Arc::new(ManualClock::at(MORNING_MS));
        let (mut parts, journal) = journaled(&clock, [NEVER; 3]);
        parts.sinks.push(Box::new(Takes(Arc::clone(&clock), epoch_ms)));
        let mut driver = parts.driver();
        driver.pace = CommitPace::GROUPED;
        let turns: Vec<Turn> = (0..100).map(|offset| Turn::order(0, offset, "A", 0)).collect();
        let mut feed = Scripted::new(&turns, &clock, End::Never);
        let mut stepped = SteppedDriver::start(driver, &mut feed, false).unwrap();
        while stages(&journal, "deliver").len() < 20 {
            while stepped.waiting() < SteppedDriver::WAITING_MAX {
                stepped.gather(&mut feed).unwrap();
            }
            stepped.deliver().unwrap();
        }
        assert_eq!(stages(&journal, "commit"), commits, "{epoch_ms} ms each");
    }
}
