//! One schedule: a day, and lives between crashes until everything is read.

use std::sync::{Arc, Mutex};

use worker::epoch::{
    CommitPace, DiskEpochLog, Driver, DriverError, EpochLog, EpochRecord, History, LineClock, LogError, Pipeline,
    Refusal, SteppedDriver, Timeline,
};
use worker::sink::Renderer;
use worker::state::StateStore;
use worker::time::clock::{Clock, ManualClock};

use super::disk::{Directory, SimulatedDirectory};
use super::fates::{Fates, Shared, open};
use super::oracle::{self, Expected};
use super::sinks::Outside;
use super::source::{Topic, TopicFeed};
use super::state::{SimulatedStore, StateDisk};
use super::{accounts, refusals};
use crate::engine::day::{Dice, MORNING_MS, day};
use crate::engine::repeatable::same_state;
use crate::engine::{executor, json, pipelines, text};

/// Segments of the log are this long: some dozen epochs.
pub(super) const SEGMENT_BYTES: u64 = 2_000;
/// So many epochs may leave again on stdout for each crash: those whose notes had not reached the log's disk.
const REPEATED_A_CRASH: u64 = 6;

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
    pub(super) refused_sources: u64,
    pub(super) refused_starts: u64,
    pub(super) disk_faults: u64,
    pub(super) failed_starts: u64,
    pub(super) partitions_added: u64,
    pub(super) clocks_set_back: u64,
    pub(super) epochs: u64,
    pub(super) unknown_answers: u64,
    pub(super) repeated_batches: u64,
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
        self.refused_sources += other.refused_sources;
        self.refused_starts += other.refused_starts;
        self.disk_faults += other.disk_faults;
        self.failed_starts += other.failed_starts;
        self.partitions_added += other.partitions_added;
        self.clocks_set_back += other.clocks_set_back;
        self.epochs += other.epochs;
        self.unknown_answers += other.unknown_answers;
        self.repeated_batches += other.repeated_batches;
    }
}

/// What lasts over crashes.
pub(super) struct World {
    pub(super) pipeline: Pipeline,
    pub(super) topic: Arc<Mutex<Topic>>,
    clock: Arc<ManualClock>,
    log: Shared<Directory>,
    pub(super) state: Shared<StateDisk>,
    pub(super) outside: Outside,
    /// Whether results are text; JSON otherwise.
    text: bool,
    pub(super) dice: Dice,
    parallelism: u16,
    pub(super) outcome: Outcome,
}

/// How a life ended.
enum End {
    Done,
    Died,
}

/// Runs a schedule; panics where something is wrong.
pub(super) fn run(seed: u64) -> Outcome {
    let mut dice = Dice(seed ^ 0x5eed_0000_0000);
    let turns = if dice.below(4) == 0 { 20 + dice.below(30) } else { 4 + dice.below(12) };
    let records = day(seed, turns as usize).into_iter().flat_map(|turn| turn.records).collect();
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
        clock: Arc::new(ManualClock::at(MORNING_MS)),
        log: Shared::default(),
        state: Shared::default(),
        outside: Outside::default(),
        text: dice.below(4) == 0,
        parallelism: 1 + dice.below(4) as u16,
        dice,
        outcome: Outcome::default(),
    };
    let crashes = 1 + world.dice.below(9);
    for life in 0.. {
        // The last lives are long: everything is read in the end.
        let patient = life >= crashes;
        match world.live(patient) {
            End::Done => break,
            End::Died => world.crash(),
        }
        assert!(life < 40, "it never ends");
    }
    world.check();
    if world.dice.below(8) == 0 {
        refusals::starts_that_would_not_be_exactly_once(&mut world);
    }
    world.outcome
}

impl World {
    pub(super) fn fork(&mut self) -> Dice {
        Dice(self.dice.below(u64::MAX))
    }

    pub(super) fn renderer(&self) -> Renderer {
        if self.text { text() } else { json() }
    }

    fn open_log(&self, fates: &Shared<Fates>) -> Result<DiskEpochLog, LogError> {
        let files = SimulatedDirectory { disk: Arc::clone(&self.log), fates: Arc::clone(fates) };
        DiskEpochLog::open_on(Arc::new(files), SEGMENT_BYTES)
    }

