//! Flags that stand for keys, as the last layer of the configuration.

use super::{BackfillArgs, Cli, Command, DemoArgs, PipelineArgs, ReplayArgs};
use crate::config::{Flags, Override};

impl Cli {
    /// What the command line says about the configuration.
    pub fn flags(&self) -> Flags {
        let mut overrides = Overrides(Vec::new());
        overrides.add("log.level", "--log-level", self.common.log_level.as_ref());
        match &self.command {
            Command::Run(run) => {
                overrides.add("kafka.from", "--from", run.from.as_ref());
                overrides.add_pipeline(&run.pipeline);
            }
            Command::Replay(replay) => overrides.add_replay(replay),
            Command::Backfill(backfill) => overrides.add_backfill(backfill),
            Command::Demo(demo) => overrides.add_demo(demo),
            Command::Config(config) => overrides.add_pipeline(&config.pipeline),
            Command::Generate(_) | Command::Decode(_) | Command::Health(_) => {}
            Command::Checkpoint(checkpoint) => {
                let directory = checkpoint.place().dir.as_ref().map(|path| path.to_string_lossy().into_owned());
                overrides.add("state.checkpoints_dir", "--dir", directory.as_ref());
            }
            Command::Savepoint(savepoint) => {
                let directory = savepoint.place().dir.as_ref().map(|path| path.to_string_lossy().into_owned());
                overrides.add("state.savepoints_dir", "--dir", directory.as_ref());
            }
        }
        Flags { file: self.common.config.clone(), set: self.common.set.clone(), overrides: overrides.0 }
    }
}

struct Overrides(Vec<Override>);

impl Overrides {
    fn add(&mut self, key: &'static str, flag: &'static str, value: Option<&String>) {
        self.0.extend(value.map(|text| Override { key, text: text.clone(), flag }));
    }

    fn add_pipeline(&mut self, pipeline: &PipelineArgs) {
        self.add("language", "--language", pipeline.language.as_ref());
        self.add("zone", "--zone", pipeline.zone.as_ref());
        self.add("time", "--time", pipeline.time.as_ref());
        self.add("format", "--format", pipeline.format.as_ref());
        self.add("parallelism", "--parallelism", pipeline.parallelism.as_ref());
        self.add("summary", "--summary", pipeline.summary.as_ref());
    }

    fn add_replay(&mut self, replay: &ReplayArgs) {
        self.add("clock", "--clock", replay.clock.as_ref());
        self.add("sink.file.path", "--file", replay.file.as_ref());
        self.add("sink.dead_letters.path", "--dead-letters", replay.dead_letters.as_ref());
        self.add("epoch.max_records", "--epoch-records", replay.epoch_records.as_ref());
        self.add_pipeline(&replay.pipeline);
    }

    fn add_backfill(&mut self, backfill: &BackfillArgs) {
        self.add("language", "--language", backfill.language.as_ref());
        self.add("time", "--time", backfill.time.as_ref());
        self.add("parallelism", "--parallelism", backfill.parallelism.as_ref());
        self.add("summary", "--summary", backfill.summary.as_ref());
    }

    fn add_demo(&mut self, demo: &DemoArgs) {
        let window = demo.window.map(|window| window.as_millis().to_string());
        let listen = demo.port.map(|port| format!("127.0.0.1:{port}"));
        self.add("demo.rate", "--rate", demo.rate.as_ref());
        self.add("demo.seed", "--seed", demo.seed.as_ref());
        self.add("demo.window_ms", "--window", window.as_ref());
        self.add("web.listen", "--port", listen.as_ref());
        self.add_pipeline(&demo.pipeline);
    }
}
