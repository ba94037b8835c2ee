//! What `opsctl` refuses, as people meet it. Each refusal names the thing, says what to do, and ends with an exit code that
//! is not 0. Texts of Docker and Compose are those that real ones wrote.

use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixListener;

use crate::engine::Engine;
use crate::place::{Place, Refused};

/// Which words stand in which part.
fn check(refused: &Refused, exit: i32, said: &[&str], hint: &[&str]) {
    assert_eq!(refused.exit, Some(exit), "{refused:?}");
    for word in said {
        assert!(refused.said.contains(word), "{word:?} is not said: {refused:?}");
    }
    for word in hint {
        assert!(refused.hint.contains(word), "{word:?} is not in the hint: {refused:?}");
    }
}

#[test]
fn docker_that_is_not_there() {
    let place = Place::new();
    let refused = place.opsctl(&["up"]);
    check(
        &refused,
        3,
        &["Docker Engine does not answer at unix://", "docker.sock"],
        &["install Docker Engine", "start"],
    );
}

#[test]
fn a_socket_that_others_may_not_use() {
    let place = Place::new();
    let _listener = UnixListener::bind(place.socket()).expect("a socket");
    std::fs::set_permissions(place.socket(), std::fs::Permissions::from_mode(0o000)).expect("set");
    let refused = place.as_nobody(&["up"]);
    check(&refused, 3, &["ermission denied"], &["sudo usermod -aG docker"]);
}

#[test]
fn an_engine_that_does_not_answer() {
    let place = Place::new();
    let _listener = UnixListener::bind(place.socket()).expect("a socket");
    check(&place.opsctl(&["status"]), 3, &["no answer within 2 s"], &["systemctl start docker"]);
}

#[test]
fn compose_that_is_missing_or_too_old() {
    let place = Place::new();
    let _engine = Engine::at(&place.socket(), &[]);
    place.compose("exit 1");
    check(&place.opsctl(&["up"]), 3, &["Docker Compose is not there"], &["install Docker Compose 2.24.4"]);
    place.compose("echo v2.9.0");
    check(&place.opsctl(&["up"]), 3, &["Docker Compose 2.9.0 is too old, 2.24.4 is needed"], &["scripts/test does"]);
}

#[test]
fn a_connector_s_file_that_is_no_json() {
    let place = Place::new();
    // Found out before anything else: there is no Engine here.
    place.write("connectors/orders.json", "{\"name\": \"orders\",\n \"config\": {\"a\": \"b\",}}");
    let refused = place.opsctl(&["up"]);
    check(&refused, 3, &["connectors/orders.json", "line 2 column"], &["connectors/README.md"]);
    let refused = place.opsctl(&["connector", "register"]);
    check(&refused, 3, &["connectors/orders.json", "line 2 column"], &["connectors/README.md"]);
}

/// One service with a port; its image, and what `pull` says.
fn compose_of(port: u16, pull: &str) -> String {
    let config = format!(
        r#"{{"services":{{"kafka-1":{{"image":"confluentinc/cp-kafka:7.6.1","ports":[{{"target":9092,"published":"{port}"}}]}}}}}}"#
    );
    format!("case \"$*\" in *version*) echo 2.26.1;; *config*) echo '{config}';; *pull*) {pull};; esac")
}

#[test]
fn an_image_that_cannot_be_had() {
    let place = Place::new();
    let _engine = Engine::at(&place.socket(), &[]);
    for said in [
        r#"Error response from daemon: Get "https://registry-1.docker.io/v2/": dial tcp: lookup registry-1.docker.io: no such host"#,
        "Error pull access denied for confluentinc/cp-kafka, repository does not exist or may require docker login",
        "kafka-1 Error manifest unknown: manifest unknown",
    ] {
        place.compose(&compose_of(0, &format!("echo '{said}' >&2; exit 18")));
        let refused = place.opsctl(&["up"]);
        let words = ["cannot be had: confluentinc/cp-kafka:7.6.1", said];
        check(&refused, 2, &words, &["cargo xtask images", "--images local", "CDC_KAFKA_IMAGE"]);
    }
    let config = compose_of(0, "exit 1").replace("confluentinc/cp-kafka:7.6.1", "cdc-local/kafka:3.6.2");
    place.compose(&config);
    let refused = place.opsctl(&["up", "--images", "local"]);
    check(&refused, 3, &["not built yet: cdc-local/kafka:3.6.2"], &["cargo xtask images", "--images public"]);
}

