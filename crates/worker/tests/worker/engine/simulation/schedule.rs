//! One schedule: a day, and lives between crashes until everything is read.

use std::sync::{Arc, Mutex};

use worker::epoch::{CommitPace, Driver, DriverError, History, LineClock, Pipeline, Refusal, SteppedDriver, Timeline};
use worker::sink::Sink;
use worker::time::clock::ManualClock;

use super::disk::{Fates, FileDisk, Kind, LogDisk, Shared, SimulatedLog, SimulatedSink, SimulatedStore, StateDisk};
use super::oracle::{expected, history_is_whole, stdout_is_right};
use super::source::{Topic, TopicFeed};
use crate::engine::day::{Dice, MORNING_MS, day};
use crate::engine::repeatable::same_state;
use crate::engine::{executor, pipelines};

/// What happened in schedules.
#[derive(Clone, Debug, Default)]
pub(super) struct Outcome {
    pub(super) lives: u64,
    pub(super) crashes_of_process: u64,
    pub(super) crashes_of_machine: u64,
    pub(super) executed_again: u64,
    pub(super) restores: u64,
    pub(super) rescales: u64,
    pub(super) refused_configurations: u64,
    pub(super) disk_faults: u64,
    pub(super) partitions_added: u64,
    pub(super) epochs: u64,
}

impl Outcome {
    pub(super) fn add(&mut self, other: &Self) {
        self.lives += other.lives;
        self.crashes_of_process += other.crashes_of_process;
        self.crashes_of_machine += other.crashes_of_machine;
        self.executed_again += other.executed_again;
        self.restores += other.restores;
        self.rescales += other.rescales;
        self.refused_configurations += other.refused_configurations;
        self.disk_faults += other.disk_faults;
        self.partitions_added += other.partitions_added;
        self.epochs += other.epochs;
    }
}

/// What lasts over crashes.
struct World {
    pipeline: Pipeline,
    topic: Arc<Mutex<Topic>>,
    clock: ManualClock,
    log: Shared<LogDisk>,
    state: Shared<StateDisk>,
    file: Shared<FileDisk>,
    stdout: Shared<FileDisk>,
    dice: Dice,
    parallelism: u16,
    outcome: Outcome,
}

/// How a life ended.
enum End {
    Done,
    Died,
}

/// Runs a schedule; panics where something is wrong.
pub(super) fn run(seed: u64) -> Outcome {
    let mut dice = Dice(seed ^ 0x5eed_0000_0000);
    let records = day(seed, 20 + dice.below(30) as usize).into_iter().flat_map(|turn| turn.records).collect();
    let [processing, event, corrected] = pipelines();
    let pipeline = match dice.below(4) {
        0 | 1 => processing,
        2 => event,
        _ => corrected,
    };
    let count = 1 + dice.below(3) as usize;
    let mut world = World {
        pipeline,
        topic: Arc::new(Mutex::new(Topic::new(records, count))),
        clock: ManualClock::at(MORNING_MS),
        log: Shared::default(),
        state: Shared::default(),
        file: Shared::default(),
        stdout: Shared::default(),
        parallelism: 1 + dice.below(4) as u16,
        dice,
        outcome: Outcome::default(),
    };
    for life in 0.. {
        // The last lives are long: everything is read in the end.
        let patient = life > 12;
        match world.live(patient) {
            End::Done => break,
            End::Died => world.crash(),
        }
        assert!(life < 40, "it never ends");
    }
    world.check();
    world.outcome
}

impl World {
    fn fork(&mut self) -> Dice {
        Dice(self.dice.below(u64::MAX))
    }

    /// From a start to a crash, or to the end.
    fn live(&mut self, patient: bool) -> End {
        self.outcome.lives += 1;
        self.log.lock().unwrap().settle_lineage();
        let left = if patient { u64::MAX } else { 1 + self.dice.below(250) };
        let faults = if self.dice.below(3) == 0 { self.dice.below(12) } else { 0 };
        let fates = Arc::new(Mutex::new(Fates::new(left, faults, self.fork())));
        if self.dice.below(6) == 0 {
            self.refuses_another_configuration(&fates);
        }
        let before = self.parallelism;
        self.parallelism = 1 + self.dice.below(8) as u16;
        self.outcome.rescales += u64::from(before != self.parallelism);
        let clock = std::mem::take(&mut self.clock);
        let dice = self.fork();
        let mut feed = TopicFeed::new(&self.topic, dice);
        let end = match SteppedDriver::start(self.driver(&clock, 0, &fates), &mut feed, true) {
            Ok(driver) => self.steps(driver, &mut feed, &clock, patient),
            Err(error) => panic!("a start is refused: {error}"),
        };
        self.clock = clock;
        self.outcome.disk_faults += fates.lock().unwrap().faulted;
        end
    }

