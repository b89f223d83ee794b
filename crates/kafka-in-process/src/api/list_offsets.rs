//! `ListOffsets` and `OffsetForLeaderEpoch`: start and end offsets, and offsets by timestamp.

use std::sync::Arc;

use kafka_protocol::{
    ResponseError,
    messages::{
        ListOffsetsRequest, ListOffsetsResponse, OffsetForLeaderEpochRequest, OffsetForLeaderEpochResponse,
        list_offsets_response::{ListOffsetsPartitionResponse, ListOffsetsTopicResponse},
        offset_for_leader_epoch_response::{EpochEndOffset, OffsetForLeaderTopicResult},
    },
};

use super::{LEADER_EPOCH, off_thread};
use crate::{
    cluster::Cluster,
    log::{Found, Isolation, LogError, find_latest_time, find_time},
    topics::{Partition, Topics},
};

const LATEST: i64 = -1;
const EARLIEST: i64 = -2;
const LATEST_TIME: i64 = -3;
const EARLIEST_LOCAL: i64 = -4;
const LATEST_TIERED: i64 = -5;

pub(super) async fn list_offsets(
    cluster: &Cluster,
    request: ListOffsetsRequest,
    version: i16,
) -> ListOffsetsResponse {
    let topics = Arc::clone(&cluster.topics);
    let mut asked = request.topics.iter().flat_map(|topic| &topic.partitions);
    // A look-up by time decompresses batches.
    if asked.any(|one| one.timestamp >= 0 || one.timestamp == LATEST_TIME) {
        off_thread(move || look_up(&topics, &request, version)).await
    } else {
        look_up(&topics, &request, version)
    }
}

fn look_up(topics: &Topics, request: &ListOffsetsRequest, version: i16) -> ListOffsetsResponse {
    let isolation = Isolation::from(request.isolation_level);
    let topics = request.topics.iter().map(|topic| {
        let found = topics.get(&topic.name);
        let partitions = topic.partitions.iter().map(|wanted| {
            let response =
                ListOffsetsPartitionResponse::default().with_partition_index(wanted.partition_index);
            let partition = found.as_ref().and_then(|topic| topic.partition(wanted.partition_index));
            let outcome = match partition {
                None => Err(ResponseError::UnknownTopicOrPartition),
                Some(_) if wanted.current_leader_epoch > LEADER_EPOCH => {
                    Err(ResponseError::UnknownLeaderEpoch)
                }
                Some(partition) => {
                    find(&partition, wanted.timestamp, isolation).map_err(|error| error.response())
                }
            };
            match outcome {
                Ok(found) => {
                    let known = version >= 4 && found.offset >= 0;
                    response
                        .with_offset(found.offset)
                        .with_timestamp(found.timestamp)
                        .with_leader_epoch(if known { LEADER_EPOCH } else { -1 })
                }
                Err(error) => response.with_error_code(error.code()),
            }
        });
        ListOffsetsTopicResponse::default()
            .with_name(topic.name.clone())
            .with_partitions(partitions.collect())
    });
    ListOffsetsResponse::default().with_topics(topics.collect())
}

fn find(partition: &Partition, timestamp: i64, isolation: Isolation) -> Result<Found, LogError> {
    let log = || partition.log();
    let nothing = Found { offset: -1, timestamp: -1 };
    Ok(match timestamp {
        LATEST => Found { offset: log().limit(isolation), timestamp: -1 },
        EARLIEST | EARLIEST_LOCAL => Found { offset: log().start(), timestamp: -1 },
        LATEST_TIME => find_latest_time(log)?.unwrap_or(nothing),
        LATEST_TIERED => nothing,
        timestamp => find_time(log, timestamp, isolation)?.unwrap_or(nothing),
    })
}

/// The leader epoch never changes, so it ends at the end of the log (KIP-320).
pub(super) fn end_of_epoch(
    cluster: &Cluster,
    request: &OffsetForLeaderEpochRequest,
) -> OffsetForLeaderEpochResponse {
    let topics = request.topics.iter().map(|topic| {
        let found = cluster.topics.get(&topic.topic);
        let partitions = topic.partitions.iter().map(|wanted| {
            let response = EpochEndOffset::default().with_partition(wanted.partition);
            match found.as_ref().and_then(|topic| topic.partition(wanted.partition)) {
                None => response.with_error_code(ResponseError::UnknownTopicOrPartition.code()),
                Some(_) if wanted.leader_epoch > LEADER_EPOCH => response,
                Some(partition) => {
                    response.with_leader_epoch(LEADER_EPOCH).with_end_offset(partition.log().end())
                }
            }
        });
        OffsetForLeaderTopicResult::default()
            .with_topic(topic.topic.clone())
            .with_partitions(partitions.collect())
    });
    OffsetForLeaderEpochResponse::default().with_topics(topics.collect())
}
