//! What error texts mean, and what mends them: texts as the stack writes them.

use crate::failure::Failure;

/// What a text means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Meaning {
    /// All of these stand in one line.
    marks: &'static [&'static str],
    /// In plain words.
    pub(crate) what: &'static str,
    /// What to do.
    pub(crate) remedy: &'static str,
}

impl Meaning {
    /// Whether this line has the meaning.
    pub(crate) fn fits(&self, line: &str) -> bool {
        self.marks.iter().all(|mark| line.contains(mark))
    }
}

/// In containers' logs; the first that fits counts.
const IN_LOGS: &[Meaning] = &[
    Meaning {
        marks: &["InconsistentClusterIdException"],
        what: "the broker's data belongs to another cluster than ZooKeeper's: ZooKeeper's volumes were lost or replaced",
        remedy: "restore ZooKeeper's volumes; without them the brokers' data cannot be used again. Do not delete meta.properties: the topics would be gone",
    },
    Meaning {
        marks: &["KeeperErrorCode = NodeExists"],
        what: "ZooKeeper still knows the broker from before it was killed; it forgets it after its session time",
        remedy: "opsctl up",
    },
    Meaning {
        marks: &["Initial heap size set to a larger value than the maximum heap size"],
        what: "-Xms is larger than -Xmx",
        remedy: "set CDC_KAFKA_HEAP_OPTS or CDC_CONNECT_HEAP_OPTS so that -Xms is at most -Xmx",
    },
    Meaning {
        marks: &["insufficient memory for the Java Runtime"],
        what: "the machine has too little memory for this JVM",
        remedy: "stop something, or give the machine more memory",
    },
    Meaning {
        marks: &["java.lang.OutOfMemoryError"],
        what: "the JVM's heap is too small",
        remedy: "raise CDC_KAFKA_HEAP_OPTS or CDC_CONNECT_HEAP_OPTS, and the container's mem_limit with it",
    },
    Meaning {
        marks: &["No space left on device"],
        what: "the disk is full",
        remedy: "df -h; docker system df; free some space, then run opsctl up",
    },
    Meaning {
        marks: &["No resolvable bootstrap urls"],
        what: "none of the brokers' names could be resolved inside the network",
        remedy: "opsctl status: do the brokers run? BOOTSTRAP_SERVERS of kafka-connect names them",
    },
    Meaning {
        marks: &["UnknownHostException"],
        what: "a name could not be resolved inside the network; a stopped container's name is gone, too",
        remedy: "opsctl status: does what is named run?",
    },
    Meaning {
        marks: &["NOT_ENOUGH_REPLICAS"],
        what: "a topic has fewer replicas than min.insync.replicas wants: nothing can be written to it",
        remedy: "opsctl up raises the replication factor in place",
    },
    Meaning {
        marks: &["SHOW MASTER STATUS"],
        what: "this Debezium is too old for this MySQL: 8.4 has no SHOW MASTER STATUS",
        remedy: "use Debezium 3.0 or newer, or MySQL 8.3 or older",
    },
    Meaning {
        marks: &["Access denied for user"],
        what: "MySQL refuses the user or the password",
        remedy: "the secrets were made anew after MySQL's volume was: restore the files in the secrets directory, or set the user's password to what mysql.properties says",
    },
    Meaning {
        marks: &["data directory has files in it"],
        what: "a first start of MySQL was cut off and left half a data directory",
        remedy: "if nothing is stored yet: opsctl down, docker volume rm PROJECT_mysql_data, opsctl up",
    },
    Meaning {
        marks: &["Permission denied"],
        what: "the container's user may not write where it has to",
        remedy: "give the directory or volume to the container's user (docker inspect names it)",
    },
];

/// In what Compose and the Engine say.
const BY_COMPOSE: &[Meaning] = &[
    Meaning {
        marks: &["permission denied", "docker"],
        what: "this user may not use Docker",
        remedy: "sudo usermod -aG docker $USER, then log in again",
    },
    Meaning {
        marks: &["port is already allocated"],
        what: "a port is taken by another container",
        remedy: "docker ps shows whose it is; another port by the CDC_…_PORT variables",
    },
    Meaning {
        marks: &["address already in use"],
        what: "a port is taken by a program of this machine",
        remedy: "ss -ltnp shows whose it is; another port by the CDC_…_PORT variables",
    },
    Meaning { marks: &["no space left on device"], what: "the disk is full", remedy: "df -h; docker system df" },
    Meaning { marks: &["pull access denied"], what: IMAGE, remedy: IMAGE_REMEDY },
    Meaning { marks: &["manifest unknown"], what: IMAGE, remedy: IMAGE_REMEDY },
    Meaning { marks: &["failed to resolve reference"], what: IMAGE, remedy: IMAGE_REMEDY },
    Meaning { marks: &["registry", "lookup"], what: IMAGE, remedy: IMAGE_REMEDY },
    Meaning { marks: &["https://", "/v2/"], what: IMAGE, remedy: IMAGE_REMEDY },
    Meaning {
        marks: &["env file", "not found"],
        what: "a file of variables is missing",
        remedy: "is the checkout complete? git status",
    },
];

