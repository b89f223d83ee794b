//! A group's committed offsets.

use std::{collections::BTreeMap, io};

use kafka_protocol::ResponseError;
use serde::{Deserialize, Serialize};

use super::{CellState, Change, Groups, Key};

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

/// Who commits.
#[derive(Clone, Debug)]
pub(crate) struct Committer<'a> {
    pub(crate) member_id: &'a str,
    pub(crate) instance_id: Option<&'a str>,
    pub(crate) generation: i32,
}

impl Committer<'_> {
    /// Who manages its offsets alone needs no group.
    fn of_no_group(&self) -> Result<(), ResponseError> {
        if self.generation < 0 { Ok(()) } else { Err(ResponseError::IllegalGeneration) }
    }
}

impl CellState {
    fn validate_commit(
        &mut self,
        who: &Committer<'_>,
        transactional: bool,
        now: u64,
    ) -> Result<(), ResponseError> {
        let Committer { member_id, instance_id, generation } = *who;
        self.group.validate_commit(member_id, instance_id, generation, transactional, now)
    }
}

impl Groups {
    /// Whether this member may commit offsets in this group now.
    pub(crate) fn validate_commit(
        &self,
        group: &str,
        who: &Committer<'_>,
        transactional: bool,
    ) -> Result<(), ResponseError> {
        let now = self.now();
        let known = self.with(group, |state| state.validate_commit(who, transactional, now));
        known.unwrap_or_else(|| who.of_no_group())
    }

    /// Commits offsets, if this member may, in one step: what is durable last is what counts last.
    pub(crate) fn commit(
        &self,
        group: &str,
        who: &Committer<'_>,
        offsets: Offsets,
    ) -> Result<(), ResponseError> {
        if offsets.is_empty() || self.with(group, |_| ()).is_none() {
            self.validate_commit(group, who, false)?;
        }
        if offsets.is_empty() {
            return Ok(());
        }
        let now = self.now();
        self.with_or_new(group, |state| {
            state.validate_commit(who, false, now)?;
            let written = Self::changes(group, &offsets).and_then(|changes| self.journal.write(changes));
            written.map_err(|error| {
                tracing::error!(group, %error, "offsets could not be kept");
                ResponseError::CoordinatorNotAvailable
            })?;
            state.offsets.extend(offsets);
            Ok(())
        })
    }

    /// What the journal has to write for offsets.
    pub(crate) fn changes(group: &str, offsets: &Offsets) -> io::Result<Vec<Change>> {
        let key =
            |(topic, partition): &(String, i32)| Key::Offset(group.to_owned(), topic.clone(), *partition);
        offsets.iter().map(|(at, committed)| Change::set(key(at), committed)).collect()
    }

    /// Makes offsets visible that the journal has already.
    pub(crate) fn install(&self, group: &str, offsets: Offsets) {
        self.with_or_new(group, |state| state.offsets.extend(offsets));
    }

    /// Removes offsets of a group; `wanted` says which.
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

    /// Forgets what groups committed for a topic that is deleted.
    pub(crate) fn forget_topic(&self, topic: &str) -> io::Result<()> {
        self.list().iter().try_for_each(|(group, _)| self.remove_offsets(group, |name, _| name == topic))
    }
}
