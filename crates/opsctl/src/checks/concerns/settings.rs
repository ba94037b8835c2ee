//! Settings of connectors that harm, however they came there; and what must not stand in them.

use std::collections::BTreeMap;

use crate::checks::concerns::docker::command;
use crate::checks::facts::{Facts, HIDDEN};
use crate::checks::finding::{About, Check, Found, Group, Judged};
use crate::checks::fix::Fix;
use crate::clients::connect::Settings;

pub(crate) const CHECKS: &[Check] = &[
    Check { about: &DECIMAL, judge: decimal },
    Check { about: &SNAPSHOT, judge: snapshot },
    Check { about: &SERVER_ID, judge: server_id },
    Check { about: &SECRET, judge: secret },
];

const DECIMAL: About = About {
    id: "DOC-DECIMAL-MODE",
    group: Group::Connect,
    title: "prices come as text",
    symptom: "dead letters: price: base64 without a schema; or prices are rounded",
    cause: "decimal.handling.mode is precise (base64, its scale only in a schema that is not sent) or double (binary floating point)",
    remedy: "decimal.handling.mode=string: opsctl connector register",
    why: "money must be exact; what cannot be read becomes a dead letter",
    source: "recorded here in all three modes: tests/fixtures/README.md",
};

const SNAPSHOT: About = About {
    id: "DOC-SNAPSHOT-MODE",
    group: Group::Connect,
    title: "snapshots are taken once",
    symptom: "after a restart all rows come again as op=r; or the first rows never come",
    cause: "snapshot.mode is always, when_needed, never, schema_only or no_data",
    remedy: "snapshot.mode=initial: opsctl connector register",
    why: "rows that come twice are counted twice, rows that never come are missing",
    source: "Debezium's documentation; connectors/README.md",
};

const SERVER_ID: About = About {
    id: "DOC-SERVER-ID",
    group: Group::Connect,
    title: "every reader of the binlog has a number of its own",
    symptom: "A slave with the same server_uuid/server_id as this slave has connected to the master; two connectors take turns",
    cause: "two connectors on one MySQL, or a connector and MySQL itself, have the same server id",
    remedy: "another database.server.id in connectors/, then opsctl connector register",
    why: "MySQL cuts off the first when the second comes",
    source: "MySQL's documentation, server_id; database.server.id of all connectors and @@server_id",
};

const SECRET: About = About {
    id: "DOC-SECRET-IN-CONFIG",
    group: Group::Security,
    title: "no password stands in a connector's configuration",
    symptom: "GET /connectors/NAME/config shows the password to everybody who asks",
    cause: "it was written there instead of a reference such as ${file:/run/secrets/mysql.properties:password}",
    remedy: "opsctl connector register puts the reference back; then change the password: it was readable, and stays in Connect's topic until that is compacted",
    why: "Connect's REST asks nobody's name",
    source: "KIP-297; apache/kafka#6129",
};

/// Every connector's settings, as Connect has them, else as their file has them.
fn all(facts: &Facts) -> Option<BTreeMap<&str, &Settings>> {
    let wanted = facts.wanted.iter().map(|(name, settings)| (name.as_str(), settings));
    let connect = facts.answering_connect();
    if connect.is_none() && facts.wanted.is_empty() {
        return None;
    }
    let given = connect
        .into_iter()
        .flat_map(|connect| &connect.connectors)
        .map(|connector| (connector.name.as_str(), &connector.settings));
    Some(wanted.chain(given).collect())
}

/// `recovery` is for the one start that mends a schema history.
fn is_well(snapshot_mode: &str) -> bool {
    matches!(snapshot_mode, "initial" | "recovery" | "schema_only_recovery")
}

fn is_orders(settings: &Settings) -> bool {
    settings.get("connector.class").is_some_and(|class| class.contains("debezium"))
}

