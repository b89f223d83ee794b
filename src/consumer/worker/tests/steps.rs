//! What may happen to a process that runs a consumer.

use proptest::prelude::*;

use super::logs::PARTS;

/// What happens to a process that runs a consumer.
#[derive(Debug, Clone)]
pub(super) enum Step {
    /// So many more records of a partition come.
    Take {
        part: usize,
        count: usize,
    },
    /// The last ones come again.
    Redeliver {
        part: usize,
        count: usize,
    },
    Checkpoint,
    /// Everything in the log is read; the days before this one, counted from the middle one, are closed.
    Close(i64),
    /// Partitions are given back and others taken over, in good order or not.
    Rebalance {
        keep: u8,
        lost: bool,
    },
    /// The process ends, and the next one has these faults.
    Crash(Fault),
    /// Kafka has another log, without these many of the first events of each partition and without all that is none.
    OtherLog(usize),
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Fault {
    None,
    Files { after: usize, kept: usize, for_good: bool },
    Store { after: usize, done: bool, for_good: bool },
}

fn fault() -> impl Strategy<Value = Fault> {
    prop_oneof![
        2 => Just(Fault::None),
        3 => (0..6_usize, 0..40_usize, any::<bool>())
            .prop_map(|(after, kept, for_good)| Fault::Files { after, kept, for_good }),
        3 => (0..4_usize, any::<bool>(), any::<bool>())
            .prop_map(|(after, done, for_good)| Fault::Store { after, done, for_good }),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let part = || 0..PARTS;
    prop_oneof![
        8 => (part(), 1..6_usize).prop_map(|(part, count)| Step::Take { part, count }),
        1 => (part(), 1..6_usize).prop_map(|(part, count)| Step::Redeliver { part, count }),
        6 => Just(Step::Checkpoint),
        2 => (-3..4_i64).prop_map(Step::Close),
        1 => (any::<u8>(), any::<bool>()).prop_map(|(keep, lost)| Step::Rebalance { keep, lost }),
        2 => fault().prop_map(Step::Crash),
        1 => (0..20_usize).prop_map(Step::OtherLog),
    ]
}

pub(super) fn steps() -> impl Strategy<Value = Vec<Step>> {
    prop::collection::vec(step(), 0..40)
}
