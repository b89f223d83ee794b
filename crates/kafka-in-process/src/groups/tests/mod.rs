//! The group state machine, without a socket or a clock.

use bytes::Bytes;
use kafka_protocol::ResponseError as E;

use super::{
    classic_group::{Group, State},
    member::{Answer, Join, Joined, Sync, Synced, Ticket},
};

mod any_order;

const SESSION: u64 = 6_000;
const REBALANCE: u64 = 60_000;

fn join(member_id: &str, instance: Option<&str>, fresh: &str) -> Join {
    Join {
        member_id: member_id.to_owned(),
        instance_id: instance.map(str::to_owned),
        client_id: "client".to_owned(),
        client_host: "/127.0.0.1".to_owned(),
        session_timeout_ms: SESSION,
        rebalance_timeout_ms: REBALANCE,
        protocol_type: "consumer".to_owned(),
        protocols: vec![("range".to_owned(), Bytes::from_static(b"topics"))],
        asks_for_id: false,
        may_skip_assignment: false,
        fresh_id: fresh.to_owned(),
    }
}

fn sync(member_id: &str, generation: i32, assignments: &[(&str, &str)]) -> Sync {
    let owned = |(id, part): &(&str, &str)| ((*id).to_owned(), Bytes::copy_from_slice(part.as_bytes()));
    Sync {
        member_id: member_id.to_owned(),
        instance_id: None,
        generation,
        protocol_type: None,
        protocol: None,
        assignments: assignments.iter().map(owned).collect(),
    }
}

fn joined(group: &mut Group) -> Vec<(Ticket, Joined)> {
    let of = |answer| match answer {
        Answer::Joined(ticket, joined) => Some((ticket, joined)),
        Answer::Synced(..) => None,
    };
    let mut all: Vec<_> = group.take_answers().into_iter().filter_map(of).collect();
    all.sort_by_key(|(ticket, _)| *ticket);
    all
}

fn synced(group: &mut Group) -> Vec<(Ticket, Result<Synced, E>)> {
    let of = |answer| match answer {
        Answer::Synced(ticket, synced) => Some((ticket, synced)),
        Answer::Joined(..) => None,
    };
    let mut all: Vec<_> = group.take_answers().into_iter().filter_map(of).collect();
    all.sort_by_key(|(ticket, _)| *ticket);
    all
}

/// A stable group of `a`, the leader, and `b`, both static if `statics`.
fn stable(statics: bool) -> Group {
    let mut group = Group::default();
    let instance = |name| if statics { Some(name) } else { None };
    group.join(&join("", instance("A"), "a"), 1, 0);
    group.join(&join("", instance("B"), "b"), 2, 0);
    group.join(&join("a", instance("A"), ""), 3, 0);
    let all = joined(&mut group);
    let generation = all.last().unwrap().1.generation;
    group.sync(Sync { instance_id: instance("B").map(str::to_owned), ..sync("b", generation, &[]) }, 4, 0);
    assert!(synced(&mut group).is_empty(), "nothing before the leader has spoken");
    let leaders = sync("a", generation, &[("a", "one"), ("b", "two")]);
    group.sync(Sync { instance_id: instance("A").map(str::to_owned), ..leaders }, 5, 0);
    let parts: Vec<_> =
        synced(&mut group).into_iter().map(|(_, synced)| synced.unwrap().assignment).collect();
    assert_eq!(parts, ["two", "one"]);
    assert_eq!((group.state, group.generation), (State::Stable, 2));
    group
}

#[test]
fn the_leader_learns_of_all_members() {
    let mut group = Group::default();
    group.join(&join("", None, "a"), 1, 0);
    let first = joined(&mut group);
    assert_eq!((first[0].1.leader.as_str(), first[0].1.members.len(), first[0].1.generation), ("a", 1, 1));
    group.join(&join("", None, "b"), 2, 0);
    assert!(joined(&mut group).is_empty(), "the first has to come back");
    assert_eq!(group.heartbeat("a", None, 1, 0), Err(E::RebalanceInProgress));
    group.join(&join("a", None, ""), 3, 0);
    let both = joined(&mut group);
    assert_eq!(
        both.iter().map(|(ticket, one)| (*ticket, one.members.len())).collect::<Vec<_>>(),
        [(2, 0), (3, 2)]
    );
    assert!(both.iter().all(|(_, one)| one.generation == 2 && one.leader == "a"));
}

