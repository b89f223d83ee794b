//! The consumer protocol that is embedded in the classic one: what a `JoinGroup` and a `SyncGroup` of consumers carry.
//!
//! A version, then fields; later versions add fields at the end. Claimed lengths allocate nothing.

use std::collections::BTreeMap;

use bytes::{Buf, BufMut, Bytes, BytesMut};

/// The protocol type of consumers (KIP-62).
pub(super) const PROTOCOL_TYPE: &str = "consumer";

/// The newest version of subscriptions and assignments.
const NEWEST: i16 = 3;

/// Partitions by topic.
pub(super) type Partitions = Vec<(String, Vec<i32>)>;

/// A member's subscription.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Subscription {
    pub(super) topics: Vec<String>,
    /// The partitions that it owns, from version 1 on; none with an eager assignor.
    pub(super) owned: Partitions,
    /// From version 3 on.
    pub(super) rack_id: Option<String>,
}

impl Subscription {
    pub(super) fn parse(mut bytes: &[u8]) -> Option<Self> {
        let version = version(bytes)?;
        let topics = topics(&mut bytes)?;
        let data = bytes.try_get_i32().ok()?;
        nullable(&mut bytes, data)?;
        let owned = if version >= 1 { partitions(&mut bytes)? } else { Partitions::new() };
        if version >= 2 {
            // Its last generation.
            bytes.try_get_i32().ok()?;
        }
        let rack = if version >= 3 { bytes.try_get_i16().ok()? } else { -1 };
        let rack = String::from_utf8_lossy(nullable(&mut bytes, rack.into())?).into_owned();
        Some(Self { topics, owned, rack_id: Some(rack).filter(|rack| !rack.is_empty()) })
    }
}

/// The version in front.
pub(super) fn version(mut bytes: &[u8]) -> Option<i16> {
    bytes.try_get_i16().ok().filter(|version| *version >= 0)
}

/// The version and the topics of a subscription.
pub(super) fn topics(bytes: &mut &[u8]) -> Option<Vec<String>> {
    bytes.try_get_i16().ok()?;
    let count = bytes.try_get_i32().ok()?;
    (0..count).map(|_| string(bytes)).collect()
}

/// The partitions of an assignment, and whether an assignor has added data of its own.
pub(super) fn parse_assignment(mut bytes: &[u8]) -> Option<(Partitions, bool)> {
    version(bytes)?;
    bytes.advance(2);
    let assigned = partitions(&mut bytes)?;
    let data = bytes.try_get_i32().ok()?;
    Some((assigned, !nullable(&mut bytes, data)?.is_empty()))
}

/// The assignment in the version that a member understands.
pub(super) fn write_assignment(version: i16, topics: &BTreeMap<&str, Vec<i32>>) -> Bytes {
    let length = |length: usize| i32::try_from(length).unwrap_or(i32::MAX);
    let mut bytes = BytesMut::new();
    bytes.put_i16(version.min(NEWEST));
    bytes.put_i32(length(topics.len()));
    for (name, partitions) in topics {
        // Names of topics have 249 bytes at most.
        bytes.put_i16(i16::try_from(name.len()).unwrap_or(i16::MAX));
        bytes.put_slice(name.as_bytes());
        bytes.put_i32(length(partitions.len()));
        for partition in partitions {
            bytes.put_i32(*partition);
        }
    }
    // No data of an assignor.
    bytes.put_i32(-1);
    bytes.freeze()
}

fn partitions(bytes: &mut &[u8]) -> Option<Partitions> {
    let count = bytes.try_get_i32().ok()?;
    let of_topic = |bytes: &mut &[u8]| {
        let topic = string(bytes)?;
        let count = bytes.try_get_i32().ok()?;
        let partitions: Option<Vec<_>> = (0..count).map(|_| bytes.try_get_i32().ok()).collect();
        Some((topic, partitions?))
    };
    (0..count).map(|_| of_topic(bytes)).collect()
}

fn string(bytes: &mut &[u8]) -> Option<String> {
    let length = bytes.try_get_i16().ok()?;
    let text = taken(bytes, usize::try_from(length).ok()?)?;
    Some(String::from_utf8_lossy(text).into_owned())
}

/// Bytes; none for null.
fn nullable<'a>(bytes: &mut &'a [u8], length: i32) -> Option<&'a [u8]> {
    if length == -1 { Some(&[]) } else { taken(bytes, usize::try_from(length).ok()?) }
}

