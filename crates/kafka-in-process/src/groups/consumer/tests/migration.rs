//! Groups whose members use both protocols, and how a group changes its own.

use bytes::Bytes;

use super::*;
use crate::groups::{AnyGroup, Group, Join, Joined, State};
use mixed::{CLASSIC_SESSION, Mixed, assignment, request};

mod any_order;
mod mixed;

#[test]
fn a_classic_group_is_upgraded_and_its_members_go_on() {
    let mut mixed = Mixed::classic(false);
    assert_eq!(mixed.beat(&plain("c", 3)), Err(E::GroupIdNotFound), "only who joins upgrades");
    assert_eq!(mixed.beat(&joining("c", &[0])), Ok((3, Some(BTreeSet::new()))));
    assert_eq!((mixed.group.type_name(), mixed.group.state_name()), ("consumer", "Reconciling"));
    // They still commit what they have read, and are told to rejoin.
    assert_eq!((mixed.commit("a", 2), mixed.commit("a", 3)), (Ok(0), Err(E::IllegalGeneration)));
    assert_eq!(mixed.hear("a", None, 2), Err(E::RebalanceInProgress));
    assert_eq!(mixed.hear("a", None, 1), Err(E::IllegalGeneration));
    assert_eq!(mixed.sync("a", None, 2), Err(E::RebalanceInProgress));
    // One keeps what it has.
    assert_eq!(mixed.join("a", None, &parts(0, 0..2)), Ok(3));
    assert_eq!(mixed.sync("a", None, 3), Ok(parts(0, 0..2)));
    assert_eq!(mixed.hear("a", None, 3), Ok(()));
    // The other one has to revoke first.
    assert_eq!(mixed.join("b", None, &parts(0, 2..4)), Ok(2));
    assert_eq!(mixed.sync("b", None, 2), Ok(parts(0, [2])));
    assert_eq!(mixed.hear("b", None, 2), Err(E::RebalanceInProgress));
    assert_eq!(mixed.beat(&plain("c", 3)), Ok((3, None)), "it is not given before it is given up");
    assert_eq!(mixed.join("b", None, &parts(0, [2])), Ok(3));
    assert_eq!(mixed.sync("b", None, 3), Ok(parts(0, [2])));
    assert_eq!(mixed.hear("b", None, 3), Ok(()));
    assert_eq!(mixed.beat(&plain("c", 3)), Ok((3, Some(parts(0, [3])))));
    assert_eq!(mixed.group.state_name(), "Stable");
}

#[test]
fn who_waits_in_a_classic_group_is_told_to_rejoin() {
    let mut mixed = Mixed::classic(false);
    let none = BTreeSet::new();
    let late = Join { fresh_id: "late".to_owned(), ..request("", None, &[0], &none) };
    assert_eq!(mixed.send(&late), None);
    let waiting = mixed.ticket;
    mixed.beat(&joining("c", &[0])).unwrap();
    let answers = mixed.group.take_answers();
    assert_eq!(answers, [Answer::Joined(waiting, Joined::refused(E::RebalanceInProgress, "late"))]);
    // It is a member that has nothing yet.
    assert!(mixed.of_consumers().members["late"].assigned.is_empty());
    assert_eq!(mixed.join("late", None, &none), Ok(3));
    assert_eq!(mixed.sync("late", None, 3), Ok(none));
}

#[test]
fn only_groups_of_consumers_are_upgraded() {
    let refused = |spoil: fn(&mut Group)| {
        let mut mixed = Mixed::classic(false);
        spoil(mixed.of_classics());
        let topics = mixed.topics.clone();
        let image = TopicsImage { version: 1, topics: &|| topics.clone() };
        let refusal = mixed.group.for_heartbeat("g", true, &image, 0).unwrap_err();
        assert_eq!((refusal.error, mixed.group.type_name()), (E::GroupIdNotFound, "classic"));
        refusal.message
    };
    let connect = refused(|group| group.protocol_type = Some("connect".to_owned()));
    assert!(connect.contains("does not use the consumer embedded protocol"), "{connect}");
    let malformed = refused(|group| group.members.get_mut("b").unwrap().assignment = b"mine".to_vec());
    assert!(malformed.contains("malformed"), "{malformed}");
    let malformed = refused(|group| group.members.get_mut("b").unwrap().protocols[0].1 = Vec::new());
    assert!(malformed.contains("malformed"), "{malformed}");
    let custom = refused(|group| {
        let assignment = &mut group.members.get_mut("b").unwrap().assignment;
        assignment.truncate(assignment.len() - 4);
        assignment.extend([0, 0, 0, 1, 0]);
    });
    assert!(custom.contains("custom assignor"), "{custom}");
}