#[test]
fn a_client_is_told_its_id_before_it_counts() {
    let mut group = Group::default();
    group.join(&Join { asks_for_id: true, ..join("", None, "a") }, 1, 0);
    let told = joined(&mut group);
    assert_eq!((told[0].1.error, told[0].1.member_id.as_str()), (Some(E::MemberIdRequired), "a"));
    assert!(group.members.is_empty() && !group.is_idle());
    group.join(&Join { asks_for_id: true, ..join("a", None, "") }, 2, 0);
    assert_eq!(joined(&mut group)[0].1.error, None);
    group.join(&Join { asks_for_id: true, ..join("stranger", None, "") }, 3, 0);
    assert_eq!(joined(&mut group)[0].1.error, Some(E::UnknownMemberId));
    // While an id is pending, the others wait for it.
    group.join(&Join { asks_for_id: true, ..join("", None, "expected") }, 6, 0);
    group.join(&join("", None, "c"), 7, 0);
    group.join(&join("a", None, ""), 8, 0);
    let told = joined(&mut group);
    assert_eq!((told.len(), told[0].1.error), (1, Some(E::MemberIdRequired)));
    group.leave("expected", None, 0).unwrap();
    assert_eq!(joined(&mut group).len(), 2);
    // An id that is not used in time is forgotten.
    group.join(&Join { asks_for_id: true, ..join("", None, "late") }, 4, 0);
    joined(&mut group);
    group.tick(SESSION);
    group.join(&Join { asks_for_id: true, ..join("late", None, "") }, 5, SESSION);
    assert_eq!(joined(&mut group)[0].1.error, Some(E::UnknownMemberId));
}

#[test]
fn a_member_that_is_silent_is_out_and_the_others_share() {
    let mut group = stable(false);
    for now in (0..SESSION).step_by(1000) {
        group.heartbeat("a", None, 2, now).unwrap();
    }
    assert_eq!(group.deadline(), Some(SESSION));
    group.tick(SESSION);
    assert_eq!(group.members.keys().collect::<Vec<_>>(), ["a"]);
    assert_eq!(group.heartbeat("a", None, 2, SESSION), Err(E::RebalanceInProgress));
    group.join(&join("a", None, ""), 9, SESSION);
    assert_eq!(joined(&mut group)[0].1.generation, 3);
}

#[test]
fn who_does_not_join_in_time_is_out_unless_static() {
    for statics in [false, true] {
        let mut group = stable(statics);
        let instance = |name| if statics { Some(name) } else { None };
        group.join(&join("", instance("C"), "c"), 9, 0);
        group.join(&join("a", instance("A"), ""), 10, 0);
        assert!(joined(&mut group).is_empty());
        // It is alive, but does not rejoin.
        let mut now = 0;
        while group.state == State::PreparingRebalance {
            now += 1000;
            let _ = group.heartbeat("b", instance("B"), 2, now);
            group.tick(now);
        }
        assert_eq!(now, REBALANCE);
        let members: Vec<_> = group.members.keys().map(String::as_str).collect();
        assert_eq!(members, if statics { vec!["a", "b", "c"] } else { vec!["a", "c"] });
        assert_eq!(joined(&mut group).len(), 2);
    }
}

#[test]
fn who_does_not_ask_for_its_part_in_time_is_out() {
    let mut group = stable(false);
    group.join(&join("a", None, ""), 9, 0);
    group.join(&join("b", None, ""), 10, 0);
    joined(&mut group);
    group.sync(sync("a", 3, &[("a", "one"), ("b", "two")]), 11, 0);
    assert_eq!(group.state, State::Stable);
    let mut now = 0;
    while group.members.contains_key("b") {
        now += 1000;
        let _ = group.heartbeat("a", None, 3, now);
        let _ = group.heartbeat("b", None, 3, now);
        group.tick(now);
    }
    assert_eq!(now, REBALANCE);
}

#[test]
fn a_static_member_comes_back_without_a_rebalance() {
    for version_9 in [false, true] {
        let mut group = stable(true);
        let back = Join { may_skip_assignment: version_9, ..join("", Some("A"), "a2") };
        group.join(&back, 9, 100);
        let (_, answer) = joined(&mut group).remove(0);
        assert_eq!((answer.error, answer.generation, group.state), (None, 2, State::Stable));
        // The former leader must not compute an assignment: it does not know that it leads, or is told to skip it.
        let expected = if version_9 { ("a2", true, 2) } else { ("a", false, 0) };
        assert_eq!((answer.leader.as_str(), answer.skip_assignment, answer.members.len()), expected);
        group.sync(Sync { instance_id: Some("A".to_owned()), ..sync("a2", 2, &[]) }, 10, 100);
        assert_eq!(synced(&mut group)[0].1.as_ref().unwrap().assignment, "one");
        // Its former self is fenced in every request.
        assert_eq!(group.heartbeat("a", Some("A"), 2, 100), Err(E::FencedInstanceId));
        assert_eq!(group.validate_commit("a", Some("A"), 2, false, 100), Err(E::FencedInstanceId));
        group.join(&join("a", Some("A"), ""), 11, 100);
        assert_eq!(joined(&mut group)[0].1.error, Some(E::FencedInstanceId));
        assert_eq!(group.leave("a", Some("A"), 100), Err(E::FencedInstanceId));
    }
}

