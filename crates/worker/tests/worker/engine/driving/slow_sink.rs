//! A sink that takes its time.

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
