//! Sales and deliveries in the log: pure, a function of the initial state and the records since.

use std::collections::BTreeMap;

use super::shelf::Coming;
use crate::{
    consumer::{self, Rule, order_ids::Index},
    shop::{Delivery, Order, Pulse, order::LARGEST_COUNTED, pulse::RunState},
    views::{Source, shop_figures::StockLine},
};

/// How far behind the last pulse an order may lie that was sold by the simulator that pulsed. A past period
/// written at once gets ahead of its pulses by hours; an order of next week is somebody else's.
const AHEAD_OF_PULSE_MS: i64 = 24 * 3_600_000;

/// The history of the whole log up to a position.
#[derive(Debug, Default)]
pub struct LogTotals {
    /// Position in each partition of `orders`.
    pub orders: Vec<Orders>,
    /// Position in each partition of `deliveries`.
    pub deliveries: Vec<Position>,
    /// Pieces delivered, by product id.
    pub delivered: BTreeMap<u64, i64>,
    /// Pieces sold, by product id.
    pub sold: BTreeMap<u64, i64>,
    /// Valid orders, each counted once.
    pub order_count: u64,
    /// Latest shop time of an order or a delivery, Unix ms.
    pub latest_ms: Option<i64>,
    /// Deliveries in order of their ids; only those above the pulse's last one, which it did not know of.
    pub since_pulse: BTreeMap<u64, (u64, i64)>,
    /// The highest delivery id that the last pulse knew of.
    pub pulse_delivery_id: u64,
}

/// How far a partition of `orders` was read, and which ids it has.
#[derive(Debug)]
pub struct Orders {
    /// Offset of the next record.
    pub next_offset: i64,
    ids: Index,
    /// The highest id that others can follow.
    last_id: Option<u64>,
}

impl Default for Orders {
    fn default() -> Self {
        Self { next_offset: 0, ids: Index::new(Rule::default(), None), last_id: None }
    }
}

/// How far a partition of `deliveries` was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Position {
    /// Offset of the next record.
    pub next_offset: i64,
    /// The last id; one that is not above it is a duplicate.
    pub last_id: Option<u64>,
}

impl LogTotals {
    /// Empty history of topics with so many partitions, beside the last pulse.
    pub fn new(orders: usize, deliveries: usize, pulse: Option<&Pulse>) -> Self {
        Self {
            orders: std::iter::repeat_with(Orders::default).take(orders).collect(),
            deliveries: vec![Position::default(); deliveries],
            pulse_delivery_id: pulse.map_or(0, |pulse| pulse.last_delivery_id),
            ..Self::default()
        }
    }

    /// Begins a partition with what consumer 4 says of it up to a position: its oldest records are gone.
    pub fn begin(&mut self, source: Source, partition: usize, at: consumer::Position, lines: &[StockLine]) {
        if source != Source::Orders {
            if let Some(position) = self.deliveries.get_mut(partition) {
                *position = Position { next_offset: at.next, last_id: None };
            }
        } else if let Some(orders) = self.orders.get_mut(partition) {
            (orders.next_offset, orders.last_id) = (at.next, at.last_order_id);
        }
        for line in lines {
            let sums = [(line.sold, &mut self.sold), (line.delivered, &mut self.delivered)];
            // A product without a delivery is yet to get its opening stock.
            for (pieces, of) in sums.into_iter().filter(|(pieces, _)| *pieces != 0) {
                let sum = of.entry(line.product_id).or_default();
                *sum = sum.saturating_add(pieces);
            }
        }
    }

    /// Enters a record of `orders`; what is invalid or a duplicate has no effect.
    pub fn order(&mut self, partition: usize, payload: Option<&[u8]>) {
        let Ok(order) = Order::decode(payload) else { return };
        let Some(orders) = self.orders.get_mut(partition) else { return };
        // In memory nothing fails.
        if !orders.ids.admit(&order).unwrap_or(true) {
            return;
        }
        if order.order_id <= LARGEST_COUNTED {
            orders.last_id = orders.last_id.max(Some(order.order_id));
        }
        self.order_count += 1;
        self.seen(order.created_at.timestamp_millis());
        for line in &order.lines {
            let sold = self.sold.entry(line.product_id).or_default();
            *sold = sold.saturating_add(line.quantity);
        }
    }

