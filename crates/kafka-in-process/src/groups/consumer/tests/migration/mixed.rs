//! A group of whatever protocol, the requests of its members, and what the shell does around them.

use bytes::{BufMut, Bytes, BytesMut};

use super::*;
use crate::groups::{
    AnyGroup, Group, Join, Joined, Sync, Synced,
    any_group::KeptGroup,
    embedded_protocol::{parse_assignment, write_assignment},
};

pub(super) const CLASSIC_SESSION: u64 = 30_000;

/// A group of whatever protocol, and a topic of four partitions.
pub(super) struct Mixed {
    pub(super) group: AnyGroup,
    pub(super) topics: TopicsByName,
    pub(super) now: u64,
    pub(super) ticket: u64,
}

fn subscription(topics: &[u8], owned: &BTreeSet<PartitionId>) -> Bytes {
    let mut bytes = BytesMut::new();
    bytes.put_i16(1);
    bytes.put_i32(i32::try_from(topics.len()).unwrap());
    for n in topics {
        bytes.put_i16(i16::try_from(name(*n).len()).unwrap());
        bytes.put_slice(name(*n).as_bytes());
    }
    bytes.put_i32(-1);
    // The partitions are written as in an assignment, without its version and its data.
    let owned = assignment(owned);
    bytes.put_slice(&owned[2..owned.len() - 4]);
    bytes.freeze()
}

pub(super) fn assignment(parts: &BTreeSet<PartitionId>) -> Bytes {
    let names: BTreeMap<Uuid, String> = (0..3).map(|n| (topic(n), name(n))).collect();
    let mut topics: BTreeMap<&str, Vec<i32>> = BTreeMap::new();
    for (id, partition) in parts {
        topics.entry(&names[id]).or_default().push(*partition);
    }
    write_assignment(1, &topics)
}

/// The partitions of an assignment.
pub(super) fn read(assignment: &[u8]) -> BTreeSet<PartitionId> {
    let (topics, _) = parse_assignment(assignment).unwrap();
    let id = |name: &str| topic(name.strip_prefix("topic-").unwrap().parse().unwrap());
    topics
        .iter()
        .flat_map(|(name, partitions)| partitions.iter().map(|partition| (id(name), *partition)))
        .collect()
}

pub(super) fn request(
    id: &str,
    instance: Option<&str>,
    topics: &[u8],
    owned: &BTreeSet<PartitionId>,
) -> Join {
    Join {
        member_id: id.to_owned(),
        instance_id: instance.map(str::to_owned),
        client_id: "client".to_owned(),
        client_host: "/127.0.0.1".to_owned(),
        session_timeout_ms: CLASSIC_SESSION,
        rebalance_timeout_ms: REBALANCE,
        protocol_type: "consumer".to_owned(),
        protocols: vec![("range".to_owned(), subscription(topics, owned))],
        asks_for_id: false,
        may_skip_assignment: true,
        fresh_id: "fresh".to_owned(),
    }
}

impl Mixed {
    pub(super) fn new() -> Self {
        let topics = TopicsByName::from([(name(0), TopicShape { id: topic(0), partitions: 4 })]);
        Self { group: AnyGroup::default(), topics, now: 0, ticket: 0 }
    }

    /// A classic group in which `a` and `b` share the partitions, static if `statics`; its generation is 2.
    pub(super) fn classic(statics: bool) -> Self {
        let mut mixed = Self::new();
        let none = BTreeSet::new();
        let of = |id: &'static str| statics.then_some(id);
        for (fresh, id) in [("a", ""), ("b", ""), ("", "a")] {
            let instance = of(if id.is_empty() { fresh } else { id });
            let join = Join { fresh_id: fresh.to_owned(), ..request(id, instance, &[0], &none) };
            mixed.send(&join);
        }
        let shares = [("a", parts(0, 0..2)), ("b", parts(0, 2..4))];
        let shares = shares.iter().map(|(id, parts)| ((*id).to_owned(), assignment(parts)));
        mixed.sync_with("a", of("a"), 2, shares.collect());
        assert_eq!(mixed.sync("b", of("b"), 2), Ok(parts(0, 2..4)));
        assert_eq!((mixed.group.type_name(), mixed.group.state_name()), ("classic", "Stable"));
        mixed
    }

    /// The same with a member `c` under the consumer protocol, and all have what they are to have, at epoch 3.
    pub(super) fn upgraded(statics: bool) -> Self {
        let mut mixed = Self::classic(statics);
        let of = |id: &'static str| statics.then_some(id);
        assert_eq!(mixed.beat(&joining("c", &[0])), Ok((3, Some(BTreeSet::new()))));
        for (id, owned, kept) in
            [("a", parts(0, 0..2), parts(0, 0..2)), ("b", BTreeSet::new(), parts(0, [2]))]
        {
            assert_eq!(mixed.join(id, of(id), &owned), Ok(3));
            assert_eq!(mixed.sync(id, of(id), 3), Ok(kept));
        }
        assert_eq!(mixed.beat(&plain("c", 3)), Ok((3, Some(parts(0, [3])))));
        assert_eq!((mixed.group.type_name(), mixed.group.state_name()), ("consumer", "Stable"));
        mixed
    }

