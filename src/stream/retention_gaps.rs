//! Detects logs whose oldest records were deleted.

use std::fmt;

use rdkafka::{
    Offset, TopicPartitionList,
    consumer::{BaseConsumer, Consumer},
};

use super::{
    Session, StreamError, Topic,
    retry::{FAILOVER, retry},
};

/// A partition that does not begin at its first record any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gap {
    /// The topic's name.
    pub topic: String,
    /// The partition.
    pub partition: i32,
    /// The oldest offset that is left.
    pub begins: i64,
}

impl fmt::Display for Gap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { topic, partition, begins } = self;
        write!(
            f,
            "{topic} has lost its oldest records to retention (partition {partition} begins at offset {begins})"
        )
    }
}

/// The partitions of topics that have lost their oldest records. Blocks.
pub fn gaps(session: &Session, topics: &[Topic]) -> Result<Vec<Gap>, StreamError> {
    let probe = session.probe()?;
    let mut places = TopicPartitionList::new();
    for topic in topics {
        for partition in 0..session.partitions_of(*topic, FAILOVER)? {
            places.add_partition(&session.topic(*topic), partition);
        }
    }
    let begin = begins(&probe, places)?;
    let gap = |(topic, partition, begins): (String, i32, i64)| {
        (begins > 0).then_some(Gap { topic, partition, begins })
    };
    Ok(begin.into_iter().filter_map(gap).collect())
}

/// Where partitions begin, by topic and number. Blocks.
pub(crate) fn begins<C: rdkafka::consumer::ConsumerContext>(
    probe: &BaseConsumer<C>,
    mut places: TopicPartitionList,
) -> Result<Vec<(String, i32, i64)>, StreamError> {
    // librdkafka refuses an empty list, but an assignment may be empty.
    if places.count() == 0 {
        return Ok(Vec::new());
    }
    // ListOffsets takes -2 for the beginning, which is how Offset::Beginning is written on the wire.
    places.set_all_offsets(Offset::Beginning)?;
    let answer = retry(FAILOVER, |left| Ok(probe.offsets_for_times(places.clone(), left)?))?;
    let mut begins = Vec::new();
    for place in answer.elements() {
        place.error()?;
        if let Offset::Offset(begin) = place.offset() {
            begins.push((place.topic().to_owned(), place.partition(), begin));
        }
    }
    Ok(begins)
}
