//! Under any sequence of members of both protocols that come and go, no partition has two owners, and in the end each has one.

use proptest::prelude::*;

use super::{
    mixed::{Mixed, assignment, read, request},
    *,
};
use crate::groups::{Sync, embedded_protocol::Subscription};
use bytes::Bytes;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// Under the consumer protocol.
    Consumer,
    /// Under the classic protocol; revokes all before it joins.
    Eager,
    /// Under the classic protocol; revokes what it is not assigned any more.
    Cooperative,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Out,
    /// Waits for the answer to a request.
    Waiting(u64),
    In,
}

/// A client that follows its protocol.
#[derive(Clone, Debug)]
struct Client {
    kind: Kind,
    id: String,
    epoch: i32,
    owned: BTreeSet<PartitionId>,
    phase: Phase,
}

impl Client {
    /// It has lost all, and joins anew.
    fn start_over(&mut self, keep_id: bool) {
        self.owned.clear();
        self.phase = Phase::Out;
        if !keep_id {
            self.id.clear();
        }
    }

    fn meet(&mut self, error: E) {
        match error {
            E::RebalanceInProgress => self.phase = Phase::Out,
            E::IllegalGeneration => self.start_over(true),
            E::UnknownMemberId => self.start_over(false),
            other => panic!("{other:?} for {self:?}"),
        }
    }
}

#[derive(Clone, Debug)]
enum Step {
    Start(usize, Kind),
    Beat(usize),
    Leave(usize),
    Kill(usize),
    Wait(u64),
}

const CLIENTS: usize = 4;

fn step() -> impl Strategy<Value = Step> {
    let kind = prop_oneof![Just(Kind::Consumer), Just(Kind::Eager), Just(Kind::Cooperative)];
    prop_oneof![
        4 => (0..CLIENTS, kind).prop_map(|(who, kind)| Step::Start(who, kind)),
        16 => (0..CLIENTS).prop_map(Step::Beat),
        2 => (0..CLIENTS).prop_map(Step::Leave),
        1 => (0..CLIENTS).prop_map(Step::Kill),
        2 => (0..12_000u64).prop_map(Step::Wait),
    ]
}

struct Simulation {
    mixed: Mixed,
    clients: Vec<Option<Client>>,
    next: usize,
}

impl Simulation {
    fn start(&mut self, who: usize, kind: Kind) {
        self.next += 1;
        let id = if kind == Kind::Consumer { format!("m{:03}", self.next) } else { String::new() };
        let client = Client { kind, id, epoch: 0, owned: BTreeSet::new(), phase: Phase::Out };
        self.clients[who] = Some(client);
        self.beat(who);
    }

    fn beat(&mut self, who: usize) {
        let Some(client) = self.clients[who].as_mut() else { return };
        match (client.kind, client.phase) {
            (Kind::Consumer, _) => {
                let beat = if client.epoch == 0 {
                    joining(&client.id, &[0])
                } else {
                    plain(&client.id, client.epoch)
                };
                match self.mixed.beat(&Heartbeat { owned: Some(client.owned.clone()), ..beat }) {
                    Ok((epoch, assignment)) => {
                        client.epoch = epoch;
                        client.owned = assignment.unwrap_or(std::mem::take(&mut client.owned));
                    }
                    Err(E::UnknownMemberId | E::FencedMemberEpoch | E::GroupIdNotFound) => {
                        client.epoch = 0;
                        client.owned.clear();
                    }
                    Err(other) => panic!("{other:?}"),
                }
            }
            (_, Phase::Waiting(_)) => {}
            (_, Phase::In) => {
                if let Err(error) = self.mixed.hear(&client.id, None, client.epoch) {
                    client.meet(error);
                }
            }
            (kind, Phase::Out) => {
                if kind == Kind::Eager {
                    client.owned.clear();
                }
                self.next += 1;
                let fresh_id = format!("m{:03}", self.next);
                let join = Join { fresh_id, ..request(&client.id, None, &[0], &client.owned) };
                self.mixed.ticket += 1;
                client.phase = Phase::Waiting(self.mixed.ticket);
                let image = TopicsImage { version: 1, topics: &|| self.mixed.topics.clone() };
                self.mixed.group.join(&join, self.mixed.ticket, &image, self.mixed.now);
                self.mixed.settle();
            }
        }
        self.deliver();
    }

    /// Hands out the answers that are due, and sends the syncs that follow.
    fn deliver(&mut self) {
        loop {
            let answers = self.mixed.group.take_answers();
            if answers.is_empty() {
                return;
            }
            for answer in answers {
                let (Answer::Joined(ticket, _) | Answer::Synced(ticket, _)) = answer;
                let mut clients = self.clients.iter_mut().flatten();
                let Some(client) = clients.find(|client| client.phase == Phase::Waiting(ticket)) else {
                    continue;
                };
                match answer {
                    Answer::Joined(_, Joined { error: Some(error), .. }) | Answer::Synced(_, Err(error)) => {
                        client.meet(error);
                    }
                    Answer::Joined(_, joined) => {
                        client.epoch = joined.generation;
                        client.id.clone_from(&joined.member_id);
                        self.mixed.ticket += 1;
                        client.phase = Phase::Waiting(self.mixed.ticket);
                        let sync = Sync {
                            member_id: joined.member_id.clone(),
                            instance_id: None,
                            generation: joined.generation,
                            protocol_type: joined.protocol_type.clone(),
                            protocol: joined.protocol.clone(),
                            assignments: lead(&joined),
                        };
                        self.mixed.group.sync(sync, self.mixed.ticket, self.mixed.now);
                    }
                    Answer::Synced(_, Ok(synced)) => {
                        let assigned = read(&synced.assignment);
                        // A cooperative one that has revoked something joins again.
                        let revokes = client.kind == Kind::Cooperative && !client.owned.is_subset(&assigned);
                        client.phase = if revokes { Phase::Out } else { Phase::In };
                        client.owned = assigned;
                    }
                }
            }
        }
    }

