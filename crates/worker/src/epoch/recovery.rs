//! What a start finds, and what follows from it. Pure: facts in, a plan or a refusal out.

use super::{LogSummary, Timeline};
use crate::state::SinkProgress;

/// Where a state stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// The history that it belongs to.
    pub timeline: Timeline,
    /// The last epoch that it contains.
    pub epoch: u64,
    /// It comes from a savepoint that was made after everything had been delivered and acknowledged: nothing is missing
    /// where its log is not at hand.
    pub drained: bool,
}

/// What a person has accepted on the command line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    /// Go on with a state whose log is lost: what left after it leaves again.
    pub accept_lost_log: bool,
    /// Begin without a state where there was one.
    pub start_over: bool,
}

/// What to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plan {
    /// There was nothing: a new history begins.
    Fresh,
    /// The history goes on: the epochs behind the state, up to `last`, are executed again first.
    Resume {
        /// The history.
        timeline: Timeline,
        /// The last epoch that the state contains; 0 where the log begins with the first.
        epoch: u64,
        /// The last epoch in the log.
        last: u64,
    },
    /// The state goes on under a new history; the log, if there is one, is set aside.
    NewTimeline {
        /// The last epoch that the state contains.
        epoch: u64,
    },
}

/// Why a start is refused. Each names both sides, and what a person can do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// State and checkpoints are gone, but the log is not.
    #[error(
        "there is no state and no checkpoint, but the epoch log holds epochs {first} to {last}: give --restore a \
         checkpoint or a savepoint, or begin again with --start-over (what is there is set aside)"
    )]
    StateLost {
        /// The log's first epoch.
        first: u64,
        /// And its last.
        last: u64,
    },
    /// The state is there, its log is not.
    #[error(
        "the state stands at epoch {epoch}, but its epoch log is empty: what left after that epoch is not known, so \
         outputs may come twice. Put the log back, or accept that with --accept-lost-log"
    )]
    LogLost {
        /// The state's epoch.
        epoch: u64,
    },
    /// State and log belong to different histories.
    #[error(
        "the state belongs to timeline {state}, the epoch log to timeline {log}: they are not of one worker. Put the \
         right log back, or go on without it with --accept-lost-log (it is set aside)"
    )]
    OtherTimeline {
        /// The state's.
        state: u64,
        /// The log's.
        log: u64,
    },
    /// The log ends before the state.
    #[error(
        "the state stands at epoch {state}, but the epoch log ends at {log}: the log is older than the state. Put the \
         right log back, or go on without it with --accept-lost-log (it is set aside)"
    )]
    StateAhead {
        /// The state's epoch.
        state: u64,
        /// The log's last.
        log: u64,
    },
    /// The log begins too late.
    #[error(
        "the state stands at epoch {state}, but the epoch log begins at {log}: the epochs between are lost. Give \
         --restore a later checkpoint, or go on without the log with --accept-lost-log (it is set aside)"
    )]
    Gap {
        /// The state's epoch.
        state: u64,
        /// The log's first.
        log: u64,
    },
    /// A sink has more than the log knows of.
    #[error(
        "{sink} has epoch {epoch}, but the epoch log ends at {log}: going on would make other results under the same \
         numbers. Put the right log back, or accept it with --accept-lost-log"
    )]
    SinkAhead {
        /// The sink's name.
        sink: String,
        /// What it says it has.
        epoch: u64,
        /// The log's last.
        log: u64,
    },
    /// The source's group says that somebody was further.
    #[error(
        "there is no state, but group {group} has read up to {offset} of {partition}: a state must have been lost. Give \
         --restore a checkpoint or a savepoint, or read the topic from where it is set to with --start-over"
    )]
    GroupWasFurther {
        /// The consumer group.
        group: String,
        /// One of its partitions.
        partition: String,
        /// The offset that it committed there.
        offset: i64,
    },
    /// The epochs behind the state belong to another configuration.
    #[error(
        "epoch {epoch} was logged under another configuration (fingerprint {logged:016x}, now {now:016x}): start once \
         with the configuration of that time, stop with SIGTERM, then change it"
    )]
    OtherConfiguration {
        /// The first epoch that must be executed again.
        epoch: u64,
        /// Its configuration.
        logged: u64,
        /// Ours.
        now: u64,
    },
    /// Epochs behind the state have read a topic that was deleted and created anew.
    #[error(
        "epochs {first} to {last} have read topic {topic} when its id was {was}; it was deleted and created anew (now \
         {found}), so they cannot be executed again, whatever source.on_recreated_topic says: what they gave may have left. \
         To go on with the state without them, give --accept-lost-log (the log is set aside); to begin again, --start-over"
    )]
    TopicRecreated {
        /// The topic's name.
        topic: String,
        /// The first of the epochs.
        first: u64,
        /// And the last.
        last: u64,
        /// The id of the topic that they have read.
        was: String,
        /// The id that it has now.
        found: String,
    },
    /// What epochs behind the state have read was deleted.
    #[error(
        "epoch {epoch} has read {partition} from offset {offset}, which now begins at {begins}: the records were deleted \
         (retention), so it cannot be executed again, whatever source.on_lost_records says: what it gave may have left. To \
         go on with the state without it, give --accept-lost-log (the log is set aside) and source.on_lost_records=skip; \
         to begin again, --start-over"
    )]
    RecordsDeleted {
        /// Topic and partition.
        partition: String,
        /// The first epoch that has read them.
        epoch: u64,
        /// The first offset that it has read there.
        offset: i64,
        /// Where the partition begins now.
        begins: i64,
    },
    /// The source has other records than were logged.
    #[error(
        "{partition} has changed under logged epoch {epoch}: {what} was {logged}, now it is {found}. The same results \
         cannot be made again; restore a savepoint, or begin again with --start-over"
    )]
    SourceChanged {
        /// The epoch.
        epoch: u64,
        /// Topic and partition.
        partition: String,
        /// What differs.
        what: &'static str,
        /// As logged.
        logged: String,
        /// As read now.
        found: String,
    },
}