    /// Enters a record of `deliveries`; what is invalid has no effect. Each valid one counts, as it does for consumer 4:
    /// whoever else delivers has ids of its own.
    pub fn delivery(&mut self, partition: usize, payload: Option<&[u8]>) {
        let Ok(delivery) = Delivery::decode(payload) else { return };
        if let Some(position) = self.deliveries.get_mut(partition) {
            position.last_id = position.last_id.max(Some(delivery.delivery_id));
        }
        self.seen(delivery.at.timestamp_millis());
        let delivered = self.delivered.entry(delivery.product_id).or_default();
        *delivered = delivered.saturating_add(delivery.quantity);
        if delivery.delivery_id > self.pulse_delivery_id {
            self.since_pulse.insert(delivery.delivery_id, (delivery.product_id, delivery.quantity));
        }
    }

    fn seen(&mut self, ms: i64) {
        self.latest_ms = Some(self.latest_ms.map_or(ms, |latest| latest.max(ms)));
    }

    /// The order id to go on from.
    pub fn last_order_id(&self) -> u64 {
        self.orders.iter().filter_map(|position| position.last_id).max().unwrap_or_default()
    }

    /// The highest delivery id, those that a pulse knew of included.
    pub fn last_delivery_id(&self) -> u64 {
        let last = self.deliveries.iter().filter_map(|position| position.last_id).max();
        last.unwrap_or_default().max(self.pulse_delivery_id)
    }

    /// How far the shop's time has come in the log, Unix ms. The last pulse says it; behind one that was
    /// not the last word of its simulator there may be orders that it did not live to count in.
    pub fn time_ms(&self, pulse: Option<&Pulse>) -> Option<i64> {
        let Some(pulse) = pulse else { return self.latest_ms };
        let pulse_ms = pulse.shop_time.timestamp_millis();
        let latest_ms = self.latest_ms.filter(|latest| {
            pulse.state != RunState::Stopped && *latest <= pulse_ms.saturating_add(AHEAD_OF_PULSE_MS)
        });
        Some(latest_ms.map_or(pulse_ms, |latest| latest.max(pulse_ms)))
    }

