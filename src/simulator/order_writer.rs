//! From the shop model to Kafka: every event becomes a record, in order; a full queue loses none.

use super::{
    options::SimulatorError,
    order_encoder::OrderEncoder,
    outbox::Outbox,
    shop_model::{Event, ShopModel},
};

/// Events of one round; then the caller looks at acknowledgements, clock, control and pulse.
const ROUND: usize = 1_000;

/// How a round ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Round {
    /// All events up to the time are sent.
    UpToDate,
    /// More events are due.
    More,
    /// Kafka must acknowledge records first.
    Blocked,
    /// The requested number is sold.
    Counted,
}

/// The shop model with its way to Kafka.
pub(super) struct OrderWriter {
    pub(super) model: ShopModel,
    pub(super) encoder: OrderEncoder,
    pub(super) outbox: Outbox,
    bytes: Vec<u8>,
    /// How many deliveries there were up to a product's last one, by place. Its sales go out when so many are
    /// acknowledged, so that after a crash the log never holds a sale without the goods that it took from.
    deliveries: Vec<usize>,
    orders_left: Option<u64>,
}

impl OrderWriter {
    /// `count` is how many orders to sell at most.
    pub(super) fn new(model: ShopModel, encoder: OrderEncoder, outbox: Outbox, count: Option<u64>) -> Self {
        Self {
            model,
            encoder,
            outbox,
            bytes: Vec::with_capacity(1024),
            deliveries: Vec::new(),
            orders_left: count,
        }
    }

    /// Sends the events up to and including `until_ms`, Unix ms of shop time; see [`ShopModel::next`].
    pub(super) fn round(&mut self, until_ms: i64, open: bool) -> Result<Round, SimulatorError> {
        for _ in 0..ROUND {
            if self.orders_left == Some(0) {
                return Ok(Round::Counted);
            }
            if !self.outbox.has_room() {
                return Ok(Round::Blocked);
            }
            let Some(event) = self.model.next(until_ms, open) else { return Ok(Round::UpToDate) };
            self.send(event)?;
        }
        Ok(Round::More)
    }

    /// Whether everything that happened is acknowledged.
    pub(super) fn is_settled(&self) -> bool {
        self.outbox.open() == 0
    }

    fn send(&mut self, event: Event) -> Result<(), SimulatorError> {
        self.bytes.clear();
        match event {
            Event::Missed => Ok(()),
            Event::Sale(sale) => {
                self.encoder.sale(&sale, &mut self.bytes).map_err(not_written)?;
                self.orders_left = self.orders_left.map(|left| left.saturating_sub(1));
                let needs = sale.lines().iter().filter_map(|line| self.deliveries.get(line.product)).max();
                self.outbox.order(sale.order_id, sale.at_ms, &self.bytes, needs.copied().unwrap_or_default())
            }
            Event::Goods(goods) => {
                serde_json::to_writer(&mut self.bytes, &self.encoder.goods(&goods)).map_err(not_written)?;
                let product_id = self.encoder.product_id(goods.product);
                let deliveries = self.outbox.delivery(product_id, goods.at_ms, &self.bytes)?;
                if self.deliveries.len() <= goods.product {
                    self.deliveries.resize(goods.product + 1, 0);
                }
                if let Some(last) = self.deliveries.get_mut(goods.product) {
                    *last = deliveries;
                }
                Ok(())
            }
        }
    }
}

fn not_written(error: impl std::fmt::Display) -> SimulatorError {
    SimulatorError::Record(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        shop::{Catalog, Zone},
        simulator::{Rhythm, shop_model::Beginning},
        stream::Session,
    };

    #[test]
    fn no_sale_goes_out_before_the_goods_it_takes_from_are_acknowledged() {
        // Nobody answers there, so nothing is ever acknowledged.
        let session = Session::new("127.0.0.1:1", "shop", 6, Vec::new());
        let catalog = Catalog::builtin();
        let model = ShopModel::new(1, &catalog, &Beginning::default(), None, Rhythm::flat());
        let encoder = OrderEncoder::new(&catalog, Zone::default()).unwrap();
        let mut writer = OrderWriter::new(model, encoder, Outbox::new(&session, 6, 6).unwrap(), None);
        let round = (0..200).map(|_| writer.round(1_000, true).unwrap()).find(|round| *round != Round::More);
        assert_eq!(round, Some(Round::Blocked));
        writer.outbox.catch_up().unwrap();
        // The opening stock of every product is on its way, and every sale waits.
        let sales = usize::try_from(writer.model.last_order_id()).unwrap();
        assert_eq!(writer.outbox.held(), sales);
        assert!(writer.outbox.open() >= sales + catalog.products.len());
        assert!(!writer.is_settled());
    }
}