fn taken<'a>(bytes: &mut &'a [u8], length: usize) -> Option<&'a [u8]> {
    let (taken, rest) = bytes.split_at_checked(length)?;
    *bytes = rest;
    Some(taken)
}

#[cfg(test)]
mod tests {
    use kafka_protocol::{
        messages::{
            ConsumerProtocolAssignment, ConsumerProtocolSubscription, TopicName,
            consumer_protocol_assignment::TopicPartition as Assigned,
            consumer_protocol_subscription::TopicPartition as Owned,
        },
        protocol::{Decodable, Encodable, StrBytes},
    };

    use super::*;

    fn name(name: &str) -> TopicName {
        TopicName(StrBytes::from_string(name.to_owned()))
    }

    fn subscription(version: i16) -> Vec<u8> {
        let mut said = ConsumerProtocolSubscription::default()
            .with_topics(vec![StrBytes::from_static_str("a"), StrBytes::from_static_str("bc")])
            .with_user_data(Some(Bytes::from_static(b"data")));
        if version >= 1 {
            said.owned_partitions = vec![Owned::default().with_topic(name("a")).with_partitions(vec![3, 1])];
        }
        if version >= 3 {
            said.rack_id = Some(StrBytes::from_static_str("rack"));
        }
        let mut bytes = BytesMut::new();
        bytes.put_i16(version);
        said.encode(&mut bytes, version).unwrap();
        bytes.to_vec()
    }

    #[test]
    fn a_subscription_is_read_in_every_version() {
        for version in 0..=3 {
            let bytes = subscription(version);
            let expected = Subscription {
                topics: vec!["a".to_owned(), "bc".to_owned()],
                owned: if version >= 1 { vec![("a".to_owned(), vec![3, 1])] } else { vec![] },
                rack_id: (version >= 3).then(|| "rack".to_owned()),
            };
            assert_eq!(Subscription::parse(&bytes), Some(expected.clone()));
            for cut in 0..bytes.len() {
                assert_eq!(Subscription::parse(&bytes[..cut]), None, "version {version} cut at {cut}");
            }
        }
        // A later version is read as the newest one that is known.
        let mut later = subscription(3);
        later[1] = 9;
        later.push(0);
        assert_eq!(Subscription::parse(&later), Subscription::parse(&subscription(3)));
        later[0] = 0xff;
        assert_eq!(Subscription::parse(&later), None);
    }

    #[test]
    fn an_assignment_is_read_as_it_was_written() {
        let written = write_assignment(9, &BTreeMap::from([("a", vec![0, 2]), ("b", vec![1])]));
        let mut bytes = written.clone();
        assert_eq!(bytes.get_i16(), 3);
        let decoded = ConsumerProtocolAssignment::decode(&mut bytes, 3).unwrap();
        let topic =
            |of: &str, partitions| Assigned::default().with_topic(name(of)).with_partitions(partitions);
        assert_eq!(decoded.assigned_partitions, [topic("a", vec![0, 2]), topic("b", vec![1])]);
        assert_eq!((decoded.user_data, bytes.remaining()), (None, 0));
        let parts = vec![("a".to_owned(), vec![0, 2]), ("b".to_owned(), vec![1])];
        assert_eq!(parse_assignment(&written), Some((parts.clone(), false)));
        for cut in 0..written.len() {
            assert_eq!(parse_assignment(&written[..cut]), None, "{cut}");
        }
        let mut own = written[..written.len() - 4].to_vec();
        own.extend([0, 0, 0, 1, b'x']);
        assert_eq!(parse_assignment(&own), Some((parts, true)));
        assert_eq!(parse_assignment(&[0, 0, 0x7f, 0xff, 0xff, 0xff, 0, 1]), None);
    }

    #[test]
    fn the_topics_alone_are_read_as_far_as_they_are_there() {
        let whole = [0, 1, 0, 0, 0, 2, 0, 1, b'a', 0, 2, b'b', b'c', 0xff, 0xff, 0xff, 0xff];
        assert_eq!(topics(&mut &whole[..]), Some(vec!["a".to_owned(), "bc".to_owned()]));
        for cut in 0..13 {
            assert_eq!(topics(&mut &whole[..cut]), None, "{cut}");
        }
        assert_eq!(topics(&mut &[0, 1, 0x7f, 0xff, 0xff, 0xff, 0, 1][..]), None);
    }
}
