//! ClickHouse, where the worker's results go to as well: does it answer, can it keep results once, does it take them.

use crate::checks::concerns::docker::{command, up};
use crate::checks::facts::{ClickHouse, Facts, Table};
use crate::checks::finding::{About, Check, Found, Group, Judged};

const SERVICE: &str = "clickhouse";
/// The worker's, by their migrations.
const TABLES: [&str; 5] = ["orders_raw", "orders_late", "order_agg_5m", "anomaly_alerts", "orders_dlq"];
/// Of a window that is 0: what the worker's migrations set.
const WINDOW: u64 = 1000;
/// ClickHouse's own defaults, where it does not tell its limits.
const PARTS_LIMITS: (u64, u64) = (1000, 3000);
const GIB: u64 = 1 << 30;

pub(crate) const CHECKS: &[Check] = &[
    Check { about: &SILENT, judge: silent },
    Check { about: &LOGIN, judge: login },
    Check { about: &VERSION, judge: version },
    Check { about: &TABLES_THERE, judge: tables },
    Check { about: &DEDUPLICATION, judge: deduplication },
    Check { about: &READ_ONLY, judge: read_only },
    Check { about: &PARTS, judge: parts },
    Check { about: &DISK, judge: disk },
];

const SILENT: About = About {
    id: "DOC-CLICKHOUSE-SILENT",
    group: Group::Analytics,
    title: "ClickHouse answers",
    symptom: "dashboards show nothing; the worker says that its sink clickhouse is behind",
    cause: "it is starting, merges use all of its memory, or its port on this machine leads elsewhere",
    remedy: "opsctl logs clickhouse",
    why: "results wait in the worker's state; stdout, files and topics go on",
    source: "GET /ping",
};

const LOGIN: About = About {
    id: "DOC-CLICKHOUSE-LOGIN",
    group: Group::Analytics,
    title: "ClickHouse lets the worker in",
    symptom: "Code: 516 … Authentication failed: password is incorrect, or there is no user with such name",
    cause: "secrets/clickhouse-password and secrets/clickhouse-users.xml say different passwords, or the file was replaced while ClickHouse ran",
    remedy: "write the password of clickhouse-password into clickhouse-users.xml, in place; then docker restart the container of clickhouse",
    why: "the worker cannot write, and its results wait",
    source: "a statement as the user worker with the secret's password",
};

const VERSION: About = About {
    id: "DOC-CLICKHOUSE-VERSION",
    group: Group::Analytics,
    title: "ClickHouse knows deduplication tokens",
    symptom: "the worker refuses the server; or rows are there twice after an answer was lost",
    cause: "servers before 22 know neither insert_deduplication_token nor a window for tables without replicas; Debian's is 18.16",
    remedy: "CDC_CLICKHOUSE_IMAGE=clickhouse/clickhouse-server:26.8 (or the one of cargo xtask images), then opsctl up",
    why: "a batch that is sent again because its answer was lost is doubled",
    source: "system.settings and system.merge_tree_settings: 26.9 has both, 18.16 neither (the worker's tests ask both servers)",
};

const TABLES_THERE: About = About {
    id: "DOC-CLICKHOUSE-TABLES",
    group: Group::Analytics,
    title: "the worker's tables are there",
    symptom: "Code: 60 … Unknown table expression identifier; empty dashboards",
    cause: "the worker was not told of ClickHouse, writes to another database, or could not make its tables",
    remedy: "opsctl up --with analytics; opsctl worker logs",
    why: "no results can be asked by SQL",
    source: "system.tables; the worker makes them at its start",
};

const DEDUPLICATION: About = About {
    id: "DOC-CLICKHOUSE-DEDUP",
    group: Group::Analytics,
    title: "tables remember the batches that they have",
    symptom: "count() is larger than count() with FINAL; sums are too high until parts are merged",
    cause: "non_replicated_deduplication_window is 0, the server's default: the table was made by hand, or the setting was taken away",
    remedy: "ALTER TABLE … MODIFY SETTING non_replicated_deduplication_window = 1000",
    why: "a batch that is sent again because its answer was lost is doubled",
    source: "tried on 26.9: with 0 the same token twice makes two rows, with a window one",
};

