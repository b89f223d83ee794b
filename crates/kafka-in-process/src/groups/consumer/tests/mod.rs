//! The state machine of the consumer protocol, without a socket or a clock.

use kafka_protocol::ResponseError as E;

use super::*;
use crate::groups::offsets::{Committer, Offsets};

mod any_order;
mod migration;

const SESSION: u64 = 45_000;
const REBALANCE: u64 = 10_000;

/// Topics, and a group that subscribes to them.
struct World {
    group: ConsumerGroup,
    topics: TopicsByName,
    version: u64,
    now: u64,
}

fn topic(n: u8) -> Uuid {
    Uuid::from_bytes([n; 16])
}

fn name(n: u8) -> String {
    format!("topic-{n}")
}

fn parts(n: u8, partitions: impl IntoIterator<Item = i32>) -> BTreeSet<PartitionId> {
    partitions.into_iter().map(|partition| (topic(n), partition)).collect()
}

impl World {
    /// Topics with these partition counts.
    fn with(partitions: &[i32]) -> Self {
        let topics = (0..).zip(partitions);
        let topics =
            topics.map(|(n, count)| (name(n), TopicShape { id: topic(n), partitions: *count })).collect();
        Self { group: ConsumerGroup::default(), topics, version: 1, now: 0 }
    }

    fn set_partitions(&mut self, n: u8, partitions: i32) {
        self.topics.insert(name(n), TopicShape { id: topic(n), partitions });
        self.version += 1;
    }

    fn beat(&mut self, beat: &Heartbeat) -> Result<HeartbeatAnswer, E> {
        let Self { group, topics, version, now } = self;
        let image = TopicsImage { version: *version, topics: &|| topics.clone() };
        group.heartbeat(beat, &image, SESSION, *now).map_err(|refusal| refusal.error)
    }

    /// A minimal heartbeat; returns the epoch, and the assignment if the response has one.
    fn hear(&mut self, id: &str, epoch: i32) -> Result<(i32, Option<BTreeSet<PartitionId>>), E> {
        self.beat(&plain(id, epoch)).map(|beaten| (beaten.epoch, beaten.assignment))
    }

    /// The same with the owned partitions.
    fn own(
        &mut self,
        id: &str,
        epoch: i32,
        owned: BTreeSet<PartitionId>,
    ) -> Result<(i32, Option<BTreeSet<PartitionId>>), E> {
        let beat = Heartbeat { owned: Some(owned), ..plain(id, epoch) };
        self.beat(&beat).map(|beaten| (beaten.epoch, beaten.assignment))
    }

    fn join(&mut self, id: &str, topics: &[u8]) -> (i32, Option<BTreeSet<PartitionId>>) {
        let beaten = self.beat(&joining(id, topics)).unwrap();
        (beaten.epoch, beaten.assignment)
    }

    /// Serializes and restores the group, as a restart does.
    fn restart(&mut self) {
        let kept = serde_json::to_string(&self.group).unwrap();
        let group: ConsumerGroup = serde_json::from_str(&kept).unwrap();
        self.group = group.restored(SESSION, self.now);
        self.version = 0;
    }
}

fn plain(id: &str, epoch: i32) -> Heartbeat {
    Heartbeat { group: "g".to_owned(), member_id: id.to_owned(), epoch, ..Heartbeat::default() }
}

fn joining(id: &str, topics: &[u8]) -> Heartbeat {
    Heartbeat {
        rebalance_timeout_ms: Some(REBALANCE),
        topics: Some(topics.iter().map(|n| name(*n)).collect()),
        owned: Some(BTreeSet::new()),
        ..plain(id, 0)
    }
}

/// A group in which `a` and `b` share four partitions.
fn shared() -> World {
    let mut world = World::with(&[4]);
    assert_eq!(world.join("a", &[0]), (2, Some(parts(0, 0..4))));
    assert_eq!(world.join("b", &[0]), (3, Some(BTreeSet::new())));
    assert_eq!(world.hear("a", 2), Ok((2, Some(parts(0, 0..2)))));
    assert_eq!(world.own("a", 2, parts(0, 0..2)), Ok((3, None)));
    assert_eq!(world.hear("b", 3), Ok((3, Some(parts(0, 2..4)))));
    assert_eq!(world.group.state(), GroupState::Stable);
    world
}

#[test]
fn nothing_is_given_before_another_has_given_it_up() {
    let mut world = World::with(&[4]);
    world.join("a", &[0]);
    assert_eq!(world.join("b", &[0]).1, Some(BTreeSet::new()));
    assert_eq!(world.group.state(), GroupState::Reconciling);
    world.hear("a", 2).unwrap();
    // It reports that it still owns all, or reports nothing.
    assert_eq!(world.own("a", 2, parts(0, 0..4)), Ok((2, None)));
    assert_eq!(world.hear("a", 2), Ok((2, None)));
    assert_eq!(world.hear("b", 3), Ok((3, None)));
    assert_eq!(world.own("a", 2, parts(0, 0..2)), Ok((3, None)));
    assert_eq!(world.hear("b", 3), Ok((3, Some(parts(0, 2..4)))));
}

