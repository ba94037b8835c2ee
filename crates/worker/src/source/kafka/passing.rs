//! Which of librdkafka's errors pass by themselves.

use rdkafka::error::RDKafkaErrorCode;

/// Whether librdkafka goes on by itself after this.
pub(super) fn passes(code: RDKafkaErrorCode) -> bool {
    use RDKafkaErrorCode as Code;
    matches!(
        code,
        Code::AllBrokersDown
            | Code::BrokerTransportFailure
            | Code::Resolve
            | Code::OperationTimedOut
            | Code::MessageTimedOut
            | Code::RequestTimedOut
            | Code::NetworkException
            | Code::Authentication
            | Code::SaslAuthenticationFailed
            | Code::SSL
            | Code::LeaderNotAvailable
            | Code::NotLeaderForPartition
            | Code::ReplicaNotAvailable
            | Code::BrokerNotAvailable
            | Code::UnknownTopic
            | Code::UnknownPartition
            | Code::UnknownTopicOrPartition
            | Code::UnknownLeaderEpoch
            | Code::FencedLeaderEpoch
            | Code::TopicAuthorizationFailed
            | Code::GroupAuthorizationFailed
            | Code::ThrottlingQuotaExceeded
            | Code::CoordinatorLoadInProgress
            | Code::CoordinatorNotAvailable
            | Code::NotCoordinator
    )
}