const READ_ONLY: About = About {
    id: "DOC-CLICKHOUSE-READ-ONLY",
    group: Group::Analytics,
    title: "ClickHouse takes writes",
    symptom: "Code: 164 … Cannot execute query in readonly mode; or Table is in readonly mode",
    cause: "the worker's user has a profile with readonly, or a disk is attached read-only",
    remedy: "in secrets/clickhouse-users.xml: the profile default for the user worker; docker inspect shows how the volume is mounted",
    why: "results wait in the worker's state",
    source: "system.settings and system.disks",
};

const PARTS: About = About {
    id: "DOC-CLICKHOUSE-PARTS",
    group: Group::Analytics,
    title: "parts are merged as fast as they come",
    symptom: "Code: 252 … Too many parts (3000 with average size of …) in table; inserts take longer and longer",
    cause: "many small inserts, or merges that do not come along: too little memory, disk or processor",
    remedy: "sink.clickhouse.batch_ms = 5000 in compose/worker.toml makes fewer, larger parts; SELECT * FROM system.merges shows what is merged",
    why: "above the limit ClickHouse refuses inserts; below it, every question reads more files",
    source: "system.parts against parts_to_delay_insert and parts_to_throw_insert",
};

const DISK: About = About {
    id: "DOC-CLICKHOUSE-DISK",
    group: Group::Analytics,
    title: "ClickHouse has room",
    symptom: "Code: 243 … Cannot reserve …, not enough space; merges stop",
    cause: "results are kept for ever unless sink.clickhouse.ttl_days says how long; or something else fills the disk",
    remedy: "df -h; docker system df; sink.clickhouse.ttl_days in compose/worker.toml for results from now on",
    why: "without room for a merge parts pile up, without any no insert is taken",
    source: "system.disks",
};

/// ClickHouse, where its container runs; elsewhere that is the finding.
fn seen(facts: &Facts) -> Option<&ClickHouse> {
    facts.container(SERVICE).filter(|container| container.runs())?;
    facts.clickhouse.as_ref()
}

/// The same where it lets the worker's user in.
fn open(facts: &Facts) -> Option<&ClickHouse> {
    seen(facts).filter(|clickhouse| clickhouse.silent.is_none() && clickhouse.refused.is_none())
}

fn silent(facts: &Facts) -> Option<Judged> {
    let clickhouse = seen(facts)?;
    let found = clickhouse.silent.as_ref().map(|why| {
        Found::fail(SERVICE, "ClickHouse does not answer").evidence(why).remedy(command(facts, "logs clickhouse"))
    });
    Some(Judged::of("GET /ping").with(found))
}

fn login(facts: &Facts) -> Option<Judged> {
    let clickhouse = seen(facts).filter(|clickhouse| clickhouse.silent.is_none())?;
    let found = clickhouse
        .refused
        .as_ref()
        .map(|why| Found::fail(SERVICE, "ClickHouse does not let the worker in").evidence(why).remedy(LOGIN.remedy));
    Some(Judged::of("the user worker with the password of secrets/clickhouse-password").with(found))
}

fn version(facts: &Facts) -> Option<Judged> {
    let clickhouse = open(facts)?;
    let version = &clickhouse.version;
    let found = (!clickhouse.knows_tokens?).then(|| {
        Found::fail(SERVICE, format!("ClickHouse {version} knows no deduplication tokens"))
            .evidence(format!(
                "version {version}: no insert_deduplication_token, or no window for tables without replicas"
            ))
            .remedy(VERSION.remedy)
    });
    Some(Judged::of(format!("ClickHouse {version}")).with(found))
}

fn tables(facts: &Facts) -> Option<Judged> {
    let clickhouse = open(facts)?;
    // It makes them at its start: until then they are missing rightly.
    facts.workers.iter().find(|worker| worker.name == "worker" && worker.waits_for.is_none())?;
    let database = &clickhouse.database;
    let missing: Vec<&str> =
        TABLES.into_iter().filter(|name| !clickhouse.tables.iter().any(|table| table.name == *name)).collect();
    let found = (!missing.is_empty()).then(|| {
        Found::fail(SERVICE, format!("the worker runs, and {database} has not all of its tables"))
            .evidence(format!("missing in {database}: {}", missing.join(", ")))
            .remedy(format!("{}; {}", command(facts, "up --with analytics"), command(facts, "worker logs")))
    });
    let rows = |table: &Table| format!("{} {} rows", table.name, table.rows);
    Some(Judged::of(clickhouse.tables.iter().map(rows).collect::<Vec<_>>().join(", ")).with(found))
}

