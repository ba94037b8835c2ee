//! The run: what is at hand, act after act, the end of each, the report.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

use super::act::Act;
use super::compare::{Comparison, Terms, compare};
use super::dice::Dice;
use super::fault::{Deck, Fault, Needs};
use super::life::{IDLE_AFTER_MS, Life, OUT_OF_ORDERNESS_MS, Stage, Start, WINDOW_MS};
use super::load::{Load, Market};
use super::mount::{Mounted, build_shim};
use super::recording::{Recording, record};
use super::report::{ActReport, Report};
use super::rest::free_port;
use super::wait::{pause, until};
use super::witness::Witness;
use crate::bench::build_worker;
use crate::broker::Broker;
use crate::cli::{ChaosOptions, ChaosTime};
use crate::process::{Interrupted, run as run_to_its_end, succeeded};
use crate::stopwatch::Stopwatch;

/// Under faults in CI; with all that comes on top a minute and a half.
const SHORT: Duration = Duration::from_secs(40);
/// The oracle takes about a minute for a million messages.
const ORACLE_LIMIT: Duration = Duration::from_hours(2);
/// Nothing new for so long: everything has come. Windows are a second long.
const QUIET_MS: u64 = 3_000;
/// Nothing new for so long although something is missing: it will not come.
const SILENCE: Duration = Duration::from_secs(30);

/// The oracle's accounting.
const SUMMARY: &str = "expected.json";

/// What all acts have in common.
struct World<'a> {
    root: &'a Path,
    options: &'a ChaosOptions,
    worker: PathBuf,
    shim: Option<PathBuf>,
    mounts: bool,
    watch: Stopwatch,
}

