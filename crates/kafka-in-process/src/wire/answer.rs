//! A fetch response to be sent: encoded parts with the records between them, as they were read. Records are most of a
//! broker's traffic, so they are not copied again.

use std::{collections::VecDeque, io::IoSlice};

use bytes::{Buf, Bytes};
use kafka_protocol::{messages::FetchResponse, protocol::Encodable};

use super::{Context, WireError, write};

/// From this version on lengths are varints, and structs have tagged fields (KIP-482).
const FLEXIBLE: i16 = 12;

/// A frame in pieces.
#[derive(Debug, Default)]
pub(crate) struct Answer(VecDeque<Bytes>);

/// Encodes a fetch response as a frame.
pub(crate) fn encode_records(context: &Context, mut response: FetchResponse) -> Result<Answer, WireError> {
    let version = context.version;
    let partitions = response.responses.iter_mut().flat_map(|topic| &mut topic.partitions);
    let records: Vec<Bytes> =
        partitions.map(|one| one.records.replace(Bytes::new()).unwrap_or_default()).collect();
    let header_version = context.key.response_header_version(version);
    let mut frame = write(context.correlation_id, header_version, |frame| response.encode(frame, version))?;

    let unwritable = || WireError::Unwritable("its parts have other sizes than they say".to_owned());
    let places = places(&response, version, frame.len()).ok_or_else(unwritable)?;
    let empty = length(0, version).len();
    let lengths: Vec<Bytes> = records.iter().map(|records| length(records.len(), version)).collect();
    let more: usize =
        lengths.iter().zip(&records).map(|(length, records)| length.len() - empty + records.len()).sum();
    let size =
        u32::try_from(frame.len() - 4 + more).map_err(|error| WireError::Unwritable(error.to_string()))?;
    frame[..4].copy_from_slice(&size.to_be_bytes());

    let mut rest = frame.freeze();
    let mut pieces = VecDeque::new();
    let mut done = 0;
    for (place, (length, records)) in places.into_iter().zip(lengths.into_iter().zip(records)) {
        if !records.is_empty() {
            pieces.extend([rest.split_to(place - done), length, records]);
            rest.advance(empty);
            done = place + empty;
        }
    }
    pieces.push_back(rest);
    Ok(Answer(pieces))
}

/// The positions of the records' lengths in a frame without records: the last field of each partition. Computed from
/// the end, as only sizes are known.
fn places(response: &FetchResponse, version: i16, frame: usize) -> Option<Vec<usize>> {
    // The number of tagged fields, 0.
    let tags = usize::from(version >= FLEXIBLE);
    let field = length(0, version).len();
    let mut places = Vec::new();
    let mut end = frame.checked_sub(tags)?;
    for topic in response.responses.iter().rev() {
        let mut at = end.checked_sub(tags)?;
        for partition in topic.partitions.iter().rev() {
            places.push(at.checked_sub(tags + field)?);
            at = at.checked_sub(partition.compute_size(version).ok()?)?;
        }
        end = end.checked_sub(topic.compute_size(version).ok()?)?;
    }
    places.reverse();
    Some(places)
}

/// Encodes a length.
fn length(length: usize, version: i16) -> Bytes {
    // Responses are never that large.
    let length = u32::try_from(length).unwrap_or(u32::MAX / 2);
    if version < FLEXIBLE {
        return Bytes::copy_from_slice(&length.to_be_bytes());
    }
    // A varint of the length plus one, as 0 means null.
    let mut rest = length + 1;
    let mut bytes = Vec::with_capacity(5);
    while rest >= 0x80 {
        bytes.push(rest.to_le_bytes()[0] | 0x80);
        rest >>= 7;
    }
    bytes.push(rest.to_le_bytes()[0]);
    bytes.into()
}

impl Buf for Answer {
    fn remaining(&self) -> usize {
        self.0.iter().map(Bytes::len).sum()
    }

    fn chunk(&self) -> &[u8] {
        self.0.iter().find(|piece| !piece.is_empty()).map_or(&[], |piece| piece)
    }

    fn advance(&mut self, mut count: usize) {
        while let Some(first) = self.0.front_mut() {
            if count < first.len() {
                first.advance(count);
                return;
            }
            count -= first.len();
            self.0.pop_front();
        }
    }

    fn chunks_vectored<'a>(&'a self, into: &mut [IoSlice<'a>]) -> usize {
        let pieces = self.0.iter().filter(|piece| !piece.is_empty());
        into.iter_mut().zip(pieces).map(|(slot, piece)| *slot = IoSlice::new(piece)).count()
    }
}

#[cfg(test)]
mod tests {
    use kafka_protocol::messages::{
        ApiKey, ResponseKind, TopicName,
        fetch_response::{AbortedTransaction, FetchableTopicResponse, PartitionData},
    };
    use proptest::prelude::*;

    use super::{super::encode, *};

    /// A partition: bytes of records, if any, and aborted transactions.
    fn partition() -> impl Strategy<Value = PartitionData> {
        let size = prop_oneof![Just(0_usize), 1..300_usize, 16_000..17_000_usize];
        (any::<i32>(), prop::option::weighted(0.9, size), prop::option::of(0..3_usize)).prop_map(
            |(index, size, aborted)| {
                PartitionData::default()
                    .with_partition_index(index)
                    .with_records(Some(size.map_or_else(Bytes::new, |size| vec![7; size].into())))
                    .with_aborted_transactions(
                        aborted.map(|count| vec![AbortedTransaction::default(); count]),
                    )
            },
        )
    }

    proptest! {
        /// The pieces are equal to the whole frame.
        #[test]
        fn in_pieces_it_is_the_same_frame(
            version in 4..18_i16,
            topics in prop::collection::vec(prop::collection::vec(partition(), 0..4), 0..4),
            steps in prop::collection::vec(1..9_000_usize, 0..40),
        ) {
            let topics = topics.into_iter().map(|partitions| {
                let topic = FetchableTopicResponse::default().with_partitions(partitions);
                if version < 13 { topic.with_topic(TopicName("shop.orders".to_owned().into())) } else { topic }
            });
            let response = FetchResponse::default().with_responses(topics.collect());
            let context = Context { key: ApiKey::Fetch, version, correlation_id: 42, client_id: String::new() };
            let whole = encode(&context, &ResponseKind::Fetch(response.clone())).unwrap();
            let mut answer = encode_records(&context, response).unwrap();
            prop_assert_eq!(answer.remaining(), whole.len());
            let mut sent = 0;
            for step in steps {
                let step = step.min(answer.remaining());
                answer.advance(step);
                sent += step;
                let mut slices = [IoSlice::new(&[]); 3];
                let count = answer.chunks_vectored(&mut slices);
                let ahead = slices[..count].iter().flat_map(|slice| slice.iter().copied()).collect::<Vec<u8>>();
                prop_assert!(whole[sent..].starts_with(&ahead) && ahead.starts_with(answer.chunk()));
                prop_assert!(!answer.has_remaining() || !answer.chunk().is_empty());
            }
            prop_assert_eq!(&answer.copy_to_bytes(answer.remaining())[..], &whole[sent..]);
        }
    }
}
