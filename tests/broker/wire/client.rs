//! A client for arbitrary requests, one frame at a time.

use std::{
    io::{self, Read, Write},
    net::TcpStream,
};

use bytes::{Buf, BufMut, Bytes, BytesMut};
use kafka_protocol::{
    ResponseError,
    indexmap::IndexMap,
    messages::{
        GroupId, ProduceRequest, RequestHeader, ResponseHeader, TopicName, TransactionalId,
        produce_request::{PartitionProduceData, TopicProduceData},
        produce_response::PartitionProduceResponse,
    },
    protocol::{Decodable, Encodable, HeaderVersion, Request, StrBytes},
    records::{Compression, Record, RecordBatchEncoder, RecordEncodeOptions, TimestampType},
};

use super::PATIENCE;

pub(super) fn text(text: &str) -> StrBytes {
    StrBytes::from_string(text.to_owned())
}

pub(super) fn topic_name(name: &str) -> TopicName {
    TopicName(text(name))
}

pub(super) fn group_id(id: &str) -> GroupId {
    GroupId(text(id))
}

pub(super) fn transactional_id(id: &str) -> TransactionalId {
    TransactionalId(text(id))
}

/// A connection.
pub(super) struct Wire {
    stream: TcpStream,
    last: i32,
}

impl Wire {
    pub(super) fn connect(bootstrap: &str) -> Self {
        let stream = TcpStream::connect(bootstrap).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_nodelay(true).unwrap();
        Self { stream, last: 0 }
    }

    /// Sends a request and reads its answer.
    pub(super) fn ask<R: Request>(&mut self, version: i16, request: &R) -> R::Response {
        self.tell(version, request);
        self.answer::<R>(version)
    }

    /// Sends a request.
    pub(super) fn tell<R: Request>(&mut self, version: i16, request: &R) {
        self.last += 1;
        let header = RequestHeader::default()
            .with_request_api_key(R::KEY)
            .with_request_api_version(version)
            .with_correlation_id(self.last)
            .with_client_id(Some(text("wire")));
        let mut frame = BytesMut::new();
        header.encode(&mut frame, R::header_version(version)).unwrap();
        request.encode(&mut frame, version).unwrap();
        self.send(&frame);
    }

    /// Reads the answer to the last request.
    pub(super) fn answer<R: Request>(&mut self, version: i16) -> R::Response {
        let mut frame = self.receive().unwrap_or_else(|| panic!("the broker hung up"));
        let header = ResponseHeader::decode(&mut frame, R::Response::header_version(version)).unwrap();
        assert_eq!(header.correlation_id, self.last);
        let response = R::Response::decode(&mut frame, version).unwrap();
        assert_eq!(frame.remaining(), 0, "there is more in the answer than belongs to it");
        response
    }

    /// Sends a frame of these bytes.
    pub(super) fn send(&mut self, frame: &[u8]) {
        let mut bytes = BytesMut::new();
        bytes.put_u32(u32::try_from(frame.len()).unwrap());
        bytes.put_slice(frame);
        self.send_raw(&bytes);
    }

    /// Sends bytes as they are.
    pub(super) fn send_raw(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).unwrap();
    }

    /// The next frame; `None` when the broker has hung up.
    pub(super) fn receive(&mut self) -> Option<Bytes> {
        let mut length = [0; 4];
        match self.stream.read_exact(&mut length) {
            Ok(()) => {}
            Err(error)
                if matches!(error.kind(), io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset) =>
            {
                return None;
            }
            Err(error) => panic!("{error}"),
        }
        let mut frame = vec![0; usize::try_from(u32::from_be_bytes(length)).unwrap()];
        self.stream.read_exact(&mut frame).unwrap();
        Some(frame.into())
    }
}

/// A batch of records: who wrote it, from which sequence number on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Batch<'a> {
    pub producer: (i64, i16),
    pub sequence: i32,
    pub transactional: bool,
    pub control: bool,
    pub key: Option<&'a str>,
    pub values: &'a [&'a str],
    pub timestamp: i64,
}

impl<'a> Batch<'a> {
    pub(super) fn of(values: &'a [&'a str]) -> Self {
        Self {
            producer: (-1, -1),
            sequence: -1,
            transactional: false,
            control: false,
            key: Some("key"),
            values,
            timestamp: chrono::Utc::now().timestamp_millis(),
        }
    }

    pub(super) fn by(self, producer: (i64, i16), sequence: i32) -> Self {
        Self { producer, sequence, ..self }
    }

    pub(super) fn encode(self) -> BytesMut {
        let records: Vec<_> = (0..)
            .zip(self.values)
            .map(|(n, value)| Record {
                transactional: self.transactional,
                control: self.control,
                delete_horizon: false,
                partition_leader_epoch: -1,
                producer_id: self.producer.0,
                producer_epoch: self.producer.1,
                timestamp_type: TimestampType::Creation,
                offset: n,
                sequence: self.sequence + i32::try_from(n).unwrap(),
                timestamp: self.timestamp,
                key: self.key.map(|key| Bytes::copy_from_slice(key.as_bytes())),
                value: Some(Bytes::copy_from_slice(value.as_bytes())),
                headers: IndexMap::default(),
            })
            .collect();
        let mut bytes = BytesMut::new();
        let options = RecordEncodeOptions { version: 2, compression: Compression::None };
        RecordBatchEncoder::encode(&mut bytes, &records, &options).unwrap();
        bytes
    }
}

/// The last version of Produce before KIP-890 part 2: transactions still need `AddPartitionsToTxn`.
pub(super) const PRODUCE: i16 = 11;

impl Wire {
    /// Produces bytes to a partition, with `acks=all`.
    pub(super) fn produce_bytes(
        &mut self,
        at: (&str, i32),
        transaction: Option<&str>,
        bytes: Bytes,
    ) -> PartitionProduceResponse {
        self.produce_in(PRODUCE, &produce_request(at, transaction, bytes))
    }

    /// The answer to a request with one partition.
    pub(super) fn produce_in(&mut self, version: i16, request: &ProduceRequest) -> PartitionProduceResponse {
        self.ask(version, request).responses.remove(0).partition_responses.remove(0)
    }

    /// Produces a batch; the code and the first offset of the answer.
    pub(super) fn produce(&mut self, topic: &str, batch: Batch<'_>) -> (i16, i64) {
        let answer = self.produce_bytes((topic, 0), None, batch.encode().freeze());
        (answer.error_code, answer.base_offset)
    }
}

pub(super) fn produce_request(
    (topic, partition): (&str, i32),
    transaction: Option<&str>,
    bytes: Bytes,
) -> ProduceRequest {
    let data = PartitionProduceData::default().with_index(partition).with_records(Some(bytes));
    ProduceRequest::default()
        .with_acks(-1)
        .with_timeout_ms(10_000)
        .with_transactional_id(transaction.map(transactional_id))
        .with_topic_data(vec![
            TopicProduceData::default().with_name(topic_name(topic)).with_partition_data(vec![data]),
        ])
}

/// An error code by its name; `None` for success.
pub(super) fn says(code: i16) -> Option<ResponseError> {
    ResponseError::try_from_code(code)
}