const IMAGE: &str = "an image cannot be had: the registry does not have it or cannot be reached";
const IMAGE_REMEDY: &str = "cargo xtask images builds them here (then: opsctl up --images local); or name another with CDC_KAFKA_IMAGE, CDC_ZOOKEEPER_IMAGE, CDC_CONNECT_IMAGE, CDC_MYSQL_IMAGE";

/// The meaning of a container's last lines, newest first.
pub(crate) fn log(lines: &[String]) -> Option<&'static Meaning> {
    find(IN_LOGS, lines)
}

/// Why a container ended, by its exit code.
pub(crate) fn exit(exit_code: i64, oom_killed: bool) -> Option<&'static str> {
    match (exit_code, oom_killed) {
        (_, true) => Some("it used more memory than its limit and was killed (OOM)"),
        (137, false) => Some("it was killed from outside (137); that was not its memory limit"),
        (143, _) => Some("it was asked to stop (143)"),
        _ => None,
    }
}

/// The meaning of what the Engine says.
pub(crate) fn by_docker(text: &str) -> Option<&'static Meaning> {
    find(BY_COMPOSE, &[text.to_owned()])
}

/// `docker compose COMMAND` failed with these last lines.
pub(crate) fn compose_failed(command: &str, lines: Vec<String>) -> Failure {
    let meaning = find(BY_COMPOSE, &lines);
    let what = meaning.map_or_else(String::new, |meaning| format!(": {}", meaning.what));
    let failure = Failure::new(format!("docker compose {command} failed{what}")).log(lines);
    match meaning {
        Some(meaning) => failure.hint(meaning.remedy),
        None => failure,
    }
}

fn find(meanings: &'static [Meaning], lines: &[String]) -> Option<&'static Meaning> {
    meanings.iter().find(|meaning| lines.iter().any(|line| meaning.fits(line)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_of_the_stack_are_understood() {
        for (line, word) in [
            (
                "kafka.common.InconsistentClusterIdException: The Cluster ID X doesn't match stored clusterId Some(Y) in meta.properties.",
                "another cluster",
            ),
            ("org.apache.zookeeper.KeeperException$NodeExistsException: KeeperErrorCode = NodeExists", "still knows"),
            ("Initial heap size set to a larger value than the maximum heap size", "-Xms"),
            ("java.net.UnknownHostException: kafka-99: Name or service not known", "resolved"),
            ("mkdir: cannot create directory '/ckpt/chk-1': Permission denied", "may not write"),
            (
                "WARN [Producer clientId=cdc-connect-configs] Got error produce response … Error: NOT_ENOUGH_REPLICAS",
                "min.insync",
            ),
        ] {
            let meaning = log(&[line.to_owned()]).unwrap_or_else(|| panic!("{line}"));
            assert!(meaning.what.contains(word), "{line}: {}", meaning.what);
        }
        assert_eq!(log(&["INFO started".to_owned()]), None);
    }

    #[test]
    fn compose_s_own_texts_name_the_remedy() {
        for (line, word) in [
            (
                "Error response from daemon: driver failed programming external connectivity on endpoint p-mysql-1: Bind for 127.0.0.1:3306 failed: port is already allocated",
                "docker ps",
            ),
            (
                "Error response from daemon: Get \"https://registry-1.docker.io/v2/\": dial tcp: lookup registry-1.docker.io: no such host",
                "xtask images",
            ),
            (
                "Error pull access denied for nobody/nothing, repository does not exist or may require 'docker login'",
                "CDC_KAFKA_IMAGE",
            ),
        ] {
            let failure = compose_failed("up", vec![line.to_owned()]);
            assert!(failure.hint.as_ref().is_some_and(|hint| hint.contains(word)), "{failure}");
            assert_eq!(failure.log, [line]);
        }
        assert_eq!(compose_failed("up", vec!["?".to_owned()]).hint, None);
    }

    #[test]
    fn a_kill_is_told_apart_from_a_lack_of_memory() {
        assert!(exit(137, true).is_some_and(|text| text.contains("OOM")));
        assert!(exit(137, false).is_some_and(|text| text.contains("outside")));
        assert_eq!(exit(1, false), None);
    }
}
