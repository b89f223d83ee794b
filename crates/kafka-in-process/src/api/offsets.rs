//! Offset commits, in a transaction or not: accepts or refuses each partition.

use std::collections::BTreeMap;

use kafka_protocol::{ResponseError, messages::TopicName, protocol::StrBytes};

use super::code;
use crate::{
    cluster::Cluster,
    groups::{Committed, Offsets},
};

/// Kafka's `offset.metadata.max.bytes`.
const LONGEST_METADATA: usize = 4096;

/// An offset from a request.
pub(super) fn committed(offset: i64, leader_epoch: i32, metadata: Option<&StrBytes>) -> Committed {
    Committed { offset, leader_epoch, metadata: metadata.map(ToString::to_string).unwrap_or_default() }
}

/// The offsets of a request. Its two kinds have the same fields in types of their own.
macro_rules! wishes {
    ($request:expr) => {
        $request.topics.iter().flat_map(|topic| {
            topic.partitions.iter().map(|one| {
                let (offset, epoch) = (one.committed_offset, one.committed_leader_epoch);
                let metadata = one.committed_metadata.as_ref();
                let committed = $crate::api::offsets::committed(offset, epoch, metadata);
                (&topic.name, one.partition_index, committed)
            })
        })
    };
}
pub(super) use wishes;

/// The offsets of a request, validated.
pub(super) struct Sorted {
    /// Valid offsets, if the member may commit them.
    pub(super) taken: Offsets,
    refused: BTreeMap<(String, i32), ResponseError>,
}

impl Sorted {
    /// Validates offsets: the partition must exist, the metadata must not be too long.
    pub(super) fn new<'a>(
        cluster: &Cluster,
        wishes: impl IntoIterator<Item = (&'a TopicName, i32, Committed)>,
    ) -> Self {
        let mut sorted = Self { taken: Offsets::new(), refused: BTreeMap::new() };
        for (topic, partition, committed) in wishes {
            let at = (topic.to_string(), partition);
            if cluster.topics.get(topic).and_then(|topic| topic.partition(partition)).is_none() {
                sorted.refused.insert(at, ResponseError::UnknownTopicOrPartition);
            } else if committed.metadata.len() > LONGEST_METADATA {
                sorted.refused.insert(at, ResponseError::OffsetMetadataTooLarge);
            } else {
                sorted.taken.insert(at, committed);
            }
        }
        sorted
    }

    /// Refuses offsets that were taken.
    pub(super) fn refuse(&mut self, places: Vec<(String, i32)>, error: ResponseError) {
        self.refused.extend(places.into_iter().map(|at| (at, error)));
    }

    /// The error code of a partition, given the outcome of the commit of the valid ones.
    pub(super) fn code(&self, topic: &TopicName, partition: i32, outcome: Result<(), ResponseError>) -> i16 {
        let refused = self.refused.get(&(topic.to_string(), partition));
        refused.map_or_else(|| code(outcome), ResponseError::code)
    }
}
