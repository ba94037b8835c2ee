//! What a service lacks in compose.yaml, put there line by line: comments and everything else stay as people wrote them.

use std::fmt::Write as _;

use crate::checks::fix::ComposeBlock;

/// Where one change stands.
#[derive(Clone, Debug, Eq, PartialEq)]
struct Change {
    /// Lines before it, in the old text.
    at: usize,
    removed: Vec<String>,
    added: Vec<String>,
}

/// The new text and what differs, as people read a diff; none if the service is not described there.
pub(crate) fn with_block(text: &str, service: &str, block: ComposeBlock) -> Option<(String, String)> {
    let lines: Vec<&str> = text.lines().collect();
    let services = lines.iter().position(|line| *line == "services:")?;
    let head =
        services + 1 + lines[services + 1..].iter().position(|line| line.trim_end() == format!("  {service}:"))?;
    let end = head
        + 1
        + lines[head + 1..]
            .iter()
            .position(|line| !line.is_empty() && indent(line) <= 2)
            .unwrap_or(lines.len() - head - 1);
    let mut changes = Vec::new();
    match block {
        ComposeBlock::HealthCheck | ComposeBlock::DependsOn => {
            let key = format!("    {}:", block.name());
            let old = lines[head + 1..end].iter().position(|line| line.starts_with(&key)).map(|at| head + 1 + at);
            let removed = old.map_or(0, |at| 1 + lines[at + 1..end].iter().take_while(|line| indent(line) > 4).count());
            let at = old.unwrap_or_else(|| after_merge(&lines, head));
            let removed = lines[at..at + removed].iter().map(|line| (*line).to_owned()).collect();
            changes.push(Change { at, removed, added: wanted(text, service, block)? });
        }
        ComposeBlock::Volumes => changes.extend(volumes(&lines, service, head, end)?),
    }
    Some(applied(&lines, &changes))
}