    /// From a start to a crash, or to the end.
    fn live(&mut self, patient: bool) -> End {
        self.outcome.lives += 1;
        let left = if patient { u64::MAX } else { 1 + self.dice.below(400) };
        let faults = if !patient && self.dice.below(3) == 0 { self.dice.below(12) } else { 0 };
        let fates = Arc::new(Mutex::new(Fates::new(left, faults, self.fork())));
        if self.dice.below(3) == 0 {
            self.refuses_another_configuration();
            self.refuses_another_source();
        }
        let before = self.parallelism;
        self.parallelism = 1 + self.dice.below(8) as u16;
        self.outcome.rescales += u64::from(before != self.parallelism);
        let log = match self.open_log(&fates) {
            Ok(log) => log,
            Err(LogError::Write { .. }) => {
                self.outcome.failed_starts += 1;
                return End::Died;
            }
            Err(error) => panic!("a start is refused: {error}"),
        };
        let last = log.summary().epochs.map_or(0, |(_, last)| last);
        self.outcome.executed_again += last.saturating_sub(open(&self.state).epoch());
        let clock = Arc::clone(&self.clock);
        let dice = self.fork();
        let mut feed = TopicFeed::new(&self.topic, dice);
        let driver = self.driver(clock.as_ref(), 0, Box::new(log), &fates);
        let end = match SteppedDriver::start(driver, &mut feed, true) {
            Ok(driver) => self.steps(driver, &mut feed, &fates, patient),
            // The log or a sink could not be written to: somebody starts it again.
            Err(_) if open(&fates).is_over() || open(&fates).faulted > 0 => End::Died,
            Err(error) => panic!("a start is refused: {error}"),
        };
        self.outcome.disk_faults += open(&fates).faulted;
        end
    }

