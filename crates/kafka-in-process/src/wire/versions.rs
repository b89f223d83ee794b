//! The supported requests, their versions and their formats.
//!
//! The ranges cover librdkafka 2.12, the Java clients 4.x and the Go clients. They end before versions with features
//! that are not supported, such as topic ids in Produce.
//!
//! The formats follow the Kafka protocol guide, for the guard: `1 2 4 8 16` is a field of so many bytes, `s` a string,
//! `b` bytes, `[…]` an array of structs, `<…>` an array of primitives, `(…)` a nullable struct; `:3+`, `:-2` and `:2-4`
//! limit a field to these versions.

use kafka_protocol::messages::ApiKey;

/// A supported request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Api {
    pub(crate) key: ApiKey,
    pub(crate) min: i16,
    pub(crate) max: i16,
    pub(crate) shape: &'static str,
}

const fn api(key: ApiKey, min: i16, max: i16, shape: &'static str) -> Api {
    Api { key, min, max, shape }
}

pub(crate) const TABLE: &[Api] = &[
    api(ApiKey::Produce, 3, 12, "s 2 4 [ s [ 4 b ] ]"),
    api(
        ApiKey::Fetch,
        4,
        17,
        "4:-14 4 4 4 1 4:7+ 4:7+ [ s:-12 16:13+ [ 4 4:9+ 8 4:12+ 8:5+ 4 ] ] \
         [:7+ s:-12 16:13+ < 4 > ] s:11+",
    ),
    api(ApiKey::ListOffsets, 1, 10, "4 1:2+ [ s [ 4 4:4+ 8 ] ] 4:10+"),
    api(ApiKey::Metadata, 0, 13, "[ 16:10+ s ] 1:4+ 1:8-10 1:8+"),
    api(ApiKey::OffsetCommit, 2, 9, "s 4 s s:7+ 8:2-4 [ s [ 4 8 4:6+ s ] ]"),
    api(ApiKey::OffsetFetch, 1, 9, "s:-7 [:-7 s < 4 > ] [:8+ s s:9+ 4:9+ [ s < 4 > ] ] 1:7+"),
    api(ApiKey::FindCoordinator, 0, 6, "s:-3 1:1+ <:4+ s >"),
    api(ApiKey::JoinGroup, 0, 9, "s 4 4:1+ s s:5+ s [ s b ] s:8+"),
    api(ApiKey::Heartbeat, 0, 4, "s 4 s s:3+"),
    api(ApiKey::LeaveGroup, 0, 5, "s s:-2 [:3+ s s s:5+ ]"),
    api(ApiKey::SyncGroup, 0, 5, "s 4 s s:3+ s:5+ s:5+ [ s b ]"),
    api(ApiKey::DescribeGroups, 0, 6, "< s > 1:3+"),
    api(ApiKey::ListGroups, 0, 5, "<:4+ s > <:5+ s >"),
    api(ApiKey::ApiVersions, 0, 4, "s:3+ s:3+"),
    api(ApiKey::CreateTopics, 2, 7, "[ s 4 2 [ 4 < 4 > ] [ s s ] ] 4 1"),
    api(ApiKey::DeleteTopics, 1, 6, "[:6+ s 16 ] <:-5 s > 4"),
    api(ApiKey::DeleteRecords, 0, 2, "[ s [ 4 8 ] ] 4"),
    api(ApiKey::InitProducerId, 0, 5, "s 4 8:3+ 2:3+"),
    api(ApiKey::OffsetForLeaderEpoch, 2, 4, "4:3+ [ s [ 4 4 4 ] ]"),
    api(ApiKey::AddPartitionsToTxn, 0, 3, "s 8 2 [ s < 4 > ]"),
    api(ApiKey::AddOffsetsToTxn, 0, 4, "s 8 2 s"),
    api(ApiKey::EndTxn, 0, 5, "s 8 2 1"),
    api(ApiKey::TxnOffsetCommit, 0, 5, "s s 8 2 4:3+ s:3+ s:3+ [ s [ 4 8 4:2+ s ] ]"),
    api(ApiKey::WriteTxnMarkers, 1, 1, "[ 8 2 1 [ s < 4 > ] 4 ]"),
    api(ApiKey::DescribeAcls, 1, 3, "1 s 1 s s 1 1"),
    api(ApiKey::DescribeConfigs, 1, 4, "[ 1 s < s > ] 1 1:3+"),
    api(ApiKey::AlterConfigs, 0, 2, "[ 1 s [ s s ] ] 1"),
    api(ApiKey::DescribeLogDirs, 1, 4, "[ s < 4 > ]"),
    api(ApiKey::CreatePartitions, 0, 3, "[ s 4 [ < 4 > ] ] 4 1"),
    api(ApiKey::DeleteGroups, 0, 2, "< s >"),
    api(ApiKey::ElectLeaders, 0, 2, "1:1+ [ s < 4 > ] 4"),
    api(ApiKey::IncrementalAlterConfigs, 0, 1, "[ 1 s [ s 1 s ] ] 1"),
    api(ApiKey::ListPartitionReassignments, 0, 0, "4 [ s < 4 > ]"),
    api(ApiKey::OffsetDelete, 0, 0, "s [ s [ 4 ] ]"),
    api(ApiKey::DescribeClientQuotas, 0, 1, "[ s 1 s ] 1"),
    api(ApiKey::DescribeUserScramCredentials, 0, 0, "[ s ]"),
    api(ApiKey::DescribeQuorum, 0, 2, "[ s [ 4 ] ]"),
    api(ApiKey::DescribeCluster, 0, 2, "1 1:1+ 1:2+"),
    api(ApiKey::DescribeProducers, 0, 0, "[ s < 4 > ]"),
    api(ApiKey::DescribeTransactions, 0, 0, "< s >"),
    api(ApiKey::ListTransactions, 0, 1, "< s > < 8 > 8:1+"),
    api(ApiKey::ConsumerGroupHeartbeat, 0, 1, "s s 4 s s 4 < s > s:1+ s [ 16 < 4 > ]"),
    api(ApiKey::ConsumerGroupDescribe, 0, 1, "< s > 1"),
    api(ApiKey::ListConfigResources, 0, 1, "<:1+ 1 >"),
    api(ApiKey::DescribeTopicPartitions, 0, 0, "[ s ] 4 ( s 4 )"),
];

/// Finds a request if this version is supported.
pub(crate) fn find(key: ApiKey, version: i16) -> Option<&'static Api> {
    TABLE.iter().find(|api| api.key == key && (api.min..=api.max).contains(&version))
}

/// The ranges in `ApiVersions`: request, lowest and highest version. Like Kafka 4 it lists Produce from version 0 on,
/// from which librdkafka infers compression (KAFKA-18659); versions below 3 are refused all the same.
pub(crate) fn advertised() -> impl Iterator<Item = (ApiKey, i16, i16)> {
    let lowest = |api: &Api| if api.key == ApiKey::Produce { 0 } else { api.min };
    TABLE.iter().map(move |api| (api.key, lowest(api), api.max))
}
