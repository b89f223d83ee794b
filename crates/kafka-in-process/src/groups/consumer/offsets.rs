//! Which offsets the members may commit and fetch.

use kafka_protocol::ResponseError;
use uuid::Uuid;

use super::{ConsumerGroup, Member};
use crate::groups::offsets::{Committer, Offsets};

impl ConsumerGroup {
    /// Whether a member may fetch offsets: from version 9 on the request names it.
    pub(crate) fn validate_fetch(&self, member_id: Option<&str>, epoch: i32) -> Result<(), ResponseError> {
        match member_id {
            None if epoch < 0 => Ok(()),
            id => match self.members.get(id.unwrap_or_default()) {
                None => Err(ResponseError::UnknownMemberId),
                Some(member) if member.epoch == epoch => Ok(()),
                Some(member) => Err(member.epoch_mismatch()),
            },
        }
    }

    /// Whether a member may commit offsets; returns the offsets that are refused because the partition was not assigned to it
    /// at that epoch (KIP-1251).
    pub(crate) fn validate_commit(
        &self,
        who: &Committer<'_>,
        transactional: bool,
        offsets: &Offsets,
        id_of: &dyn Fn(&str) -> Option<Uuid>,
    ) -> Result<Vec<(String, i32)>, ResponseError> {
        let epoch = who.generation;
        if epoch < 0 && (self.members.is_empty() || transactional && who.is_anonymous()) {
            return Ok(Vec::new());
        }
        let member = self.members.get(who.member_id).ok_or(ResponseError::UnknownMemberId)?;
        if member.classic.is_some() {
            return if epoch == member.epoch { Ok(Vec::new()) } else { Err(member.epoch_mismatch()) };
        }
        if !transactional && !who.knows_epochs {
            return Err(ResponseError::UnsupportedVersion);
        }
        let assigned = |(topic, partition): &&(String, i32)| {
            epoch == member.epoch
                || id_of(topic).is_some_and(|id| member.was_assigned((id, *partition), epoch))
        };
        let refused: Vec<_> = offsets.keys().filter(|at| !assigned(at)).cloned().collect();
        if transactional && (epoch > member.epoch || !refused.is_empty()) {
            return Err(ResponseError::IllegalGeneration);
        }
        if epoch > member.epoch { Err(ResponseError::StaleMemberEpoch) } else { Ok(refused) }
    }
}

impl Member {
    /// The error for an epoch that is not its own; to the classic protocol it is a generation.
    fn epoch_mismatch(&self) -> ResponseError {
        match self.classic {
            Some(_) => ResponseError::IllegalGeneration,
            None => ResponseError::StaleMemberEpoch,
        }
    }
}
