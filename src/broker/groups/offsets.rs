//! A group's committed offsets.

use std::{collections::BTreeMap, io};

use kafka_protocol::ResponseError;
use serde::{Deserialize, Serialize};

use super::{Change, Groups, Key};

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

impl Groups {
    /// Whether this member may commit offsets in this group now.
    pub(crate) fn validate_commit(
        &self,
        group: &str,
        who: &Committer<'_>,
        transactional: bool,
    ) -> Result<(), ResponseError> {
        let now = self.now();
        let known = self.with(group, |state| {
            let Committer { member_id, instance_id, generation } = *who;
            state.group.validate_commit(member_id, instance_id, generation, transactional, now)
        });
        // Who manages its offsets alone needs no group.
        known.unwrap_or(if who.generation < 0 { Ok(()) } else { Err(ResponseError::IllegalGeneration) })
    }

    /// Commits offsets that were validated.
    pub(crate) fn commit(&self, group: &str, offsets: Offsets) -> io::Result<()> {
        self.journal.write(Self::changes(group, &offsets)?)?;
        self.install(group, offsets);
        Ok(())
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
        let gone = self.with(group, |state| {
            let gone = state.offsets.keys().filter(|(topic, partition)| wanted(topic, *partition));
            gone.cloned().collect::<Vec<_>>()
        });
        let gone = gone.unwrap_or_default();
        let key = |(topic, partition): &(String, i32)| {
            Change::remove(Key::Offset(group.to_owned(), topic.clone(), *partition))
        };
        self.journal.write(gone.iter().map(key).collect())?;
        self.with(group, |state| gone.iter().for_each(|at| drop(state.offsets.remove(at))));
        Ok(())
    }

    /// Forgets what groups committed for a topic that is deleted.
    pub(crate) fn forget_topic(&self, topic: &str) -> io::Result<()> {
        self.list().iter().try_for_each(|(group, _)| self.remove_offsets(group, |name, _| name == topic))
    }
}