/// Runs it, and says what came of it; the exit code tells of any difference.
pub(crate) fn run(root: &Path, options: &ChaosOptions) -> Result<ExitCode> {
    if options.list {
        for fault in Fault::ALL {
            println!("{:<20} {}", fault.name(), fault.what());
        }
        return Ok(ExitCode::SUCCESS);
    }
    let report = play(root, options, Duration::from_secs(u64::from(options.minutes) * 60))?;
    if options.json {
        println!("{}", serde_json::to_string_pretty(&report.json())?);
    } else {
        print!("{}", report.table());
    }
    Ok(if report.all_well() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The short form, for every run of CI. Gives what it came to.
pub(crate) fn run_short(root: &Path) -> Result<String> {
    let report = play(root, &ChaosOptions { minutes: 1, ..ChaosOptions::default() }, SHORT)?;
    print!("{}", report.table());
    if report.all_well() { Ok(report.in_short()) } else { bail!("{}", report.in_short()) }
}

fn play(root: &Path, options: &ChaosOptions, length: Duration) -> Result<Report> {
    let worker = match &options.worker {
        Some(worker) => worker.canonicalize().with_context(|| format!("{} is not there", worker.display()))?,
        None => build_worker(root)?,
    };
    let place = tempfile::Builder::new().prefix("cdc-chaos-").tempdir()?;
    let mut report = Report { seed: options.seed, minutes: options.minutes, rate: options.rate, ..Report::default() };
    let shim = build_shim(root, place.path());
    let mounts = Mounted::tmpfs(&place.path().join("tried")).map(drop);
    let mut faults = Vec::new();
    for fault in chosen(options)? {
        let missing = match fault.needs() {
            Needs::Nothing => None,
            Needs::Mount => mounts.as_ref().err(),
            Needs::Shim => shim.as_ref().err(),
        };
        match missing {
            Some(why) => report.left_out.push((fault, format!("{why:#}"))),
            None => faults.push(fault),
        }
    }
    let mut broker = Broker::start_mortal()?;
    let watch = Stopwatch::start();
    let world = World { root, options, worker, shim: shim.ok(), mounts: mounts.is_ok(), watch };
    let (mut dice, mut deck) = (Dice::seeded(options.seed), Deck::of(faults));
    let times = options.time.map_or_else(|| vec![ChaosTime::Processing, ChaosTime::Event], |time| vec![time]);
    let limit = length / times.len() as u32;
    for time in times {
        let place = place.path().join(time.word());
        let act = world.act(time, &place, (&mut broker, &mut dice, &mut deck), limit, &mut report)?;
        report.acts.push(act);
    }
    let file = written(root, &report)?;
    eprintln!("chaos: the report is in {}", file.display());
    if options.keep || !report.all_well() {
        eprintln!("chaos: results, recording, logs and state are kept in {}", place.keep().display());
    }
    Ok(report)
}

fn chosen(options: &ChaosOptions) -> Result<Vec<Fault>> {
    let is_named = |fault: &Fault| options.only.is_empty() || options.only.iter().any(|name| name == fault.name());
    if let Some(unknown) = options.only.iter().find(|name| Fault::ALL.iter().all(|fault| fault.name() != *name)) {
        bail!("there is no fault {unknown}; --list prints them");
    }
    Ok(Fault::ALL.into_iter().filter(is_named).collect())
}

fn written(root: &Path, report: &Report) -> Result<PathBuf> {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
    let directory = target.join("chaos");
    fs::create_dir_all(&directory).with_context(|| format!("{} cannot be made", directory.display()))?;
    let file = directory.join(format!("seed-{}-minutes-{}.json", report.seed, report.minutes));
    fs::write(&file, serde_json::to_string_pretty(&report.json())?)
        .with_context(|| format!("{} cannot be written", file.display()))?;
    Ok(file)
}

impl World<'_> {
    fn act(
        &self,
        time: ChaosTime,
        place: &Path,
        (broker, dice, deck): (&mut Broker, &mut Dice, &mut Deck),
        limit: Duration,
        report: &mut Report,
    ) -> Result<ActReport> {
        let disk = place.join("disk");
        fs::create_dir_all(&disk)?;
        let mounted = if self.mounts { Some(Mounted::tmpfs(&disk)?) } else { None };
        let (topic, bootstrap) = (format!("chaos-{}", time.word()), broker.address());
        let market = Market {
            bootstrap: bootstrap.clone(),
            topic: topic.clone(),
            seed: self.options.seed,
            rate: self.options.rate,
            most: u64::from(self.options.rate) * (limit.as_secs() * 10 + 600),
        };
        let load = Load::begin(&self.worker, &market, place)?;
        let stage = Stage {
            worker: self.worker.clone(),
            place: place.to_owned(),
            disk: disk.clone(),
            bootstrap,
            topic,
            time,
            port: free_port()?,
            settings: &[],
        };
        let parallelism = 2;
        let life = Life::begin(&stage, &Start { parallelism, ..Start::default() })?;
        let mut act = Act {
            stage,
            market,
            load,
            begun: Stopwatch::start(),
            broker,
            dice,
            watch: self.watch,
            shim: self.shim.clone(),
            mounted,
            life,
            witness: Witness::default(),
            parallelism,
            checkpoints: 0,
        };
        eprintln!("chaos: by {} time, {} messages a second", time.word(), self.options.rate);
        let played = act.play(deck, limit, &mut |happened| {
            eprintln!("chaos: {}", happened.line());
            report.happened.push(happened);
        });
        let ended = played.and_then(|()| self.end(&mut act, place));
        let (records, comparison, failure) = match ended {
            Ok((records, comparison)) => (records, comparison, None),
            Err(error) if error.is::<Interrupted>() => return Err(error),
            Err(error) => (0, Comparison::default(), Some(format!("{error:#}"))),
        };
        if failure.is_some() || !comparison.differences.is_empty() {
            // What is mounted goes as this ends.
            let copied = Command::new("cp").arg("-a").arg(&disk).arg(place.join("disk-as-it-was")).status();
            if !copied.is_ok_and(|status| status.success()) {
                eprintln!("chaos: state and checkpoints could not be kept");
            }
        }
        Ok(ActReport { time, records, comparison, failure })
    }

    /// The load ends; what is on its way comes out; the worker is stopped; its results are compared.
    fn end(&self, act: &mut Act<'_>, place: &Path) -> Result<(u64, Comparison)> {
        let count = act.load.end()?;
        eprintln!("chaos: {:7.1} s  the load has ended; what must come of it is worked out", act.now());
        let recording = record(act.broker, &act.stage.topic, count, place)?;
        let expected = self.oracle(&recording, act.stage.time, place)?;
        let raw = raw_lines(&expected)?;
        loop {
            let (length, silent) = (act.stage.length(), Stopwatch::start());
            pause(QUIET_MS)?;
            act.life.must_live()?;
            if act.stage.length() != length {
                continue;
            }
            if raw_lines(&act.stage.results())? >= raw {
                break;
            }
            let more = || Ok(act.stage.length() != length || silent.elapsed() > SILENCE);
            until("more results come", SILENCE * 2, more)?;
            if silent.elapsed() > SILENCE {
                break;
            }
        }
        act.stop()?;
        let watermark_ms = recording.least_latest_ms - OUT_OF_ORDERNESS_MS;
        let terms = Terms { time: act.stage.time, watermark_ms };
        let mut comparison = compare(&expected, &act.stage.results(), terms)?;
        let summary = fs::read_to_string(place.join(SUMMARY)).context("the oracle's accounting cannot be read")?;
        comparison.accounting = serde_json::from_str(&summary).context("the oracle's accounting is no JSON")?;
        comparison.differences.extend(act.witness.misses(&act.stage.results())?);
        Ok((recording.records, comparison))
    }

    fn oracle(&self, recording: &Recording, time: ChaosTime, place: &Path) -> Result<PathBuf> {
        let expected = place.join("expected.ndjson");
        let mut oracle = Command::new("python3");
        oracle.arg(self.root.join("tests/oracle/oracle.py")).arg(&recording.path);
        oracle.args(["--time", time.word(), "--window-ms", WINDOW_MS, "--idle-after-ms", IDLE_AFTER_MS]);
        oracle.args(["--out-of-orderness-ms", &OUT_OF_ORDERNESS_MS.to_string()]);
        oracle.arg("--summary").arg(place.join(SUMMARY));
        oracle.stdout(File::create(&expected)?).stderr(File::create(place.join("oracle.log"))?);
        succeeded(run_to_its_end(&mut oracle, ORACLE_LIMIT)?, "tests/oracle/oracle.py")?;
        Ok(expected)
    }
}

fn raw_lines(path: &Path) -> Result<u64> {
    let bytes = fs::read(path).with_context(|| format!("{} cannot be read", path.display()))?;
    Ok(memchr::memmem::find_iter(&bytes, br#"{"stream":"raw""#).count() as u64)
}
