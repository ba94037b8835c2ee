//! A JVM's memory against its container's limit: the seed of many restarts.

use std::collections::BTreeMap;

use crate::checks::facts::Facts;
use crate::checks::finding::{About, Check, Found, Group, Judged};

const MIB: u64 = 1024 * 1024;
/// Variables that the images hand to the JVM, in the order in which later ones win.
const VARIABLES: [&str; 4] = ["KAFKA_OPTS", "KAFKA_HEAP_OPTS", "HEAP_OPTS", "JAVA_OPTS"];
/// What a JVM needs besides its heap where nothing bounds it: classes, compiled code, buffers, threads. Seen: 906 MB used with
/// -Xmx768m under load.
const UNBOUNDED_BESIDES: u64 = 138 * MIB;
/// Threads' stacks, the collector's own, what the C library keeps: besides all that has a bound.
const ALWAYS_BESIDES: u64 = 16 * MIB;

pub(crate) const CHECKS: &[Check] = &[Check { about: &HEAP, judge: heap }];

const HEAP: About = About {
    id: "DOC-HEAP",
    group: Group::Machine,
    title: "each JVM fits its container",
    symptom: "a container restarts with code 137 and an empty log, or ends at once with: Initial heap size set to a larger value than the maximum heap size (Flink: IllegalConfigurationException: Inconsistently configured … min (192.000mb), max (128.000mb))",
    cause: "the heap (-Xmx), and what a JVM needs besides, is more than the container may have; or a minimum is above its maximum",
    remedy: "set CDC_KAFKA_HEAP_OPTS or CDC_CONNECT_HEAP_OPTS so that -Xmx leaves 140 MiB to the limit, and -Xms is at most -Xmx; or raise mem_limit in compose/compose.yaml",
    why: "the kernel kills what goes over the limit, mostly in the middle of the work",
    source: "the original pipeline's notes, 7.1; measured: Connect used 906 MiB with -Xmx768m during 200,000 inserts",
};

fn heap(facts: &Facts) -> Option<Judged> {
    let mut looked = Vec::new();
    let mut found = Vec::new();
    for (service, environment, limit) in jvms(facts) {
        let Some(jvm) = Jvm::of(environment) else { continue };
        looked.push(format!("{service} {} of {} MiB", jvm.most() / MIB, limit / MIB));
        if jvm.least_heap > jvm.heap {
            found.push(
                Found::fail(service, format!("{service}: the smallest heap is larger than the largest"))
                    .evidence(format!("-Xms {} MiB, -Xmx {} MiB", jvm.least_heap / MIB, jvm.heap / MIB))
                    .remedy(remedy(service, limit)),
            );
        } else if limit > 0 && jvm.heap >= limit {
            found.push(
                Found::fail(
                    service,
                    format!("{service}: a heap of {} MiB in a container of {} MiB", jvm.heap / MIB, limit / MIB),
                )
                .evidence(format!("{}: -Xmx {} MiB, limit {} MiB", jvm.from, jvm.heap / MIB, limit / MIB))
                .remedy(remedy(service, limit)),
            );
        } else if limit > 0 && jvm.most() > limit {
            found.push(
                Found::warn(
                    service,
                    format!(
                        "{service}: heap and what a JVM needs besides are {} MiB, its limit is {} MiB",
                        jvm.most() / MIB,
                        limit / MIB
                    ),
                )
                .evidence(format!(
                    "{}: -Xmx {} MiB, {} MiB besides, limit {} MiB",
                    jvm.from,
                    jvm.heap / MIB,
                    jvm.besides / MIB,
                    limit / MIB
                ))
                .remedy(remedy(service, limit)),
            );
        }
    }
    if looked.is_empty() {
        return None;
    }
    Some(Judged::of(looked.join(", ")).with(found))
}

