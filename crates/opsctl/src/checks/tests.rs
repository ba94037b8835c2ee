//! Every verdict on recorded facts: `recorded/healthy.json` is what a healthy stack showed, each row changes what one fault
//! changes, and names the finding without a cause and those that follow from it. The other recordings are of real faults.

use crate::checks::concerns;
use crate::checks::diagnosis::Diagnosis;
use crate::checks::facts::{
    Container, Disk, Facts, HIDDEN, LogLine, Mount, Name, Other, Owner, Published, Taken, Unseen,
};
use crate::checks::finding::Level;
use crate::checks::repair_plan::plan;
use crate::clients::connect::Running;
use crate::failure::Exit;

mod analytics;
mod brokers;
mod machine;
mod mixtures;
mod pipeline;
mod recordings;

const HEALTHY: &str = include_str!("recorded/healthy.json");

fn healthy() -> Facts {
    let mut facts = serde_json::from_str(HEALTHY).expect("facts");
    analytics::add(&mut facts);
    facts
}

fn container<'a>(facts: &'a mut Facts, service: &str) -> &'a mut Container {
    facts.containers.iter_mut().find(|container| container.service == service).expect(service)
}

fn say(facts: &mut Facts, service: &str, text: &str) {
    let at_ms = facts.at_ms - 1000;
    container(facts, service).log.push(LogLine { at_ms, text: text.to_owned() });
}

fn ended(facts: &mut Facts, service: &str, code: i64) {
    let container = container(facts, service);
    (container.state, container.exit_code, container.health) = ("exited".to_owned(), code, None);
    container.disks.clear();
    if let Some(kafka) = &mut facts.kafka {
        kafka.answering.remove(service);
    }
    let number = service.strip_prefix("kafka-").and_then(|number| number.parse::<i32>().ok());
    if let (Some(cluster), Some(number)) = (facts.kafka.as_mut().and_then(|kafka| kafka.cluster.as_mut()), number) {
        cluster.brokers.retain(|broker| broker.id != number);
        for partition in cluster.topics.iter_mut().flat_map(|topic| &mut topic.partitions) {
            partition.in_sync.retain(|id| *id != number);
            if partition.leader == Some(number) {
                partition.leader = partition.in_sync.first().copied();
            }
        }
    }
    match service {
        "mysql" => facts.mysql = None,
        "kafka-connect" => {
            facts.connect.as_mut().expect("connect").silent = Some("its container does not run".to_owned());
        }
        "worker" => facts.workers.clear(),
        _ => {}
    }
}

fn setting(facts: &mut Facts, name: &str, value: &str) {
    let connector = &mut facts.connect.as_mut().expect("connect").connectors[0];
    connector.settings.insert(name.to_owned(), value.to_owned());
}

fn factor_one(facts: &mut Facts, topics: &[&str]) {
    let cluster = facts.kafka.as_mut().and_then(|kafka| kafka.cluster.as_mut()).expect("cluster");
    for topic in cluster.topics.iter_mut().filter(|topic| topics.contains(&topic.name.as_str())) {
        for partition in &mut topic.partitions {
            partition.replicas.truncate(1);
            partition.in_sync = partition.replicas.clone();
            partition.leader = partition.replicas.first().copied();
        }
    }
}

fn fail_task(facts: &mut Facts, trace: &str) {
    let status = facts.connect.as_mut().expect("connect").connectors[0].status.as_mut().expect("a state");
    let failed = |task: &Running| Running { state: "FAILED".to_owned(), trace: trace.to_owned(), ..task.clone() };
    status.tasks = status.tasks.iter().map(failed).collect();
}

fn variable(facts: &mut Facts, name: &str, value: &str) {
    facts.mysql.as_mut().expect("mysql").variables.insert(name.to_owned(), value.to_owned());
}

fn topic_setting(facts: &mut Facts, topic: &str, name: &str, value: &str) {
    let settings = &mut facts.kafka.as_mut().expect("kafka").settings;
    settings.entry(topic.to_owned()).or_default().insert(name.to_owned(), value.to_owned());
}