    /// What the shell does after each request.
    pub(super) fn settle(&mut self) {
        if let Some(group) = self.group.downgrade(self.now) {
            group.rebalance(self.now);
        }
    }

    pub(super) fn send(&mut self, join: &Join) -> Option<Joined> {
        let Self { group, topics, now, ticket } = self;
        *ticket += 1;
        let image = TopicsImage { version: 1, topics: &|| topics.clone() };
        group.join(join, *ticket, &image, *now);
        self.settle();
        self.answer().map(|answer| match answer {
            Answer::Joined(_, joined) => joined,
            Answer::Synced(..) => panic!("not the answer to a join"),
        })
    }

    /// The answer to the last request, if it is due.
    pub(super) fn answer(&mut self) -> Option<Answer> {
        let of = |answer: &Answer| match answer {
            Answer::Joined(ticket, _) | Answer::Synced(ticket, _) => *ticket,
        };
        self.group.take_answers().into_iter().find(|answer| of(answer) == self.ticket)
    }

    /// The generation that a member gets by a join at once.
    pub(super) fn join(
        &mut self,
        id: &str,
        instance: Option<&str>,
        owned: &BTreeSet<PartitionId>,
    ) -> Result<i32, E> {
        let joined = self.send(&request(id, instance, &[0], owned)).unwrap();
        joined.error.map_or(Ok(joined.generation), Err)
    }

    pub(super) fn sync_with(
        &mut self,
        id: &str,
        instance: Option<&str>,
        generation: i32,
        assignments: Vec<(String, Bytes)>,
    ) -> Option<Result<Synced, E>> {
        self.ticket += 1;
        let sync = Sync {
            member_id: id.to_owned(),
            instance_id: instance.map(str::to_owned),
            generation,
            protocol_type: Some("consumer".to_owned()),
            protocol: Some("range".to_owned()),
            assignments,
        };
        self.group.sync(sync, self.ticket, self.now);
        self.settle();
        self.answer().map(|answer| match answer {
            Answer::Synced(_, synced) => synced,
            Answer::Joined(..) => panic!("not the answer to a sync"),
        })
    }

    pub(super) fn sync(
        &mut self,
        id: &str,
        instance: Option<&str>,
        generation: i32,
    ) -> Result<BTreeSet<PartitionId>, E> {
        let synced = self.sync_with(id, instance, generation, Vec::new()).unwrap();
        synced.map(|synced| read(&synced.assignment))
    }

    pub(super) fn hear(&mut self, id: &str, instance: Option<&str>, generation: i32) -> Result<(), E> {
        self.group.heartbeat(id, instance, generation, self.now)
    }

    /// A heartbeat of the consumer protocol.
    pub(super) fn beat(&mut self, beat: &Heartbeat) -> Result<(i32, Option<BTreeSet<PartitionId>>), E> {
        let Self { group, topics, now, .. } = self;
        let image = TopicsImage { version: 1, topics: &|| topics.clone() };
        let group = group
            .for_heartbeat(&beat.group, beat.epoch == 0, &image, *now)
            .map_err(|refusal| refusal.error)?;
        let answer = match beat.epoch {
            LEAVE_EPOCH | LEAVE_STATIC_EPOCH => group.leave_by_heartbeat(beat),
            _ => group.heartbeat(beat, &image, SESSION, *now),
        };
        self.settle();
        answer.map(|beaten| (beaten.epoch, beaten.assignment)).map_err(|refusal| refusal.error)
    }

    pub(super) fn tick(&mut self, now: u64) {
        self.now = now;
        self.group.tick(now);
        self.settle();
    }

    pub(super) fn commit(&mut self, id: &str, generation: i32) -> Result<usize, E> {
        // Classic members commit with versions that know no epochs.
        let who = Committer { member_id: id, instance_id: None, generation, knows_epochs: false };
        let late = self.group.validate_commit(&who, false, &Offsets::new(), &|_| None, self.now);
        late.map(|late| late.len())
    }

    pub(super) fn restart(&mut self) {
        let kept = match &mut self.group {
            AnyGroup::Classic(group) => serde_json::to_string(&group.take_changed().unwrap()),
            AnyGroup::Consumer(group) => serde_json::to_string(group),
        };
        let kept: KeptGroup = serde_json::from_str(&kept.unwrap()).unwrap();
        self.group = AnyGroup::restore(kept, SESSION, self.now);
    }

    pub(super) fn of_consumers(&self) -> &ConsumerGroup {
        match &self.group {
            AnyGroup::Consumer(group) => group,
            AnyGroup::Classic(_) => panic!("a classic group"),
        }
    }

    pub(super) fn of_classics(&mut self) -> &mut Group {
        match &mut self.group {
            AnyGroup::Classic(group) => group,
            AnyGroup::Consumer(_) => panic!("a consumer group"),
        }
    }
}