#[test]
fn a_consumer_group_takes_classic_members() {
    let mut mixed = Mixed::new();
    let none = BTreeSet::new();
    assert_eq!(mixed.beat(&joining("c", &[0])), Ok((2, Some(parts(0, 0..4)))));
    let asked = Join { asks_for_id: true, ..request("", None, &[0], &none) };
    let told = mixed.send(&asked).unwrap();
    assert_eq!((told.error, told.member_id.as_str()), (Some(E::MemberIdRequired), "fresh"));
    let other = Join { protocol_type: "connect".to_owned(), ..asked.clone() };
    assert_eq!(mixed.send(&other).unwrap().error, Some(E::InconsistentGroupProtocol));
    let malformed = vec![("range".to_owned(), Bytes::from_static(b"topics"))];
    let malformed = Join { protocols: malformed, ..request("m", None, &[0], &none) };
    assert_eq!(mixed.send(&malformed).unwrap().error, Some(E::UnknownServerError));
    let joined = mixed.send(&Join { asks_for_id: true, ..request("fresh", None, &[0], &none) }).unwrap();
    assert_eq!((joined.error, joined.generation, joined.protocol.as_deref()), (None, 3, Some("range")));
    assert_eq!((joined.leader.as_str(), joined.members.len()), ("", 0), "the coordinator assigns");
    let other = Join { protocols: vec![("other".to_owned(), Bytes::new())], ..asked };
    assert_eq!(mixed.send(&other).unwrap().error, Some(E::InconsistentGroupProtocol));
    assert_eq!(mixed.sync("fresh", None, 3), Ok(none.clone()));
    // It waits until the other one has revoked, and rejoins then.
    assert_eq!(mixed.hear("fresh", None, 3), Ok(()));
    assert_eq!(mixed.beat(&plain("c", 2)), Ok((2, Some(parts(0, 0..2)))));
    assert_eq!(mixed.hear("fresh", None, 3), Ok(()));
    let revoked = Heartbeat { owned: Some(parts(0, 0..2)), ..plain("c", 2) };
    assert_eq!(mixed.beat(&revoked), Ok((3, None)));
    assert_eq!(mixed.hear("fresh", None, 3), Err(E::RebalanceInProgress));
    assert_eq!(mixed.join("fresh", None, &none), Ok(3));
    assert_eq!(mixed.sync("fresh", None, 3), Ok(parts(0, 2..4)));
    assert_eq!(mixed.hear("fresh", None, 3), Ok(()));
    assert_eq!(mixed.group.state_name(), "Stable");
    // Who is not a classic member does not get along with its requests.
    assert_eq!(mixed.hear("c", None, 3), Err(E::UnknownMemberId));
    assert_eq!(mixed.sync("c", None, 3), Err(E::UnknownMemberId));
    assert_eq!(mixed.sync("fresh", Some("i"), 3), Err(E::UnknownMemberId));
    let fetch = |mixed: &Mixed, epoch| mixed.of_consumers().validate_fetch(Some("fresh"), epoch);
    assert_eq!((fetch(&mixed, 3), fetch(&mixed, 2)), (Ok(()), Err(E::IllegalGeneration)));
    // It goes over to the consumer protocol under its id.
    assert_eq!(mixed.beat(&joining("fresh", &[0])), Ok((3, Some(parts(0, 2..4)))));
    assert_eq!(mixed.hear("fresh", None, 3), Err(E::UnknownMemberId));
}

