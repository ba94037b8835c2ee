//! Room on the disks that the stack writes to.

use std::collections::BTreeMap;

use crate::checks::facts::{Disk, Facts};
use crate::checks::finding::{About, Check, Found, Group, Judged};

const GIB: u64 = 1 << 30;
/// Nearly full by both: a tenth of a large disk is a lot, and a small one fills quickly.
const WARN: (u64, u64) = (15, 10 * GIB);
/// Brokers and MySQL stop when nothing is left.
const FAIL: (u64, u64) = (5, GIB);

pub(crate) const CHECKS: &[Check] = &[Check { about: &SPACE, judge: space }];

const SPACE: About = About {
    id: "DOC-DISK",
    group: Group::Machine,
    title: "there is room on the disks",
    symptom: "No space left on device; brokers shut down (Disk error while writing to recovery point), MySQL waits, the worker pauses",
    cause: "logs, images or data have filled the disk that the volumes lie on",
    remedy: "df -h; docker system df; docker image prune (removes images that nothing uses)",
    why: "a broker stops at a full disk, and MySQL takes no more orders",
    source: "df inside the containers that write, and statvfs of the Engine's directory",
};

fn space(facts: &Facts) -> Option<Judged> {
    // One disk carries most volumes: it is told once, by its size and room.
    let mut disks: BTreeMap<(u64, u64), Vec<(String, &Disk)>> = BTreeMap::new();
    let of_containers = facts.containers.iter().flat_map(|container| {
        container.disks.iter().map(move |disk| (format!("{}:{}", container.service, disk.path), disk))
    });
    let of_host = facts.host.disks.iter().map(|disk| (disk.path.clone(), disk));
    for (place, disk) in of_host.chain(of_containers) {
        // Two looks at one disk a moment apart differ by a little.
        disks.entry((disk.size_bytes, disk.free_bytes >> 26)).or_default().push((place, disk));
    }
    if disks.is_empty() {
        return None;
    }
    let words = disks.values().map(|places| format!("{} {}", places[0].0, room(places[0].1)));
    let judged = Judged::of(words.collect::<Vec<_>>().join(", "));
    Some(judged.with(disks.values().filter_map(|places| judge(places)).collect::<Vec<_>>()))
}

fn judge(places: &[(String, &Disk)]) -> Option<Found> {
    let disk = places.first()?.1;
    let names: Vec<&str> = places.iter().map(|(place, _)| place.as_str()).collect();
    let subject = places.first().map(|(place, _)| place.split(':').next().unwrap_or_default()).unwrap_or_default();
    let what = format!("{} {}", names[0], room(disk));
    let found = if below(disk, FAIL) {
        Found::fail(subject, format!("nearly no room: {what}"))
    } else if below(disk, WARN) {
        Found::warn(subject, format!("little room: {what}"))
    } else {
        return None;
    };
    Some(found.evidence(format!("{}: {}", names.join(", "), room(disk))).remedy(SPACE.remedy))
}

fn below(disk: &Disk, (percent, bytes): (u64, u64)) -> bool {
    disk.size_bytes > 0
        && disk.free_bytes.saturating_mul(100) < disk.size_bytes.saturating_mul(percent)
        && disk.free_bytes < bytes
}

fn room(disk: &Disk) -> String {
    let percent = (disk.free_bytes * 100).checked_div(disk.size_bytes).unwrap_or(0);
    format!("has {} MiB free of {} ({percent} %)", disk.free_bytes >> 20, disk.size_bytes >> 20)
}
