//! MySQL as Debezium needs it: the binlog's shape, how long it is kept, who may read it.

use crate::checks::concerns::docker::command;
use crate::checks::facts::{Facts, MySql};
use crate::checks::finding::{About, Check, Found, Group, Judged};
use crate::checks::fix::Fix;

/// Connect may be away over a long weekend.
const KEPT_SECONDS_WARN: u64 = 3 * 86_400;
const KEPT_SECONDS_FAIL: u64 = 86_400;

pub(crate) const CHECKS: &[Check] = &[
    Check { about: &SILENT, judge: silent },
    Check { about: &LOGIN, judge: login },
    Check { about: &GRANTS, judge: grants },
    Check { about: &BINLOG_OFF, judge: log_bin },
    Check { about: &FORMAT, judge: |facts| variable(facts, &FORMAT, "binlog_format", "ROW") },
    Check { about: &ROW_IMAGE, judge: |facts| variable(facts, &ROW_IMAGE, "binlog_row_image", "FULL") },
    Check { about: &GTID, judge: gtid },
    Check { about: &RETENTION, judge: retention },
    Check { about: &PURGED, judge: purged },
];

const SILENT: About = About {
    id: "DOC-MYSQL-SILENT",
    group: Group::MySql,
    title: "MySQL answers",
    symptom: "the mysql client inside the container cannot ask",
    cause: "MySQL is starting, or root's password is not the one of the secret (it was made anew after the volume was)",
    remedy: "opsctl logs mysql; restore compose/secrets/mysql-root-password",
    why: "settings and rights cannot be looked at",
    source: "the mysql client's own message",
};

const LOGIN: About = About {
    id: "DOC-MYSQL-LOGIN",
    group: Group::MySql,
    title: "MySQL lets Debezium's user in",
    symptom: "Access denied for user 'debezium'@'…' (using password: YES)",
    cause: "the password in MySQL is not the one in the secret mysql.properties, or the user is gone",
    remedy: "opsctl doctor --fix gives the user the secret's password; then it restarts what failed",
    why: "the connector cannot read",
    source: "a login with the secret's password, inside MySQL's container",
};

const GRANTS: About = About {
    id: "DOC-MYSQL-GRANTS",
    group: Group::MySql,
    title: "Debezium's user has the rights it needs",
    symptom: "Access denied; you need (at least one of) the REPLICATION SLAVE privilege(s) for this operation",
    cause: "a right was never granted, or revoked",
    remedy: "opsctl doctor --fix grants what is missing: SELECT on the captured databases; RELOAD, SHOW DATABASES, REPLICATION SLAVE, REPLICATION CLIENT",
    why: "without them neither snapshot nor binlog can be read",
    source: "Debezium's documentation; SHOW GRANTS",
};

const BINLOG_OFF: About = About {
    id: "DOC-BINLOG-OFF",
    group: Group::MySql,
    title: "MySQL writes a binlog",
    symptom: "The MySQL server is not configured to use a ROW binlog_format",
    cause: "log_bin is OFF (--skip-log-bin, or a configuration without log-bin)",
    remedy: "log-bin in compose/mysql/cdc.cnf, then docker restart of MySQL",
    why: "without a binlog there is nothing to capture",
    source: "SHOW VARIABLES",
};

const FORMAT: About = About {
    id: "DOC-BINLOG-FORMAT",
    group: Group::MySql,
    title: "the binlog has rows",
    symptom: "changes are missing from the topic; or the task fails: … not configured to use a ROW binlog_format",
    cause: "binlog_format is STATEMENT or MIXED: changes are written as SQL, which Debezium cannot turn into rows",
    remedy: "opsctl doctor --fix: SET GLOBAL binlog_format = ROW (sessions that are open keep the old one); and binlog-format = ROW in the server's configuration",
    why: "what is written meanwhile is never captured",
    source: "Debezium's documentation",
};

const ROW_IMAGE: About = About {
    id: "DOC-BINLOG-ROW-IMAGE",
    group: Group::MySql,
    title: "the binlog has whole rows",
    symptom: "updates without symbol, price or quantity: dead letters",
    cause: "binlog_row_image is MINIMAL or NOBLOB",
    remedy: "opsctl doctor --fix: SET GLOBAL binlog_row_image = FULL; and the same in the server's configuration",
    why: "columns that did not change are missing from the events",
    source: "Debezium's documentation",
};

const GTID: About = About {
    id: "DOC-GTID",
    group: Group::MySql,
    title: "transactions have global ids",
    symptom: "after a failover the connector does not find its place",
    cause: "gtid_mode is not ON",
    remedy: "gtid-mode = ON and enforce-gtid-consistency = ON in compose/mysql/cdc.cnf, then restart MySQL",
    why: "a file and a position mean nothing on another server",
    source: "Debezium's documentation",
};