    fn leave(&mut self, who: usize) {
        let Some(client) = self.clients[who].take() else { return };
        if client.kind == Kind::Consumer {
            let _ = self.mixed.beat(&plain(&client.id, LEAVE_EPOCH));
        } else {
            let _ = self.mixed.group.leave(&client.id, None, self.mixed.now);
            self.mixed.settle();
        }
        self.deliver();
    }

    fn tick(&mut self, time: u64) {
        self.mixed.tick(self.mixed.now + time);
        self.deliver();
        // A client that was removed unawares has no session left either.
        for client in self.clients.iter_mut().flatten() {
            let is_member = match &self.mixed.group {
                AnyGroup::Classic(group) => group.members.contains_key(&client.id),
                AnyGroup::Consumer(group) => group.members.contains_key(&client.id),
            };
            if !is_member {
                client.owned.clear();
            }
        }
    }

    fn each_part_has_one_owner(&self) -> Result<(), TestCaseError> {
        let mut seen = BTreeSet::new();
        for part in self.clients.iter().flatten().flat_map(|client| &client.owned) {
            prop_assert!(seen.insert(*part), "{part:?} has two owners: {:?}", self.clients);
        }
        Ok(())
    }
}

/// The leader's assignment: all keep what they own as far as it is even, and nobody gets what another one has to revoke first.
fn lead(joined: &Joined) -> Vec<(String, Bytes)> {
    let owned = |metadata: &Bytes| -> BTreeSet<PartitionId> {
        let owned = Subscription::parse(metadata).unwrap().owned;
        owned.iter().flat_map(|(_, partitions)| partitions.iter().map(|part| (topic(0), *part))).collect()
    };
    let owned: Vec<_> = joined.members.iter().map(|(_, _, metadata)| owned(metadata)).collect();
    let mut shares = owned.clone();
    if shares.is_empty() {
        return Vec::new();
    }
    let smallest =
        |shares: &[BTreeSet<PartitionId>]| (0..shares.len()).min_by_key(|at| shares[*at].len()).unwrap();
    for part in parts(0, 0..4).into_iter().filter(|part| owned.iter().all(|owned| !owned.contains(part))) {
        let to = smallest(&shares);
        shares[to].insert(part);
    }
    for from in 0..shares.len() {
        while shares[from].len() > shares[smallest(&shares)].len() + 1 {
            let part = shares[from].pop_last().unwrap();
            if !owned[from].contains(&part) {
                let to = smallest(&shares);
                shares[to].insert(part);
            }
        }
    }
    joined.members.iter().zip(shares).map(|((id, ..), share)| (id.clone(), assignment(&share))).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]
    #[test]
    fn whatever_their_protocols_no_partition_has_two_owners_and_in_the_end_each_has_one(
        steps in proptest::collection::vec(step(), 1..80),
    ) {
        let mut simulation = Simulation { mixed: Mixed::new(), clients: vec![None; CLIENTS], next: 0 };
        for step in steps {
            match step {
                Step::Start(who, kind) if simulation.clients[who].is_none() => simulation.start(who, kind),
                Step::Start(..) => {}
                Step::Beat(who) => simulation.beat(who),
                Step::Leave(who) => simulation.leave(who),
                Step::Kill(who) => simulation.clients[who] = None,
                Step::Wait(time) => simulation.tick(time),
            }
            simulation.each_part_has_one_owner()?;
        }
        // Dead members time out, and the others stabilize.
        for _ in 0..60 {
            simulation.tick(SESSION / 15);
            for who in 0..CLIENTS {
                simulation.beat(who);
                simulation.each_part_has_one_owner()?;
            }
        }
        let clients: Vec<_> = simulation.clients.iter().flatten().collect();
        let group = &simulation.mixed.group;
        if clients.is_empty() {
            prop_assert_eq!(group.state_name(), "Empty");
            return Ok(());
        }
        let modern = clients.iter().any(|client| client.kind == Kind::Consumer);
        let expected = (if modern { "consumer" } else { "classic" }, "Stable");
        prop_assert_eq!((group.type_name(), group.state_name()), expected, "{:?}", clients);
        let sizes: Vec<_> = clients.iter().map(|client| client.owned.len()).collect();
        prop_assert_eq!(sizes.iter().sum::<usize>(), 4, "{:?}", clients);
        prop_assert!(sizes.iter().max().unwrap() - sizes.iter().min().unwrap() <= 1, "not even: {:?}", clients);
    }
}