#[test]
fn kafka_ui_that_cannot_be_had_is_no_reason_to_go_without_the_rest() {
    let place = Place::new();
    let image = ("/images/cdc-local/kafka:3.6.2/json", r#"{"Id":"sha256:1"}"#.to_owned());
    let _engine = Engine::at(&place.socket(), &[image]);
    let config =
        r#"{"services":{"kafka-1":{"image":"cdc-local/kafka:3.6.2"},"kafka-ui":{"image":"kafbat/kafka-ui:v1.3.0"}}}"#;
    let said = "Error manifest unknown";
    place.compose(&format!(
        "case \"$*\" in *version*) echo 2.26.1;; *config*) echo '{config}';; *pull*) echo '{said}' >&2; exit 18;; esac"
    ));
    let refused = place.opsctl(&["up", "--images", "local", "--ui"]);
    check(
        &refused,
        2,
        &["cannot be had: kafbat/kafka-ui:v1.3.0", said],
        &["leave --with ui out", "CDC_KAFKA_UI_IMAGE"],
    );
}

#[test]
fn a_port_that_is_taken_and_by_whom() {
    let place = Place::new();
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let port = listener.local_addr().expect("bound").port();
    place.compose(&compose_of(port, "exit 1"));
    let image = ("/images/confluentinc/cp-kafka:7.6.1/json", r#"{"Id":"sha256:1"}"#.to_owned());

    let engine = Engine::at(&place.socket(), std::slice::from_ref(&image));
    let refused = place.opsctl(&["up", "--no-worker"]);
    let here = format!("(process {})", std::process::id());
    check(&refused, 3, &[&format!("{port} (for kafka-1) by"), &here], &["CDC_KAFKA_1_PORT"]);
    drop(engine);

    let other = format!(
        r#"[{{"Id":"c","Names":["/other-kafka-1"],"Ports":[{{"PrivatePort":9092,"PublicPort":{port},"Type":"tcp"}}]}}]"#
    );
    let _engine = Engine::at(&place.socket(), &[image, ("/containers/json", other)]);
    let refused = place.opsctl(&["up", "--no-worker"]);
    check(&refused, 3, &[&format!("{port} (for kafka-1) by the container other-kafka-1")], &["CDC_KAFKA_1_PORT"]);
}

#[test]
fn a_second_opsctl_at_the_same_time() {
    let place = Place::new();
    let _engine = Engine::at(&place.socket(), &[]);
    // The first sits in Compose until it is let go.
    place.compose("echo here >\"$0.here\"; while [ ! -e \"$0.go\" ]; do sleep 0.05; done; exit 1");
    let first = place.start(&["up"]);
    place.wait_for("bin/docker.here");
    let refused = place.opsctl(&["down"]);
    let holder = format!("opsctl up, process {}, since 20", first.id());
    check(&refused, 3, &["this stack is being worked on by", &holder], &["run this again"]);
    place.write("bin/docker.go", "");
    let ended = first.wait_with_output().expect("ended");
    assert_eq!(ended.status.code(), Some(3), "{ended:?}");
    // Nothing is left of it.
    check(&place.opsctl(&["down"]), 3, &["Docker Compose is not there"], &[]);
}

#[test]
fn ctrl_c_that_ends_what_was_started_is_no_failure_of_it() {
    let place = Place::new();
    let _engine = Engine::at(&place.socket(), &[]);
    place.compose("echo here >\"$0.here\"; exec sleep 60");
    let first = place.start(&["up"]);
    place.wait_for("bin/docker.here");
    Place::press_ctrl_c(&first);
    let ended = first.wait_with_output().expect("ended");
    let said = String::from_utf8_lossy(&ended.stderr);
    assert_eq!(ended.status.code(), Some(130), "{said}");
    assert!(said.contains("interrupted") && said.contains("it goes on where it stopped"), "{said}");
}

#[test]
fn programs_get_the_same_as_an_object() {
    let place = Place::new();
    let refused = place.opsctl(&["up", "--json"]);
    let object: serde_json::Value = serde_json::from_str(&refused.stdout).expect("one JSON object");
    assert_eq!((&object["ok"], &object["command"]), (&false.into(), &"up".into()), "{object}");
    assert!(object["error"]["message"].as_str().is_some_and(|text| text.contains("does not answer")), "{object}");
    assert!(object["error"]["hint"].as_str().is_some_and(|text| text.contains("install")), "{object}");
    assert_eq!(object["steps"][0]["outcome"], "failed", "{object}");
}

#[test]
fn a_directory_without_a_stack_and_a_name_that_is_none() {
    let place = Place::new();
    let elsewhere = tempfile::tempdir().expect("a directory");
    let dir = elsewhere.path().display().to_string();
    check(&place.opsctl(&["--dir", &dir, "status"]), 3, &["has no compose/compose.yaml"], &["CDC_STACK_DIR"]);
    check(&place.opsctl(&["-p", "Big Name", "status"]), 3, &["\"Big Name\" is no project name"], &["lower-case"]);
}
