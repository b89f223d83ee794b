//! A group's committed offsets.

use std::{collections::BTreeMap, io};

use kafka_protocol::ResponseError;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{AnyGroup, CellState, Change, Groups, Key};

/// A committed offset.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Committed {
    /// The next offset to read.
    pub(crate) offset: i64,
    pub(crate) leader_epoch: i32,
    pub(crate) metadata: String,
}

/// Committed offsets by topic and partition.
pub(crate) type Offsets = BTreeMap<(String, i32), Committed>;

/// The committer.
#[derive(Clone, Debug)]
pub(crate) struct Committer<'a> {
    pub(crate) member_id: &'a str,
    pub(crate) instance_id: Option<&'a str>,
    /// Or the member epoch.
    pub(crate) generation: i32,
    /// Whether the version of the request supports member epochs.
    pub(crate) knows_epochs: bool,
}

impl Committer<'_> {
    /// Names no member.
    pub(super) fn is_anonymous(&self) -> bool {
        self.generation < 0 && self.member_id.is_empty() && self.instance_id.is_none()
    }

    /// Without group management, no group is needed.
    fn of_no_group(&self) -> Result<Vec<(String, i32)>, ResponseError> {
        if self.generation < 0 { Ok(Vec::new()) } else { Err(ResponseError::IllegalGeneration) }
    }
}

impl Groups {
    /// Whether this member may commit offsets in this group now; returns the refused ones.
    pub(crate) fn validate_commit(
        &self,
        group: &str,
        who: &Committer<'_>,
        transactional: bool,
        offsets: &Offsets,
    ) -> Result<Vec<(String, i32)>, ResponseError> {
        let now = self.now();
        let valid = |state: &mut CellState| {
            state.group.validate_commit(who, transactional, offsets, &|topic| self.topic_id(topic), now)
        };
        self.with(group, valid).unwrap_or_else(|| who.of_no_group())
    }

    /// Whether this member may fetch offsets: if it is named, it must be a member with this epoch.
    pub(crate) fn validate_fetch(
        &self,
        group: &str,
        member_id: Option<&str>,
        epoch: i32,
    ) -> Result<(), ResponseError> {
        let valid = |state: &mut CellState| match &state.group {
            AnyGroup::Classic(_) => Ok(()),
            AnyGroup::Consumer(group) => group.validate_fetch(member_id, epoch),
        };
        self.with(group, valid).unwrap_or(Ok(()))
    }

    fn topic_id(&self, topic: &str) -> Option<Uuid> {
        self.topics.get(topic).map(|topic| topic.id)
    }

    /// Commits offsets, if this member may, atomically: the last durable commit is the one that counts. Skips and
    /// returns refused offsets.
    pub(crate) fn commit(
        &self,
        group: &str,
        who: &Committer<'_>,
        mut offsets: Offsets,
    ) -> Result<Vec<(String, i32)>, ResponseError> {
        if offsets.is_empty() || self.with(group, |_| ()).is_none() {
            self.validate_commit(group, who, false, &offsets)?;
        }
        if offsets.is_empty() {
            return Ok(Vec::new());
        }
        let now = self.now();
        self.with_or_new(group, |state| {
            let id_of = |topic: &str| self.topic_id(topic);
            let refused = state.group.validate_commit(who, false, &offsets, &id_of, now)?;
            offsets.retain(|at, _| !refused.contains(at));
            let written = Self::changes(group, &offsets).and_then(|changes| self.journal.write(changes));
            written.map_err(|error| {
                tracing::error!(group, %error, "offsets could not be kept");
                ResponseError::CoordinatorNotAvailable
            })?;
            state.offsets.extend(offsets);
            Ok(refused)
        })
    }

    /// The journal changes for offsets.
    pub(crate) fn changes(group: &str, offsets: &Offsets) -> io::Result<Vec<Change>> {
        let key =
            |(topic, partition): &(String, i32)| Key::Offset(group.to_owned(), topic.clone(), *partition);
        offsets.iter().map(|(at, committed)| Change::set(key(at), committed)).collect()
    }

    /// Makes offsets visible that are already in the journal.
    pub(crate) fn install(&self, group: &str, offsets: Offsets) {
        self.with_or_new(group, |state| state.offsets.extend(offsets));
    }

    /// Removes the offsets of a group that `wanted` selects.
    pub(crate) fn remove_offsets(&self, group: &str, wanted: impl Fn(&str, i32) -> bool) -> io::Result<()> {
        let removed = self.with(group, |state| {
            let gone = state.offsets.keys().filter(|(topic, partition)| wanted(topic, *partition));
            let gone: Vec<_> = gone.cloned().collect();
            let key = |(topic, partition): &(String, i32)| {
                Change::remove(Key::Offset(group.to_owned(), topic.clone(), *partition))
            };
            self.journal.write(gone.iter().map(key).collect())?;
            state.offsets.retain(|at, _| !gone.contains(at));
            Ok(())
        });
        removed.unwrap_or(Ok(()))
    }

    /// Removes all committed offsets of a deleted topic.
    pub(crate) fn forget_topic(&self, topic: &str) -> io::Result<()> {
        self.list().iter().try_for_each(|(group, _)| self.remove_offsets(group, |name, _| name == topic))
    }
}
