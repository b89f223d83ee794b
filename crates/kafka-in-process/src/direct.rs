//! Appends and reads in process.

use std::{io, sync::Arc};

use bytes::{Bytes, BytesMut};
use kafka_protocol::{
    indexmap::IndexMap,
    records::{
        Compression, NO_PARTITION_LEADER_EPOCH, NO_PRODUCER_EPOCH, NO_PRODUCER_ID, NO_SEQUENCE,
        Record as Encoded, RecordBatchEncoder, RecordEncodeOptions, TimestampType,
    },
};

use super::{
    Broker, Durability, RecordError,
    log::{Batch, Isolation, LogError, each_record},
    topics::{Partition, Topic},
};

/// Bytes of batches per read.
const STEP: usize = 1 << 20;

/// A record that [`Broker::records`] returns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Its offset in the partition.
    pub offset: i64,
    /// Milliseconds since 1970.
    pub timestamp: i64,
    /// The key.
    pub key: Option<Vec<u8>>,
    /// The value; `None` is a tombstone for its key.
    pub value: Option<Vec<u8>>,
}

impl Broker {
    /// Appends a record with the current time, and returns its offset.
    pub async fn append(
        &self,
        topic: &str,
        partition: i32,
        key: Option<&[u8]>,
        value: Option<&[u8]>,
    ) -> Result<i64, RecordError> {
        let (found, partition) = self.partition(topic, partition)?;
        let refused =
            |error: LogError| RecordError::Refused { topic: topic.to_owned(), why: error.to_string() };
        let now = self.cluster.topics.wall();
        let config = found.log_config();
        let batch = Batch::check(encode(key, value, now), now, &config).map_err(refused)?;
        let offset = partition.log().append(&batch, None, now, &config).map_err(refused)?.base_offset;
        partition.announce();
        if self.cluster.durability == Durability::Power {
            partition.sync().await.map_err(|error| refused(error.into()))?;
        }
        Ok(offset)
    }

    /// The committed records of a partition from an offset on, as with `read_committed`.
    pub async fn records(&self, topic: &str, partition: i32, from: i64) -> Result<Vec<Record>, RecordError> {
        let (_, partition) = self.partition(topic, partition)?;
        let read = tokio::task::spawn_blocking(move || read(&partition, from)).await;
        let read = read.unwrap_or_else(|error| Err(io::Error::other(error).into()));
        read.map_err(|error| RecordError::Refused { topic: topic.to_owned(), why: error.to_string() })
    }

    fn partition(&self, topic: &str, index: i32) -> Result<(Arc<Topic>, Arc<Partition>), RecordError> {
        let found = self.cluster.topics.get(topic);
        let found = found.and_then(|topic| topic.partition(index).map(|partition| (topic, partition)));
        found.ok_or_else(|| RecordError::Unknown { topic: topic.to_owned(), partition: index })
    }
}

fn encode(key: Option<&[u8]>, value: Option<&[u8]>, now: i64) -> Bytes {
    let record = Encoded {
        transactional: false,
        control: false,
        delete_horizon: false,
        partition_leader_epoch: NO_PARTITION_LEADER_EPOCH,
        producer_id: NO_PRODUCER_ID,
        producer_epoch: NO_PRODUCER_EPOCH,
        timestamp_type: TimestampType::Creation,
        offset: 0,
        sequence: NO_SEQUENCE,
        timestamp: now,
        key: key.map(Bytes::copy_from_slice),
        value: value.map(Bytes::copy_from_slice),
        headers: IndexMap::default(),
    };
    let mut batch = BytesMut::new();
    let options = RecordEncodeOptions { version: 2, compression: Compression::None };
    // On an error the batch is empty, and refused as such.
    let _ = RecordBatchEncoder::encode(&mut batch, [&record], &options);
    batch.freeze()
}

fn read(partition: &Partition, from: i64) -> Result<Vec<Record>, LogError> {
    let mut records = Vec::new();
    let mut next = from.max(partition.log().start());
    loop {
        let reading = partition.log().read(next, STEP, Isolation::Committed)?;
        let Some(slice) = reading.slice else { return Ok(records) };
        next = each_record(&slice.read()?, &reading.aborted, |offset, timestamp, record| {
            if offset >= from {
                let (key, value) = (record.key.map(<[u8]>::to_vec), record.value.map(<[u8]>::to_vec));
                records.push(Record { offset, timestamp, key, value });
            }
        })?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::{
        Marker,
        tests::kit::{Writer, append, config, given},
    };

    #[tokio::test]
    async fn records_are_written_and_read_without_a_client() {
        let broker = Broker::ephemeral().start().await.unwrap();
        broker.create_topic("t", 2, &[]).await.unwrap();
        assert_eq!(broker.append("t", 1, Some(b"key"), Some(b"first")).await.unwrap(), 0);
        let partition = broker.cluster.topics.get("t").unwrap().partition(1).unwrap();
        for (id, marker) in [(1, Marker::Abort), (2, Marker::Commit)] {
            let writer = Writer { id, epoch: 0, sequence: 0, transactional: true };
            let record = given("key", Some(&id.to_string()), 5);
            append(&mut partition.log(), &[record], writer, &config()).unwrap();
            partition.log().append_marker(marker, id, 0, 5, &config()).unwrap();
        }
        assert_eq!(broker.append("t", 1, None, None).await.unwrap(), 5);
        let told = broker.records("t", 1, 0).await.unwrap();
        let told: Vec<_> = told.into_iter().map(|record| (record.offset, record.value)).collect();
        assert_eq!(told, [(0, Some(b"first".to_vec())), (3, Some(b"2".to_vec())), (5, None)]);
        assert_eq!(broker.records("t", 1, 4).await.unwrap().len(), 1);
        assert_eq!(broker.records("t", 0, 0).await.unwrap(), []);
        assert!(matches!(broker.append("t", 2, None, None).await, Err(RecordError::Unknown { .. })));
        assert!(matches!(broker.records("t", 1, 99).await, Err(RecordError::Refused { .. })));
        broker.stop().await;
    }
}