#[test]
fn a_static_member_can_be_removed_by_its_instance_id() {
    let mut group = stable(true);
    group.leave("", Some("B"), 0).unwrap();
    assert_eq!(group.members.len(), 1);
    assert_eq!(group.leave("", Some("B"), 0), Err(E::UnknownMemberId));
}

#[test]
fn assignors_have_to_agree() {
    let mut group = stable(false);
    let other = vec![("roundrobin".to_owned(), Bytes::new())];
    group.join(&Join { protocols: other, ..join("", None, "c") }, 9, 0);
    assert_eq!(joined(&mut group)[0].1.error, Some(E::InconsistentGroupProtocol));
    group.join(&Join { protocol_type: "connect".to_owned(), ..join("", None, "c") }, 9, 0);
    assert_eq!(joined(&mut group)[0].1.error, Some(E::InconsistentGroupProtocol));
}

#[test]
fn commits_are_for_members_of_this_generation() {
    let mut group = stable(false);
    let commit = |group: &mut Group, id: &str, generation, transactional| {
        group.validate_commit(id, None, generation, transactional, 0)
    };
    assert_eq!(commit(&mut group, "a", 2, false), Ok(()));
    assert_eq!(commit(&mut group, "a", 1, false), Err(E::IllegalGeneration));
    assert_eq!(commit(&mut group, "x", 2, false), Err(E::UnknownMemberId));
    assert_eq!(commit(&mut group, "", -1, false), Err(E::UnknownMemberId));
    // Producers before KIP-447 do not name their member.
    assert_eq!(commit(&mut group, "", -1, true), Ok(()));
    assert_eq!(commit(&mut group, "a", 1, true), Err(E::IllegalGeneration));
    group.join(&join("a", None, ""), 9, 0);
    // A member that has yet to rejoin may still commit.
    assert_eq!(commit(&mut group, "b", 2, false), Ok(()));
    group.join(&join("b", None, ""), 10, 0);
    assert_eq!(commit(&mut group, "b", 3, false), Err(E::RebalanceInProgress));
    assert_eq!(commit(&mut group, "b", 3, true), Ok(()));
    let mut empty = Group::default();
    assert_eq!(commit(&mut empty, "", -1, false), Ok(()));
}

#[test]
fn of_a_group_without_its_assignment_nothing_is_kept() {
    let mut group = Group::default();
    group.join(&join("", Some("A"), "a"), 1, 0);
    assert_eq!(group.state, State::CompletingRebalance);
    assert!(group.take_changed().is_none());
    // The leader dies before it sends the assignment, and comes back.
    group.join(&join("", Some("A"), "a2"), 2, 0);
    assert_ne!(group.state, State::Stable);
    assert!(group.take_changed().is_none());
    let generation = joined(&mut group).pop().unwrap().1.generation;
    let leaders = sync("a2", generation, &[("a2", "all")]);
    group.sync(Sync { instance_id: Some("A".to_owned()), ..leaders }, 3, 0);
    let kept = serde_json::to_string(&group.take_changed().unwrap()).unwrap();
    let mut group = Group::restore(serde_json::from_str(&kept).unwrap(), 0);
    group.join(&join("", Some("A"), "a3"), 4, 0);
    let generation = joined(&mut group).pop().unwrap().1.generation;
    group.sync(Sync { instance_id: Some("A".to_owned()), ..sync("a3", generation, &[]) }, 5, 0);
    assert_eq!(synced(&mut group)[0].1.as_ref().unwrap().assignment, "all");
}

#[test]
fn a_group_goes_on_after_a_restart() {
    let mut group = stable(true);
    let kept = serde_json::to_string(&group.take_changed().unwrap()).unwrap();
    let mut group = Group::restore(serde_json::from_str(&kept).unwrap(), 1000);
    assert_eq!(group.heartbeat("b", Some("B"), 2, 1000), Ok(()));
    group.sync(Sync { instance_id: Some("B".to_owned()), ..sync("b", 2, &[]) }, 9, 1000);
    assert_eq!(synced(&mut group)[0].1.as_ref().unwrap().assignment, "two");
    assert_eq!(group.deadline(), Some(1000 + SESSION));
}