    pub(super) fn driver<'a>(
        &mut self,
        clock: &'a dyn Clock,
        config_id: u64,
        log: Box<dyn EpochLog>,
        fates: &Shared<Fates>,
    ) -> Driver<'a> {
        let mut dice = self.fork();
        let sinks = self.outside.sinks(&|| self.renderer(), &self.clock, fates, &mut dice);
        let paced = self.outside.paced(&|| self.renderer(), &self.clock, fates, &mut dice);
        Driver {
            executor: executor(&self.pipeline, LineClock::Epoch, usize::from(self.parallelism)),
            clock,
            log,
            store: Arc::new(SimulatedStore::over(&self.state, fates)),
            // Few: most are read from the store again.
            hot_symbols: 4,
            sinks,
            paced,
            history: History::new(Timeline(7)),
            pace: CommitPace { delay_ms: 20, busy_ms: 1_000, epochs_max: 5, symbols_max: 40 },
            patient: true,
            checkpoints: None,
            control: Arc::default(),
            config_id,
            parallelism: self.parallelism,
            stop: open(fates).stop(),
            progress: Arc::default(),
        }
    }

    /// The epochs that a start would execute again.
    fn tail(&self) -> (DiskEpochLog, Vec<EpochRecord>) {
        let log = self.open_log(&Fates::calm()).unwrap();
        let tail = log.after(open(&self.state).epoch()).unwrap().map(Result::unwrap).collect();
        (log, tail)
    }

    /// Epochs behind the state are executed under the configuration of their time, or not at all.
    fn refuses_another_configuration(&mut self) {
        let (log, tail) = self.tail();
        if tail.is_empty() {
            return;
        }
        let dice = self.fork();
        let mut feed = TopicFeed::new(&self.topic, dice);
        let refused = self.refused(log, 1, &mut feed);
        assert!(matches!(refused, DriverError::Refused(Refusal::OtherConfiguration { .. })), "{refused}");
        self.outcome.refused_configurations += 1;
    }

    /// Records that are not those that were logged stop the start, before anything of them has left.
    fn refuses_another_source(&mut self) {
        let (log, tail) = self.tail();
        let Some(first) = tail.iter().find(|record| record.ranges.iter().any(|range| range.records > 0)) else {
            return;
        };
        let dice = self.fork();
        let mut feed = TopicFeed::new(&self.topic, dice);
        feed.falsify(first);
        let refused = self.refused(log, 0, &mut feed);
        match refused {
            DriverError::Refused(Refusal::SourceChanged { epoch, .. }) => assert_eq!(epoch, first.id),
            other => panic!("{other}"),
        }
        self.outcome.refused_sources += 1;
    }

    /// A start that must be refused; what it says.
    fn refused(&mut self, log: DiskEpochLog, config_id: u64, feed: &mut TopicFeed) -> DriverError {
        let clock = ManualClock::at(self.clock.wall_ms());
        let fates = Fates::calm();
        let mut driver =
            SteppedDriver::start(self.driver(&clock, config_id, Box::new(log), &fates), feed, true).unwrap();
        for step in 0..10_000 {
            let stepped = if step % 2 == 0 && driver.waiting() < SteppedDriver::WAITING_MAX {
                driver.gather(feed).map(|going| assert!(going, "it ends without a word"))
            } else {
                driver.deliver()
            };
            if let Err(error) = stepped {
                return error;
            }
            assert!(feed.in_vain == 0, "it goes on as if nothing were wrong");
        }
        panic!("it is not refused");
    }

    fn steps(
        &mut self,
        mut driver: SteppedDriver<'_>,
        feed: &mut TopicFeed,
        fates: &Shared<Fates>,
        patient: bool,
    ) -> End {
        loop {
            let stepped = match self.dice.below(12) {
                0 => {
                    self.time_passes(patient);
                    Ok(())
                }
                1 if self.dice.below(8) == 0 && open(&self.state).epoch() > 0 => {
                    let oldest = open(&self.state).checkpoint();
                    driver.log_needed_after(oldest);
                    Ok(())
                }
                10..=11 => {
                    driver.send();
                    Ok(())
                }
                2..=5 if driver.waiting() < SteppedDriver::WAITING_MAX => driver.gather(feed).map(drop),
                _ => driver.deliver(),
            };
            if stepped.is_err() || open(fates).is_over() {
                return End::Died;
            }
            if feed.in_vain > 60 {
                // Nothing comes any more. A life that is not the last one ends by itself then.
                return if !patient || driver.end().is_err() { End::Died } else { End::Done };
            }
        }
    }

    fn time_passes(&mut self, patient: bool) {
        self.clock.advance(self.dice.below(9_000) as i64);
        self.outside.time_passes(&mut self.dice);
        if self.dice.below(20) == 0 {
            self.set_clock_back();
        }
        let mut topic = open(&self.topic);
        if topic.count < 3 && self.dice.below(10) == 0 {
            topic.count += 1;
            self.outcome.partitions_added += 1;
        }
        topic.write(&mut self.dice);
        if patient {
            topic.write_all();
        }
    }

    /// Somebody corrects the machine's clock.
    fn set_clock_back(&mut self) {
        self.clock.set_wall(self.clock.wall_ms() - self.dice.below(60_000) as i64);
        self.outcome.clocks_set_back += 1;
    }

    fn crash(&mut self) {
        // Sometimes nobody starts it again for a while.
        self.clock.advance(self.dice.below(40_000) as i64);
        self.outside.time_passes(&mut self.dice);
        if self.dice.below(6) == 0 {
            self.set_clock_back();
        }
        if self.dice.below(2) == 0 {
            self.outcome.crashes_of_process += 1;
        } else {
            self.outcome.crashes_of_machine += 1;
            open(&self.log).crash_of_machine(&mut self.dice);
            open(&self.state).crash_of_machine(&mut self.dice);
            open(&self.outside.file).crash_of_machine(&mut self.dice);
        }
        if self.dice.below(8) == 0 {
            self.outcome.restores += 1;
            open(&self.state).restore(&mut self.dice);
            if refusals::a_restore_takes_the_log_along() {
                *open(&self.log) = Directory::default();
            }
        }
    }

    /// What left, in order.
    pub(super) fn history(&self) -> Vec<EpochRecord> {
        open(&self.outside.to_file).history.values().cloned().collect()
    }

    /// What the sinks and the state hold is what the history gives.
    fn check(&mut self) {
        let history = self.history();
        let topic = open(&self.topic);
        self.outcome.epochs += history.len() as u64;
        oracle::history_is_whole(&topic, &history);
        let expected = Expected::of(&self.pipeline, &topic, &history, &self.renderer());
        assert!(expected.counts.adds_up());
        let file = open(&self.outside.file);
        assert!(file.bytes == expected.lines, "{}", first_difference(&file.bytes, &expected.lines));
        if !self.text {
            accounts::every_change_is_counted_once(&topic, &file.bytes, self.pipeline.snapshot_rows_once);
        }
        oracle::stdout_is_right(&open(&self.outside.stdout), &expected.lines);
        for (what, remote) in [("table", &self.outside.table), ("topic", &self.outside.topic)] {
            let remote = open(remote);
            assert!(remote.rows == expected.lines, "{what}: {}", first_difference(&remote.rows, &expected.lines));
            self.outcome.unknown_answers += remote.unknown;
            self.outcome.repeated_batches += remote.repeated;
            let left = open(&self.state).store().outbox_page(what, None, 0).unwrap();
            assert!(left.is_empty(), "{what}: something is left in the outbox");
        }
        let again = open(&self.outside.to_stdout).again;
        let crashes = self.outcome.lives - 1;
        assert!(again <= REPEATED_A_CRASH * crashes, "{again} epochs came again on stdout, over {crashes} crashes");
        same_state(&open(&self.state).store(), &expected.store);
    }
}

fn first_difference(left: &[u8], right: &[u8]) -> String {
    let lines = |bytes: &[u8]| String::from_utf8_lossy(bytes).lines().map(str::to_owned).collect::<Vec<_>>();
    let (left, right) = (lines(left), lines(right));
    let at = left.iter().zip(&right).position(|(left, right)| left != right).unwrap_or(left.len().min(right.len()));
    format!("line {at}: there is {:?}, the history gives {:?}", left.get(at), right.get(at))
}
