//! The server-side assignors: balanced and, for `uniform`, sticky.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::member::PartitionId;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Assignor {
    /// Balances over all topics and keeps the previous assignment as far as possible.
    #[default]
    Uniform,
    /// Assigns contiguous ranges of each topic.
    Range,
}

impl Assignor {
    /// The default first.
    pub(crate) const ALL: [Self; 2] = [Self::Uniform, Self::Range];

    /// Its name in the protocol.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Uniform => "uniform",
            Self::Range => "range",
        }
    }

    /// Assigns the partitions of topics, given by their numbers; the result is in the order of the subscribers.
    pub(super) fn assign(
        self,
        subscribers: &[Subscriber<'_>],
        topics: &BTreeMap<Uuid, i32>,
    ) -> Vec<BTreeSet<PartitionId>> {
        match self {
            Self::Uniform => uniform(subscribers, topics),
            Self::Range => range(subscribers, topics),
        }
    }
}

/// A member, as input of an assignor.
pub(super) struct Subscriber<'a> {
    pub(super) id: &'a str,
    pub(super) instance_id: Option<&'a str>,
    pub(super) topics: BTreeSet<Uuid>,
    /// Its part of the previous target assignment.
    pub(super) target: &'a BTreeSet<PartitionId>,
}

fn range(subscribers: &[Subscriber<'_>], topics: &BTreeMap<Uuid, i32>) -> Vec<BTreeSet<PartitionId>> {
    let mut shares = vec![BTreeSet::new(); subscribers.len()];
    // Static members first, by instance id: a member that rejoins gets the same ranges.
    let mut order: Vec<usize> = (0..subscribers.len()).collect();
    order.sort_by_key(|at| {
        let subscriber = &subscribers[*at];
        (subscriber.instance_id.is_none(), subscriber.instance_id, subscriber.id)
    });
    for (topic, count) in topics {
        let of_topic: Vec<usize> =
            order.iter().copied().filter(|at| subscribers[*at].topics.contains(topic)).collect();
        let mut left = *count;
        let mut next = 0;
        for (served, at) in of_topic.iter().enumerate() {
            let waiting = i32::try_from(of_topic.len() - served).unwrap_or(i32::MAX);
            // Rounded up: the first members get the remainder.
            let share = left / waiting + i32::from(left % waiting > 0);
            shares[*at].extend((next..next + share).map(|partition| (*topic, partition)));
            (left, next) = (left - share, next + share);
        }
    }
    shares
}

fn uniform(subscribers: &[Subscriber<'_>], topics: &BTreeMap<Uuid, i32>) -> Vec<BTreeSet<PartitionId>> {
    let mut subscribers_of: BTreeMap<Uuid, Vec<usize>> = BTreeMap::new();
    for (at, subscriber) in subscribers.iter().enumerate() {
        for topic in subscriber.topics.iter().filter(|topic| topics.contains_key(topic)) {
            subscribers_of.entry(*topic).or_default().push(at);
        }
    }
    let mut taken = BTreeSet::new();
    let kept = subscribers.iter().map(|subscriber| {
        let is_there = |(topic, partition): &&PartitionId| {
            subscriber.topics.contains(topic) && topics.get(topic).is_some_and(|count| partition < count)
        };
        subscriber.target.iter().filter(is_there).filter(|part| taken.insert(**part)).copied().collect()
    });
    let mut shares: Vec<BTreeSet<PartitionId>> = kept.collect();
    // Topics with few subscribers first: members with other topics are balanced by those.
    let mut order: Vec<(Uuid, Vec<usize>)> = subscribers_of.into_iter().collect();
    order.sort_by_key(|(_, of_topic)| of_topic.len());
    for (topic, of_topic) in &order {
        let free =
            (0..topics[topic]).map(|partition| (*topic, partition)).filter(|part| !taken.contains(part));
        for part in free {
            let to = smallest(of_topic, &shares);
            shares[to].insert(part);
        }
    }
    // Moves partitions from the largest to the smallest share, until no two subscribers of a topic differ by two. Each move
    // reduces the sum of squares, so the loop ends.
    loop {
        let mut moved = false;
        for (topic, of_topic) in &order {
            while let Some((from, part)) = largest(*topic, of_topic, &shares) {
                let to = smallest(of_topic, &shares);
                if shares[from].len() < shares[to].len() + 2 {
                    break;
                }
                shares[from].remove(&part);
                shares[to].insert(part);
                moved = true;
            }
        }
        if !moved {
            return shares;
        }
    }
}

/// The subscriber with the smallest share, the first of equals.
fn smallest(of_topic: &[usize], shares: &[BTreeSet<PartitionId>]) -> usize {
    of_topic.iter().copied().min_by_key(|at| shares[*at].len()).unwrap_or(0)
}

/// The subscriber with the largest share of those with partitions of a topic, and its last partition of it.
fn largest(
    topic: Uuid,
    of_topic: &[usize],
    shares: &[BTreeSet<PartitionId>],
) -> Option<(usize, PartitionId)> {
    let last = |at: &usize| {
        let of_topic = shares[*at].range((topic, 0)..=(topic, i32::MAX));
        Some((*at, *of_topic.last()?))
    };
    of_topic.iter().filter_map(last).max_by_key(|(at, _)| shares[*at].len())
}
