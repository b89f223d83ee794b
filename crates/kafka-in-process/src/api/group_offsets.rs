//! `OffsetCommit`, `OffsetFetch` and `OffsetDelete`.

use std::collections::{BTreeMap, HashSet};

use kafka_protocol::{
    ResponseError,
    messages::{
        OffsetCommitRequest, OffsetCommitResponse, OffsetDeleteRequest, OffsetDeleteResponse,
        OffsetFetchRequest, OffsetFetchResponse,
        offset_commit_response::{OffsetCommitResponsePartition, OffsetCommitResponseTopic},
        offset_delete_response::{OffsetDeleteResponsePartition, OffsetDeleteResponseTopic},
        offset_fetch_request::{OffsetFetchRequestGroup, OffsetFetchRequestTopics},
        offset_fetch_response::{
            OffsetFetchResponseGroup, OffsetFetchResponsePartition, OffsetFetchResponsePartitions,
            OffsetFetchResponseTopic, OffsetFetchResponseTopics,
        },
    },
    protocol::StrBytes,
};

use super::{
    code,
    offsets::{Sorted, wishes},
    once, text, topic_name,
};
use crate::{
    cluster::Cluster,
    groups::{Committed, Committer, Reads},
};

/// The first version of `OffsetCommit` and `OffsetFetch` with member epochs (KIP-848).
const KNOWS_EPOCHS: i16 = 9;

pub(super) async fn commit(
    cluster: &Cluster,
    request: &OffsetCommitRequest,
    version: i16,
) -> OffsetCommitResponse {
    let who = Committer {
        member_id: &request.member_id,
        instance_id: request.group_instance_id.as_deref(),
        generation: request.generation_id_or_member_epoch,
        knows_epochs: version >= KNOWS_EPOCHS,
    };
    let mut sorted = Sorted::new(cluster, wishes!(request));
    let taken = std::mem::take(&mut sorted.taken);
    let committed = cluster.groups.commit(&request.group_id, &who, taken);
    let mut outcome = committed.map(|refused| sorted.refuse(refused, ResponseError::StaleMemberEpoch));
    if outcome.is_ok() {
        outcome = cluster.settle().await.map_err(|error| {
            tracing::error!(%error, "offsets could not be synced");
            ResponseError::CoordinatorNotAvailable
        });
    }
    let topics = request.topics.iter().map(|topic| {
        let partitions = topic.partitions.iter().map(|partition| {
            OffsetCommitResponsePartition::default()
                .with_partition_index(partition.partition_index)
                .with_error_code(sorted.code(&topic.name, partition.partition_index, outcome))
        });
        OffsetCommitResponseTopic::default()
            .with_name(topic.name.clone())
            .with_partitions(partitions.collect())
    });
    OffsetCommitResponse::default().with_topics(topics.collect())
}

/// The result for a partition.
struct Fetched {
    partition: i32,
    committed: Option<Committed>,
    unstable: bool,
}

impl Fetched {
    fn error(&self) -> i16 {
        if self.unstable { ResponseError::UnstableOffsetCommit.code() } else { 0 }
    }

    fn offset(&self) -> i64 {
        self.committed.as_ref().filter(|_| !self.unstable).map_or(-1, |committed| committed.offset)
    }

    fn leader_epoch(&self) -> i32 {
        self.committed.as_ref().filter(|_| !self.unstable).map_or(-1, |committed| committed.leader_epoch)
    }

    fn metadata(&self) -> StrBytes {
        text(self.committed.as_ref().map_or("", |committed| &committed.metadata))
    }
}

/// What a group has committed; without `wanted`, everything.
fn look_up(
    cluster: &Cluster,
    group: &str,
    wanted: Option<Vec<(String, Vec<i32>)>>,
    stable: bool,
) -> Vec<(String, Vec<Fetched>)> {
    // Before the offsets are read: these already include what is decided in between.
    let unstable = if stable { cluster.transactions.unstable(group) } else { HashSet::new() };
    let offsets = cluster.groups.with(group, |state| state.offsets.clone()).unwrap_or_default();
    let wanted = wanted.unwrap_or_else(|| {
        let mut all: BTreeMap<String, Vec<i32>> = BTreeMap::new();
        for (topic, partition) in offsets.keys() {
            all.entry(topic.clone()).or_default().push(*partition);
        }
        all.into_iter().collect()
    });
    let mut asked = HashSet::new();
    let fetched = |(topic, partitions): (String, Vec<i32>)| {
        let places = partitions.into_iter().map(|partition| (topic.clone(), partition));
        let once = places.filter(|at| asked.insert(at.clone()));
        let partitions = once.map(|at| Fetched {
            partition: at.1,
            committed: offsets.get(&at).cloned(),
            unstable: unstable.contains(&at),
        });
        let partitions = partitions.collect();
        (topic, partitions)
    };
    wanted.into_iter().map(fetched).collect()
}