/// Decides from what is there. `answers` are sinks that can say themselves how far they are.
///
/// # Errors
/// Going on would not be exactly once, and nobody has accepted that.
pub fn plan(
    state: Option<Position>,
    log: &LogSummary,
    answers: &[SinkProgress],
    policy: Policy,
) -> Result<Plan, Refusal> {
    let logged = log.timeline.zip(log.epochs);
    let decided = match (state, logged) {
        (None, None) => Plan::Fresh,
        (None, Some((timeline, (1, last)))) => Plan::Resume { timeline, epoch: 0, last },
        (None, Some((_, (first, last)))) => return Err(Refusal::StateLost { first, last }),
        (Some(state), logged) => match fits(state, logged) {
            Ok(last) => Plan::Resume { timeline: state.timeline, epoch: state.epoch, last },
            Err(Refusal::LogLost { .. } | Refusal::OtherTimeline { .. }) if state.drained => {
                Plan::NewTimeline { epoch: state.epoch }
            }
            Err(_) if policy.accept_lost_log => Plan::NewTimeline { epoch: state.epoch },
            Err(refusal) => return Err(refusal),
        },
    };
    if let Plan::Resume { timeline, last, epoch } = decided {
        let ahead = answers.iter().find(|answer| answer.timeline == timeline && answer.epoch > last);
        match ahead {
            Some(_) if policy.accept_lost_log => return Ok(Plan::NewTimeline { epoch }),
            Some(SinkProgress { sink, epoch, .. }) => {
                return Err(Refusal::SinkAhead { sink: sink.clone(), epoch: *epoch, log: last });
            }
            None => {}
        }
    }
    Ok(decided)
}