const RETENTION: About = About {
    id: "DOC-BINLOG-RETENTION",
    group: Group::MySql,
    title: "the binlog is kept long enough",
    symptom: "after a long weekend the connector's place is gone",
    cause: "binlog_expire_logs_seconds is short",
    remedy: "binlog-expire-logs-seconds = 864000 in compose/mysql/cdc.cnf; at once: SET GLOBAL binlog_expire_logs_seconds = 864000",
    why: "so long may Connect be away before changes are lost",
    source: "SHOW VARIABLES; debezium/debezium#416",
};

const PURGED: About = About {
    id: "DOC-BINLOG-PURGED",
    group: Group::MySql,
    title: "the connector's place in the binlog is still there",
    symptom: "Cannot replicate because the source purged required binary logs; the connector is trying to read binlog starting at …, but this is no longer available on the server",
    cause: "the binlog was purged by hand or by age while Connect was away",
    remedy: "what was purged cannot be captured any more. Restore the binlog files, or take a new snapshot: opsctl connector delete NAME, its offsets removed (PUT …/stop, DELETE …/offsets), opsctl connector register; the rows come again as op=r",
    why: "changes between the place and the oldest file left are lost to the pipeline",
    source: "Connect's stored offset against SHOW BINARY LOGS",
};

fn silent(facts: &Facts) -> Option<Judged> {
    let mysql = facts.mysql.as_ref()?;
    facts.container("mysql").filter(|container| container.runs())?;
    let found = mysql
        .refused
        .as_ref()
        .map(|why| Found::fail("mysql", "MySQL does not answer").evidence(why).remedy(command(facts, "logs mysql")));
    Some(Judged::of(format!("MySQL {}", mysql.version)).with(found))
}

fn login(facts: &Facts) -> Option<Judged> {
    let mysql = facts.answering_mysql().filter(|mysql| !mysql.user.is_empty())?;
    let found = mysql.login_refused.as_ref().map(|why| {
        let found = Found::fail("mysql", format!("MySQL refuses the user {} with the secret's password", mysql.user))
            .evidence(why)
            .remedy(command(facts, "doctor --fix --only DOC-MYSQL-LOGIN"));
        if mysql.grants.is_some() {
            found.fix(Fix::MySqlPassword { user: mysql.user.clone() })
        } else {
            found.evidence(format!("there is no user {}", mysql.user))
        }
    });
    Some(Judged::of(format!("a login as {}", mysql.user)).with(found))
}

/// What the connector's user needs on everything; the second is that right's name in MariaDB.
const EVERYWHERE: [(&str, &str); 4] = [
    ("RELOAD", "RELOAD"),
    ("SHOW DATABASES", "SHOW DATABASES"),
    ("REPLICATION SLAVE", "REPLICATION SLAVE"),
    ("REPLICATION CLIENT", "BINLOG MONITOR"),
];

fn grants(facts: &Facts) -> Option<Judged> {
    let mysql = facts.answering_mysql()?;
    let lines = mysql.grants.as_ref()?;
    let has = |right: &str, on: &str| {
        lines.iter().any(|line| {
            let Some((rights, rest)) = line.strip_prefix("GRANT ").and_then(|line| line.split_once(" ON ")) else {
                return false;
            };
            let place = rest.split(" TO ").next().unwrap_or_default().replace('`', "").replace("\\_", "_");
            let named = rights
                .split(',')
                .any(|given| matches!(given.trim(), given if given == right || given.starts_with("ALL PRIVILEGES")));
            named && (place == "*.*" || place == on)
        })
    };
    let mut missing: Vec<String> = EVERYWHERE
        .iter()
        .filter(|(right, other)| !has(right, "*.*") && !has(other, "*.*"))
        .map(|(right, _)| format!("{right} ON *.*"))
        .collect();
    for database in databases(facts) {
        if !has("SELECT", &format!("{database}.*")) {
            missing.push(format!("SELECT ON `{database}`.*"));
        }
    }
    let found = (!missing.is_empty()).then(|| {
        Found::fail("mysql", format!("{} lacks {}", mysql.user, missing.join(", ")))
            .evidence(format!("SHOW GRANTS: {}", lines.join("; ")))
            .remedy(command(facts, "doctor --fix --only DOC-MYSQL-GRANTS"))
            .fix(Fix::Grant { user: mysql.user.clone(), rights: missing.clone() })
    });
    Some(Judged::of(format!("SHOW GRANTS FOR {}", mysql.user)).with(found))
}