#[test]
fn classic_members_have_their_time_to_join_to_sync_and_to_be_heard_of() {
    let fenced_at = |prepare: fn(&mut Mixed), heard: bool| {
        let mut mixed = Mixed::classic(false);
        mixed.beat(&joining("c", &[0])).unwrap();
        for id in ["a", "b"] {
            mixed.join(id, None, &BTreeSet::new()).unwrap();
            mixed.sync(id, None, 3).unwrap();
        }
        prepare(&mut mixed);
        while mixed.of_consumers().members.contains_key("a") {
            mixed.tick(mixed.now + 1_000);
            assert!(mixed.now < 2 * SESSION, "it is not fenced");
            let epoch = mixed.of_consumers().epoch;
            mixed.beat(&plain("c", mixed.of_consumers().members["c"].epoch)).unwrap();
            if heard {
                let _ = mixed.hear("a", None, 3);
                let _ = mixed.hear("a", None, epoch);
            }
        }
        mixed.now
    };
    assert_eq!(fenced_at(|_| {}, false), CLASSIC_SESSION);
    // There is more to get, as `b` has left.
    let left = |mixed: &mut Mixed| mixed.group.leave("b", None, 0).unwrap();
    assert_eq!(fenced_at(left, true), REBALANCE + 1_000);
    let joined = |mixed: &mut Mixed| {
        mixed.group.leave("b", None, 0).unwrap();
        mixed.join("a", None, &BTreeSet::new()).unwrap();
    };
    assert_eq!(fenced_at(joined, true), REBALANCE);
}

#[test]
fn a_classic_member_that_revokes_has_no_more_to_keep_than_its_session() {
    let mut mixed = Mixed::classic(false);
    mixed.beat(&joining("c", &[0])).unwrap();
    assert_eq!(mixed.join("b", None, &parts(0, 2..4)), Ok(2));
    assert_eq!(mixed.sync("b", None, 2), Ok(parts(0, [2])));
    mixed.tick(CLASSIC_SESSION - 1);
    assert_eq!(mixed.hear("b", None, 2), Err(E::RebalanceInProgress));
}

#[test]
fn a_member_that_goes_over_to_the_classic_protocol_has_no_pattern() {
    let mut mixed = Mixed::classic(false);
    let by_regex = Heartbeat { regex: Some("topic-.*".to_owned()), ..joining("c", &[]) };
    mixed.beat(&by_regex).unwrap();
    mixed.beat(&joining("d", &[0])).unwrap();
    assert_eq!(mixed.of_consumers().members["c"].target.len(), 1);
    mixed.send(&request("c", None, &[], &BTreeSet::new())).unwrap();
    assert!(mixed.of_consumers().members["c"].target.is_empty());
}

#[test]
fn without_consumer_members_it_is_a_classic_group_again() {
    let leave = |mixed: &mut Mixed| drop(mixed.beat(&plain("c", LEAVE_EPOCH)).unwrap());
    let be_removed = |mixed: &mut Mixed| mixed.group.leave("c", None, 0).map(|()| mixed.settle()).unwrap();
    let be_silent = |mixed: &mut Mixed| {
        for now in [CLASSIC_SESSION - 1, SESSION] {
            for id in ["a", "b"] {
                let _ = mixed.hear(id, None, 3);
            }
            mixed.tick(now);
        }
    };
    for end in [leave, be_removed, be_silent] {
        let mut mixed = Mixed::upgraded(false);
        end(&mut mixed);
        assert_eq!((mixed.group.type_name(), mixed.group.state_name()), ("classic", "PreparingRebalance"));
        // The generation is the group epoch: its members still commit, and are told to rejoin.
        assert_eq!((mixed.commit("a", 3), mixed.hear("a", None, 3)), (Ok(0), Err(E::RebalanceInProgress)));
        let none = BTreeSet::new();
        assert_eq!(mixed.send(&request("a", None, &[0], &none)), None);
        let joined = mixed.send(&request("b", None, &[0], &none)).unwrap();
        assert_eq!((joined.generation, joined.leader.as_str()), (4, "a"));
        let shares = [("a", parts(0, 0..3)), ("b", parts(0, [3]))];
        let shares = shares.iter().map(|(id, parts)| ((*id).to_owned(), assignment(parts)));
        mixed.sync_with("a", None, 4, shares.collect());
        assert_eq!(mixed.sync("b", None, 4), Ok(parts(0, [3])));
        assert_eq!(mixed.of_classics().state, State::Stable);
    }
}

#[test]
fn a_group_that_is_upgraded_again_before_its_rebalance_gives_nothing_away() {
    let mut mixed = Mixed::classic(false);
    mixed.beat(&joining("c", &[0])).unwrap();
    mixed.beat(&plain("c", LEAVE_EPOCH)).unwrap();
    assert_eq!(mixed.group.type_name(), "classic");
    // Meanwhile `b`, which was to revoke a partition, has heard of nothing.
    assert_eq!(mixed.beat(&joining("d", &[0])).unwrap().1, Some(BTreeSet::new()));
}

