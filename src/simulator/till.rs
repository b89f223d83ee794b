//! From the shop floor to Kafka: every event becomes a record, in order, and none is lost for want of room.

use super::{
    floor::{Event, Floor, Sale},
    options::SimulatorError,
    outbox::{Entered, Outbox},
    receipt::Receipts,
};

/// Events of one round; then the caller looks at clock, control and pulse.
const ROUND: usize = 1_000;

/// How a round ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Round {
    /// All has happened up to the time given.
    UpToDate,
    /// There is more to happen.
    More,
    /// Kafka has to acknowledge something first.
    Blocked,
    /// As many orders were sold as were to be.
    Counted,
}

/// The shop floor with its way to Kafka.
pub(super) struct Till {
    pub(super) floor: Floor,
    pub(super) receipts: Receipts,
    pub(super) outbox: Outbox,
    /// A record that waits for room or, a sale of goods that came just now, for their acknowledgement.
    held: Option<Held>,
    bytes: Vec<u8>,
    /// Products whose goods are not all acknowledged, by place. A sale of theirs waits, so that after a crash
    /// the log never holds a sale without the goods that it took from.
    awaited: Vec<usize>,
    orders_left: Option<u64>,
}

struct Held {
    entered: Entered,
    needs_goods: bool,
}

impl Till {
    /// `count` is how many orders to sell at most.
    pub(super) fn new(floor: Floor, receipts: Receipts, outbox: Outbox, count: Option<u64>) -> Self {
        Self {
            floor,
            receipts,
            outbox,
            held: None,
            bytes: Vec::with_capacity(1024),
            awaited: Vec::new(),
            orders_left: count,
        }
    }

    /// Lets things happen up to and including `until_ms`, Unix ms of shop time; see [`Floor::next`].
    pub(super) fn round(&mut self, until_ms: i64, open: bool) -> Result<Round, SimulatorError> {
        for _ in 0..ROUND {
            if !self.send_held()? {
                return Ok(Round::Blocked);
            }
            if self.orders_left == Some(0) {
                return Ok(Round::Counted);
            }
            if !self.outbox.has_room() {
                return Ok(Round::Blocked);
            }
            let Some(event) = self.floor.next(until_ms, open) else { return Ok(Round::UpToDate) };
            self.enter(event)?;
        }
        Ok(if self.send_held()? { Round::More } else { Round::Blocked })
    }

    /// Sends the record that was held back; whether there is none any more.
    pub(super) fn send_held(&mut self) -> Result<bool, SimulatorError> {
        let Some(held) = &self.held else { return Ok(true) };
        if held.needs_goods {
            if !self.outbox.goods_are_there() {
                return Ok(false);
            }
            self.awaited.clear();
        }
        let sent = self.outbox.send(held.entered, &self.bytes)?;
        if sent {
            self.held = None;
        }
        Ok(sent)
    }

    /// Whether everything that happened is acknowledged.
    pub(super) fn is_settled(&self) -> bool {
        self.held.is_none() && self.outbox.open() == 0
    }

    fn enter(&mut self, event: Event) -> Result<(), SimulatorError> {
        self.bytes.clear();
        self.held = match event {
            Event::Missed => None,
            Event::Sale(sale) => {
                self.receipts.sale(&sale, &mut self.bytes).map_err(not_written)?;
                self.orders_left = self.orders_left.map(|left| left.saturating_sub(1));
                let entered = self.outbox.enter_order(sale.order_id, sale.at_ms);
                Some(Held { entered, needs_goods: self.is_awaited(&sale) })
            }
            Event::Goods(goods) => {
                serde_json::to_writer(&mut self.bytes, &self.receipts.goods(&goods)).map_err(not_written)?;
                if !self.awaited.contains(&goods.product) {
                    self.awaited.push(goods.product);
                }
                let product_id = self.receipts.product_id(goods.product);
                let entered = self.outbox.enter_goods(product_id, goods.at_ms);
                Some(Held { entered, needs_goods: false })
            }
        };
        Ok(())
    }

    fn is_awaited(&self, sale: &Sale) -> bool {
        !self.awaited.is_empty() && sale.lines().iter().any(|line| self.awaited.contains(&line.product))
    }
}

fn not_written(error: impl std::fmt::Display) -> SimulatorError {
    SimulatorError::Record(error.to_string())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::{
        shop::{Catalog, Zone},
        simulator::floor::Beginning,
        stream::Session,
    };

    #[test]
    fn no_sale_goes_out_before_the_goods_it_takes_from_are_acknowledged() {
        // Nobody answers there, so nothing is ever acknowledged.
        let session = Session {
            bootstrap: "127.0.0.1:1".into(),
            prefix: "shop".into(),
            partitions: 6,
            properties: Arc::new([]),
        };
        let catalog = Catalog::builtin();
        let floor = Floor::new(1, &catalog, &Beginning::default(), None);
        let receipts = Receipts::new(&catalog, Zone::default()).unwrap();
        let mut till = Till::new(floor, receipts, Outbox::new(&session, 6, 6).unwrap(), None);
        for _ in 0..3 {
            assert_eq!(till.round(1_000, true).unwrap(), Round::Blocked);
        }
        // The opening stock of every product, and the one sale that waits.
        assert_eq!(till.outbox.open(), catalog.products.len() + 1);
        assert_eq!(till.floor.last_order_id(), 1);
        assert!(!till.is_settled());
    }
}
