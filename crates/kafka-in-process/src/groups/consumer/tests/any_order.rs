//! Under any sequence of actions, no partition has two owners, and in the end each has one.

use proptest::prelude::*;

use super::*;

/// A client that follows the protocol.
#[derive(Clone, Debug, Default)]
struct Client {
    id: String,
    instance: Option<String>,
    epoch: i32,
    owned: BTreeSet<PartitionId>,
    topics: Vec<u8>,
    /// Missed its last response: its next heartbeat is full.
    missed: bool,
}

#[derive(Clone, Debug)]
enum Step {
    Join(usize, u8),
    /// A heartbeat, whose response may be lost.
    Heartbeat(usize, bool),
    Subscribe(usize, u8),
    Leave(usize),
    Pause(usize),
    Kill(usize),
    Wait(u64),
    Grow(u8),
    Restart,
}

const CLIENTS: usize = 5;
const TOPICS: u8 = 3;

fn step() -> impl Strategy<Value = Step> {
    let topics = 1..(1u8 << TOPICS);
    prop_oneof![
        4 => (0..CLIENTS, topics.clone()).prop_map(|(who, topics)| Step::Join(who, topics)),
        12 => (0..CLIENTS, any::<bool>()).prop_map(|(who, lost)| Step::Heartbeat(who, lost)),
        1 => (0..CLIENTS, topics).prop_map(|(who, topics)| Step::Subscribe(who, topics)),
        1 => (0..CLIENTS).prop_map(Step::Leave),
        1 => (0..CLIENTS).prop_map(Step::Pause),
        1 => (0..CLIENTS).prop_map(Step::Kill),
        2 => (0..30_000u64).prop_map(Step::Wait),
        1 => (0..TOPICS).prop_map(Step::Grow),
        1 => Just(Step::Restart),
    ]
}

fn topics(mask: u8) -> Vec<u8> {
    (0..TOPICS).filter(|n| mask & (1 << n) != 0).collect()
}

struct Simulation {
    world: World,
    clients: Vec<Option<Client>>,
    next: usize,
    assignor: Assignor,
}

impl Simulation {
    fn join(&mut self, who: usize, topics: Vec<u8>) {
        self.next += 1;
        let instance = (who % 2 == 1).then(|| format!("i{who}"));
        let client = Client { id: format!("m{:04}", self.next), instance, topics, ..Client::default() };
        self.clients[who] = Some(client);
        self.beat(who, false, None);
    }

    fn beat(&mut self, who: usize, lost: bool, subscribe: Option<Vec<u8>>) {
        let Some(client) = self.clients[who].as_mut() else { return };
        let full = client.epoch == 0 || client.missed;
        let other = subscribe.is_some();
        client.topics = subscribe.unwrap_or(std::mem::take(&mut client.topics));
        let said = joining(&client.id, &client.topics);
        let beat = Heartbeat {
            epoch: client.epoch,
            instance_id: client.instance.clone(),
            assignor: full.then_some(self.assignor),
            rebalance_timeout_ms: said.rebalance_timeout_ms.filter(|_| full),
            topics: said.topics.filter(|_| full || other),
            owned: Some(client.owned.clone()),
            ..plain(&client.id, client.epoch)
        };
        match self.world.beat(&beat) {
            Ok(_) if lost => client.missed = true,
            Ok(beaten) => {
                client.missed = false;
                client.epoch = beaten.epoch;
                if let Some(assignment) = beaten.assignment {
                    client.owned = assignment;
                }
            }
            // It revokes everything and rejoins.
            Err(E::FencedMemberEpoch | E::UnknownMemberId) => {
                client.owned.clear();
                client.epoch = 0;
                // A static one that still exists must send -2 first, as its next run does.
                if client.instance.is_some() {
                    let pause = Heartbeat {
                        instance_id: client.instance.clone(),
                        ..plain(&client.id, LEAVE_STATIC_EPOCH)
                    };
                    let _ = self.world.group.leave_by_heartbeat(&pause);
                }
            }
            // Its id is taken: the client ends.
            Err(_) => self.clients[who] = None,
        }
    }