fn indent(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

/// Behind the service's name, and behind what it takes from an anchor.
fn after_merge(lines: &[&str], head: usize) -> usize {
    let merged = lines.get(head + 1).is_some_and(|line| line.trim_start().starts_with("<<:"));
    head + 1 + usize::from(merged)
}

/// Lines of the block for this service.
fn wanted(text: &str, service: &str, block: ComposeBlock) -> Option<Vec<String>> {
    let line = match (block, service) {
        (ComposeBlock::DependsOn, "kafka-connect") => "depends_on: {kafka-1: {condition: service_healthy}, kafka-2: {condition: service_healthy}, kafka-3: {condition: service_healthy}}".to_owned(),
        (ComposeBlock::DependsOn, "kafka-1" | "kafka-2" | "kafka-3") => "depends_on: {zookeeper: {condition: service_healthy}}".to_owned(),
        (ComposeBlock::HealthCheck, _) => format!("healthcheck: {{test: [{}], interval: 10s, timeout: 5s, retries: 5, start_period: 30s}}", probe(service, text.contains("/opt/probes"))?),
        _ => return None,
    };
    Some(vec![format!("    {line}")])
}

/// What tells whether a service does its work; without the probes by its own tools.
fn probe(service: &str, has_probes: bool) -> Option<String> {
    let broker = |number: &str| {
        let port = 29_091 + number.parse::<u32>().ok()?;
        Some(if has_probes {
            format!("CMD, bash, /opt/probes/kafka, \"{port}\", \"{number}\"")
        } else {
            format!("CMD, kafka-broker-api-versions, --bootstrap-server, \"kafka-{number}:{port}\"")
        })
    };
    match service {
        "zookeeper" if has_probes => Some("CMD, bash, /opt/probes/zookeeper, \"2181\"".to_owned()),
        "zookeeper" => Some("CMD, bash, -c, \"exec 3<>/dev/tcp/127.0.0.1/2181\"".to_owned()),
        "kafka-connect" if has_probes => Some("CMD, bash, /opt/probes/http, \"8083\", /connectors".to_owned()),
        "kafka-connect" => Some("CMD, bash, -c, \"exec 3<>/dev/tcp/127.0.0.1/8083\"".to_owned()),
        "mysql" => Some("CMD, mysqladmin, --host=127.0.0.1, --user=root, --silent, ping".to_owned()),
        service => broker(service.strip_prefix("kafka-")?),
    }
}

/// Volume and directory of each service that keeps data.
fn kept(service: &str) -> Option<Vec<(String, &'static str)>> {
    Some(match service {
        "zookeeper" => vec![
            ("zookeeper_data".to_owned(), "/var/lib/zookeeper/data"),
            ("zookeeper_log".to_owned(), "/var/lib/zookeeper/log"),
        ],
        "mysql" => vec![("mysql_data".to_owned(), "/var/lib/mysql")],
        "kafka-1" | "kafka-2" | "kafka-3" => {
            vec![(format!("{}_data", service.replace('-', "")), "/var/lib/kafka/data")]
        }
        _ => return None,
    })
}

fn volumes(lines: &[&str], service: &str, head: usize, end: usize) -> Option<Vec<Change>> {
    let missing: Vec<(String, &str)> = kept(service)?
        .into_iter()
        .filter(|(_, directory)| !lines[head..end].iter().any(|line| line.contains(&format!(":{directory}"))))
        .collect();
    let old = lines[head + 1..end].iter().position(|line| line.starts_with("    volumes:")).map(|at| head + 1 + at);
    let mut changes = Vec::new();
    match old.map(|at| (at, lines[at].trim_start().trim_start_matches("volumes:").trim())) {
        None => {
            let items = missing.iter().map(|(name, directory)| format!("      - {name}:{directory}"));
            changes.push(Change {
                at: after_merge(lines, head),
                removed: Vec::new(),
                added: ["    volumes:".to_owned()].into_iter().chain(items).collect(),
            });
        }
        Some((at, "")) => {
            let items = missing.iter().map(|(name, directory)| format!("      - {name}:{directory}"));
            changes.push(Change { at: at + 1, removed: Vec::new(), added: items.collect() });
        }
        Some((at, list)) => {
            let items: Vec<String> =
                missing.iter().map(|(name, directory)| format!("\"{name}:{directory}\"")).collect();
            let rest = list.strip_prefix('[')?;
            let comma = if rest.trim_start().starts_with(']') { "" } else { ", " };
            changes.push(Change {
                at,
                removed: vec![lines[at].to_owned()],
                added: vec![format!("    volumes: [{}{comma}{rest}", items.join(", "))],
            });
        }
    }
    // They must be named at the top level, too.
    let top = lines.iter().position(|line| *line == "volumes:");
    let named = |name: &str| {
        top.is_some_and(|top| {
            lines[top + 1..]
                .iter()
                .take_while(|line| line.is_empty() || indent(line) > 0)
                .any(|line| line.trim_end() == format!("  {name}:"))
        })
    };
    let unnamed: Vec<String> =
        missing.iter().filter(|(name, _)| !named(name)).map(|(name, _)| format!("  {name}:")).collect();
    if !unnamed.is_empty() {
        match top {
            Some(top) => changes.push(Change { at: top + 1, removed: Vec::new(), added: unnamed }),
            None => changes.push(Change {
                at: lines.len(),
                removed: Vec::new(),
                added: ["volumes:".to_owned()].into_iter().chain(unnamed).collect(),
            }),
        }
    }
    changes.sort_by_key(|change| change.at);
    Some(changes)
}

fn applied(lines: &[&str], changes: &[Change]) -> (String, String) {
    let (mut text, mut diff, mut next, mut shift) = (String::new(), String::new(), 0, 0_i64);
    for change in changes {
        lines[next..change.at].iter().for_each(|line| push(&mut text, line));
        change.added.iter().for_each(|line| push(&mut text, line));
        next = change.at + change.removed.len();
        // Writing to a String cannot fail.
        let (old, new) = (change.removed.len(), change.added.len());
        let first = |count: usize| if count == 0 { change.at } else { change.at + 1 } as i64;
        let _ = writeln!(diff, "@@ -{},{old} +{},{new} @@", first(old), first(new) + shift);
        change.removed.iter().for_each(|line| push(&mut diff, &format!("-{line}")));
        change.added.iter().for_each(|line| push(&mut diff, &format!("+{line}")));
        shift += new as i64 - old as i64;
    }
    lines[next..].iter().for_each(|line| push(&mut text, line));
    (text, diff)
}

fn push(text: &mut String, line: &str) {
    text.push_str(line);
    text.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "name: x\nservices:\n  zookeeper:\n    <<: *service\n    image: z\n    volumes:\n      - ./probes:/opt/probes:ro\n\n  kafka-1:\n    <<: *broker\n    volumes: [\"./probes:/opt/probes:ro\"]\n  kafka-connect:\n    image: c\n    depends_on:\n      - kafka-1\n      - kafka-2\n    ports: [\"a\"]\n\nvolumes:\n  mysql_data:\n";

    #[test]
    fn a_health_check_is_put_behind_the_service_s_name() {
        let (text, diff) = with_block(FILE, "kafka-1", ComposeBlock::HealthCheck).expect("there");
        let line = "    healthcheck: {test: [CMD, bash, /opt/probes/kafka, \"29092\", \"1\"], interval: 10s, timeout: 5s, retries: 5, start_period: 30s}";
        assert!(text.contains(&format!("    <<: *broker\n{line}\n    volumes: [")), "{text}");
        assert_eq!(diff, format!("@@ -10,0 +11,1 @@\n+{line}\n"));
    }

    #[test]
    fn a_list_of_names_becomes_conditions() {
        let (text, diff) = with_block(FILE, "kafka-connect", ComposeBlock::DependsOn).expect("there");
        assert!(
            !text.contains("- kafka-1\n") && text.contains("kafka-3: {condition: service_healthy}}\n    ports:"),
            "{text}"
        );
        assert!(diff.starts_with("@@ -14,3 +14,1 @@\n-    depends_on:\n-      - kafka-1\n"), "{diff}");
    }

    #[test]
    fn volumes_come_to_those_that_are_there_and_are_named_at_the_top() {
        let (text, _) = with_block(FILE, "zookeeper", ComposeBlock::Volumes).expect("there");
        assert!(text.contains("    volumes:\n      - zookeeper_data:/var/lib/zookeeper/data\n      - zookeeper_log:/var/lib/zookeeper/log\n      - ./probes"), "{text}");
        assert!(text.contains("\nvolumes:\n  zookeeper_data:\n  zookeeper_log:\n  mysql_data:\n"), "{text}");
        let (text, _) = with_block(FILE, "kafka-1", ComposeBlock::Volumes).expect("there");
        assert!(
            text.contains("    volumes: [\"kafka1_data:/var/lib/kafka/data\", \"./probes:/opt/probes:ro\"]"),
            "{text}"
        );
    }

    #[test]
    fn what_is_not_there_is_left_alone() {
        assert_eq!(with_block(FILE, "kafka-9", ComposeBlock::HealthCheck), None);
        assert_eq!(with_block("", "kafka-1", ComposeBlock::HealthCheck), None);
    }
}