pub(super) fn fetch(cluster: &Cluster, request: &OffsetFetchRequest, version: i16) -> OffsetFetchResponse {
    if version >= 8 {
        let names = |topic: &OffsetFetchRequestTopics| (topic.name.clone(), topic.partition_indexes.clone());
        let wish = |group: &OffsetFetchRequestGroup| {
            let topics = group.topics.as_ref().map(|topics| topics.iter().map(names).collect::<Vec<_>>());
            (group.group_id.clone(), topics)
        };
        let groups = once(&request.groups, wish).map(|group| {
            let wanted = group.topics.as_ref().map(|topics| {
                let names = topics.iter();
                names.map(|topic| (topic.name.to_string(), topic.partition_indexes.clone())).collect()
            });
            let fetched = OffsetFetchResponseGroup::default().with_group_id(group.group_id.clone());
            let (id, epoch) = match version {
                KNOWS_EPOCHS.. => (group.member_id.as_deref(), group.member_epoch),
                _ => (None, -1),
            };
            if let Err(error) = cluster.groups.validate_fetch(&group.group_id, id, epoch) {
                return fetched.with_error_code(error.code());
            }
            let found = look_up(cluster, &group.group_id, wanted, request.require_stable);
            let topics = found.into_iter().map(|(name, partitions)| {
                let partitions = partitions.iter().map(|one| {
                    OffsetFetchResponsePartitions::default()
                        .with_partition_index(one.partition)
                        .with_committed_offset(one.offset())
                        .with_committed_leader_epoch(one.leader_epoch())
                        .with_metadata(Some(one.metadata()))
                        .with_error_code(one.error())
                });
                OffsetFetchResponseTopics::default()
                    .with_name(topic_name(&name))
                    .with_partitions(partitions.collect())
            });
            fetched.with_topics(topics.collect())
        });
        return OffsetFetchResponse::default().with_groups(groups.collect());
    }
    // Version 1 cannot ask for all offsets: no list means an empty one.
    let asked =
        if version < 2 { Some(request.topics.clone().unwrap_or_default()) } else { request.topics.clone() };
    let wanted = asked.map(|topics| {
        topics.iter().map(|topic| (topic.name.to_string(), topic.partition_indexes.clone())).collect()
    });
    let found = look_up(cluster, &request.group_id, wanted, request.require_stable);
    let topics = found.into_iter().map(|(name, partitions)| {
        let partitions = partitions.iter().map(|one| {
            OffsetFetchResponsePartition::default()
                .with_partition_index(one.partition)
                .with_committed_offset(one.offset())
                .with_committed_leader_epoch(one.leader_epoch())
                .with_metadata(Some(one.metadata()))
                .with_error_code(one.error())
        });
        OffsetFetchResponseTopic::default().with_name(topic_name(&name)).with_partitions(partitions.collect())
    });
    OffsetFetchResponse::default().with_topics(topics.collect())
}

pub(super) async fn delete(cluster: &Cluster, request: &OffsetDeleteRequest) -> OffsetDeleteResponse {
    let topics = || request.topics.iter().map(|topic| topic.name.as_str());
    let reads = cluster.groups.with(&request.group_id, |state| state.group.reads(topics()));
    let (refusal, read) = match reads {
        None => (Some(ResponseError::GroupIdNotFound), Vec::new()),
        Some(Reads::Unknown) => (Some(ResponseError::NonEmptyGroup), Vec::new()),
        Some(Reads::Only(topics)) => (None, topics),
    };
    if let Some(error) = refusal {
        return OffsetDeleteResponse::default().with_error_code(error.code());
    }
    let check = |topic: &str, partition: i32| {
        if cluster.topics.get(topic).and_then(|topic| topic.partition(partition)).is_none() {
            Err(ResponseError::UnknownTopicOrPartition)
        } else if read.iter().any(|name| name == topic) {
            Err(ResponseError::GroupSubscribedToTopic)
        } else {
            Ok(())
        }
    };
    let listed = |name: &str, partition: i32| {
        let mut topics = request.topics.iter().filter(|topic| **topic.name == *name);
        topics.any(|topic| topic.partitions.iter().any(|one| one.partition_index == partition))
            && check(name, partition).is_ok()
    };
    let removed = cluster.groups.remove_offsets(&request.group_id, listed);
    let removed = removed.and(cluster.settle().await).map_err(|_| ResponseError::CoordinatorNotAvailable);
    let topics = request.topics.iter().map(|topic| {
        let partitions = topic.partitions.iter().map(|partition| {
            let outcome = check(&topic.name, partition.partition_index).and(removed);
            OffsetDeleteResponsePartition::default()
                .with_partition_index(partition.partition_index)
                .with_error_code(code(outcome))
        });
        OffsetDeleteResponseTopic::default()
            .with_name(topic.name.clone())
            .with_partitions(partitions.collect())
    });
    OffsetDeleteResponse::default().with_topics(topics.collect())
}