/// Those that run as they were made; where there are none yet, those that the files describe.
fn jvms(facts: &Facts) -> Vec<(&str, &BTreeMap<String, String>, u64)> {
    if facts.containers.is_empty() {
        let services = facts.files.iter().flat_map(|files| &files.services);
        return services
            .map(|(name, service)| (name.as_str(), &service.environment, service.memory_limit_bytes))
            .collect();
    }
    facts
        .containers
        .iter()
        .map(|container| (container.service.as_str(), &container.environment, container.memory_limit_bytes))
        .collect()
}

fn remedy(service: &str, limit: u64) -> String {
    let heap = (limit / MIB).saturating_sub(UNBOUNDED_BESIDES / MIB + ALWAYS_BESIDES / MIB).max(64) / 64 * 64;
    match service {
        "kafka-connect" => format!("CDC_CONNECT_HEAP_OPTS='-Xms256m -Xmx{}m' opsctl up", heap.max(256)),
        _ if service.starts_with("kafka-") => {
            format!("CDC_KAFKA_HEAP_OPTS='-Xms256m -Xmx{}m' opsctl up", heap.max(256))
        }
        _ => format!("set -Xmx{heap}m for {service} in compose/compose.yaml, then opsctl up"),
    }
}

/// What a JVM was told.
struct Jvm {
    heap: u64,
    least_heap: u64,
    besides: u64,
    from: &'static str,
}

impl Jvm {
    fn of(environment: &BTreeMap<String, String>) -> Option<Self> {
        let (mut heap, mut least_heap, mut from) = (None, 0, "");
        let mut bounds = [None, None, None];
        for name in VARIABLES {
            for option in environment.get(name).into_iter().flat_map(|value| value.split_whitespace()) {
                if let Some(value) = option.strip_prefix("-Xmx").and_then(bytes) {
                    (heap, from) = (Some(value), name);
                }
                if let Some(value) = option.strip_prefix("-Xms").and_then(bytes) {
                    least_heap = value;
                }
                let names = ["-XX:MaxMetaspaceSize=", "-XX:ReservedCodeCacheSize=", "-XX:MaxDirectMemorySize="];
                for (bound, name) in bounds.iter_mut().zip(names) {
                    *bound = option.strip_prefix(name).and_then(bytes).or(*bound);
                }
            }
        }
        let besides = match bounds {
            [Some(classes), Some(code), direct] => classes + code + direct.unwrap_or(0) + ALWAYS_BESIDES,
            _ => UNBOUNDED_BESIDES + ALWAYS_BESIDES,
        };
        Some(Self { heap: heap?, least_heap, besides, from })
    }

    fn most(&self) -> u64 {
        self.heap + self.besides
    }
}

/// `768m` → bytes.
fn bytes(text: &str) -> Option<u64> {
    let unit = text.trim_end_matches(['b', 'B']);
    let digits = unit.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let number: u64 = digits.parse().ok()?;
    match unit.get(digits.len()..)?.to_ascii_lowercase().as_str() {
        "" => Some(number),
        "k" => number.checked_mul(1024),
        "m" => number.checked_mul(MIB),
        "g" => number.checked_mul(1024 * MIB),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_as_the_jvm_reads_them() {
        for (text, value) in [
            ("768m", Some(768 * MIB)),
            ("1G", Some(1024 * MIB)),
            ("512", Some(512)),
            ("4k", Some(4096)),
            ("x", None),
            ("1t", None),
        ] {
            assert_eq!(bytes(text), value, "{text}");
        }
    }

    #[test]
    fn the_shipped_stack_fits() {
        let environment = [
            ("KAFKA_HEAP_OPTS", "-Xms256m -Xmx448m"),
            ("KAFKA_OPTS", "-XX:MaxMetaspaceSize=96m -XX:ReservedCodeCacheSize=64m -XX:MaxDirectMemorySize=64m"),
        ];
        let environment = environment.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        let jvm = Jvm::of(&environment).expect("a JVM");
        assert_eq!((jvm.most() / MIB, jvm.from), (688, "KAFKA_HEAP_OPTS"));
    }
}