const INTERNAL: [&str; 3] = ["_connect-configs", "_connect-offsets", "_connect-status"];
const ORDERS: &str = "cdc.orders_db.orders";
const CLUSTER_ID: &str = "[2026-11-27 06:00:00,000] ERROR Fatal error during KafkaServer startup. kafka.common.InconsistentClusterIdException: The Cluster ID NEW doesn't match stored clusterId Some(OLD) in meta.properties. The broker is trying to join the wrong cluster.";
const DENIED: &str = "java.sql.SQLException: outer\n\tat a.b\nCaused by: java.sql.SQLException: Access denied for user 'debezium'@'172.18.0.7' (using password: YES)\n\tat c.d";

const RETRY: &str = "2026-11-27 06:46:45,051 WARN   ||  WorkerSourceTask{id=orders-0} failed to poll records from SourceTask. Will retry operation.   [org.apache.kafka.connect.runtime.AbstractWorkerSourceTask]";

/// A fault, what it changes, what is found without a cause, what is found to follow.
type Row = (&'static str, fn(&mut Facts), &'static [&'static str], &'static [&'static str]);

fn faults() -> impl Iterator<Item = &'static Row> {
    [machine::FAULTS, brokers::FAULTS, pipeline::FAULTS, analytics::FAULTS, mixtures::FAULTS].into_iter().flatten()
}

fn sorted(mut ids: Vec<&'static str>) -> Vec<&'static str> {
    ids.sort_unstable();
    ids.dedup();
    ids
}

#[test]
fn each_fault_is_found_with_what_follows_from_it() {
    for (name, fault, roots, followers) in faults() {
        let mut facts = healthy();
        fault(&mut facts);
        let diagnosis = Diagnosis::of(&facts);
        let wrong = || diagnosis.findings.iter().filter(|finding| finding.level > Level::Ok);
        let found_roots = sorted(diagnosis.roots().map(|finding| finding.id).collect());
        assert_eq!(found_roots, sorted(roots.to_vec()), "{name}: causes; all: {:#?}", wrong().collect::<Vec<_>>());
        let found: Vec<&str> = sorted(wrong().filter(|finding| !finding.is_root()).map(|finding| finding.id).collect());
        let missing: Vec<_> = followers.iter().filter(|id| !found.contains(id)).collect();
        assert!(missing.is_empty(), "{name}: {missing:?} are not found to follow, {found:?} are");
        for finding in wrong() {
            assert!(!finding.remedy.is_empty() && !finding.evidence.is_empty(), "{name}: {finding:?}");
            assert!(
                finding.caused_by.iter().all(|cause| wrong().any(|other| other.id == *cause)),
                "{name}: {finding:?}"
            );
        }
        let exit = diagnosis.exit();
        assert!(exit == Exit::Failed || exit == Exit::Differs, "{name}: {exit:?}");
    }
}

#[test]
fn a_healthy_stack_has_no_finding_and_nothing_to_repair() {
    // I9: what is not wrong is not touched.
    let diagnosis = Diagnosis::of(&healthy());
    let wrong: Vec<_> = diagnosis.findings.iter().filter(|finding| finding.level > Level::Ok).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert_eq!(diagnosis.exit(), Exit::Done);
    assert!(plan(&diagnosis.findings).is_empty());
    assert!(diagnosis.skipped.len() <= 2, "{:?}", diagnosis.skipped);
}

#[test]
fn a_log_of_a_moment_ago_is_no_finding_where_brokers_cannot_be_asked_from_here() {
    let mut facts = healthy();
    say(&mut facts, "kafka-connect", "NOT_ENOUGH_REPLICAS for _connect-offsets-1");
    let wrong = |facts: &Facts| sorted(Diagnosis::of(facts).roots().map(|finding| finding.id).collect());
    facts.kafka = None;
    assert!(wrong(&facts).is_empty(), "{:?}", wrong(&facts));
}

#[test]
fn every_check_is_shown_to_fail() {
    let shown: Vec<&str> =
        faults().flat_map(|(_, _, roots, followers)| roots.iter().chain(*followers)).copied().collect();
    let never: Vec<&str> = concerns::all().map(|check| check.about.id).filter(|id| !shown.contains(id)).collect();
    // Its partitions have no leader when all copies are away: then no broker is left that would tell.
    assert_eq!(never, ["DOC-OFFLINE"]);
}

#[test]
fn ids_are_unique_and_each_has_its_page() {
    let ids: Vec<&str> = concerns::all().map(|check| check.about.id).collect();
    assert_eq!(sorted(ids.clone()).len(), ids.len());
    for check in concerns::all() {
        let about = check.about;
        assert!(about.id.starts_with("DOC-"), "{}", about.id);
        for text in [about.title, about.symptom, about.cause, about.remedy, about.why, about.source] {
            assert!(!text.is_empty(), "{}", about.id);
        }
    }
}

#[test]
fn what_could_not_be_looked_at_is_a_warning() {
    let mut facts = healthy();
    facts.unseen.push(Unseen { what: "MySQL".into(), why: "no answer within 4 s".into() });
    facts.mysql = None;
    let diagnosis = Diagnosis::of(&facts);
    assert_eq!(diagnosis.exit(), Exit::Differs);
    assert!(diagnosis.skipped.contains(&"DOC-BINLOG-FORMAT"), "{:?}", diagnosis.skipped);
}

#[test]
fn a_choice_of_checks_is_by_id_or_group() {
    let mut facts = healthy();
    variable(&mut facts, "binlog_format", "MIXED");
    ended(&mut facts, "worker", 0);
    let only = |names: &[&str], skip: &[&str]| {
        let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let diagnosis = Diagnosis::of(&facts).only(&owned(names), &owned(skip));
        sorted(diagnosis.roots().map(|finding| finding.id).collect())
    };
    assert_eq!(only(&["mysql"], &[]), ["DOC-BINLOG-FORMAT"]);
    assert_eq!(only(&["worker-down"], &[]), ["DOC-WORKER-DOWN"]);
    assert_eq!(only(&[], &["DOC-WORKER-DOWN"]), ["DOC-BINLOG-FORMAT"]);
    assert!(only(&["kafka"], &[]).is_empty());
}

#[test]
fn the_mark_of_an_old_kill_for_memory_is_no_finding() {
    let mut facts = healthy();
    // Docker keeps it over a start by hand, which sets the count of restarts to 0.
    container(&mut facts, "mysql").oom_killed = true;
    assert_eq!(Diagnosis::of(&facts).exit(), Exit::Done);
}

#[test]
fn a_name_that_was_unknown_before_its_container_ran_is_no_trouble() {
    let mut facts = healthy();
    say(&mut facts, "kafka-1", "java.net.UnknownHostException: kafka-2: Name or service not known");
    let (id, started) = ("DOC-NAMES", facts.at_ms);
    let is_wrong = |facts: &Facts| Diagnosis::of(facts).roots().any(|finding| finding.id == id);
    assert!(is_wrong(&facts), "it ran when the name was asked for");
    container(&mut facts, "kafka-2").started_ms = Some(started - 500);
    assert!(!is_wrong(&facts), "it was started after that");
}

#[test]
fn causes_are_repaired_before_what_follows() {
    let mut facts = healthy();
    facts.mysql.as_mut().expect("mysql").login_refused = Some("Access denied".into());
    fail_task(&mut facts, DENIED);
    let planned = plan(&Diagnosis::of(&facts).findings);
    let lines: Vec<(&str, bool)> = planned.iter().map(|planned| (planned.id, planned.only_if_still)).collect();
    assert_eq!(lines, [("DOC-MYSQL-LOGIN", false), ("DOC-CONNECTOR-FAILED", true)]);
}

#[test]
fn no_repair_deletes() {
    for (name, fault, ..) in faults() {
        let mut facts = healthy();
        fault(&mut facts);
        for planned in plan(&Diagnosis::of(&facts).findings) {
            let words = planned.fix.to_string().replace("nothing is deleted", "").replace("cleanup.policy=delete", "");
            for word in ["delete", "remove", "purge", "drop", "reset"] {
                assert!(!words.contains(word), "{name}: {words}");
            }
        }
    }
}

#[test]
fn lost_ids_are_set_again_only_where_the_topics_are_still_known() {
    let lost = |topics: &[&str]| {
        let mut facts = healthy();
        ended(&mut facts, "kafka-1", 1);
        say(&mut facts, "kafka-1", CLUSTER_ID);
        facts.zookeeper_topics = Some(topics.iter().map(|topic| (*topic).to_owned()).collect());
        let planned = plan(&Diagnosis::of(&facts).findings);
        planned.iter().filter(|planned| planned.id == "DOC-CLUSTER-ID").count()
    };
    assert_eq!((lost(&[]), lost(&["_connect-offsets", ORDERS])), (0, 1));
}