#[test]
fn who_missed_an_answer_may_repeat_its_heartbeat() {
    let mut world = shared();
    assert_eq!(world.own("a", 2, parts(0, 0..2)), Ok((3, None)));
    assert_eq!(world.own("a", 2, parts(0, 0..3)), Err(E::FencedMemberEpoch));
    assert_eq!(world.hear("a", 2), Err(E::FencedMemberEpoch));
    assert_eq!(world.hear("a", 4), Err(E::FencedMemberEpoch));
    assert_eq!(world.hear("c", 3), Err(E::UnknownMemberId));
    // A full request gets all of it.
    let full = Heartbeat { owned: Some(parts(0, 0..2)), ..joining("a", &[0]) };
    assert_eq!(world.beat(&Heartbeat { epoch: 3, ..full }).unwrap().assignment, Some(parts(0, 0..2)));
    // A member that rejoins keeps its partitions.
    assert_eq!(world.join("a", &[0]), (3, Some(parts(0, 0..2))));
}

#[test]
fn who_keeps_what_it_is_to_give_up_is_out() {
    let mut world = World::with(&[4]);
    world.join("a", &[0]);
    world.join("b", &[0]);
    world.hear("a", 2).unwrap();
    for _ in 0..9 {
        world.now += 1_000;
        world.group.tick(world.now);
        world.hear("a", 2).unwrap();
        world.hear("b", 3).unwrap();
    }
    assert_eq!(world.group.deadline(), Some(REBALANCE));
    world.now = REBALANCE;
    world.group.tick(world.now);
    assert_eq!(world.hear("a", 2), Err(E::UnknownMemberId));
    assert_eq!(world.hear("b", 3), Ok((4, Some(parts(0, 0..4)))));
}

#[test]
fn who_is_silent_is_out() {
    let mut world = shared();
    world.now = SESSION - 1;
    world.hear("b", 3).unwrap();
    world.now = SESSION;
    world.group.tick(world.now);
    assert_eq!(world.group.state(), GroupState::Assigning);
    assert_eq!(world.hear("b", 3), Ok((4, Some(parts(0, 0..4)))));
    assert_eq!(world.hear("a", 3), Err(E::UnknownMemberId));
}

#[test]
fn a_static_member_comes_back_to_what_it_had() {
    let mut world = World::with(&[4]);
    let of = |beat: Heartbeat| Heartbeat { instance_id: Some("i".to_owned()), ..beat };
    assert_eq!(world.beat(&of(joining("a", &[0]))).unwrap().epoch, 2);
    assert_eq!(world.beat(&of(joining("b", &[0]))), Err(E::UnreleasedInstanceId));
    assert_eq!(world.beat(&of(joining("a", &[0]))), Err(E::UnreleasedInstanceId));
    assert_eq!(
        world.group.leave_by_heartbeat(&of(plain("b", LEAVE_STATIC_EPOCH))).map_err(|refusal| refusal.error),
        Err(E::FencedInstanceId)
    );
    assert_eq!(
        world.group.leave_by_heartbeat(&of(plain("a", LEAVE_STATIC_EPOCH))).unwrap().epoch,
        LEAVE_STATIC_EPOCH
    );
    assert_eq!(world.beat(&of(plain("a", 2))), Err(E::FencedMemberEpoch));
    // Meanwhile its partitions stay reserved.
    assert_eq!(world.join("other", &[0]), (3, Some(BTreeSet::new())));
    let back = world.beat(&of(joining("b", &[0]))).unwrap();
    assert_eq!((back.epoch, back.assignment), (3, Some(parts(0, 0..2))));
    assert_eq!(world.beat(&of(plain("a", 2))), Err(E::FencedInstanceId));
    assert_eq!(world.hear("other", 3), Ok((3, Some(parts(0, 2..4)))));
    assert_eq!(world.group.leave("", Some("i")), Ok(()));
    assert_eq!(world.group.leave("", Some("i")), Err(E::UnknownMemberId));
    assert_eq!(world.hear("other", 3), Ok((4, Some(parts(0, 0..4)))));
}

#[test]
fn topics_that_come_grow_or_go_are_shared_out() {
    let mut world = World::with(&[1]);
    let regex = Heartbeat { topics: None, regex: Some("topic-[0-4]".to_owned()), ..joining("a", &[]) };
    assert_eq!(world.beat(&regex).unwrap().assignment, Some(parts(0, [0])));
    world.set_partitions(0, 2);
    assert_eq!(world.hear("a", 2), Ok((3, Some(parts(0, [0, 1])))));
    world.set_partitions(12, 9);
    assert_eq!(world.hear("a", 3), Ok((3, None)));
    world.set_partitions(4, 1);
    let both: BTreeSet<_> = parts(0, [0, 1]).into_iter().chain(parts(4, [0])).collect();
    assert_eq!(world.hear("a", 3), Ok((4, Some(both))));
    world.topics.remove(&name(0));
    world.version += 1;
    assert_eq!(world.hear("a", 4), Ok((4, Some(parts(4, [0])))));
    assert_eq!(world.own("a", 4, parts(4, [0])), Ok((5, None)));
    assert!(
        world.group.is_subscribed(&name(4))
            && !world.group.is_subscribed(&name(0))
            && !world.group.is_subscribed(&name(12))
    );
    // From a regex to a name.
    let named = Heartbeat { regex: Some(String::new()), topics: Some([name(12)].into()), ..plain("a", 5) };
    assert_eq!(world.beat(&named).unwrap().assignment, Some(BTreeSet::new()));
    assert_eq!(world.own("a", 5, BTreeSet::new()), Ok((6, Some(parts(12, 0..9)))));
}

