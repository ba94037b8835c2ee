//! Orders of many symbols into a topic, by Kafka's own producer: as fast as can be, or one by one at a pace.

use std::io::{BufWriter, Write};
use std::process::{ChildStdin, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

use crate::broker::Broker;
use crate::chaos::dice::Dice;
use crate::process::Group;
use crate::signals;
use crate::stopwatch::Stopwatch;

const TIME_TO_END: Duration = Duration::from_mins(10);
/// The producer's messages wait for nothing: each is sent at once, so that what a worker does not bring is its own doing.
const AT_ONCE: &[&str] = &["linger.ms=0"];
const IN_BULK: &[&str] = &["linger.ms=20", "batch.size=500000"];

/// A producer with an open pipe.
struct Producer {
    group: Group,
    pipe: BufWriter<ChildStdin>,
}

impl Producer {
    fn begin(broker: &Broker, topic: &str, properties: &[&str]) -> Result<Self> {
        let mut command = broker.tool("kafka.tools.ConsoleProducer")?;
        command.args(["--bootstrap-server", &broker.address(), "--topic", topic]);
        command.args(["--property", "parse.key=true", "--property", "key.separator=\t"]);
        for property in properties {
            command.args(["--producer-property", property]);
        }
        // Log4j complains that nobody set it up.
        let (group, pipe) = Group::spawn_fed(command.stderr(Stdio::null()))?;
        Ok(Self { group, pipe: BufWriter::with_capacity(1 << 16, pipe) })
    }

    /// Closes the pipe and waits until everything is sent.
    fn end(self) -> Result<()> {
        let Self { mut group, pipe } = self;
        drop(pipe.into_inner().context("Kafka's producer does not take everything")?);
        let status = group.wait(TIME_TO_END)?;
        if !status.success() {
            bail!("Kafka's producer: {status}");
        }
        Ok(())
    }
}

/// An order of each of so many symbols.
pub(super) fn fill(broker: &Broker, topic: &str, symbols: u64) -> Result<()> {
    let (mut producer, mut dice) = (Producer::begin(broker, topic, IN_BULK)?, Dice::seeded(1));
    for symbol in 0..symbols {
        write_order(&mut producer.pipe, symbol, symbol, &mut dice)?;
        if symbol % 10_000 == 0 && signals::asked_to_stop() {
            bail!(crate::process::Interrupted);
        }
    }
    producer.end()
}

/// Orders of drawn symbols at a pace, until told to stop.
pub(super) fn pace(broker: &Broker, topic: &str, symbols: u64, a_second: u64, stop: &AtomicBool) -> Result<()> {
    let (mut producer, mut dice) = (Producer::begin(broker, topic, AT_ONCE)?, Dice::seeded(2));
    let (watch, mut sent) = (Stopwatch::start(), 0);
    while !stop.load(Ordering::Relaxed) {
        let due = (watch.elapsed().as_micros() as u64).saturating_mul(a_second) / 1_000_000;
        while sent < due {
            let symbol = dice.below(symbols);
            write_order(&mut producer.pipe, symbol, symbols + sent, &mut dice)?;
            sent += 1;
        }
        producer.pipe.flush()?;
        thread::sleep(Duration::from_micros(500));
    }
    producer.end()
}

/// One change event, keyed by its symbol, as Debezium writes it without a schema.
fn write_order(to: &mut impl Write, symbol: u64, id: u64, dice: &mut Dice) -> std::io::Result<()> {
    let (won, hundredths, quantity) = (dice.between(10_000, 99_999), dice.below(100), dice.between(1, 400));
    let time_ms = 1_770_872_258_000 + id;
    let side = if dice.below(2) == 0 { "BUY" } else { "SELL" };
    writeln!(
        to,
        "{{\"symbol\":\"S{symbol:07}\"}}\t{{\"before\":null,\"after\":{{\"id\":{id},\"symbol\":\"S{symbol:07}\",\
         \"side\":\"{side}\",\"quantity\":{quantity},\"price\":\"{won}.{hundredths:02}\",\"status\":\"NEW\"}},\
         \"source\":{{\"ts_ms\":{time_ms},\"db\":\"orders_db\",\"table\":\"orders\"}},\"op\":\"c\",\"ts_ms\":{time_ms}}}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_is_a_key_and_a_change() {
        let mut line = Vec::new();
        write_order(&mut line, 7, 9, &mut Dice::seeded(1)).expect("written");
        let line = String::from_utf8(line).expect("text");
        let (key, value) = line.trim_end().split_once('\t').expect("a key");
        let value: serde_json::Value = serde_json::from_str(value).expect("JSON");
        assert_eq!(key, "{\"symbol\":\"S0000007\"}");
        assert_eq!(
            (&value["op"], &value["after"]["symbol"], &value["after"]["id"]),
            (&"c".into(), &"S0000007".into(), &9.into())
        );
    }
}
