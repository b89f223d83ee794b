//! Heartbeats of members under the consumer protocol.

use std::sync::Arc;

use kafka_protocol::ResponseError;

use super::{
    CellState, Groups,
    consumer::{
        Heartbeat, HeartbeatAnswer, LEAVE_EPOCH, LEAVE_STATIC_EPOCH, Refusal, TopicShape, TopicsByName,
        TopicsImage,
    },
};
use crate::topics::Topic;

impl Groups {
    /// Handles a heartbeat; returns the response, and whether the journal was changed.
    pub(crate) fn consumer_heartbeat(&self, beat: &Heartbeat) -> (Result<HeartbeatAnswer, Refusal>, bool) {
        let now = self.now();
        let session_timeout_ms = self.timing(&beat.group).session_timeout_ms;
        let not_found = |message: String| (Err(Refusal::new(ResponseError::GroupIdNotFound, message)), false);
        let image = TopicsImage { version: self.topics.version(), topics: &|| self.topics_by_name() };
        let answer = |state: &mut CellState| {
            let group = match state.group.for_heartbeat(&beat.group, beat.epoch == 0, &image, now) {
                Ok(group) => group,
                Err(refusal) => return (Err(refusal), false),
            };
            let answer = match beat.epoch {
                LEAVE_EPOCH | LEAVE_STATIC_EPOCH => group.leave_by_heartbeat(beat),
                _ => group.heartbeat(beat, &image, session_timeout_ms, now),
            };
            (answer, group.is_changed())
        };
        let (answer, changed) = if beat.epoch == 0 {
            self.with_or_new(&beat.group, answer)
        } else {
            let absent = || not_found(format!("Group {} not found.", beat.group));
            self.with(&beat.group, answer).unwrap_or_else(absent)
        };
        if changed {
            // There may be an earlier timer.
            self.earlier.notify_one();
        }
        (answer, changed)
    }

    pub(super) fn topics_by_name(&self) -> TopicsByName {
        let shape = |topic: &Arc<Topic>| {
            let partitions = i32::try_from(topic.partitions().len()).unwrap_or(i32::MAX);
            (topic.name.clone(), TopicShape { id: topic.id, partitions })
        };
        self.topics.all().iter().map(shape).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::{
        config::{Durability, Settings},
        groups::{Committed, Committer, Offsets},
        topics::config::Overrides,
    };

    #[test]
    fn members_offsets_and_settings_of_a_group_are_there_after_a_restart() {
        let data = tempfile::tempdir().unwrap();
        let open = || crate::open(data.path(), Durability::Process, Settings::default()).unwrap();
        let cluster = open();
        cluster.topics.create("t", 2, Overrides::new(), false).unwrap();
        let beat = |epoch| Heartbeat {
            group: "g".to_owned(),
            member_id: "m".to_owned(),
            epoch,
            ..Heartbeat::default()
        };
        let topics = Some(BTreeSet::from(["t".to_owned()]));
        let (joined, changed) = cluster.groups.consumer_heartbeat(&Heartbeat {
            rebalance_timeout_ms: Some(1_000),
            topics,
            ..beat(0)
        });
        let HeartbeatAnswer { epoch, assignment, .. } = joined.unwrap();
        assert_eq!((assignment.map(|parts| parts.len()), changed), (Some(2), true));
        let offset = Committed { offset: 7, leader_epoch: -1, metadata: String::new() };
        let offsets = Offsets::from([(("t".to_owned(), 0), offset)]);
        let who = Committer { member_id: "m", instance_id: None, generation: epoch, knows_epochs: true };
        assert_eq!(cluster.groups.commit("g", &who, offsets.clone()), Ok(Vec::new()));
        let interval = ("consumer.heartbeat.interval.ms".to_owned(), "6000".to_owned());
        cluster.groups.configure("g", false, |_| Ok([interval].into())).unwrap();
        drop(cluster);

        let cluster = open();
        let same = HeartbeatAnswer { member_id: "m".to_owned(), epoch, assignment: None };
        assert_eq!(cluster.groups.consumer_heartbeat(&beat(epoch)), (Ok(same), false));
        assert_eq!(cluster.groups.with("g", |state| state.offsets.clone()), Some(offsets));
        assert_eq!(cluster.groups.timing("g").heartbeat_interval_ms, 6_000);
        assert_eq!(cluster.groups.delete("g"), Err(ResponseError::NonEmptyGroup));
        cluster.groups.consumer_heartbeat(&beat(LEAVE_EPOCH)).0.unwrap();
        drop(cluster);

        let cluster = open();
        assert_eq!(cluster.groups.with("g", |state| state.group.state_name()), Some("Empty"));
        assert_eq!(cluster.groups.delete("g"), Ok(()));
    }
}
