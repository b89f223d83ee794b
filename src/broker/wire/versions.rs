//! Which requests are understood, and in which versions.
//!
//! The ranges hold what librdkafka 2.12, the Java clients 4.x and the Go clients speak. The upper ends stop where a
//! version brings something that is left out: transactions by KIP-890 part 2, topic ids in Produce.

use kafka_protocol::messages::ApiKey::{self, *};

/// Request, lowest and highest version.
const TABLE: &[(ApiKey, i16, i16)] = &[
    (Produce, 3, 11),
    (Fetch, 4, 17),
    (ListOffsets, 1, 10),
    (Metadata, 0, 13),
    (OffsetCommit, 2, 9),
    (OffsetFetch, 1, 9),
    (FindCoordinator, 0, 6),
    (JoinGroup, 0, 9),
    (Heartbeat, 0, 4),
    (LeaveGroup, 0, 5),
    (SyncGroup, 0, 5),
    (DescribeGroups, 0, 6),
    (ListGroups, 0, 5),
    (ApiVersions, 0, 4),
    (CreateTopics, 2, 7),
    (DeleteTopics, 1, 6),
    (DeleteRecords, 0, 2),
    (InitProducerId, 0, 5),
    (OffsetForLeaderEpoch, 2, 4),
    (AddPartitionsToTxn, 0, 3),
    (AddOffsetsToTxn, 0, 4),
    (EndTxn, 0, 4),
    (TxnOffsetCommit, 0, 4),
    (DescribeConfigs, 1, 4),
    (AlterConfigs, 0, 2),
    (CreatePartitions, 0, 3),
    (DeleteGroups, 0, 2),
    (IncrementalAlterConfigs, 0, 1),
    (OffsetDelete, 0, 0),
    (DescribeCluster, 0, 2),
    (DescribeProducers, 0, 0),
    (DescribeTransactions, 0, 0),
    (ListTransactions, 0, 1),
    (DescribeTopicPartitions, 0, 0),
];

/// Whether a request of this version is understood.
pub(crate) fn accepts(key: ApiKey, version: i16) -> bool {
    TABLE.iter().any(|(known, min, max)| *known == key && (*min..=*max).contains(&version))
}

/// What `ApiVersions` says. Like Kafka 4 it names Produce from version 0 on, because librdkafka takes that for a
/// sign of compression (KAFKA-18659); versions below 3 are refused nevertheless.
pub(crate) fn advertised() -> impl Iterator<Item = (ApiKey, i16, i16)> {
    TABLE.iter().map(|(key, min, max)| (*key, if *key == Produce { 0 } else { *min }, *max))
}