    /// What is still on its way: the last pulse's reorders without those that came after it.
    pub fn under_way(&self, pulse: Option<&Pulse>) -> Vec<(u64, Coming)> {
        let mut under_way: Vec<(u64, Coming)> = pulse
            .into_iter()
            .flat_map(|pulse| &pulse.under_way)
            .map(|reorder| {
                let due_ms = reorder.due.timestamp_millis();
                (reorder.product_id, Coming { quantity: reorder.quantity.max(1), due_ms })
            })
            .collect();
        for (product_id, quantity) in self.since_pulse.values() {
            let came =
                under_way.iter().position(|(id, coming)| id == product_id && coming.quantity == *quantity);
            if let Some(came) = came {
                under_way.remove(came);
            }
        }
        under_way
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;
    use crate::shop::pulse::UnderWay;

    fn order(id: u64, at: &str, product: u64, quantity: i64) -> Vec<u8> {
        format!(
            r#"{{"order_id":{id},"created_at":"{at}","customer":{{"customer_id":1,"name":"a","email":"b"}},
            "lines":[{{"product_id":{product},"name":"c","quantity":{quantity},"unit_price_ore":1}}],
            "total_ore":{quantity},"more":true}}"#
        )
        .into_bytes()
    }

    fn delivery(id: u64, at: &str, product: u64, quantity: i64) -> Vec<u8> {
        format!(r#"{{"delivery_id":{id},"at":"{at}","product_id":{product},"quantity":{quantity}}}"#)
            .into_bytes()
    }

    fn pulse(state: RunState, under_way: Vec<UnderWay>) -> Pulse {
        let time = DateTime::parse_from_rfc3339("2026-11-21T12:00:00+01:00").unwrap();
        Pulse {
            shop_time: time,
            wall_time: time,
            speed: 1.0,
            rate: None,
            state,
            rhythm: None,
            campaigns: Vec::new(),
            rush: false,
            rush_seconds: None,
            who: "w".into(),
            host: "h".into(),
            pid: 1,
            orders: 0,
            lost_sales: 0,
            last_delivery_id: 2,
            under_way,
            shelf: Vec::new(),
        }
    }

    #[test]
    fn duplicates_and_invalid_orders_have_no_effect() {
        let mut history = LogTotals::new(2, 1, None);
        let at = "2026-11-21T12:00:00.500+01:00";
        history.order(0, Some(&order(4, at, 7, 2)));
        history.order(0, Some(&order(4, at, 7, 2)));
        history.order(0, Some(b"{}"));
        history.order(0, None);
        history.order(1, Some(&order(3, at, 7, 1)));
        history.order(1, Some(&order(5, at, 7, 0)));
        history.delivery(0, Some(&delivery(1, at, 7, 50)));
        history.delivery(0, Some(&delivery(1, at, 7, 50)));
        assert_eq!((history.order_count, history.last_order_id(), history.last_delivery_id()), (2, 4, 1));
        assert_eq!(
            (history.sold[&7], history.delivered[&7]),
            (3, 100),
            "deliveries are counted as consumer 4 does"
        );
        // Ids that others made, above and below: they count, and those that nobody counts up to are not followed.
        for id in [u64::MAX, 2, 738_529_527_931_269_425] {
            history.order(0, Some(&order(id, at, 7, 1)));
        }
        assert_eq!((history.order_count, history.last_order_id(), history.sold[&7]), (5, 4, 6));
    }

    #[test]
    fn the_log_s_time_is_the_last_pulse_and_what_it_did_not_live_to_count() {
        let at = |text: &str| DateTime::parse_from_rfc3339(text).unwrap().timestamp_millis();
        let (soon, next_week) = ("2026-11-21T14:00:00+01:00", "2026-11-28T12:00:00+01:00");
        let mut history = LogTotals::new(1, 1, None);
        assert_eq!(history.time_ms(None), None);
        history.order(0, Some(&order(1, soon, 7, 1)));
        let pulse_ms = at("2026-11-21T12:00:00+01:00");
        assert_eq!(history.time_ms(None), Some(at(soon)));
        assert_eq!(history.time_ms(Some(&pulse(RunState::Stopped, vec![]))), Some(pulse_ms));
        assert_eq!(history.time_ms(Some(&pulse(RunState::Running, vec![]))), Some(at(soon)));
        history.order(0, Some(&order(2, next_week, 7, 1)));
        assert_eq!(history.time_ms(Some(&pulse(RunState::Running, vec![]))), Some(pulse_ms));
    }

    #[test]
    fn goods_that_came_after_the_pulse_are_no_longer_on_their_way() {
        let due = DateTime::parse_from_rfc3339("2026-11-21T13:00:00+01:00").unwrap();
        let reorder = |product_id, quantity| UnderWay { product_id, quantity, due };
        let pulse = pulse(RunState::Running, vec![reorder(7, 50), reorder(7, 50), reorder(8, 10)]);
        let mut history = LogTotals::new(1, 1, Some(&pulse));
        let at = "2026-11-21T12:00:00+01:00";
        history.delivery(0, Some(&delivery(1, at, 7, 50)));
        history.delivery(0, Some(&delivery(3, at, 7, 50)));
        let left: Vec<(u64, i64)> =
            history.under_way(Some(&pulse)).into_iter().map(|(id, coming)| (id, coming.quantity)).collect();
        assert_eq!(left, [(7, 50), (8, 10)]);
    }
}
