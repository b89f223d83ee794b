//! `DescribeLogDirs`: the disk usage of logs (KIP-113).

use std::collections::BTreeMap;

use kafka_protocol::messages::{
    DescribeLogDirsRequest, DescribeLogDirsResponse,
    describe_log_dirs_response::{DescribeLogDirsPartition, DescribeLogDirsResult, DescribeLogDirsTopic},
};

use super::{text, topic_name};
use crate::cluster::Cluster;

pub(super) fn describe(cluster: &Cluster, request: DescribeLogDirsRequest) -> DescribeLogDirsResponse {
    let asked: Option<BTreeMap<String, Vec<i32>>> = request
        .topics
        .map(|topics| topics.into_iter().map(|one| (one.topic.to_string(), one.partitions)).collect());
    let all = cluster.topics.all();
    let topics = all.iter().filter_map(|topic| {
        let wanted = match &asked {
            None => None,
            Some(asked) => Some(asked.get(&topic.name)?),
        };
        let partitions = topic.partitions().into_iter();
        let partitions = partitions.filter(|one| wanted.is_none_or(|wanted| wanted.contains(&one.index)));
        let partitions = partitions.map(|partition| {
            DescribeLogDirsPartition::default()
                .with_partition_index(partition.index)
                .with_partition_size(i64::try_from(partition.log().size()).unwrap_or(i64::MAX))
        });
        Some(
            DescribeLogDirsTopic::default()
                .with_name(topic_name(&topic.name))
                .with_partitions(partitions.collect()),
        )
    });
    let folder = DescribeLogDirsResult::default()
        .with_log_dir(text(&cluster.folder.path().display().to_string()))
        .with_topics(topics.collect());
    DescribeLogDirsResponse::default().with_results(vec![folder])
}
