//! The content of the topics, and its consistency.

use std::collections::{BTreeMap, HashSet};

use shop_sim::{
    shop::{Catalog, Delivery, Order, Pulse},
    stream::{Session, Topic},
};

use crate::shop::read_partition;

pub(crate) struct Log {
    pub(crate) orders: Vec<Order>,
    pub(crate) deliveries: Vec<Delivery>,
    /// In the order of the log.
    pub(crate) pulses: Vec<Pulse>,
    /// The records of orders and deliveries, partition by partition.
    pub(crate) bytes: Vec<Vec<Vec<u8>>>,
}

impl Log {
    pub(crate) fn read(session: &Session) -> Self {
        let mut log =
            Self { orders: Vec::new(), deliveries: Vec::new(), pulses: Vec::new(), bytes: Vec::new() };
        for partition in 0..session.partitions {
            let records = read_partition(session, Topic::Orders, partition);
            let mut last = 0;
            for bytes in &records {
                let order = Order::decode(Some(bytes)).unwrap();
                assert_eq!(order.order_id % 6, u64::try_from(partition).unwrap(), "spread by id");
                assert!(order.order_id > last, "ids go up within a partition");
                last = order.order_id;
                log.orders.push(order);
            }
            log.bytes.push(records);
            let records = read_partition(session, Topic::Deliveries, partition);
            log.deliveries.extend(records.iter().map(|bytes| Delivery::decode(Some(bytes)).unwrap()));
            log.bytes.push(records);
        }
        log.pulses = read_partition(session, Topic::Pulse, 0)
            .iter()
            .map(|bytes| Pulse::decode(Some(bytes)).unwrap())
            .collect();
        log.orders.sort_by_key(|order| order.order_id);
        log.deliveries.sort_by_key(|delivery| delivery.delivery_id);
        log
    }

    pub(crate) fn latest_ms(&self) -> i64 {
        self.orders.iter().map(|order| order.created_at.timestamp_millis()).max().unwrap_or_default()
    }

    /// Ids without gaps, plus all checks of [`Log::audit_after_crash`].
    pub(crate) fn audit(&self) {
        let ids = |ids: &mut dyn Iterator<Item = u64>| {
            ids.zip(1..).for_each(|(id, expected)| assert_eq!(id, expected, "ids without gaps"));
        };
        ids(&mut self.orders.iter().map(|order| order.order_id));
        ids(&mut self.deliveries.iter().map(|delivery| delivery.delivery_id));
        self.audit_after_crash();
    }

    /// Times and pulses never go back, and at every moment of shop time opening stock + deliveries − sold ≥ 0. A crash
    /// may leave gaps between ids.
    pub(crate) fn audit_after_crash(&self) {
        let once = |ids: Vec<u64>| ids.windows(2).all(|pair| pair[0] < pair[1]);
        assert!(once(self.orders.iter().map(|order| order.order_id).collect()), "every id once");
        assert!(once(self.deliveries.iter().map(|delivery| delivery.delivery_id).collect()), "every id once");
        assert!(self.orders.is_sorted_by_key(|order| order.created_at), "time goes on");
        assert!(self.deliveries.is_sorted_by_key(|delivery| delivery.at), "time goes on");
        assert!(self.pulses.is_sorted_by_key(|pulse| pulse.shop_time), "pulses go on");
        let told = self.pulses.last().map(|pulse| pulse.shop_time.timestamp_millis());
        assert!(told.is_some_and(|told| self.latest_ms() <= told), "the last pulse tells of every order");

        // At equal times deliveries come before sales.
        let mut moves: Vec<(i64, bool, u64, i64)> = Vec::new();
        for delivery in &self.deliveries {
            moves.push((delivery.at.timestamp_millis(), false, delivery.product_id, delivery.quantity));
        }
        for order in &self.orders {
            for line in &order.lines {
                moves.push((order.created_at.timestamp_millis(), true, line.product_id, -line.quantity));
            }
        }
        moves.sort_by_key(|(at, sale, ..)| (*at, *sale));
        let mut balances: BTreeMap<u64, i64> = BTreeMap::new();
        for (at, _, product, pieces) in moves {
            let balance = balances.entry(product).or_default();
            *balance += pieces;
            assert!(*balance >= 0, "product {product} is at {balance} at {at}");
        }
    }

    /// Delivered minus sold, by product.
    pub(crate) fn balances(&self) -> BTreeMap<u64, i64> {
        let mut balances = BTreeMap::new();
        for delivery in &self.deliveries {
            *balances.entry(delivery.product_id).or_default() += delivery.quantity;
        }
        for line in self.orders.iter().flat_map(|order| &order.lines) {
            *balances.entry(line.product_id).or_default() -= line.quantity;
        }
        balances
    }

    /// Whether every product has its opening stock once, as its first delivery.
    pub(crate) fn openings_come_once(&self) -> bool {
        let catalog = Catalog::builtin();
        let mut seen = HashSet::new();
        let first: Vec<&Delivery> =
            self.deliveries.iter().filter(|delivery| seen.insert(delivery.product_id)).collect();
        first.len() == catalog.products.len()
            && catalog.products.iter().all(|product| {
                first.iter().any(|delivery| {
                    (delivery.product_id, delivery.quantity) == (product.id, product.opening_stock)
                })
            })
            && first.iter().all(|delivery| delivery.delivery_id <= first.len() as u64)
    }
}