/// Databases that connectors capture here.
fn databases(facts: &Facts) -> Vec<String> {
    let given = facts
        .answering_connect()
        .into_iter()
        .flat_map(|connect| &connect.connectors)
        .map(|connector| &connector.settings);
    let settings = given
        .chain(facts.wanted.values())
        .filter(|settings| settings.get("database.hostname").is_some_and(|host| host == "mysql"));
    let mut names: Vec<String> = settings
        .filter_map(|settings| settings.get("database.include.list"))
        .flat_map(|list| list.split(','))
        .map(|name| name.trim().to_owned())
        // Debezium takes regular expressions; only plain names can be compared.
        .filter(|name| !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '$')))
        .collect();
    names.sort();
    names.dedup();
    names
}

fn value<'a>(mysql: &'a MySql, name: &str) -> Option<&'a str> {
    mysql.variables.get(name).map(String::as_str)
}

fn log_bin(facts: &Facts) -> Option<Judged> {
    let mysql = facts.answering_mysql()?;
    let is = value(mysql, "log_bin")?;
    let found = (is != "ON" && is != "1").then(|| {
        Found::fail("mysql", "MySQL writes no binlog").evidence(format!("log_bin={is}")).remedy(BINLOG_OFF.remedy)
    });
    Some(Judged::of(format!("log_bin={is}")).with(found))
}

fn variable(facts: &Facts, about: &'static About, name: &'static str, wanted: &'static str) -> Option<Judged> {
    let mysql = facts.answering_mysql()?;
    // Newer versions know ROW only, and may not have the variable any more.
    let is = value(mysql, name)?;
    let found = (is != wanted).then(|| {
        Found::fail("mysql", format!("{name} is {is}, must be {wanted}"))
            .evidence(format!("@@{name}={is}"))
            .remedy(command(facts, &format!("doctor --fix --only {}", about.id)))
            .fix(Fix::MySqlVariable { name, value: wanted })
    });
    Some(Judged::of(format!("{name}={is}")).with(found))
}

fn gtid(facts: &Facts) -> Option<Judged> {
    let mysql = facts.answering_mysql()?;
    // MariaDB has ids of its own kind, always on.
    let is = value(mysql, "gtid_mode")?;
    let found = (is != "ON").then(|| {
        Found::warn("mysql", format!("gtid_mode is {is}")).evidence(format!("@@gtid_mode={is}")).remedy(GTID.remedy)
    });
    Some(Judged::of(format!("gtid_mode={is}")).with(found))
}

fn retention(facts: &Facts) -> Option<Judged> {
    let mysql = facts.answering_mysql()?;
    let seconds: u64 = value(mysql, "binlog_expire_logs_seconds")?.parse().ok()?;
    let evidence = format!("binlog_expire_logs_seconds={seconds}");
    // 0 is for ever.
    let found = match seconds {
        1..KEPT_SECONDS_FAIL => {
            Some(Found::fail("mysql", format!("the binlog is kept for {} hours only", seconds / 3600)))
        }
        KEPT_SECONDS_FAIL..KEPT_SECONDS_WARN => {
            Some(Found::warn("mysql", format!("the binlog is kept for {} hours only", seconds / 3600)))
        }
        _ => None,
    };
    Some(Judged::of(evidence.clone()).with(found.map(|found| found.evidence(evidence).remedy(RETENTION.remedy))))
}

fn purged(facts: &Facts) -> Option<Judged> {
    let mysql = facts.answering_mysql().filter(|mysql| !mysql.binlogs.is_empty())?;
    let connectors = &facts.answering_connect()?.connectors;
    let places: Vec<(&str, &str)> = connectors
        .iter()
        .filter(|connector| connector.settings.get("database.hostname").is_some_and(|host| host == "mysql"))
        .filter_map(|connector| Some((connector.name.as_str(), connector.binlog_file.as_deref()?)))
        .collect();
    if places.is_empty() {
        return None;
    }
    let (oldest, newest) = (mysql.binlogs.first()?, mysql.binlogs.last()?);
    let gone =
        places.iter().filter(|(_, file)| !mysql.binlogs.iter().any(|there| there == file)).map(|(name, file)| {
            Found::fail(*name, format!("{name} reads {file}, which MySQL does not have any more"))
                .evidence(format!("stored offset of {name}: {file}; SHOW BINARY LOGS: {oldest} to {newest}"))
                .remedy(PURGED.remedy)
        });
    let words = places.iter().map(|(name, file)| format!("{name} at {file}")).collect::<Vec<_>>().join(", ");
    let gone = gone.collect::<Vec<_>>();
    Some(Judged::of(format!("{words}; binlogs {oldest} to {newest}")).with(gone))
}
