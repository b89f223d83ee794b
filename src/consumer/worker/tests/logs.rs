//! Logs with every kind of record, by partition.

use std::collections::BTreeMap;

use proptest::prelude::*;

use crate::{
    consumer::Part,
    shop::Order,
    views::{
        Event, Source,
        naive::{self, Sold, lines},
    },
};

/// A record, before it has a partition's numbers.
#[derive(Debug, Clone)]
pub(super) enum Kind {
    Order { distance: i64, sold: Vec<Sold> },
    Again { back: u64 },
    WrongTotal,
    Garbage(Option<Vec<u8>>),
    Delivery { product: u64, quantity: i64 },
    Handled { distance: i64 },
}

fn kind() -> impl Strategy<Value = Kind> {
    let far = -200_000..200_000_i64;
    prop_oneof![
        8 => (far.clone(), lines()).prop_map(|(distance, sold)| Kind::Order { distance, sold }),
        1 => (0..3_u64).prop_map(|back| Kind::Again { back }),
        1 => Just(Kind::WrongTotal),
        1 => prop::option::of(prop::collection::vec(any::<u8>(), 0..4)).prop_map(Kind::Garbage),
        2 => (0..5_u64, 1..1000_i64).prop_map(|(product, quantity)| Kind::Delivery { product, quantity }),
        6 => far.prop_map(|distance| Kind::Handled { distance }),
    ]
}

pub(super) fn kinds() -> impl Strategy<Value = Vec<(usize, Kind)>> {
    prop::collection::vec((0..PARTS, kind()), 0..60)
}

/// Partitions of each log.
pub(super) const PARTS: usize = 3;

#[derive(Debug, Clone)]
pub(super) struct Row {
    pub(super) payload: Option<Vec<u8>>,
    pub(super) timestamp: i64,
    pub(super) event: Option<Event>,
}

/// The records of one log, by partition: every order, delivery and handled order, each in its own topic.
pub(super) type Logs = BTreeMap<Part, Vec<Row>>;

pub(super) fn logs(kinds: &[(usize, Kind)], now: i64, epoch: i64) -> Logs {
    let mut logs = Logs::new();
    for source in [Source::Orders, Source::Deliveries, Source::Handled] {
        for partition in 0..PARTS {
            logs.insert(Part { source, partition: i32::try_from(partition).unwrap() }, Vec::new());
        }
    }
    let mut last = [None; PARTS];
    for ((partition, kind), id) in kinds.iter().zip(10_u64..) {
        let order = |id| naive::order(id, now, &[(1, 1, 1, 5)]);
        let (source, payload, event) = match kind {
            Kind::Order { distance, sold } => {
                last[*partition] = Some(id);
                let order = naive::order(id, now + distance, sold);
                (Source::Orders, serde_json::to_vec(&order).ok(), Some(Event::Order(order)))
            }
            Kind::Again { back } => match last[*partition] {
                Some(last) => (Source::Orders, serde_json::to_vec(&order(last - back)).ok(), None),
                None => (Source::Orders, None, None),
            },
            Kind::WrongTotal => {
                let order = Order { total_ore: 6, ..order(id) };
                (Source::Orders, serde_json::to_vec(&order).ok(), None)
            }
            Kind::Garbage(bytes) => (Source::Orders, bytes.clone(), None),
            Kind::Delivery { product, quantity } => {
                let delivery = naive::delivery(*product, now, *quantity);
                (Source::Deliveries, serde_json::to_vec(&delivery).ok(), Some(Event::Delivery(delivery)))
            }
            Kind::Handled { distance } => {
                let handled = naive::handled(id, now + distance, 40_999);
                (Source::Handled, serde_json::to_vec(&handled).ok(), Some(Event::Handled(handled)))
            }
        };
        let part = Part { source, partition: i32::try_from(*partition).unwrap() };
        logs.entry(part).or_default().push(Row { payload, timestamp: epoch, event });
    }
    logs
}
