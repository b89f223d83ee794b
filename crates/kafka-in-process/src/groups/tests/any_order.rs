//! Under any sequence of actions, the group's invariants hold.

use proptest::prelude::*;

use super::*;

#[derive(Clone, Debug)]
enum Step {
    Join(u8, bool),
    Sync(u8),
    Heartbeat(u8),
    Leave(u8),
    Wait(u64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0..4u8, any::<bool>()).prop_map(|(who, back)| Step::Join(who, back)),
        4 => (0..4u8).prop_map(Step::Sync),
        2 => (0..4u8).prop_map(Step::Heartbeat),
        1 => (0..4u8).prop_map(Step::Leave),
        2 => (0..10_000u64).prop_map(Step::Wait),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]
    #[test]
    fn everyone_is_answered_once_and_in_the_end(steps in proptest::collection::vec(step(), 1..60)) {
        let mut group = Group::default();
        let mut now = 0;
        let mut next: Ticket = 0;
        let mut open = std::collections::BTreeSet::new();
        let mut ids: [Option<String>; 4] = Default::default();
        let mut owners = std::collections::HashMap::new();
        let mut generation = 0;
        for step in steps {
            next += 1;
            match step {
                Step::Join(who, back) => {
                    let instance = (who % 2 == 1).then(|| format!("I{who}"));
                    let id = ids[usize::from(who)].clone().filter(|_| back).unwrap_or_default();
                    open.insert(next);
                    owners.insert(next, who);
                    group.join(&join(&id, instance.as_deref(), &format!("m{next}")), next, now);
                }
                Step::Sync(who) => {
                    let Some(id) = ids[usize::from(who)].clone() else { continue };
                    let everyone: Vec<_> = group.members.keys().cloned().collect();
                    let parts: Vec<_> = everyone.iter().map(|id| (id.as_str(), id.as_str())).collect();
                    open.insert(next);
                    let instance_id = (who % 2 == 1).then(|| format!("I{who}"));
                    group.sync(Sync { instance_id, ..sync(&id, group.generation, &parts) }, next, now);
                }
                Step::Heartbeat(who) => {
                    let id = ids[usize::from(who)].clone().unwrap_or_default();
                    let _ = group.heartbeat(&id, None, group.generation, now);
                }
                Step::Leave(who) => {
                    let id = ids[usize::from(who)].take().unwrap_or_default();
                    let _ = group.leave(&id, None, now);
                }
                Step::Wait(time) => {
                    now += time;
                    group.tick(now);
                }
            }
            for answer in group.take_answers() {
                match answer {
                    Answer::Joined(ticket, joined) => {
                        prop_assert!(open.remove(&ticket), "answered twice");
                        if joined.error.is_none() {
                            ids[usize::from(owners[&ticket])] = Some(joined.member_id);
                        }
                    }
                    Answer::Synced(ticket, synced) => {
                        prop_assert!(open.remove(&ticket), "answered twice");
                        // Each member gets its assignment of the present generation.
                        if let Ok(synced) = synced {
                            prop_assert!(!synced.assignment.is_empty() || group.generation > 0);
                        }
                    }
                }
            }
            prop_assert!(group.generation >= generation);
            generation = group.generation;
            prop_assert_eq!(group.members.is_empty(), group.state == State::Empty
                || (group.members.is_empty() && group.state == State::PreparingRebalance));
        }
        // Time-outs alone yield every response: nobody hangs.
        for _ in 0..50 {
            let Some(due) = group.deadline() else { break };
            now = now.max(due);
            group.tick(now);
            for answer in group.take_answers() {
                let (Answer::Joined(ticket, _) | Answer::Synced(ticket, _)) = answer;
                prop_assert!(open.remove(&ticket), "answered twice");
            }
        }
        prop_assert!(open.is_empty(), "{open:?} were never answered in {:?}", group);
        prop_assert!(group.is_idle());
    }
}
