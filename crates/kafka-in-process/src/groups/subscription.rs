//! The topics that a group's members read, from their subscriptions.

use bytes::Buf;

use super::{Group, Member};

/// The protocol type of consumers (KIP-62).
const CONSUMER: &str = "consumer";

/// The topics of a group, to decide whether their offsets may be deleted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Reads {
    /// The topics read; empty without members.
    Only(Vec<String>),
    /// The members' subscriptions are not known.
    Unknown,
}

impl Group {
    /// The topics that its members read.
    pub(crate) fn reads(&self) -> Reads {
        if self.is_idle() {
            return Reads::Only(Vec::new());
        }
        if self.protocol_type.as_deref() != Some(CONSUMER) {
            return Reads::Unknown;
        }
        let protocol = self.protocol.as_deref().unwrap_or_default();
        let topics = |member: &Member| topics(&member.metadata(protocol));
        let all = self.members.values().map(topics).collect::<Option<Vec<_>>>();
        all.map_or(Reads::Unknown, |all| Reads::Only(all.into_iter().flatten().collect()))
    }
}

/// The topics of a subscription: a version, then an array of strings, in every version. The claimed length allocates nothing.
fn topics(mut metadata: &[u8]) -> Option<Vec<String>> {
    metadata.try_get_i16().ok()?;
    let count = metadata.try_get_i32().ok()?;
    let mut topics = Vec::new();
    for _ in 0..count {
        let length = usize::try_from(metadata.try_get_i16().ok()?).ok()?;
        let (name, rest) = metadata.split_at_checked(length)?;
        topics.push(String::from_utf8_lossy(name).into_owned());
        metadata = rest;
    }
    Some(topics)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subscription_is_read_as_far_as_it_is_there() {
        let whole = [0, 1, 0, 0, 0, 2, 0, 1, b'a', 0, 2, b'b', b'c', 0xff, 0xff, 0xff, 0xff];
        assert_eq!(topics(&whole), Some(vec!["a".to_owned(), "bc".to_owned()]));
        for cut in 0..13 {
            assert_eq!(topics(&whole[..cut]), None, "{cut}");
        }
        assert_eq!(topics(&[0, 1, 0x7f, 0xff, 0xff, 0xff, 0, 1]), None);
    }
}