fn deduplication(facts: &Facts) -> Option<Judged> {
    let clickhouse = open(facts)?;
    // Of those that batches go to: which migrations were taken is written once.
    let of_results = || clickhouse.tables.iter().filter(|table| TABLES.contains(&table.name.as_str()));
    let tables = || of_results().filter_map(|table| Some((table, table.window?)));
    tables().next()?;
    let found = tables().filter(|(_, window)| *window == 0).map(|(table, _)| {
        let name = format!("{}.{}", clickhouse.database, table.name);
        Found::fail(&table.name, format!("{name} does not remember which batches it has"))
            .evidence(format!("{name}: non_replicated_deduplication_window = 0"))
            .remedy(format!("ALTER TABLE {name} MODIFY SETTING non_replicated_deduplication_window = {WINDOW}"))
    });
    let words = tables().map(|(table, window)| format!("{} {window}", table.name)).collect::<Vec<_>>().join(", ");
    Some(Judged::of(words).with(found.collect::<Vec<_>>()))
}

fn read_only(facts: &Facts) -> Option<Judged> {
    let clickhouse = open(facts)?;
    let user = (clickhouse.read_only_user != 0).then(|| {
        Found::fail(SERVICE, "ClickHouse lets the worker read only")
            .evidence(format!("readonly = {} for the user worker", clickhouse.read_only_user))
            .remedy(READ_ONLY.remedy)
    });
    let disks = clickhouse.disks.iter().filter(|disk| disk.read_only).map(|disk| {
        Found::fail(SERVICE, format!("ClickHouse cannot write to its disk {}", disk.name))
            .evidence(format!("system.disks: {} is read-only", disk.name))
            .remedy(READ_ONLY.remedy)
    });
    Some(Judged::of("readonly of the user worker, is_read_only of every disk").with(user.into_iter().chain(disks)))
}

fn parts(facts: &Facts) -> Option<Judged> {
    let clickhouse = open(facts)?;
    let (slow, refused) = clickhouse.parts_limits.unwrap_or(PARTS_LIMITS);
    let most = clickhouse.tables.iter().max_by_key(|table| table.parts_max)?;
    let found = clickhouse.tables.iter().filter_map(|table| {
        let (name, parts) = (&table.name, table.parts_max);
        let found = if parts >= refused {
            Found::fail(name, format!("{name} has too many parts: inserts are refused"))
        } else if parts >= slow {
            Found::warn(name, format!("{name} has many parts: inserts are slowed down"))
        } else {
            return None;
        };
        let evidence = format!("{parts} parts in one partition; from {slow} on slower, from {refused} on refused");
        Some(found.evidence(evidence).remedy(PARTS.remedy))
    });
    let judged = Judged::of(format!("{} parts in one partition of {} at most", most.parts_max, most.name));
    Some(judged.with(found.collect::<Vec<_>>()))
}

fn disk(facts: &Facts) -> Option<Judged> {
    let clickhouse = open(facts)?;
    let disks = || clickhouse.disks.iter().filter(|disk| disk.size_bytes > 0);
    disks().next()?;
    let words =
        disks().map(|disk| format!("{} {} MiB free of {}", disk.name, disk.free_bytes >> 20, disk.size_bytes >> 20));
    let words: Vec<String> = words.collect();
    let found = disks().zip(&words).filter_map(|(disk, words)| {
        let below = |percent: u64, bytes: u64| {
            disk.free_bytes.saturating_mul(100) < disk.size_bytes.saturating_mul(percent) && disk.free_bytes < bytes
        };
        let found = if below(5, GIB) {
            Found::fail(SERVICE, format!("ClickHouse has nearly no room: {words}"))
        } else if below(15, 10 * GIB) {
            Found::warn(SERVICE, format!("ClickHouse has little room: {words}"))
        } else {
            return None;
        };
        Some(found.evidence(words).remedy(format!("{}; {}", DISK.remedy, up(facts))))
    });
    Some(Judged::of(words.join(", ")).with(found.collect::<Vec<_>>()))
}
