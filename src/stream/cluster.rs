//! The cluster as the dashboard shows it: brokers, and what lies in the shop's topics.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use rdkafka::{
    Offset, TopicPartitionList,
    consumer::{BaseConsumer, Consumer},
    metadata::MetadataPartition,
};

use super::{Session, StreamError, Topic};
use crate::read_model::{Cluster, TopicState};

const PATIENCE: Duration = Duration::from_secs(5);

/// Looks at the cluster; remembers the last look, for rates.
#[derive(Debug, Default)]
pub struct ClusterWatch {
    last: Option<(Instant, HashMap<Topic, i64>)>,
}

impl ClusterWatch {
    /// One look: three requests. Blocks for at most fifteen seconds.
    pub fn look(&mut self, session: &Session, probe: &BaseConsumer) -> Result<Cluster, StreamError> {
        let metadata = probe.fetch_metadata(None, PATIENCE)?;
        let mut places = TopicPartitionList::new();
        let mut topics = Vec::new();
        for topic in Topic::ALL {
            let name = session.topic(topic);
            let found = metadata.topics().iter().find(|found| found.name() == name);
            let partitions: Vec<i32> =
                found.iter().flat_map(|found| found.partitions()).map(MetadataPartition::id).collect();
            for partition in &partitions {
                places.add_partition(&name, *partition);
            }
            topics.push((topic, name, partitions.len()));
        }
        let begins = sums(probe, &places, Offset::Beginning)?;
        let ends = sums(probe, &places, Offset::End)?;
        let now = Instant::now();
        let ends_of = |name: &str| ends.get(name).copied().unwrap_or(0);
        let rate = |topic: Topic, end: i64| match &self.last {
            Some((then, before)) => {
                let more = end.saturating_sub(before.get(&topic).copied().unwrap_or(end)).max(0);
                more as f64 / now.duration_since(*then).as_secs_f64().max(1e-3)
            }
            None => 0.0,
        };
        let states = topics
            .iter()
            .map(|(topic, name, partitions)| {
                let (begin, end) = (begins.get(name).copied().unwrap_or(0), ends_of(name));
                TopicState {
                    name: name.clone(),
                    partitions: *partitions,
                    records: u64::try_from(end.saturating_sub(begin)).unwrap_or(0),
                    rate: rate(*topic, end),
                }
            })
            .collect();
        self.last = Some((now, topics.iter().map(|(topic, name, _)| (*topic, ends_of(name))).collect()));
        let mut brokers: Vec<String> =
            metadata.brokers().iter().map(|broker| format!("{}:{}", broker.host(), broker.port())).collect();
        brokers.sort_unstable();
        Ok(Cluster { brokers, topics: states })
    }
}

/// The sum of the offsets of a topic's partitions, by its name.
fn sums(
    probe: &BaseConsumer,
    places: &TopicPartitionList,
    at: Offset,
) -> Result<HashMap<String, i64>, StreamError> {
    let mut asked = places.clone();
    // ListOffsets takes -1 for the end and -2 for the beginning, which is how they are written on the wire.
    asked.set_all_offsets(at)?;
    let mut sums = HashMap::new();
    for place in probe.offsets_for_times(asked, PATIENCE)?.elements() {
        place.error()?;
        if let Offset::Offset(offset) = place.offset() {
            *sums.entry(place.topic().to_owned()).or_insert(0) += offset;
        }
    }
    Ok(sums)
}
