//! The topics that a group's members read, from their subscriptions.

use super::{
    Group, Member,
    embedded_protocol::{self, PROTOCOL_TYPE},
};

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
        if self.protocol_type.as_deref() != Some(PROTOCOL_TYPE) {
            return Reads::Unknown;
        }
        let protocol = self.protocol.as_deref().unwrap_or_default();
        let topics = |member: &Member| embedded_protocol::topics(&mut &member.metadata(protocol)[..]);
        let all = self.members.values().map(topics).collect::<Option<Vec<_>>>();
        all.map_or(Reads::Unknown, |all| Reads::Only(all.into_iter().flatten().collect()))
    }
}