    fn driver<'a>(&self, clock: &'a ManualClock, config_id: u64, fates: &Shared<Fates>) -> Driver<'a> {
        let sink = |kind, disk: &Shared<FileDisk>| -> Box<dyn Sink> {
            Box::new(SimulatedSink { kind, disk: Arc::clone(disk), fates: Arc::clone(fates) })
        };
        let memory = self.state.lock().unwrap().store();
        let store = SimulatedStore { memory, disk: Arc::clone(&self.state), fates: Arc::clone(fates) };
        Driver {
            executor: executor(&self.pipeline, LineClock::Epoch, usize::from(self.parallelism)),
            clock,
            log: Box::new(SimulatedLog { disk: Arc::clone(&self.log), fates: Arc::clone(fates) }),
            store: Arc::new(store),
            // Few: most are read from the store again.
            hot_symbols: 4,
            sinks: vec![sink(Kind::File, &self.file), sink(Kind::Stdout, &self.stdout)],
            history: History::new(Timeline(7)),
            pace: CommitPace { delay_ms: 20, epochs_max: 5, symbols_max: 40 },
            patient: true,
            checkpoints: None,
            control: Arc::default(),
            config_id,
            parallelism: self.parallelism,
            stop: Arc::default(),
            progress: Arc::default(),
        }
    }

    /// Epochs behind the state are executed under the configuration of their time, or not at all.
    fn refuses_another_configuration(&mut self, fates: &Shared<Fates>) {
        let tail =
            self.log.lock().unwrap().lineage.last().map_or(0, |last| last.id) > self.state.lock().unwrap().epoch();
        if !tail {
            return;
        }
        let dice = self.fork();
        let mut feed = TopicFeed::new(&self.topic, dice);
        let clock = ManualClock::at(MORNING_MS);
        let mut other = SteppedDriver::start(self.driver(&clock, 1, fates), &mut feed, true).unwrap();
        let refused = loop {
            match other.gather(&mut feed) {
                Ok(true) if other.waiting() == 0 => {}
                Ok(true) => other.deliver().unwrap(),
                Ok(false) => panic!("it ends without a word"),
                Err(error) => break error,
            }
        };
        assert!(matches!(refused, DriverError::Refused(Refusal::OtherConfiguration { .. })), "{refused}");
        self.outcome.refused_configurations += 1;
    }

    fn steps(
        &mut self,
        mut driver: SteppedDriver<'_>,
        feed: &mut TopicFeed,
        clock: &ManualClock,
        patient: bool,
    ) -> End {
        let logged = self.log.lock().unwrap().lineage.last().map_or(0, |last| last.id);
        self.outcome.executed_again += logged - self.state.lock().unwrap().epoch();
        loop {
            let stepped = match self.dice.below(10) {
                0 => {
                    clock.advance(self.dice.below(9_000) as i64);
                    let mut topic = self.topic.lock().unwrap();
                    if topic.count < 3 && self.dice.below(10) == 0 {
                        topic.count += 1;
                        self.outcome.partitions_added += 1;
                    }
                    topic.write(&mut self.dice);
                    if patient {
                        topic.write_all();
                    }
                    Ok(())
                }
                1 if self.dice.below(8) == 0 && self.state.lock().unwrap().epoch() > 0 => {
                    let oldest = self.state.lock().unwrap().checkpoint();
                    driver.log_needed_after(oldest);
                    Ok(())
                }
                2..=5 if driver.waiting() < SteppedDriver::WAITING_MAX => driver.gather(feed).map(drop),
                _ => driver.deliver(),
            };
            if stepped.is_err() {
                return End::Died;
            }
            if feed.in_vain > 60 {
                // Nothing comes any more. A life that is not the last one ends by itself then.
                return if !patient || driver.end().is_err() { End::Died } else { End::Done };
            }
        }
    }

    fn crash(&mut self) {
        // Sometimes nobody starts it again for a while.
        self.clock.advance(self.dice.below(40_000) as i64);
        if self.dice.below(2) == 0 {
            self.outcome.crashes_of_process += 1;
        } else {
            self.outcome.crashes_of_machine += 1;
            self.log.lock().unwrap().crash_of_machine(&mut self.dice);
            self.state.lock().unwrap().crash_of_machine(&mut self.dice);
            self.file.lock().unwrap().crash_of_machine(&mut self.dice);
        }
        let mut state = self.state.lock().unwrap();
        if self.dice.below(8) == 0 {
            self.outcome.restores += 1;
            state.restore(&mut self.dice);
        }
    }

    /// What the sinks and the state hold is what the history gives.
    fn check(&mut self) {
        let mut log = self.log.lock().unwrap();
        log.settle_lineage();
        let topic = self.topic.lock().unwrap();
        self.outcome.epochs += log.lineage.len() as u64;
        history_is_whole(&topic, &log.lineage);
        let expected = expected(&self.pipeline, &topic, &log.lineage);
        assert!(expected.counts.adds_up());
        let file = self.file.lock().unwrap();
        assert!(file.bytes == expected.lines, "{}", first_difference(&file.bytes, &expected.lines));
        stdout_is_right(&self.stdout.lock().unwrap().bytes, &expected.lines);
        same_state(&self.state.lock().unwrap().store(), &expected.store);
    }
}

fn first_difference(left: &[u8], right: &[u8]) -> String {
    let lines = |bytes: &[u8]| String::from_utf8_lossy(bytes).lines().map(str::to_owned).collect::<Vec<_>>();
    let (left, right) = (lines(left), lines(right));
    let at = left.iter().zip(&right).position(|(left, right)| left != right).unwrap_or(left.len().min(right.len()));
    format!("line {at}: the file has {:?}, the history gives {:?}", left.get(at), right.get(at))
}