#[test]
fn a_pattern_is_for_whole_names_and_has_to_be_one() {
    let all = ["a".to_owned(), "ab".to_owned(), "b".to_owned()];
    let matching = |regex: &str| topic_regex::matching(regex, all.iter()).into_iter().collect::<Vec<_>>();
    assert_eq!(matching("a|ab"), ["a", "ab"]);
    assert_eq!(matching("b"), ["b"]);
    for wrong in ["(", "[", "a)(b", r"\1", "(?=a)", "((a{100}){100}){100}"] {
        assert!(check_regex(wrong).is_err(), "{wrong}");
    }
    assert_eq!(check_regex(r"orders-\d+.*"), Ok(()));
}

#[test]
fn most_members_decide_on_the_assignor() {
    let mut world = World::with(&[3, 3]);
    let ranged = |id: &str| Heartbeat { assignor: Some(Assignor::Range), ..joining(id, &[0, 1]) };
    world.beat(&ranged("a")).unwrap();
    world.beat(&ranged("b")).unwrap();
    let both = |partitions: std::ops::Range<i32>| -> BTreeSet<PartitionId> {
        parts(0, partitions.clone()).into_iter().chain(parts(1, partitions)).collect()
    };
    assert_eq!(world.group.members["a"].target, both(0..2));
    assert_eq!(world.group.members["b"].target, both(2..3));
    assert_eq!(world.group.assignor(), Assignor::Range);
}

#[test]
fn offsets_are_for_who_has_or_had_the_partition() {
    let world = shared();
    let offset = crate::groups::Committed { offset: 1, leader_epoch: -1, metadata: String::new() };
    let commit = |id: &str, epoch, partition, transactional, knows_epochs| {
        let who = Committer { member_id: id, instance_id: None, generation: epoch, knows_epochs };
        let offsets = Offsets::from([((name(0), partition), offset.clone())]);
        let late = world.group.validate_commit(&who, transactional, &offsets, &|_| Some(topic(0)));
        late.map(|late| late.len())
    };
    assert_eq!(commit("a", 3, 0, false, true), Ok(0));
    assert_eq!(commit("a", 3, 3, false, true), Ok(0));
    // With an older epoch: partitions assigned since then.
    assert_eq!(commit("a", 2, 0, false, true), Ok(0));
    assert_eq!(commit("a", 2, 2, false, true), Ok(1));
    assert_eq!(commit("b", 2, 2, false, true), Ok(1));
    assert_eq!(commit("a", 4, 0, false, true), Err(E::StaleMemberEpoch));
    assert_eq!(commit("a", 2, 2, true, true), Err(E::IllegalGeneration));
    assert_eq!(commit("c", 3, 0, false, true), Err(E::UnknownMemberId));
    assert_eq!(commit("", -1, 0, false, true), Err(E::UnknownMemberId));
    assert_eq!(commit("", -1, 0, true, true), Ok(0));
    assert_eq!(commit("a", 3, 0, false, false), Err(E::UnsupportedVersion));
    assert_eq!(world.group.validate_fetch(Some("a"), 2), Err(E::StaleMemberEpoch));
    assert_eq!(world.group.validate_fetch(Some("a"), 3), Ok(()));
    assert_eq!(world.group.validate_fetch(Some(""), -1), Err(E::UnknownMemberId));
    assert_eq!(world.group.validate_fetch(None, -1), Ok(()));
}

#[test]
fn a_group_goes_on_after_a_restart() {
    let mut world = shared();
    world.now = 1_000;
    world.restart();
    assert_eq!(world.group.deadline(), Some(1_000 + SESSION));
    assert_eq!(world.hear("a", 3), Ok((3, None)));
    assert_eq!(world.hear("b", 3), Ok((3, None)));
    assert!(!world.group.is_changed());
    world.join("c", &[0]);
    world.restart();
    assert_eq!(world.hear("a", 3), Ok((4, None)));
    assert_eq!(world.hear("b", 3), Ok((3, Some(parts(0, [2])))));
    world.restart();
    assert_eq!(world.group.deadline(), Some(1_000 + REBALANCE));
    assert_eq!(world.own("b", 3, parts(0, [2])), Ok((4, None)));
    assert_eq!(world.hear("c", 4), Ok((4, Some(parts(0, [3])))));
}

#[test]
fn a_heartbeat_that_says_nothing_new_changes_nothing() {
    let mut world = shared();
    assert!(world.group.take_changed());
    world.hear("a", 3).unwrap();
    world.own("b", 3, parts(0, 2..4)).unwrap();
    assert!(!world.group.is_changed());
}
