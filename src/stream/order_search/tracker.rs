//! One order's way from sale to mail, as far as it is known.

use std::sync::Arc;

use super::{Finder, Sale};
use crate::{
    messages::Sentence,
    shop::{Handled, Zone},
    sinks::mail,
    stream::{
        StreamError,
        order_search::{OrderStatus, OrderTrace, TopicPartitionOffset},
    },
};

/// What was found of one order so far; each look adds to it.
#[derive(Debug)]
pub struct Tracker {
    order_id: u64,
    zone: Zone,
    sale: Option<Sale>,
    handled: Option<(Handled, TopicPartitionOffset)>,
    /// Whether every order of the log was read for it in vain.
    searched: bool,
    status: OrderStatus,
}

impl Tracker {
    /// Nothing is known yet.
    pub fn new(order_id: u64, zone: Zone) -> Self {
        Self { order_id, zone, sale: None, handled: None, searched: false, status: OrderStatus::Searching }
    }

    /// Which order it is of.
    pub fn order_id(&self) -> u64 {
        self.order_id
    }

    /// How far the order has come, as far as is known.
    pub fn status(&self) -> &OrderStatus {
        &self.status
    }

    /// Whether there is nothing more to find.
    pub fn is_complete(&self) -> bool {
        matches!(&self.status, OrderStatus::Found(status) if status.mail.is_some())
    }

    /// Looks how far the order has come by now. Where ids do not go up as they should, the first look reads every
    /// order, unless `stop` says that nobody waits for it any more. Blocks.
    pub fn look(&mut self, finder: &Finder, stop: impl Fn() -> bool) -> Result<(), StreamError> {
        if self.sale.is_none() {
            self.sale = finder.sale(self.order_id)?;
        }
        if self.sale.is_none() && !self.searched {
            self.sale = finder.sale_anywhere(self.order_id, &stop)?;
            self.searched = !stop();
        }
        let Some(sale) = &mut self.sale else {
            self.status = OrderStatus::Unknown(Sentence::NoOrder {
                order_id: self.order_id,
                topic: finder.orders.clone(),
            });
            return Ok(());
        };
        if self.handled.is_none() {
            self.handled = finder.handled(sale)?;
        }
        let mail = match &self.handled {
            Some((handled, place)) if finder.is_mailed(place)? => {
                Some(mail::file(self.zone.date(handled.second())))
            }
            _ => None,
        };
        let known = match &self.status {
            OrderStatus::Found(status) => {
                status.handled.is_some() == self.handled.is_some() && status.mail == mail
            }
            OrderStatus::Searching | OrderStatus::Unknown(_) => false,
        };
        if !known {
            let (order, sold) = (sale.order.clone(), sale.place.clone());
            self.status =
                OrderStatus::Found(Arc::new(OrderTrace { order, sold, handled: self.handled.clone(), mail }));
        }
        Ok(())
    }
}