#[test]
fn a_group_of_consumers_only_is_not_downgraded() {
    let mut mixed = Mixed::upgraded(false);
    for id in ["a", "b"] {
        mixed.group.leave(id, None, 0).unwrap();
        mixed.settle();
    }
    assert_eq!((mixed.group.type_name(), mixed.group.is_idle()), ("consumer", false));
    mixed.beat(&plain("c", LEAVE_EPOCH)).unwrap();
    assert_eq!((mixed.group.type_name(), mixed.group.state_name()), ("consumer", "Empty"));
}

#[test]
fn a_static_member_changes_its_protocol_both_ways() {
    let mut mixed = Mixed::classic(true);
    let of = |id: &str, beat: Heartbeat| Heartbeat { instance_id: Some(id.to_owned()), ..beat };
    // Its former self of the classic protocol need not have left.
    assert_eq!(mixed.beat(&of("b", joining("b2", &[0]))), Ok((3, Some(parts(0, 2..4)))));
    assert_eq!(mixed.group.type_name(), "consumer");
    assert_eq!(mixed.hear("b", Some("b"), 2), Err(E::FencedInstanceId));
    assert_eq!(mixed.join("b", Some("b"), &BTreeSet::new()), Err(E::FencedInstanceId));
    assert_eq!(mixed.join("x", Some("x"), &BTreeSet::new()), Err(E::UnknownMemberId));
    assert_eq!(mixed.join("a", Some("a"), &BTreeSet::new()), Ok(3));
    assert_eq!(mixed.sync("a", Some("a"), 3), Ok(parts(0, 0..2)));
    // And back, while it has only left for a while: the other one is not disturbed.
    mixed.beat(&of("b", plain("b2", LEAVE_STATIC_EPOCH))).unwrap();
    assert_eq!(mixed.group.type_name(), "consumer", "it is still a member");
    let back = Join { fresh_id: "b3".to_owned(), ..request("", Some("b"), &[0], &BTreeSet::new()) };
    let joined = mixed.send(&back).unwrap();
    assert_eq!((joined.error, joined.generation, joined.member_id.as_str()), (None, 3, "b3"));
    assert_eq!((mixed.group.type_name(), mixed.group.state_name()), ("classic", "Stable"));
    assert_eq!(mixed.sync("b3", Some("b"), 3), Ok(parts(0, 2..4)));
    assert_eq!(mixed.hear("a", Some("a"), 3), Ok(()));
}

#[test]
fn a_static_member_that_comes_back_with_another_subscription_brings_a_rebalance() {
    let mut mixed = Mixed::classic(true);
    let replacing = Heartbeat { instance_id: Some("b".to_owned()), ..joining("b2", &[0]) };
    mixed.beat(&replacing).unwrap();
    mixed.send(&request("", Some("b"), &[], &BTreeSet::new())).unwrap();
    assert_eq!((mixed.group.type_name(), mixed.group.state_name()), ("classic", "PreparingRebalance"));
}

#[test]
fn a_mixed_group_goes_on_after_a_restart() {
    let mut mixed = Mixed::upgraded(false);
    mixed.restart();
    assert_eq!(mixed.group.deadline(), Some(CLASSIC_SESSION));
    assert_eq!((mixed.hear("a", None, 3), mixed.hear("b", None, 3)), (Ok(()), Ok(())));
    assert_eq!(mixed.beat(&plain("c", 3)), Ok((3, None)));
    // A downgraded group is kept as it was before, until it has its next generation.
    mixed.beat(&plain("c", LEAVE_EPOCH)).unwrap();
    assert!(mixed.of_classics().take_changed().is_none());
    // One that needs none is kept at once.
    let mut mixed = Mixed::classic(true);
    mixed.beat(&Heartbeat { instance_id: Some("b".to_owned()), ..joining("b2", &[0]) }).unwrap();
    mixed.join("a", Some("a"), &BTreeSet::new()).unwrap();
    let joined = mixed.send(&request("", Some("b"), &[0], &BTreeSet::new())).unwrap();
    mixed.restart();
    assert_eq!((mixed.group.type_name(), mixed.group.state_name()), ("classic", "Stable"));
    assert_eq!(mixed.sync(&joined.member_id, Some("b"), joined.generation), Ok(parts(0, 2..4)));
}