    fn leave_by_heartbeat(&mut self, who: usize, epoch: i32) {
        let Some(client) = self.clients[who].take() else { return };
        let epoch = if client.instance.is_some() { epoch } else { LEAVE_EPOCH };
        let _ = self
            .world
            .group
            .leave_by_heartbeat(&Heartbeat { instance_id: client.instance, ..plain(&client.id, epoch) });
    }

    fn tick(&mut self, time: u64) {
        self.world.now += time;
        self.world.group.tick(self.world.now);
        // A client that was removed unawares has no session left either.
        for client in self.clients.iter_mut().flatten() {
            if !self.world.group.members.contains_key(&client.id) {
                client.owned.clear();
            }
        }
    }

    fn each_part_has_one_owner(&self) -> Result<(), TestCaseError> {
        let mut seen = BTreeSet::new();
        for part in self.clients.iter().flatten().flat_map(|client| &client.owned) {
            prop_assert!(seen.insert(*part), "{part:?} has two owners");
        }
        let mut held = BTreeSet::new();
        for part in self.world.group.members.values().flat_map(Member::current) {
            prop_assert!(held.insert(part), "{part:?} is given twice");
        }
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]
    #[test]
    fn no_partition_has_two_owners_and_in_the_end_each_has_one(
        steps in proptest::collection::vec(step(), 1..80),
        range in any::<bool>(),
    ) {
        let assignor = if range { Assignor::Range } else { Assignor::Uniform };
        let mut simulation = Simulation { world: World::with(&[1, 4, 7]), clients: vec![None; CLIENTS], next: 0, assignor };
        for step in steps {
            match step {
                Step::Join(who, mask) if simulation.clients[who].is_none() => simulation.join(who, topics(mask)),
                Step::Join(..) => {}
                Step::Heartbeat(who, lost) => simulation.beat(who, lost, None),
                Step::Subscribe(who, mask) => simulation.beat(who, false, Some(topics(mask))),
                Step::Leave(who) => simulation.leave_by_heartbeat(who, LEAVE_EPOCH),
                Step::Pause(who) => simulation.leave_by_heartbeat(who, LEAVE_STATIC_EPOCH),
                Step::Kill(who) => simulation.clients[who] = None,
                Step::Wait(time) => simulation.tick(time),
                Step::Grow(n) => {
                    let partitions = simulation.world.topics[&name(n)].partitions;
                    simulation.world.set_partitions(n, partitions + 2);
                }
                Step::Restart => simulation.world.restart(),
            }
            simulation.each_part_has_one_owner()?;
        }
        // Dead members time out, and the others stabilize.
        for _ in 0..40 {
            simulation.tick(SESSION / 10);
            for who in 0..CLIENTS {
                simulation.beat(who, false, None);
                simulation.each_part_has_one_owner()?;
            }
        }
        let clients: Vec<_> = simulation.clients.iter().flatten().collect();
        prop_assert_eq!(simulation.world.group.state(), if clients.is_empty() { GroupState::Empty } else { GroupState::Stable });
        let reads = |client: &&&Client, part: &PartitionId| client.topics.iter().any(|n| topic(*n) == part.0);
        for shape in simulation.world.topics.values() {
            for part in (0..shape.partitions).map(|partition| (shape.id, partition)) {
                let readers: Vec<_> = clients.iter().filter(|client| reads(client, &part)).collect();
                let owner = readers.iter().find(|client| client.owned.contains(&part));
                prop_assert_eq!(owner.is_some(), !readers.is_empty(), "{:?} of {:?}", part, clients);
                let Some(owner) = owner.filter(|_| assignor == Assignor::Uniform) else { continue };
                let least = readers.iter().map(|client| client.owned.len()).min().unwrap_or(0);
                prop_assert!(owner.owned.len() <= least + 1, "not even: {:?}", clients);
            }
        }
    }
}