/// The log's last epoch, if the log goes on where the state stands.
fn fits(state: Position, log: Option<(Timeline, (u64, u64))>) -> Result<u64, Refusal> {
    let Some((timeline, (first, last))) = log else { return Err(Refusal::LogLost { epoch: state.epoch }) };
    if timeline != state.timeline {
        return Err(Refusal::OtherTimeline { state: state.timeline.0, log: timeline.0 });
    }
    if last < state.epoch {
        return Err(Refusal::StateAhead { state: state.epoch, log: last });
    }
    if first > state.epoch + 1 {
        return Err(Refusal::Gap { state: state.epoch, log: first });
    }
    Ok(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    const OURS: Timeline = Timeline(7);
    const NOTHING: Policy = Policy { accept_lost_log: false, start_over: false };
    const ACCEPT: Policy = Policy { accept_lost_log: true, ..NOTHING };

    const fn at(epoch: u64) -> Position {
        Position { timeline: OURS, epoch, drained: false }
    }

    fn log(timeline: u64, first: u64, last: u64) -> LogSummary {
        LogSummary { timeline: Some(Timeline(timeline)), epochs: Some((first, last)), ..LogSummary::default() }
    }

    const fn resume(epoch: u64, last: u64) -> Plan {
        Plan::Resume { timeline: OURS, epoch, last }
    }

    #[test]
    fn what_is_found_decides() {
        let none = LogSummary::default();
        let cases = [
            ("nothing at all", None, none.clone(), NOTHING, Ok(Plan::Fresh)),
            ("a crash before the first commit", None, log(7, 1, 3), NOTHING, Ok(resume(0, 3))),
            ("state lost", None, log(7, 2, 3), NOTHING, Err(Refusal::StateLost { first: 2, last: 3 })),
            ("a clean stop", Some(at(9)), log(7, 1, 9), NOTHING, Ok(resume(9, 9))),
            ("a crash", Some(at(9)), log(7, 4, 12), NOTHING, Ok(resume(9, 12))),
            ("the log begins right behind", Some(at(9)), log(7, 10, 12), NOTHING, Ok(resume(9, 12))),
            ("a gap", Some(at(9)), log(7, 11, 12), NOTHING, Err(Refusal::Gap { state: 9, log: 11 })),
            ("log older", Some(at(9)), log(7, 1, 8), NOTHING, Err(Refusal::StateAhead { state: 9, log: 8 })),
            ("log lost", Some(at(9)), none.clone(), NOTHING, Err(Refusal::LogLost { epoch: 9 })),
            ("log lost, accepted", Some(at(9)), none, ACCEPT, Ok(Plan::NewTimeline { epoch: 9 })),
            ("other log", Some(at(9)), log(8, 1, 90), NOTHING, Err(Refusal::OtherTimeline { state: 7, log: 8 })),
            ("other log, accepted", Some(at(9)), log(8, 1, 90), ACCEPT, Ok(Plan::NewTimeline { epoch: 9 })),
            ("accepting changes nothing that is well", Some(at(9)), log(7, 4, 12), ACCEPT, Ok(resume(9, 12))),
        ];
        for (what, state, log, policy, expected) in cases {
            assert_eq!(plan(state, &log, &[], policy), expected, "{what}");
        }
    }

    #[test]
    fn a_drained_savepoint_needs_no_log() {
        let drained = Some(Position { timeline: OURS, epoch: 9, drained: true });
        for log in [LogSummary::default(), log(8, 1, 90)] {
            assert_eq!(plan(drained, &log, &[], NOTHING), Ok(Plan::NewTimeline { epoch: 9 }));
        }
        // With a log of its own that went further, it goes on: those epochs have left.
        assert_eq!(plan(drained, &log(7, 1, 12), &[], NOTHING), Ok(resume(9, 12)));
        // One that ends before it is not the right one, drained or not.
        assert!(plan(drained, &log(7, 1, 8), &[], NOTHING).is_err());
    }

    #[test]
    fn a_sink_may_not_know_more_than_the_log() {
        let answer = |timeline, epoch| SinkProgress {
            sink: "kafka".to_owned(),
            timeline: Timeline(timeline),
            epoch,
            file_length_bytes: None,
        };
        let ahead = Refusal::SinkAhead { sink: "kafka".to_owned(), epoch: 13, log: 12 };
        assert_eq!(plan(Some(at(9)), &log(7, 1, 12), &[answer(7, 12)], NOTHING), Ok(resume(9, 12)));
        assert_eq!(plan(Some(at(9)), &log(7, 1, 12), &[answer(7, 13)], NOTHING), Err(ahead));
        assert_eq!(plan(Some(at(9)), &log(7, 1, 12), &[answer(7, 13)], ACCEPT), Ok(Plan::NewTimeline { epoch: 9 }));
        assert_eq!(
            plan(Some(at(9)), &log(7, 1, 12), &[answer(8, 13)], NOTHING),
            Ok(resume(9, 12)),
            "of another history"
        );
    }

    #[test]
    fn refusals_name_both_sides_and_a_way_out() {
        let said = Refusal::StateAhead { state: 9, log: 8 }.to_string();
        assert!(said.contains("epoch 9") && said.contains("ends at 8") && said.contains("--accept-lost-log"), "{said}");
    }
}