fn mend(facts: &Facts, name: &str, found: Found) -> Found {
    if facts.wanted.contains_key(name) {
        found.remedy(command(facts, "connector register")).fix(Fix::ApplyConnector { connector: name.to_owned() })
    } else {
        found.remedy(format!("change it where {name} is kept: it has no file in connectors/"))
    }
}

fn decimal(facts: &Facts) -> Option<Judged> {
    let all = all(facts)?;
    // Debezium's own default is precise.
    let mode =
        |settings: &Settings| settings.get("decimal.handling.mode").cloned().unwrap_or_else(|| "precise".to_owned());
    let found =
        all.iter().filter(|(_, settings)| is_orders(settings) && mode(settings) != "string").map(|(name, settings)| {
            let mode = mode(settings);
            // With a schema the scale is there, and base64 can be read.
            let readable =
                mode == "precise" && settings.get("value.converter.schemas.enable").is_none_or(|value| value == "true");
            let what = format!("{name}: decimal.handling.mode={mode}");
            let found = if readable { Found::warn(*name, what) } else { Found::fail(*name, what) };
            mend(
                facts,
                name,
                found.evidence(format!(
                    "{name}: decimal.handling.mode={mode}, string is what keeps prices exact without a schema"
                )),
            )
        });
    let found = found.collect::<Vec<_>>();
    Some(Judged::of(format!("decimal.handling.mode of {} connectors", all.len())).with(found))
}

fn snapshot(facts: &Facts) -> Option<Judged> {
    let all = all(facts)?;
    let found = all.iter().filter_map(|(name, settings)| {
        let mode = settings.get("snapshot.mode").filter(|mode| !is_well(mode))?;
        let found = Found::warn(*name, format!("{name}: snapshot.mode={mode}"))
            .evidence(format!("{name}: snapshot.mode={mode}"));
        Some(mend(facts, name, found))
    });
    let found = found.collect::<Vec<_>>();
    Some(Judged::of(format!("snapshot.mode of {} connectors", all.len())).with(found))
}

fn server_id(facts: &Facts) -> Option<Judged> {
    let all = all(facts)?;
    let mut users: BTreeMap<(&str, &str), Vec<&str>> = BTreeMap::new();
    for (name, settings) in &all {
        if let (Some(host), Some(id)) = (settings.get("database.hostname"), settings.get("database.server.id")) {
            users.entry((host, id)).or_default().push(name);
        }
    }
    let own = facts.answering_mysql().and_then(|mysql| mysql.variables.get("server_id"));
    let mut found = Vec::new();
    for ((host, id), names) in &users {
        let is_mysql_s = *host == "mysql" && own.is_some_and(|own| own == id);
        if names.len() > 1 || is_mysql_s {
            let who = if is_mysql_s { format!("{} and MySQL itself", names.join(", ")) } else { names.join(" and ") };
            found.push(
                Found::fail(names[0], format!("{who} have the same server id {id}"))
                    .evidence(format!("database.server.id={id} on {host}: {who}"))
                    .remedy(SERVER_ID.remedy),
            );
        }
    }
    Some(Judged::of(format!("database.server.id of {} connectors, @@server_id", all.len())).with(found))
}

fn secret(facts: &Facts) -> Option<Judged> {
    let all = all(facts)?;
    let found = all.iter().filter_map(|(name, settings)| {
        let literal: Vec<&str> =
            settings.iter().filter(|(_, value)| *value == HIDDEN).map(|(setting, _)| setting.as_str()).collect();
        let found = Found::fail(*name, format!("{name} has {} as plain text", literal.join(", "))).evidence(format!(
            "{name}: {} is no reference such as ${{file:/run/secrets/mysql.properties:password}}",
            literal.join(", ")
        ));
        (!literal.is_empty()).then(|| mend(facts, name, found))
    });
    let found = found.collect::<Vec<_>>();
    Some(Judged::of(format!("secrets in the configurations of {} connectors", all.len())).with(found))
}
